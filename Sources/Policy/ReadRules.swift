// Reads `classes` and `rules`, and finds rules that contradict each other.

import Messages

extension PolicyReader {
    static let switchNames =
        ["any"] + OperationClass.allCases.map(\.name) + Operation.allCases.map(\.name)
        + SpecTables.refusals.map(\.name)

    mutating func readClasses(_ node: Node) {
        for (key, value) in mapping(node) {
            guard let name = key.text else { continue }
            guard Self.switchNames.contains(name) else {
                fail(key, unknown: "class or operation", name, among: Self.switchNames)
                continue
            }
            if layer.classes.contains(where: { $0.name == name }) {
                fail(key, "`\(name)` is there twice")
                continue
            }
            guard let verdict = verdict(value, allowed: ["allow", "warn", "stub", "reply", "ask", "deny", "kill"])
            else {
                continue
            }
            if let operation = Operation.allCases.first(where: { $0.name == name }), operation.never != nil,
                verdict != .allow
            {
                fail(key, "`\(name)` is never refused: \(operation.never?.reason ?? "")")
                continue
            }
            layer.classes.append(ClassGrant(name: name, verdict: verdict, line: line(key)))
        }
    }

    private static let actions = ["rewrite", "reply", "deny", "stub", "warn", "ask", "kill", "allow"]

    mutating func readRules(_ node: Node) {
        for entry in list(node) {
            let fields = entries(
                mapping(entry), among: ["on", "where", "when", "because"] + Self.actions, "key of a rule")
            guard let on = fields["on"] else {
                fail(entry, "a rule needs `on: OPERATION`")
                continue
            }
            let operations = operations(on)
            let given = Self.actions.filter { fields[$0] != nil }
            guard given.count == 1, let value = fields[given[0]] else {
                fail(entry, "a rule has one of \(Self.actions.joined(separator: ", "))")
                continue
            }
            guard let verdict = action(given[0], value) else { continue }
            var rule = Rule(
                operations: operations, conditions: [], verdict: verdict,
                because: fields["because"]?.text ?? "", line: line(on))
            if let node = fields["where"] { rule.conditions = conditions(node, operations) }
            if let node = fields["when"] { rule.when = occurrence(node) }
            layer.rules.append(rule)
        }
    }

    private mutating func operations(_ node: Node) -> [Operation] {
        var list: [Operation] = []
        for word in self.list(node) {
            guard let name = text(word) else { continue }
            if let operation = Operation.allCases.first(where: { $0.name == name }) {
                list.append(operation)
            } else if let group = OperationClass.allCases.first(where: { $0.name == name }) {
                list += Operation.allCases.filter { $0.operationClass == group }
            } else {
                fail(
                    word, unknown: "operation", name,
                    among: Operation.allCases.map(\.name) + OperationClass.allCases.map(\.name))
            }
        }
        return list
    }

    private mutating func action(_ name: String, _ value: Node) -> Verdict? {
        switch name {
        case "rewrite", "reply":
            let changes = changes(value)
            guard !changes.isEmpty else {
                fail(value, "`\(name)` needs items: `\(name): {ITEM: VALUE}`")
                return nil
            }
            return name == "rewrite" ? .rewrite(changes) : .reply(changes)
        case "deny":
            if value.text == "" || value.text == "true" { return .deny(ErrnoName.EACCES) }
            return errno(value).map { .deny($0) }
        case "stub": return .stub
        case "warn": return .warn
        case "ask": return .ask
        case "kill": return .kill
        default: return .allow
        }
    }

    private mutating func occurrence(_ node: Node) -> Occurrence {
        var result = Occurrence()
        let fields = entries(mapping(node), among: ["from", "every", "count"], "key of `when`")
        for (name, field) in fields {
            guard let number = field.text.flatMap({ UInt64($0) }), number > 0 else {
                fail(field, "expected a number from 1")
                continue
            }
            switch name {
            case "from": result.from = number
            case "every": result.every = number
            default: result.count = number
            }
        }
        return result
    }

    // MARK: Conditions

