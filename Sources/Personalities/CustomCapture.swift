// Reads the memory of arguments that only code can describe.

import Messages

extension Capture {
    /// The memory of one custom argument. `result` is nil at the entry.
    func custom(
        _ kind: CustomKind, _ index: Int, _ result: Int64?, _ snapshot: inout Snapshot, _ memory: some TraceeMemory
    ) {
        let arguments = snapshot.stop.arguments
        let address = arguments[index]
        let next = index < 5 ? arguments[index + 1] : 0
        let personality = snapshot.stop.personality
        let word = personality.wordSize
        switch kind {
        case .iovec, .iovecOut:
            vectors(address, next, result, &snapshot, memory)
        case .strings:
            strings(address, &snapshot, memory)
        case .environment:
            plain(address, word * 1, &snapshot, memory)
            countPointers(address, &snapshot, memory)
        case .sockaddr:
            plain(address, Int(min(next & 0xFFFF_FFFF, 128)), &snapshot, memory)
        case .sockaddrOut:
            plain(next, 4, &snapshot, memory)
            if result != nil, let length = snapshot.number(at: next, width: 4) {
                plain(address, Int(min(length, 128)), &snapshot, memory)
            }
        case .message, .messageOut:
            header(address, result, &snapshot, memory)
        case .messages:
            let count = min(result.map { UInt64(max(0, $0)) } ?? (next & 0xFFFF_FFFF), UInt64(elementLimit))
            let size = UInt64(word == 8 ? 64 : 32)
            for number in 0..<count {
                header(address &+ number &* size, nil, &snapshot, memory)
                plain(address &+ number &* size &+ (size - UInt64(word)), 4, &snapshot, memory)
            }
        case .waitStatus: plain(address, 4, &snapshot, memory)
        case .fdPair: plain(address, 8, &snapshot, memory)
        case .cloneArguments:
            plain(address, Int(min(next, 88)), &snapshot, memory)
            if result != nil, let pointer = snapshot.number(at: address &+ 24, width: 8) {
                plain(pointer, 4, &snapshot, memory)
            }
        case .pollfd: plain(address, 8 * Int(min(next & 0xFFFF_FFFF, 1024)), &snapshot, memory)
        case .fdSet:
            let descriptors = min(max(0, Int32(truncatingIfNeeded: arguments.a0)), 1024)
            let unit = word * 8
            plain(address, (Int(descriptors) + unit - 1) / unit * word, &snapshot, memory)
        case .sigaction, .sigactionOut: plain(address, word == 8 ? 32 : 20, &snapshot, memory)
        case .sigsetOut: plain(address, 8, &snapshot, memory)
        case .siginfo, .siginfoIn: plain(address, 128, &snapshot, memory)
        case .directoryEntries, .directoryEntriesOld:
            guard let result, result > 0 else { return }
            plain(address, Int(min(result, 65536)), &snapshot, memory)
        case .epollEvent: plain(address, 12, &snapshot, memory)
        case .epollEvents:
            guard let result, result > 0 else { return }
            plain(address, 12 * Int(min(result, Int64(elementLimit))), &snapshot, memory)
        case .futexTimeout, .futexTimeout64:
            plain(address, kind == .futexTimeout64 ? 16 : 2 * word, &snapshot, memory)
        case .cloneParent: if result != nil { plain(address, 4, &snapshot, memory) }
        case .timevalPair, .timespecPair: plain(address, 4 * word, &snapshot, memory)
        case .fcntlArgument: lock(arguments.a1, address, result, &snapshot, memory)
        case .ioctlArgument: control(arguments.a1, address, &snapshot, memory)
        case .sockoptValue: plain(address, Int(min(next & 0xFFFF_FFFF, 256)), &snapshot, memory)
        case .sockoptValueOut:
            plain(next, 4, &snapshot, memory)
            if let length = snapshot.number(at: next, width: 4) {
                plain(address, Int(min(length, 256)), &snapshot, memory)
            }
        case .prctlArgument:
            // PR_SET_NAME and PR_GET_NAME (linux/prctl.h).
            if arguments.a0 == 15 || (arguments.a0 == 16 && result != nil) {
                text(address, limit: 16, &snapshot, memory)
            }
        default: break
        }
    }

