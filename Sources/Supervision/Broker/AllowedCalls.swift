// Calls that were allowed and will be again: programs open, look for and look at the same names over and over.

import Messages
import Policy

/// Everything that a decision about one file, or about a program, hangs on where no rule asks for more: the call, its
/// registers that are no pointers, and the object.
struct AllowedCall: Hashable {
    private let number: UInt64
    private let isNative: Bool
    private var a0: UInt64 = 0, a1: UInt64 = 0, a2: UInt64 = 0, a3: UInt64 = 0
    private let object: Object

    private enum Object: Hashable {
        case file([UInt8], Rights, mode: UInt32, exists: Bool)
        /// What is run, with all that is loaded for it.
        case programs([PathFact])
    }

    private static let processes = Array("/proc/".utf8)

    /// Nil for a call whose decision hangs on more.
    init?(_ subject: Subject, _ stop: Stop) {
        (number, isNative) = (stop.number, stop.personality == .x86_64)
        if case .programs(let files) = subject {
            if files.contains(where: { $0.path.starts(with: Self.processes) }) { return nil }
            object = .programs(files)
            return
        }
        guard case .objects(let needs) = subject, needs.count == 1, needs[0].way == nil,
            let row = SpecTables.row(stop.personality, stop.number)
        else { return nil }
        // What /proc calls its own hangs on who asks.
        if needs[0].path.starts(with: Self.processes) { return nil }
        switch row.operation {
        case .fileOpen, .fileStatGet, .fileAccess, .fileReadlink: break
        default: return nil
        }
        object = .file(needs[0].path, needs[0].rights, mode: needs[0].mode, exists: needs[0].exists)
        for argument in row.argumentRows {
            guard argument.type.shape == .value else {
                // What lies behind other pointers than the name's may matter: openat2's structure.
                if argument.direction != .exit && argument.type.kind != .path { return nil }
                continue
            }
            switch argument.register {
            case 0: a0 = stop.arguments.a0
            case 1: a1 = stop.arguments.a1
            case 2: a2 = stop.arguments.a2
            case 3: a3 = stop.arguments.a3
            default: return nil
            }
        }
    }
}

/// The latest of them.
struct AllowedCalls {
    private var calls: Set<AllowedCall> = []
    private static let limit = 2048

    func contains(_ call: AllowedCall) -> Bool { calls.contains(call) }

    mutating func insert(_ call: AllowedCall) {
        if calls.count >= Self.limit { calls.removeAll(keepingCapacity: true) }
        calls.insert(call)
    }
}
