// Makes the stop of a message that is only written down: which call it would come by, and what its registers would hold.

import Messages

/// What could not be made of an expected message.
public struct RehearsalFault: Error, Equatable {
    public var message: String
}

/// A call that nobody made.
public struct Rehearsal: Sendable {
    public var stop: Stop
    /// Text that pointers lead to.
    public var texts: [(address: UInt64, bytes: [UInt8])] = []
    public var caller = Caller(process: 1, thread: 1)
    public var paths: [PathFact] = []
    public var addresses: [AddressFact] = []
    public var handles: [HandleFact] = []
}

extension ExpectedMessage {
    private static let factItems = ["exists", "filetype", "program", "call", "address", "transport"]

    /// The call that the message would come by: the one that is named, else the first that has all its items.
    public func rehearsals(
        under policy: Policy, _ surroundings: Surroundings
    ) throws(RehearsalFault) -> [Rehearsal] {
        var list: [Rehearsal] = []
        var fault: RehearsalFault?
        for (number, index) in SpecTables.x86_64.enumerated() where index >= 0 {
            let row = SpecTables.calls[Int(index)]
            guard row.operations.contains(operation), items["call"].map({ $0 == row.name }) ?? true else { continue }
            do throws(RehearsalFault) {
                list.append(try rehearsal(row, UInt64(number), policy, surroundings))
            } catch {
                // What the plainest call lacks says most.
                fault = fault ?? error
            }
        }
        if list.isEmpty { throw fault ?? RehearsalFault(message: "no call does \(operation.name)") }
        return list
    }

    private func rehearsal(
        _ row: CallRow, _ number: UInt64, _ policy: Policy, _ surroundings: Surroundings
    ) throws(RehearsalFault) -> Rehearsal {
        var result = Rehearsal(stop: Stop(number: number))
        result.caller.program = Array((items["program"] ?? "/usr/bin/program").utf8)
        // Registers first: which arguments a call has may depend on them.
        for (item, text) in items where !Self.factItems.contains(item) && !Self.isPath(item) {
            try place(item, text, row, policy, surroundings, &result)
        }
        for (item, text) in items where Self.isPath(item) { try placePath(item, text, row, surroundings, &result) }
        if let text = items["address"] { try placeAddress(text, row, &result) }
        return result
    }

    private static func isPath(_ item: String) -> Bool { ["path", "from_path", "to_path"].contains(item) }

    private func place(
        _ item: String, _ text: String, _ row: CallRow, _ policy: Policy, _ surroundings: Surroundings,
        _ result: inout Rehearsal
    ) throws(RehearsalFault) {
        guard let argument = row.argumentRows.first(where: { $0.item == item }) else {
            guard
                SpecTables.constants[Int(row.firstConstant)..<Int(row.firstConstant) + Int(row.constantCount)]
                    .contains(where: { $0.item == item && $0.value == text })
            else { throw RehearsalFault(message: "`\(row.name)` has no item `\(item)`") }
            return
        }
        let register = Int(argument.register)
        if argument.type.kind == .descriptor {
            let (fact, number) = handle(text, item, policy, surroundings)
            result.stop.arguments[register] = UInt64(UInt32(bitPattern: number))
            result.handles.append(fact)
            return
        }
        guard case .register(let place) = argument.place(.x86_64) else {
            guard argument.type.kind == .text || argument.type.kind == .buffer else {
                throw RehearsalFault(message: "`\(item)` of `\(row.name)` lies in memory and cannot be written down")
            }
            point(register, Array(text.utf8), &result)
            return
        }
        var value: UInt64 = 0
        let names = text.split(separator: "|").map { String($0.filter { $0 != " " }) }
        for name in names {
            if case .number(let bits) = PolicyReader.operand(name) {
                value |= bits
            } else if let symbol = place.set?.symbol(name) {
                value |= symbol.value
            } else {
                throw RehearsalFault(message: "`\(item)` has no value `\(name)`")
            }
        }
        result.stop.arguments[register] = value
    }