    private mutating func conditions(_ node: Node, _ operations: [Operation]) -> [Condition] {
        mapping(node).flatMap { key, value -> [Condition] in
            guard let name = key.text else { return [] }
            switch name {
            case "path", "from_path", "to_path", "from", "to":
                let role: HandleRole = name.hasPrefix("from") ? .from : name.hasPrefix("to") ? .to : .object
                return pathSubject(value).map { [Condition(subject: .path(role, $0, under: $1), predicate: .any([]))] }
                    ?? []
            case "program":
                return pathSubject(value).map { [Condition(subject: .program($0, under: $1), predicate: .any([]))] }
                    ?? []
            case "object": return objectConditions(value)
            case "address":
                let patterns = list(value).flatMap { networkPatterns($0) }
                return [Condition(subject: .address(patterns), predicate: .any([]))]
            case "port": return predicate(value).map { [Condition(subject: .port, predicate: $0)] } ?? []
            default:
                let known = Self.itemNames(operations)
                guard known.contains(name) else {
                    fail(key, unknown: "item", name, among: known)
                    return []
                }
                return predicate(value).map { [Condition(subject: .item(name), predicate: $0)] } ?? []
            }
        }
    }

    private mutating func pathSubject(_ node: Node) -> (PathPattern, Bool)? {
        guard let found = path(node) else { return nil }
        return (found.pattern, found.text.hasSuffix("/**"))
    }

    private mutating func objectConditions(_ node: Node) -> [Condition] {
        let fields = entries(mapping(node), among: ["path", "kind"], "key of `object`")
        var list: [Condition] = []
        if let node = fields["path"], let (pattern, under) = pathSubject(node) {
            list.append(Condition(subject: .objectPath(pattern, under: under), predicate: .any([])))
        }
        if let node = fields["kind"], let word = text(node) {
            if FileKind.allCases.contains(where: { $0.name == word }) {
                list.append(Condition(subject: .objectKind(word), predicate: .any([])))
            } else {
                fail(node, unknown: "kind", word, among: FileKind.allCases.map(\.name))
            }
        }
        return list
    }

    /// Items that calls of these operations have.
    static func itemNames(_ operations: [Operation]) -> [String] {
        var names: Set<String> = ["path", "address", "port", "object", "program"]
        for row in SpecTables.calls where row.operations.contains(where: operations.contains) {
            for argument in row.argumentRows where !argument.item.isEmpty {
                names.insert(argument.item)
                guard argument.type.kind == .structure else { continue }
                let structure = SpecTables.structures[Int(argument.type.table)]
                let first = Int(structure.firstField)
                for field in SpecTables.fields[first..<first + Int(structure.fieldCount)] { names.insert(field.name) }
            }
            for index in Int(row.firstConstant)..<Int(row.firstConstant) + Int(row.constantCount) {
                names.insert(SpecTables.constants[index].item)
            }
        }
        return names.sorted()
    }

    private mutating func predicate(_ node: Node) -> Predicate? {
        switch node.content {
        case .scalar(let text, _): return .equals(Self.operand(text))
        case .sequence(let list):
            var each: [Predicate] = []
            for node in list { if let one = predicate(node) { each.append(one) } }
            return .any(each)
        case .mapping(let pairs):
            let fields = entries(pairs, among: ["from", "to", "has", "all", "lacks", "not"], "condition")
            var each: [Predicate] = []
            if fields["from"] != nil || fields["to"] != nil {
                let low = bound(fields["from"], .min)
                let high = bound(fields["to"], .max)
                each.append(.range(low, high))
            }
            if let node = fields["has"] { each.append(.has(operands(node))) }
            if let node = fields["all"] { each.append(.all(operands(node))) }
            if let node = fields["lacks"] { each.append(.lacks(operands(node))) }
            if let node = fields["not"], let inner = predicate(node) { each.append(.not(inner)) }
            guard each.count == 1 else {
                fail(node, "expected one condition: a value, a list, or {from, to}, {has}, {all}, {lacks}, {not}")
                return nil
            }
            return each[0]
        }
    }

    private mutating func operands(_ node: Node) -> [Operand] { list(node).compactMap { $0.text.map(Self.operand) } }

