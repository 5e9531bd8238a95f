// The arguments of message queues, semaphores, shared memory and keys whose meaning rows cannot say.

import Messages

extension CallView {
    /// A key of System V IPC: IPC_PRIVATE, or a number.
    func sharedKey(_ raw: UInt64) -> Value {
        let key = raw & 0xFFFF_FFFF
        return key == 0 ? .spelled("IPC_PRIVATE", 0) : .hexadecimal(key)
    }

    /// Flags that share a register with permission bits (linux/ipc.h).
    func sharedFlags(_ set: SymbolSet, _ raw: UInt64) -> Value {
        var flags = raw & 0xFFFF_FE00
        var parts: [Value] = []
        // SHM_HUGE_SHIFT and SHM_HUGE_MASK (linux/shm.h)
        if set == .shmget, flags >> 26 != 0 {
            let size = Value.written(.unsigned(26), as: .word("SHM_HUGE_SHIFT"))
            parts.append(.separated([.unsigned(flags >> 26), size], by: "<<"))
            flags &= 0x03FF_FFFF
        }
        if flags != 0 { parts.insert(SpecTables.names(flags, set) ? .flags(set, flags) : .hexadecimal(flags), at: 0) }
        return parts.isEmpty ? .permissions(raw & 0o777) : .joined(parts + [.permissions(raw & 0o777)])
    }

    /// struct msgbuf: a type and as many bytes as the call says.
    func queuedMessage(_ address: UInt64, _ size: UInt64) -> Value {
        guard let type = snapshot.number(at: address, width: word) else { return .address(address) }
        return .record([
            Field("mtype", .signed(Self.extend(type, word))), Field("mtext", buffer(address &+ UInt64(word), size)),
        ])
    }

    /// A key's serial number, or the name of a keyring that every process has (linux/keyctl.h).
    func keySerial(_ raw: UInt64) -> Value {
        let number = raw & 0xFFFF_FFFF
        let serial = Value.signed(Int64(Int32(truncatingIfNeeded: raw)))
        return SpecTables.name(of: number, in: .keySerial).map { .written(serial, as: .word($0)) } ?? serial
    }

    /// The errno that a rejected key answers with.
    func keyErrno(_ raw: UInt64) -> Value {
        let number = raw & 0xFFFF_FFFF
        return SpecTables.name(of: number, in: .errno).map { .spelled($0, number) } ?? .unsigned(number)
    }

    /// What the kernel's keys can do: two bytes, each with names of its own.
    func keyAbilities(_ address: UInt64, _ size: UInt64) -> Value {
        guard let result, result > 0 else { return .address(address) }
        let count = Int(min(size, UInt64(result), 32))
        guard count > 0, let bytes = snapshot.bytes(at: address, count: count) else { return .address(address) }
        return .list(
            bytes.enumerated().map { index, byte in
                switch index {
                case 0: .flags(.keyAbilities, UInt64(byte))
                case 1: .flags(.keyMoreAbilities, UInt64(byte))
                default: .hexadecimal(UInt64(byte))
                }
            })
    }

    /// The data of a key operation: as long as struct keyctl_pkey_params, two arguments before, says.
    func keyInput(_ address: UInt64, lengthAt offset: UInt64) -> Value {
        guard snapshot.bytes(at: stop.arguments.a1, count: 40) != nil,
            let length = snapshot.number(at: stop.arguments.a1 &+ offset, width: 4)
        else { return .address(address) }
        return buffer(address, length)
    }

    /// Control blocks of asynchronous I/O, through the list of pointers to them.
    func controlBlocks(_ address: UInt64, _ raw: UInt64) -> Value {
        let given = Self.extend(word == 4 ? raw & 0xFFFF_FFFF : raw, word)
        guard address != 0, given >= 0 else { return .address(address) }
        var blocks: [Value] = []
        for index in 0..<UInt64(min(given, 1024)) {
            guard let pointer = snapshot.number(at: address &+ index &* UInt64(word), width: word) else { break }
            blocks.append(structure(UInt16(StructureID.iocb.rawValue), at: pointer) ?? .address(pointer))
        }
        return list(blocks, of: UInt64(given), at: address, size: word)
    }