    /// `stdin`, a number, or the path that a descriptor was opened at.
    private func handle(
        _ text: String, _ item: String, _ policy: Policy, _ surroundings: Surroundings
    ) -> (HandleFact, Int32) {
        let role: HandleRole =
            switch item {
            case "in_fd": .input
            case "out_fd": .output
            case "queue", "ring": .queue
            case "who": .who
            default: operation.needs.contains { $0.role == .target } ? .target : .object
            }
        let standard = ["stdin": Int32(0), "stdout": 1, "stderr": 2]
        if let number = standard[text] ?? Int32(text) {
            let rights = policy.rightsOfInherited(number) ?? []
            return (HandleFact(role, number: number, rights: rights, name: Array(text.utf8)), number)
        }
        if let transport = Transport.allCases.first(where: { $0.name == text }) {
            return (HandleFact(role, number: 3, rights: policy.socketRights(transport), kind: .socket), 3)
        }
        let path = PolicyText.bytes(surroundings.absolute(text))
        return (HandleFact(role, number: 3, rights: policy.rights(of: path) ?? [], name: path, kind: .file), 3)
    }

    private func placePath(
        _ item: String, _ text: String, _ row: CallRow, _ surroundings: Surroundings, _ result: inout Rehearsal
    ) throws(RehearsalFault) {
        guard let argument = row.argumentRows.first(where: { $0.item == item }) else {
            throw RehearsalFault(message: "`\(row.name)` has no item `\(item)`")
        }
        let path = PolicyText.bytes(surroundings.absolute(text))
        let role: HandleRole =
            switch item {
            case "from_path": .from
            case "to_path": .to
            default: operation.needs.contains { $0.role == .target } ? .target : .object
            }
        let kind = FileKind.allCases.first { $0.name == items["filetype"] } ?? .file
        let mayBeNew = role == .to || operation.name.hasPrefix("file.make")
        let exists = items["exists"].map { $0 == "true" } ?? !mayBeNew
        result.paths.append(PathFact(role, path: path, kind: kind, exists: exists))
        point(Int(argument.register), path, &result)
        // A path is looked up from the working directory unless the message says otherwise (AT_FDCWD).
        for other in row.argumentRows where other.type.kind == .directory && other.register + 1 == argument.register {
            result.stop.arguments[Int(other.register)] = 0xFFFF_FF9C
        }
    }

    private func placeAddress(_ text: String, _ row: CallRow, _ result: inout Rehearsal) throws(RehearsalFault) {
        let words = text.split(separator: " ", maxSplits: 1).map(String.init)
        guard words.count == 2, let transport = Transport.allCases.first(where: { $0.name == words[0] }),
            let address = Address(policyText: words[1], transport)
        else { throw RehearsalFault(message: "`\(text)` is no address; write it like `tcp 10.0.0.1:80`") }
        let isLocal = operation == .sockBind || operation == .sockListen
        result.addresses.append(AddressFact(isLocal ? .local : .peer, transport, address))
        if let argument = row.argumentRows.first(where: { $0.item == "address" }) {
            result.stop.arguments[Int(argument.register)] = 0x7000_0000
        } else if operation != .sockListen {
            throw RehearsalFault(message: "`\(row.name)` has no item `address`")
        }
    }

    private func point(_ register: Int, _ bytes: [UInt8], _ result: inout Rehearsal) {
        let address = 0x1000_0000 + UInt64(register) << 16
        result.stop.arguments[register] = address
        result.texts.append((address, bytes + [0]))
    }
}

extension Surroundings {
    /// A path with `~`, `${CWD}` and a relative beginning put in, as text that `PolicyText.bytes` reads.
    public func absolute(_ text: String) -> String {
        if text == "~" || text.hasPrefix("~/") { return PolicyText.pattern(home.utf8) + text.dropFirst() }
        if text.hasPrefix("${CWD}") { return PolicyText.pattern(workingDirectory.utf8) + text.dropFirst(6) }
        if text.hasPrefix("./") { return PolicyText.pattern(workingDirectory.utf8) + text.dropFirst() }
        return text
    }
}

extension Address {
    /// From the form in which `text` writes it.
    init?(policyText text: String, _ transport: Transport) {
        switch transport {
        case .unix:
            let bytes = PolicyText.bytes(text)
            self = text.hasPrefix("@") ? .unixAbstract(Array(bytes.dropFirst())) : .unixPath(bytes)
        case .netlink: self = .netlink
        case .tcp, .udp:
            guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]),
                let host = InternetAddress(String(text[..<colon].filter { $0 != "[" && $0 != "]" }))
            else { return nil }
            self = .internet(host, port: port)
        case .other: return nil
        }
    }
}
