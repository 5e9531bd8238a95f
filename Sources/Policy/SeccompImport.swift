// Reads seccomp profiles of container runtimes as policies: a list of system calls becomes a list of operations.

import Messages

/// What became of a seccomp profile.
public struct SeccompImport: Sendable {
    /// A policy file. What a policy cannot say stands in it as a comment.
    public private(set) var text = ""

    /// One call's treatment by the profile.
    private enum Outcome: Equatable {
        case allowed
        case refused(Verdict)
        /// Allowed for some arguments; refused so for others.
        case partly([Rule], Verdict)

        struct Rule: Equatable {
            var arguments: [Argument]
        }

        struct Argument: Equatable {
            var index: Int
            var test: String
            var value: UInt64
            var second: UInt64
        }
    }

    private var outcomes: [String: Outcome] = [:]
    private var usual = Verdict.deny(ErrnoName.EPERM)
    private var unknown: [String] = []

    /// - Throws: `SeccompImportFault` where it is no such profile. JSON is read as the YAML that it is.
    public init(_ source: PolicySource) throws(SeccompImportFault) {
        let root: Node?
        do throws(YAMLFault) {
            root = try YAMLParser.parse(source.bytes)
        } catch {
            throw SeccompImportFault(line: error.line, message: error.message)
        }
        var section = root
        if let inner = root?["linux"]?["seccomp"] { section = inner }
        guard let section, let list = section["syscalls"]?.elements else {
            throw SeccompImportFault(line: 1, message: "no list `syscalls`, here or under `linux: seccomp`")
        }
        let isOpen = section["defaultAction"]?.text.map { $0 == "SCMP_ACT_ALLOW" || $0 == "SCMP_ACT_LOG" } ?? false
        if !isOpen {
            usual = try Self.verdict(section["defaultAction"], section["defaultErrnoRet"]) ?? .deny(ErrnoName.EPERM)
        }
        for entry in list { try take(entry, isOpen) }
        write(source.file, isOpen)
    }

    private static func verdict(_ action: Node?, _ errno: Node?) throws(SeccompImportFault) -> Verdict? {
        guard let action, let word = action.text else { return .deny(ErrnoName.EPERM) }
        switch word {
        case "SCMP_ACT_ALLOW", "SCMP_ACT_LOG", "SCMP_ACT_TRACE", "SCMP_ACT_NOTIFY": return nil
        case "SCMP_ACT_ERRNO":
            let number = errno?.text.flatMap { Int32($0) } ?? ErrnoName.EPERM
            return number == 0 ? .stub : .deny(number)
        case "SCMP_ACT_KILL", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_TRAP": return .kill
        default: throw SeccompImportFault(line: action.line, message: "no action `\(word)`")
        }
    }

    private mutating func take(_ entry: Node, _ isOpen: Bool) throws(SeccompImportFault) {
        let names = (entry["names"]?.elements ?? entry["name"].map { [$0] } ?? []).compactMap(\.text)
        guard !names.isEmpty else { throw SeccompImportFault(line: entry.line, message: "an entry without names") }
        let verdict = try Self.verdict(entry["action"], entry["errnoRet"])
        let arguments = (entry["args"]?.elements ?? []).map { node in
            Outcome.Argument(
                index: Int(node["index"]?.text ?? "") ?? 0, test: node["op"]?.text ?? "SCMP_CMP_EQ",
                value: UInt64(node["value"]?.text ?? "") ?? 0, second: UInt64(node["valueTwo"]?.text ?? "") ?? 0)
        }
        for name in names {
            guard SpecTables.number(of: name, .x86_64) != nil else {
                if SpecTables.number(of: name, .i386) == nil { unknown.append(name) }
                continue
            }
            if arguments.isEmpty {
                outcomes[name] = verdict.map { .refused($0) } ?? .allowed
            } else if verdict == nil, !isOpen {
                // A list of what may be: what fits none of it is refused as is usual.
                guard outcomes[name] != .allowed else { continue }
                var rules: [Outcome.Rule] = []
                if case .partly(let known, _)? = outcomes[name] { rules = known }
                outcomes[name] = .partly(rules + [Outcome.Rule(arguments: arguments)], usual)
            } else {
                unsaid.append("\(name): refused for some arguments only")
            }
        }
    }

    private var unsaid: [String] = []

    // MARK: The policy

