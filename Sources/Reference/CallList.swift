// The calls as a table: which there are, with their numbers, their age and what they are.

/// Which calls are wanted.
public struct CallSelection: Sendable {
    public var operationClass: String?
    public var operation: String?
    public var personality: String?
    /// Only calls that came with this kernel or later.
    public var since: KernelVersion?

    public init(
        operationClass: String? = nil, operation: String? = nil, personality: String? = nil,
        since: KernelVersion? = nil
    ) {
        self.operationClass = operationClass
        self.operation = operation
        self.personality = personality
        self.since = since
    }

    func holds(_ call: Entry) -> Bool {
        if let operationClass, !call.operations.contains(where: { $0.hasPrefix(operationClass + ".") }) { return false }
        if let operation, !call.operations.contains(operation) { return false }
        if let personality, call.number(personality) == nil { return false }
        if let since {
            guard let own = KernelVersion(call.since(personality)), own >= since else { return false }
        }
        return true
    }
}

extension Reference {
    /// The calls that a selection holds for; of one personality in the order of its numbers.
    public func calls(_ selection: CallSelection) -> [Entry] {
        let calls = entries("call").filter { selection.holds($0) }
        guard let personality = selection.personality else { return calls }
        return calls.sorted { ($0.number(personality) ?? 0) < ($1.number(personality) ?? 0) }
    }

    /// A table with a heading.
    public func table(_ calls: [Entry]) -> [String] {
        let personalities = entries("personality").map(\.name)
        var rows = [["CALL"] + personalities.map { $0.uppercased() } + ["SINCE", "UNTIL", "OPERATION"]]
        for call in calls {
            rows.append(
                [call.name] + personalities.map { call.number($0).map(String.init) ?? "-" }
                    + [call.since(), call.first("until") ?? "-", call.operations.joined(separator: ", ")])
        }
        return aligned(rows)
    }

    /// One JSON object a call. Names of the spec need no escapes.
    public func json(_ calls: [Entry]) -> [String] {
        calls.map { call in
            let numbers = entries("personality").map(\.name).compactMap { name in
                call.number(name).map { "\"\(name)\":\($0)" }
            }
            let operations = call.operations.map { "\"\($0)\"" }.joined(separator: ",")
            let until = call.first("until").map { ",\"until\":\"\($0)\"" } ?? ""
            return "{\"call\":\"\(call.name)\",\"numbers\":{\(numbers.joined(separator: ","))},"
                + "\"since\":\"\(call.since())\"\(until),\"operations\":[\(operations)],\"manual\":\"\(call.manual)\"}"
        }
    }
}
