// Which handles a call has: what its row and its registers say of each role.

import Messages

extension HandleRole {
    /// The ambient handle of this role, nil for what a message names.
    var ambient: Ambient? { Self.ambients[Int(rawValue)] }

    private static let ambients: [Ambient?] = allCases.map { role in
        Ambient.allCases.first { $0.name == role.name && role != .who }
    }
}

extension CallRow {
    /// Whether calls of this row have a handle in a role.
    func names(_ role: HandleRole, _ operation: Operation) -> Bool {
        if role.ambient != nil { return true }
        // A multiplexer's handles lie in memory; whoever looks there says which they are.
        if call == .socketcall || call == .ipc { return true }
        switch role {
        case .object:
            return names("path") || names("fd") || carriesCalls || (names("at") && call == .openByHandleAt) || isOldMap
        case .from: return names("from_path")
        case .to: return names("to_path")
        case .input: return names("in_fd")
        case .output: return names("out_fd")
        case .queue: return names("queue")
        case .target: return names("fd") || names("path") || names("interests")
        // getrusage's `who` is a word and no process.
        case .who: return argumentRows.contains { $0.item == "who" && $0.type.kind != .symbol }
        case .passed: return names("parts")
        case .backing: return true
        default: return true
        }
    }

    /// Calls that hand over others, whose handles lie in memory (io_submit(2)).
    public var carriesCalls: Bool { names("messages") }

    /// Old calls whose arguments are a struct, the descriptor among them.
    private var isOldMap: Bool { operation == .memMap && hasField("fd") }

    /// Whether a message may have nothing in a role that its row has.
    func mayLack(_ role: HandleRole) -> Bool {
        switch role {
        case .passed: true
        case .target: names("interests")
        case .object: carriesCalls
        default: false
        }
    }
}

extension CallItems {
    /// What a socket would carry its bytes by.
    func transport() throws(Undecided) -> Transport {
        guard row.call == .socket else { throw Undecided(test: nil) }
        func isOne(_ register: UInt8, _ mask: UInt64, _ values: UInt64...) throws(Undecided) -> Bool {
            for value in values {
                if try registers.holds(RegisterTest(register, mask, .equals, value)) { return true }
            }
            return false
        }
        let narrow: UInt64 = 0xFFFF_FFFF
        if try isOne(0, narrow, 1) { return .unix }
        if try isOne(0, narrow, 16) { return .netlink }
        guard try isOne(0, narrow, 2, 10) else { return .other }
        if try isOne(1, 0xF, 1) { return try isOne(2, narrow, 0, 6) ? .tcp : .other }
        if try isOne(1, 0xF, 2) { return try isOne(2, narrow, 0, 17) ? .udp : .other }
        return .other
    }

    /// The process that is named is the caller's own. A signal to process 0 goes to a whole group.
    func isCaller(_ request: Request) -> Bool {
        guard let argument = row.argumentRows.first(where: { $0.item == "who" }), argument.type.kind != .descriptor
        else {
            return false
        }
        let number = Int32(truncatingIfNeeded: stopValue(argument, request))
        if number == 0 { return request.operation != .signalSend }
        return number > 0 && (number == request.caller.process || number == request.caller.thread)
    }

    private func stopValue(_ argument: ArgumentRow, _ request: Request) -> UInt64 {
        request.stop.arguments[Int(argument.register)]
    }
}