    private mutating func bound(_ node: Node?, _ otherwise: Int64) -> Int64 {
        guard let node else { return otherwise }
        if case .number(let bits)? = node.text.map(Self.operand) { return Int64(bitPattern: bits) }
        fail(node, "expected a number")
        return otherwise
    }

    /// A number as C writes it, else a word.
    static func operand(_ text: String) -> Operand {
        let isNegative = text.hasPrefix("-")
        let digits = isNegative ? String(text.dropFirst()) : text
        var value: UInt64?
        if digits.hasPrefix("0x") {
            value = UInt64(digits.dropFirst(2), radix: 16)
        } else if digits.hasPrefix("0o") || (digits.hasPrefix("0") && digits.count > 1) {
            value = UInt64(digits.dropFirst(digits.hasPrefix("0o") ? 2 : 1), radix: 8)
        } else if digits.utf8.first.map({ $0 >= 48 && $0 <= 57 }) ?? false {
            value = UInt64(digits)
        }
        return value.map { .number(isNegative ? 0 &- $0 : $0) } ?? .text(text)
    }

    // MARK: Contradictions

    /// Two rules that give the same item of the same message another value, with no way to tell which is meant.
    mutating func checkContradictions() {
        for (index, rule) in layer.rules.enumerated() {
            for other in layer.rules[..<index] {
                guard let (mine, theirs) = rule.contradicts(other) else { continue }
                diagnostics.append(
                    Diagnostic(
                        severity: .error, line: mine.line,
                        message:
                            "`\(mine.item)` is `\(theirs.value)` in line \(theirs.line.line) and `\(mine.value)` here, for the same messages",
                        hint: "make one `where` exclude the other"))
            }
        }
    }
}

extension Rule {
    /// The changes that cannot both be made; nil where no message can meet both rules.
    func contradicts(_ other: Rule) -> (Change, Change)? {
        guard operations.contains(where: other.operations.contains) else { return nil }
        let pairs: ([Change], [Change])
        switch (verdict, other.verdict) {
        case (.rewrite(let mine), .rewrite(let theirs)), (.reply(let mine), .reply(let theirs)): pairs = (mine, theirs)
        default: return nil
        }
        for mine in pairs.0 {
            guard let theirs = pairs.1.first(where: { $0.item == mine.item && $0.value != mine.value }) else {
                continue
            }
            if excludes(other) { return nil }
            return (mine, theirs)
        }
        return nil
    }

    /// Some condition of both is about the same thing, and no value satisfies both.
    private func excludes(_ other: Rule) -> Bool {
        conditions.contains { mine in other.conditions.contains { mine.excludes($0) } }
    }
}

extension Condition {
    fileprivate func excludes(_ other: Condition) -> Bool {
        switch (subject, other.subject) {
        case (.path(let role, let one, false), .path(let otherRole, let two, false)):
            return role == otherRole && one.isLiteral && two.isLiteral && one != two
        case (.program(let one, false), .program(let two, false)): return one.isLiteral && two.isLiteral && one != two
        case (.item(let one), .item(let two)): return one == two && predicate.excludes(other.predicate)
        case (.port, .port): return predicate.excludes(other.predicate)
        case (.objectKind(let one), .objectKind(let two)): return one != two
        default: return false
        }
    }
}

extension Predicate {
    fileprivate func excludes(_ other: Predicate) -> Bool {
        switch (self, other) {
        case (.equals(.number(let one)), .equals(.number(let two))): one != two
        case (.equals(.text(let one)), .equals(.text(let two))): one != two && !one.contains("*") && !two.contains("*")
        case (.range(_, let high), .range(let low, _)) where high < low: true
        case (.range(let low, _), .range(_, let high)) where high < low: true
        case (.equals(.number(let one)), .range(let low, let high)),
            (.range(let low, let high), .equals(.number(let one))):
            !(low...high).contains(Int64(bitPattern: one))
        case (.any(let list), let two): list.allSatisfy { $0.excludes(two) }
        case (let one, .any(let list)): list.allSatisfy { one.excludes($0) }
        default: false
        }
    }
}
