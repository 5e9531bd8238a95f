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
            vectors(address, next & 0xFFFF_FFFF, result, &snapshot, memory)
        case .strings:
            strings(address, &snapshot, memory)
        case .environment:
            plain(address, word * 1, &snapshot, memory)
            if keepsEnvironment { strings(address, &snapshot, memory) }
            countPointers(address, &snapshot, memory)
        case .sockaddr:
            plain(address, Int(min(max(Int32(truncatingIfNeeded: next), 0), 128)), &snapshot, memory)
        case .sockaddrOut:
            plain(next, 4, &snapshot, memory)
            if result != nil, let length = snapshot.number(at: next, width: 4) {
                plain(address, Int(min(length, 128)), &snapshot, memory)
            }
        case .message, .messageOut:
            header(address, result, &snapshot, memory)
        case .messages:
            headers(address, next, result, &snapshot, memory)
        case .userDescriptor: plain(address, UserDescriptor.size, &snapshot, memory)
        case .waitStatus: plain(address, 4, &snapshot, memory)
        case .fdPair: plain(address, 8, &snapshot, memory)
        case .signalFrame:
            guard
                let mask = SignalFrame.mask(
                    address, snapshot.stop.personality,
                    { pointer in
                        plain(pointer, 4, &snapshot, memory)
                        return snapshot.number(at: pointer, width: 4)
                    })
            else { return }
            plain(mask, 8, &snapshot, memory)
        case .cloneArguments:
            cloneArguments(address, next, result, &snapshot, memory)
        case .pollfd: plain(address, 8 * Int(min(next & 0xFFFF_FFFF, 1024)), &snapshot, memory)
        case .fdSet:
            let descriptors = min(max(0, Int32(truncatingIfNeeded: arguments.a0)), 1024)
            let unit = word * 8
            plain(address, (Int(descriptors) + unit - 1) / unit * word, &snapshot, memory)
        case .sigaction, .sigactionOut: plain(address, word == 8 ? 32 : 20, &snapshot, memory)
        case .sigsetOut: plain(address, 8, &snapshot, memory)
        case .sigsetPair: sizedSignalSet(address, &snapshot, memory)
        case .messageBuffer, .messageBufferOut: queuedMessage(address, next, &snapshot, memory)
        case .keyCapabilities: plain(address, Int(min(next, 32)), &snapshot, memory)
        case .keyInput, .keySignature:
            plain(arguments.a1, 40, &snapshot, memory)
            let length = snapshot.number(at: arguments.a1 &+ (kind == .keyInput ? 4 : 8), width: 4)
            payload(address, length ?? 0, &snapshot, memory)
        case .iocbs:
            controlBlocks(address, arguments.a1 > UInt64(Int64.max) ? 0 : arguments.a1, &snapshot, memory)
        case .siginfo, .siginfoIn: plain(address, 128, &snapshot, memory)
        case .signalInfos:
            if let result { plain(address, Int(min(max(0, result), Int64(elementLimit))) * 128, &snapshot, memory) }
        case .registerSet, .registerSetIn:
            plain(address, 2 * word, &snapshot, memory)
            guard kind == .registerSetIn || result != nil, let base = snapshot.number(at: address, width: word),
                let length = snapshot.number(at: address &+ UInt64(word), width: word)
            else { return }
            plain(base, Int(min(length, UInt64(CallView.registersLimit))), &snapshot, memory)
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
        case .ioctlArgument, .fiemap, .dedupe, .entropy, .interface, .interfaceList, .transfer, .inputBits, .inputAxis,
            .inputSlots, .inputKeycode, .driveCommand:
            control(kind, address, result, &snapshot, memory)
        case .sockoptValue:
            plain(address, Int(min(next & 0xFFFF_FFFF, Self.optionLimit)), &snapshot, memory)
            // SOL_SOCKET: SO_ATTACH_FILTER, SO_ATTACH_REUSEPORT_CBPF
            if arguments.a1 & 0xFFFF_FFFF == 1, [26, 51].contains(arguments.a2 & 0xFFFF_FFFF) {
                customField(CustomKind.socketFilter.rawValue, at: address &+ UInt64(word), &snapshot, memory)
            }
        case .sockoptValueOut:
            plain(next, 4, &snapshot, memory)
            if let length = snapshot.number(at: next, width: 4) {
                // SO_GET_FILTER's length is a number of instructions, of eight bytes each.
                let isFilter = arguments.a1 & 0xFFFF_FFFF == 1 && arguments.a2 & 0xFFFF_FFFF == 26
                plain(address, Int(min(isFilter ? length * 8 : length, Self.optionLimit)), &snapshot, memory)
            }
        case .residence:
            if result != nil { plain(address, Int(min((arguments.a1 &+ 4095) >> 12, 4096)), &snapshot, memory) }
        case .nodeMask, .nodeMaskAfter: plain(address, NodeMask.bytes(next, word), &snapshot, memory)
        case .nodeMaskBefore: plain(address, NodeMask.bytes(arguments.a1, word), &snapshot, memory)
        case .pageStatus: if result != nil { plain(address, Int(min(arguments.a1, 1024)) * 4, &snapshot, memory) }
        case .mountDetails: if result == 0 { plain(address, Int(min(next, 4096)), &snapshot, memory) }
        case .fileHandle:
            plain(address, 8, &snapshot, memory)
            guard let size = snapshot.number(at: address, width: 4) else { return }
            if result != nil || arguments.a1 == address {
                plain(address &+ 8, Int(min(size, FileHandle.limit)), &snapshot, memory)
            }
        case .rseqArea: plain(address, Int(min(next & 0xFFFF_FFFF, 64)), &snapshot, memory)
        case .segment: plain(address, UserDescriptor.size, &snapshot, memory)
        case .featureMask: if result != nil { plain(address, 8, &snapshot, memory) }
        case .cpuMask: plain(address, Int(min(arguments.a1 & 0xFFFF_FFFF, 1024)), &snapshot, memory)
        case .cpuMaskOut: if let result { plain(address, Int(min(max(0, result), 1024)), &snapshot, memory) }
        case .capabilityData, .capabilityDataOut:
            plain(arguments.a0, 8, &snapshot, memory)
            plain(address, 24, &snapshot, memory)
        case .perfAttributes: counter(address, &snapshot, memory)
        case .lsmContext: securityContexts(address, size: next, &snapshot, memory)
        case .lsmContexts:
            plain(next, 4, &snapshot, memory)
            let size = snapshot.number(at: next, width: 4) ?? 0
            securityContexts(address, size: size, &snapshot, memory)
        case .ringFilesUpdate, .ringProbe, .ringWorkers, .ringAffinity:
            ringArgument(kind, address, next, &snapshot, memory)
        default: break
        }
    }

    /// struct clone_args with what is unknown of it, the ids it asks for, and what its pointers were filled with.
    private func cloneArguments(
        _ address: UInt64, _ size: UInt64, _ result: Int64?, _ snapshot: inout Snapshot, _ memory: some TraceeMemory
    ) {
        plain(address, Int(min(size, UInt64(88 + CallView.restLimit))), &snapshot, memory)
        if result == nil, let count = snapshot.number(at: address &+ 72, width: 8), count <= CloneFlag.depth,
            let pointer = snapshot.number(at: address &+ 64, width: 8)
        {
            plain(pointer, Int(count) * 4, &snapshot, memory)
        }
        guard result != nil else { return }
        for offset in [UInt64(8), 24] {
            if let pointer = snapshot.number(at: address &+ offset, width: 8) { plain(pointer, 4, &snapshot, memory) }
        }
    }

    /// The memory behind a custom field of a struct; `place` is the field's own address.
    func customField(_ table: UInt16, at place: UInt64, _ snapshot: inout Snapshot, _ memory: some TraceeMemory) {
        guard let kind = CustomKind(rawValue: table) else { return }
        switch kind {
        case .entryAddress, .entryDestination, .entryHeader, .entryEvent:
            entryField(kind, at: place, &snapshot, memory)
        case .seccompFilter, .socketFilter, .bpfInstructions: program(kind, at: place, &snapshot, memory)
        case .bpfInformation: information(at: place, &snapshot, memory)
        default: break
        }
    }

    /// A vector of buffers, and the first bytes of each; after a read, as far as its result goes.
    func vectors(
        _ address: UInt64, _ count: UInt64, _ result: Int64?, isNetlink: Bool = false, _ snapshot: inout Snapshot,
        _ memory: some TraceeMemory
    ) {
        let word = snapshot.stop.personality.wordSize
        let kept = Int(min(count, UInt64(elementLimit)))
        plain(address, kept * 2 * word, &snapshot, memory)
        var left = result.map { UInt64(max(0, $0)) } ?? UInt64.max
        // What is kept of a message in pieces is bounded as a whole.
        var room = isNetlink ? Self.netlinkLimit : payloadLimit
        for number in 0..<kept {
            let at = address &+ UInt64(number * 2 * word)
            guard let base = snapshot.number(at: at, width: word),
                let length = snapshot.number(at: at &+ UInt64(word), width: word)
            else { return }
            let filled = min(length, left)
            if filled > 0 {
                payload(base, filled, limit: room, &snapshot, memory)
                if isNetlink { room -= Int(min(filled, UInt64(room))) }
            }
            if result != nil { left -= filled }
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
}