    private mutating func write(_ file: String, _ isOpen: Bool) {
        for index in SpecTables.x86_64 where index >= 0 {
            let name = SpecTables.calls[Int(index)].name
            if outcomes[name] == nil { outcomes[name] = isOpen ? .allowed : .refused(usual) }
        }
        var classes: [String] = []
        var rules: [String] = []
        for group in OperationClass.allCases {
            let members = Operation.allCases.filter { $0.operationClass == group && $0 != .voidCall }
            let verdicts = members.map { whole($0) }
            if let first = verdicts.first, let verdict = first, verdicts.allSatisfy({ $0 == verdict }) {
                classes.append("  \(group.name): \(Self.written(verdict))")
                continue
            }
            for (operation, verdict) in zip(members, verdicts) {
                if let verdict {
                    classes.append("  \(operation.name): \(Self.written(verdict))")
                } else {
                    partial(operation, &rules)
                }
            }
        }
        var lines = [
            "abitrace: policy/1", "name: imported",
            "description: \(PolicyText.scalar("From the seccomp profile \(file.split(separator: "/").last ?? "")"))",
            "# The profile says which system calls there are, and nothing of files, hosts and programs: record the",
            "# program, and `abitrace policy learn` says them.", "default: allow", "",
        ]
        if !classes.isEmpty { lines += ["classes:"] + classes + [""] }
        if !rules.isEmpty { lines += ["rules:"] + rules + [""] }
        lines += unsaid.sorted().map { "# not said: \($0)" }
        if !unknown.isEmpty {
            lines.append(
                "# no such calls here: " + unknown.sorted().map { PolicyText.visible($0) }.joined(separator: " "))
        }
        text = lines.joined(separator: "\n") + "\n"
    }

    private static func written(_ verdict: Verdict) -> String {
        if case .deny(let errno) = verdict { return "{deny: \(ErrnoName.name(errno))}" }
        return verdict.word
    }

    private func calls(_ operation: Operation) -> [CallRow] {
        SpecTables.x86_64.filter { $0 >= 0 }.map { SpecTables.calls[Int($0)] }.filter {
            $0.operations.contains(operation)
        }
    }

    /// The verdict on an operation of which no call is allowed; the mildest where calls differ, since the others are
    /// refused anyway.
    private func whole(_ operation: Operation) -> Verdict? {
        guard operation.never == nil else { return nil }
        let found = calls(operation).map { outcomes[$0.name] ?? .allowed }
        var verdict: Verdict?
        for outcome in found {
            guard case .refused(let one) = outcome else { return nil }
            if verdict.map({ one.strictness < $0.strictness }) ?? true { verdict = one }
        }
        return verdict
    }

    /// What is refused of an operation that is allowed on the whole.
    private mutating func partial(_ operation: Operation, _ rules: inout [String]) {
        let rows = calls(operation)
        let refused = rows.filter { if case .refused? = outcomes[$0.name] { true } else { false } }.map(\.name)
        if !refused.isEmpty {
            unsaid.append("\(operation.name): refused as \(refused.joined(separator: ", ")), allowed as other calls")
        }
        for row in rows where row.operation == operation || rows.count == 1 {
            guard case .partly(let ways, let verdict)? = outcomes[row.name] else { continue }
            guard let condition = Self.condition(row, ways) else {
                unsaid.append("\(row.name): allowed for some arguments only")
                continue
            }
            rules.append("  - {on: \(operation.name), where: {\(condition)}, \(Self.action(verdict))}   # \(row.name)")
        }
    }

    private static func action(_ verdict: Verdict) -> String {
        if case .deny(let errno) = verdict { return "deny: \(ErrnoName.name(errno))" }
        return "\(verdict.word): true"
    }

    /// What a policy refuses so that just these ways are left, where they are about one item.
    private static func condition(_ row: CallRow, _ ways: [Outcome.Rule]) -> String? {
        guard let first = ways.first?.arguments.first, ways.allSatisfy({ $0.arguments.count == 1 }),
            ways.allSatisfy({ $0.arguments[0].index == first.index }),
            let argument = row.argumentRows.first(where: { Int($0.register) == first.index && $0.condition < 0 }),
            !argument.item.isEmpty, case .register = argument.place(.x86_64)
        else { return nil }
        let tests = ways.map { $0.arguments[0] }
        if tests.count == 1, first.test == "SCMP_CMP_MASKED_EQ", first.second == 0 {
            return "\(argument.item): {has: [\(flags(argument, first.value).joined(separator: ", "))]}"
        }
        if tests.count == 1, first.test == "SCMP_CMP_NE" { return "\(argument.item): \(word(argument, first.value))" }
        guard tests.allSatisfy({ $0.test == "SCMP_CMP_EQ" }) else { return nil }
        return "\(argument.item): {not: [\(tests.map { word(argument, $0.value) }.joined(separator: ", "))]}"
    }

    private static func word(_ argument: ArgumentRow, _ value: UInt64) -> String {
        guard case .register(let item) = argument.place(.x86_64), let set = item.set else { return "\(value)" }
        let row = SpecTables.symbolSets[Int(set.rawValue)]
        return SpecTables.symbols[Int(row.firstSymbol)..<Int(row.firstSymbol) + Int(row.count)]
            .first { $0.value == value }?.name ?? "\(value)"
    }

    private static func flags(_ argument: ArgumentRow, _ mask: UInt64) -> [String] {
        (0..<64).map { UInt64(1) << UInt64($0) }.filter { mask & $0 != 0 }.map { word(argument, $0) }
    }
}

/// Why something is no seccomp profile.
public struct SeccompImportFault: Error, Equatable {
    public var line: Int
    public var message: String
}

extension Node {
    /// The value of a key, nil where there is none.
    fileprivate subscript(key: String) -> Node? {
        guard case .mapping(let pairs) = content else { return nil }
        return pairs.first { $0.key.text == key }?.value
    }

    fileprivate var elements: [Node]? {
        if case .sequence(let list) = content { return list }
        return nil
    }
}
