// Calls of i386 that carry another: socketcall, ipc, and the forms of mmap and select whose one argument points to all.

import Messages

/// A call as it is meant: the row that says what it does, and its arguments in that row's order.
struct MeantCall {
    let row: CallRow
    let arguments: RawArguments
}

/// Where a carrier keeps the arguments of what it carries.
private struct CarrierBlock {
    let address: UInt64
    let words: Int
}

extension Stop {
    /// The memory that says what the call carries, nil for a call that says it in registers.
    fileprivate func block(of row: CallRow) -> CarrierBlock? {
        guard personality == .i386 else { return nil }
        switch row.call {
        case .socketcall:
            // More than the carried call has arguments is not read: it may not be there.
            guard let carried = SpecTables.carried(by: SpecTables.socketcall, arguments.a0 & 0xFFFF_FFFF) else {
                return nil
            }
            return CarrierBlock(address: arguments.a1, words: Int(carried.argumentCount))
        case .mmap: return CarrierBlock(address: arguments.a0, words: 6)
        case .select: return CarrierBlock(address: arguments.a0, words: 5)
        case .ipc:
            switch arguments.a0 & 0xFFFF {
            case 3: return CarrierBlock(address: arguments.a4, words: 1)  // SEMCTL: union semun
            case 12: return CarrierBlock(address: arguments.a4, words: 2)  // MSGRCV: struct ipc_kludge
            case 21: return CarrierBlock(address: arguments.a3, words: 1)  // SHMAT: where the address is answered
            default: return nil
            }
        default: return nil
        }
    }
}

extension Snapshot {
    /// What the call means, nil for a number without a row. A carrier whose block was not captured means itself.
    @inline(__always)
    func meant() -> MeantCall? {
        guard let row = SpecTables.row(stop.personality, stop.number) else { return nil }
        guard stop.personality == .i386 else { return MeantCall(row: row, arguments: stop.arguments) }
        // The kernel looks at the lower halves alone (entry_int80_compat, arch/x86/entry).
        var narrow = stop
        for index in 0..<6 { narrow.arguments[index] &= 0xFFFF_FFFF }
        return carried(by: row, narrow) ?? MeantCall(row: row, arguments: narrow.arguments)
    }

    /// The snapshot with the arguments of the call that is meant, whichever call carries it.
    public var asMeant: Snapshot {
        guard stop.personality == .i386, let call = meant() else { return self }
        var snapshot = self
        snapshot.stop.arguments = call.arguments
        return snapshot
    }

    private func carried(by row: CallRow, _ stop: Stop) -> MeantCall? {
        switch row.call {
        case .socketcall:
            guard let inner = SpecTables.carried(by: SpecTables.socketcall, stop.arguments.a0) else { return nil }
            return words(of: row, stop).map { MeantCall(row: inner, arguments: $0) }
        case .mmap, .select:
            let name = row.call.name
            guard let number = SpecTables.number(of: name, .x86_64), let inner = SpecTables.row(.x86_64, number) else {
                return nil
            }
            return words(of: row, stop).map { MeantCall(row: inner, arguments: $0) }
        case .ipc: return interprocess(row, stop)
        default: return nil
        }
    }

    private func words(of row: CallRow, _ stop: Stop) -> RawArguments? {
        guard let block = stop.block(of: row) else { return nil }
        var arguments = RawArguments()
        for index in 0..<min(block.words, 6) {
            guard let word = number(at: block.address &+ UInt64(4 * index), width: 4) else { return nil }
            arguments[index] = word
        }
        return arguments
    }

    /// ipc(2): first, second, third, pointer and fifth in the places that each call gives them (ipc/syscall.c).
    private func interprocess(_ row: CallRow, _ stop: Stop) -> MeantCall? {
        let call = stop.arguments.a0 & 0xFFFF
        let version = stop.arguments.a0 >> 16
        guard let inner = SpecTables.carried(by: SpecTables.ipc, call) else { return nil }
        let first = stop.arguments.a1, second = stop.arguments.a2, third = stop.arguments.a3
        let pointer = stop.arguments.a4, fifth = stop.arguments.a5
        let arguments: RawArguments
        switch inner.call {
        case .semop: arguments = RawArguments(first, pointer, second)
        case .semtimedop: arguments = RawArguments(first, pointer, second, fifth)
        case .semctl:
            guard let block = words(of: row, stop) else { return nil }
            arguments = RawArguments(first, second, third, block.a0)
        case .msgsnd: arguments = RawArguments(first, pointer, second, third)
        case .msgrcv where version == 0:
            guard let block = words(of: row, stop) else { return nil }
            arguments = RawArguments(first, block.a0, second, block.a1, third)
        case .msgrcv: arguments = RawArguments(first, pointer, second, fifth, third)
        case .msgctl, .shmctl: arguments = RawArguments(first, second, pointer)
        case .shmat: arguments = RawArguments(first, pointer, second)
        case .shmdt: arguments = RawArguments(pointer)
        default: arguments = RawArguments(first, second, third)
        }
        return MeantCall(row: inner, arguments: arguments)
    }

    /// What the call answered: shmat through ipc puts its address where it was told to, and returns zero.
    func meantResult(_ result: Int64, _ row: CallRow) -> Int64 {
        guard result == 0, row.call == .shmat, stop.personality == .i386,
            let carrier = SpecTables.row(.i386, stop.number), carrier.call == .ipc,
            let address = number(at: stop.arguments.a3 & 0xFFFF_FFFF, width: 4)
        else { return result }
        return Int64(address)
    }
}

extension Capture {
    /// What the call means, once the memory that says it is read.
    @inline(__always)
    func meant(_ snapshot: inout Snapshot, _ memory: some TraceeMemory) -> MeantCall? {
        if snapshot.stop.personality == .i386, let row = SpecTables.row(.i386, snapshot.stop.number),
            let block = snapshot.stop.block(of: row)
        {
            plain(block.address & 0xFFFF_FFFF, 4 * block.words, &snapshot, memory)
        }
        return snapshot.meant()
    }
}

extension SpecTables {
    /// The row of what a carrier calls by this number.
    static func carried(by table: [Int16], _ number: UInt64) -> CallRow? {
        guard number < UInt64(table.count) else { return nil }
        let index = table[Int(number)]
        return index < 0 ? nil : calls[Int(index)]
    }
}