    /// A vector of buffers, and the first bytes of each; after a read, as far as its result goes.
    func vectors(
        _ address: UInt64, _ count: UInt64, _ result: Int64?, _ snapshot: inout Snapshot,
        _ memory: some TraceeMemory
    ) {
        let word = snapshot.stop.personality.wordSize
        let kept = Int(min(count & 0xFFFF_FFFF, UInt64(elementLimit)))
        plain(address, kept * 2 * word, &snapshot, memory)
        var left = result.map { UInt64(max(0, $0)) } ?? UInt64.max
        for number in 0..<kept {
            let at = address &+ UInt64(number * 2 * word)
            guard let base = snapshot.number(at: at, width: word),
                let length = snapshot.number(at: at &+ UInt64(word), width: word)
            else { return }
            let filled = min(length, left)
            if filled > 0 { payload(base, filled, &snapshot, memory) }
            left -= filled
        }
    }

    /// A NULL-ended list of texts.
    private func strings(_ address: UInt64, _ snapshot: inout Snapshot, _ memory: some TraceeMemory) {
        let word = snapshot.stop.personality.wordSize
        for number in 0...elementLimit {
            let at = address &+ UInt64(number * word)
            plain(at, word, &snapshot, memory)
            guard let pointer = snapshot.number(at: at, width: word), pointer != 0 else { return }
            if number < elementLimit { text(pointer, limit: max(256, payloadLimit + 1), &snapshot, memory) }
        }
    }

    /// The pointers of a NULL-ended list, page by page, for their number alone.
    private func countPointers(_ address: UInt64, _ snapshot: inout Snapshot, _ memory: some TraceeMemory) {
        guard address != 0 else { return }
        let word = snapshot.stop.personality.wordSize
        var at = address
        for _ in 0..<64 {
            let room = min(512, 4096 - Int(at & 4095))
            plain(at, room, &snapshot, memory)
            guard let region = snapshot.regions.last, region.count >= word else { return }
            for offset in stride(from: 0, to: region.count - word + 1, by: word)
            where snapshot.number(at: at &+ UInt64(offset), width: word) == 0 { return }
            at = at &+ UInt64(region.count)
        }
    }

    /// A message header with its name, vectors and control data.
    private func header(
        _ address: UInt64, _ result: Int64?, _ snapshot: inout Snapshot, _ memory: some TraceeMemory
    ) {
        let word = snapshot.stop.personality.wordSize
        plain(address, word == 8 ? 56 : 28, &snapshot, memory)
        func field(_ number: Int) -> UInt64? {
            // name, name length (32 bits, padded to a word), vectors, count, control, control length
            snapshot.number(at: address &+ UInt64(number * word), width: number == 1 ? 4 : word)
        }
        guard let name = field(0), let nameLength = field(1), let vectors = field(2), let count = field(3),
            let control = field(4), let controlLength = field(5)
        else { return }
        plain(name, Int(min(nameLength, 128)), &snapshot, memory)
        self.vectors(vectors, count, result, &snapshot, memory)
        plain(control, Int(min(controlLength, 4096)), &snapshot, memory)
    }

    private func lock(
        _ command: UInt64, _ address: UInt64, _ result: Int64?, _ snapshot: inout Snapshot,
        _ memory: some TraceeMemory
    ) {
        // F_GETLK, F_SETLK, F_SETLKW, their 64-bit forms and F_OFD_* (asm-generic/fcntl.h).
        guard (5...7).contains(command) || (12...14).contains(command) || (36...38).contains(command) else {
            return
        }
        plain(address, snapshot.stop.personality == .x86_64 ? 32 : 24, &snapshot, memory)
    }

    /// The argument of a terminal request, or as much as a request's number says it points to.
    private func control(
        _ request: UInt64, _ address: UInt64, _ snapshot: inout Snapshot, _ memory: some TraceeMemory
    ) {
        let size: Int
        switch request {
        case 0x5401...0x5404: size = 36  // TCGETS, TCSETS*: struct termios
        case 0x5413, 0x5414: size = 8  // TIOCGWINSZ, TIOCSWINSZ
        case 0x540F, 0x5410, 0x541B, 0x5421: size = 4  // TIOCGPGRP, TIOCSPGRP, FIONREAD, FIONBIO
        default: return
        }
        plain(address, size, &snapshot, memory)
    }
}