    /// An unknown command shows in decimal.
    func controlCommand(_ place: UInt64) -> Value? {
        snapshot.number(at: place, width: 2).map { number in
            SpecTables.name(of: number, in: .aioCommand) == nil
                ? .written(.unsigned(number), as: .commented(.unsigned(number), "IOCB_CMD_???"))
                : .symbol(.aioCommand, number)
        }
    }

    /// siginfo_t in memory (asm-generic/siginfo.h).
    func signalInfo(_ address: UInt64) -> Value {
        guard address != 0, let bytes = snapshot.bytes(at: address, count: 128) else { return .address(address) }
        func number(_ offset: Int) -> Int32 {
            Int32(truncatingIfNeeded: snapshot.number(at: address &+ UInt64(offset), width: 4) ?? 0)
        }
        let info = SignalInfo(number: number(0), code: number(8), errno: number(4), rest: Array(bytes.dropFirst(12)))
        return info.record(word: word)
    }

    /// FUTEX_WAKE_OP's last argument: what is done to the second word, and what it is compared with
    /// (linux/futex.h, FUTEX_OP).
    func futexWake(_ raw: UInt64) -> Value {
        var parts: [Value] = []
        // FUTEX_OP_OPARG_SHIFT
        if raw & 0x8000_0000 != 0 {
            parts.append(.shifted(.written(.hexadecimal(8), as: .word("FUTEX_OP_OPARG_SHIFT")), by: 28))
        }
        parts.append(.shifted(.symbol(.futexWakeOperation, raw >> 28 & 7), by: 28))
        parts.append(.shifted(.hexadecimal(raw >> 12 & 0xFFF), by: 12))
        parts.append(.shifted(.symbol(.futexWakeCompare, raw >> 24 & 15), by: 24))
        parts.append(.hexadecimal(raw & 0xFFF))
        return .joined(parts)
    }

    /// What MEMBARRIER_CMD_QUERY answers: a bit for each command (membarrier(2)).
    func barrierReply() -> Value? {
        guard let result, result > 0, stop.arguments.a0 & 0xFFFF_FFFF == 0 else { return nil }
        return .flags(.membarrierCommand, UInt64(result))
    }

    /// A call's number in struct ptrace_syscall_info, whose architecture is 20 bytes before.
    func tracedCall(_ place: UInt64) -> Value? {
        guard let number = snapshot.number(at: place, width: 8) else { return nil }
        let architecture = snapshot.number(at: place &- 20, width: 4).map { UInt32(truncatingIfNeeded: $0) } ?? 0
        guard let table = Personality(auditArchitecture: architecture), let row = SpecTables.row(table, number) else {
            return .hexadecimal(number)
        }
        return .spelled("__NR_" + row.name, number)
    }

    /// A signal set with its size: pselect6's and io_pgetevents' last argument.
    func sizedSignalSet(_ address: UInt64, _ name: String, _ sizeName: String) -> Value {
        guard let pointer = snapshot.number(at: address, width: word),
            let size = snapshot.number(at: address &+ UInt64(word), width: word)
        else { return .address(address) }
        return .record([Field(name, signalSet(pointer)), Field(sizeName, .unsigned(size))])
    }
}

extension Capture {
    /// Control blocks and what they point to.
    func controlBlocks(
        _ address: UInt64, _ count: UInt64, _ snapshot: inout Snapshot, _ memory: some TraceeMemory
    ) {
        let word = snapshot.stop.personality.wordSize
        let kept = min(count, UInt64(elementLimit))
        plain(address, Int(kept) * word, &snapshot, memory)
        for index in 0..<kept {
            guard let block = snapshot.number(at: address &+ index &* UInt64(word), width: word) else { return }
            plain(block, 64, &snapshot, memory)
            behind(UInt16(StructureID.iocb.rawValue), at: block, size: 64, &snapshot, memory)
        }
    }

    func queuedMessage(
        _ address: UInt64, _ size: UInt64, _ snapshot: inout Snapshot, _ memory: some TraceeMemory
    ) {
        let word = snapshot.stop.personality.wordSize
        plain(address, word, &snapshot, memory)
        payload(address &+ UInt64(word), size, &snapshot, memory)
    }

    func sizedSignalSet(_ address: UInt64, _ snapshot: inout Snapshot, _ memory: some TraceeMemory) {
        let word = snapshot.stop.personality.wordSize
        plain(address, 2 * word, &snapshot, memory)
        if let pointer = snapshot.number(at: address, width: word) { plain(pointer, 8, &snapshot, memory) }
    }
}
