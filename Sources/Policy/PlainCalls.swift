// Calls that a policy decides by their number and by the rights of one handle: nothing else has to be known of them.

import Messages

/// What a plain call needs.
public struct PlainNeeds: Equatable, Sendable {
    /// The register of the descriptor, nil where there is none.
    public var register: Int?
    /// What its handle has to have.
    public var rights: Rights
    /// The handle is gone afterwards.
    public var closes: Bool
}

/// Registers of which nothing is known: what can be said all the same holds for every call.
private struct NoRegisters: Registers {
    func holds(_ test: RegisterTest) throws(Undecided) -> Bool { throw Undecided(test: test) }
}

extension Policy {
    /// Operations that make no handle and change no name, so that nothing that comes later hangs on their messages.
    private static func isPassing(_ row: CallRow) -> Bool {
        switch row.operation {
        case .fdRead, .fdWrite, .fdSeek, .fdSync, .fdAdvise, .fdClose, .fileStatGet, .procIdGet, .procWait, .sysRandom:
            return row.call != .closeRange && !row.names("path")
        default: break
        }
        switch row.operation.operationClass {
        case .mem, .time, .sync, .signal, .sched: return !row.names("path")
        default: return false
        }
    }

    /// What a call of this number needs to be allowed, nil where more than that decides.
    public func plainNeeds(_ personality: Personality, _ number: UInt64) -> PlainNeeds? {
        guard let row = SpecTables.row(personality, number), row.choiceCount == 0, Self.isPassing(row) else {
            return nil
        }
        let operation = row.operation
        for layer in layers {
            if let grant = layer.classGrant(operation), grant.verdict != .allow { return nil }
            if layer.rules.contains(where: { $0.operations.contains(operation) }) { return nil }
        }
        let items = CallItems(row: row, personality: personality, registers: NoRegisters(), message: nil, request: nil)
        for refusal in operation.refusals where (try? items.holds(refusal.tests)) != false { return nil }
        var result = PlainNeeds(register: nil, rights: [], closes: operation == .fdClose)
        for need in operation.needs where row.names(need.role, operation) {
            guard let applies = try? items.holds(need.tests) else { return nil }
            if !applies { continue }
            let right = Rights(need.right)
            if let ambient = need.role.ambient, ambient != .net {
                guard right.isSubset(of: rights(of: ambient)) else { return nil }
            } else if need.role == .object {
                result.rights.formUnion(right)
            } else {
                return nil
            }
        }
        if result.rights.isEmpty && !result.closes { return result }
        guard let argument = row.argumentRows.first(where: { $0.item == "fd" && $0.type.kind == .descriptor }),
            argument.condition < 0
        else { return nil }
        result.register = Int(argument.register)
        return result
    }

    /// The registers that, with what the one path of a call led to, are all that it is decided by; nil where more
    /// decides. Programs open and look at the same files again and again: such an answer can be kept.
    public func pathRegisters(_ personality: Personality, _ number: UInt64) -> [Int]? {
        guard let row = SpecTables.row(personality, number), row.choiceCount == 0 else { return nil }
        switch row.call {
        case .open, .openat, .creat, .stat, .lstat, .newfstatat, .access, .faccessat, .faccessat2, .readlink,
            .readlinkat:
            break
        default: return nil
        }
        let hasRules = layers.contains { layer in layer.rules.contains { $0.operations.contains(row.operation) } }
        if hasRules { return nil }
        return row.argumentRows.compactMap { argument in
            guard case .register(let item) = argument.place(personality), !item.isDescriptor else { return nil }
            return Int(item.register)
        }
    }
}
