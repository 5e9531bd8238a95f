// Rights in the spec: what may be done through a handle, what each operation needs, and what is refused unless named.

import Foundation

struct RightSpec {
    let name: String
    let kind: String
}

/// A group of rights that policies name, or a handle that every process is born with.
struct GroupSpec {
    let name: String
    let place: Place
    var title = ""
    /// Rights, and groups that were declared before.
    var members: [String] = []
}

/// A condition on one item: `flags has O_CREAT|O_TMPFILE`, `mode&0o170000 is 0o40000`, `pos` alone:
/// it is there, or `times named`: the call has such an argument, NULL or not.
struct TestSpec {
    let item: String
    let mask: UInt64?
    let kind: String
    let values: [String]

    init(_ words: [String], _ place: Place) throws {
        let subject = words[0].split(separator: "&").map(String.init)
        item = subject[0]
        mask = subject.count == 2 ? parseNumber(subject[1]) : nil
        if subject.count > 2 || (subject.count == 2 && mask == nil) { throw place.fail("bad mask `\(words[0])`") }
        if words.count == 1 {
            (kind, values) = ("present", [])
            return
        }
        if words.count == 2, words[1] == "named" {
            (kind, values) = ("named", [])
            return
        }
        guard words.count == 3, ["is", "isnt", "has", "lacks"].contains(words[1]) else {
            throw place.fail("expected `ITEM`, or `ITEM is|isnt|has|lacks VALUE|VALUE`")
        }
        kind = words[1]
        values = words[2].split(separator: "|").map(String.init)
    }

    var code: String {
        let maskText = mask.map { "0x" + String($0, radix: 16) } ?? ".max"
        let list = values.map { value in
            parseNumber(value).map { ".number(0x\(String($0, radix: 16)))" } ?? ".name(\(quoted(value)))"
        }
        return "ItemTest(\(quoted(item)), \(maskText), .\(kind), [\(list.joined(separator: ", "))])"
    }
}

/// Cuts the keyword and ` if TEST and TEST` off a line.
func splitTests(_ line: Line) throws -> (text: String, tests: [TestSpec]) {
    guard let range = line.rest.range(of: " if ") else { return (line.rest, []) }
    let conditions = line.rest[range.upperBound...].components(separatedBy: " and ")
    let tests = try conditions.map {
        try TestSpec($0.split(separator: " ").map(String.init), line.place)
    }
    return (String(line.rest[..<range.lowerBound]), tests)
}

private func code(_ tests: [TestSpec]) -> String { "[" + tests.map(\.code).joined(separator: ", ") + "]" }

/// `needs ROLE RIGHT [if TEST and TEST]`: what the handle in a role must hold.
struct NeedSpec {
    let place: Place
    let role: String
    let right: String
    let tests: [TestSpec]

    init(_ line: Line) throws {
        place = line.place
        let (text, tests) = try splitTests(line)
        let words = text.split(separator: " ").map(String.init)
        guard words.count == 2 else { throw place.fail("expected `needs ROLE RIGHT [if …]`") }
        (role, right) = (words[0], words[1])
        self.tests = tests
    }
}

/// `refuse [NAME] ERRNO|stub [if TEST and TEST] because REASON`: what is refused unless a policy names it.
struct RefusalSpec {
    let name: String
    let verdict: String
    let reason: String
    let tests: [TestSpec]

    init(_ line: Line) throws {
        guard let because = line.text.range(of: " because ") else {
            throw line.place.fail("expected `refuse [NAME] ERRNO [if …] because REASON`")
        }
        reason = String(line.text[because.upperBound...])
        let front = String(line.text[..<because.lowerBound])
        let words = front.split(separator: " ").map(String.init)
        let (text, tests) = try splitTests(Line(place: line.place, words: words, text: front))
        let parts = text.split(separator: " ").map(String.init)
        guard (1...2).contains(parts.count) else {
            throw line.place.fail("expected `refuse [NAME] ERRNO [if …] because REASON`")
        }
        name = parts.count == 2 ? parts[0] : ""
        verdict = parts[parts.count - 1]
        self.tests = tests
    }
}

extension Spec {
    mutating func addRight(_ block: Block) throws {
        guard block.head.words.count == 3, block.body.isEmpty else {
            throw block.head.place.fail("expected `right NAME KIND`")
        }
        rights.append(RightSpec(name: block.head.words[1], kind: block.head.words[2]))
    }

    func group(_ block: Block) throws -> GroupSpec {
        var row = GroupSpec(name: block.head.words[1], place: block.head.place)
        for line in block.body {
            switch line.keyword {
            case "title": row.title = line.rest
            case "rights": row.members = line.words.dropFirst().map { $0 }
            default: throw line.place.fail("unknown line `\(line.keyword)` in a group")
            }
        }
        return row
    }

    /// The rights of a group, groups in it opened up.
    private func expand(_ group: GroupSpec) throws -> [String] {
        try group.members.flatMap { member in
            if rights.contains(where: { $0.name == member }) { return [member] }
            guard let inner = groups.first(where: { $0.name == member }), inner.name != group.name else {
                throw group.place.fail("no right or group `\(member)`")
            }
            return try expand(inner)
        }
    }
}

extension Tables {
    func rightsFile() throws -> String {
        var text = header
        text += enumeration(
            "Right", "UInt8", "One thing that may be done through a handle.", spec.rights.map { caseName($0.name) })
        text += "\nextension Right {\n    public var name: String { Right.names[Int(rawValue)] }\n\n"
        text += strings("names", spec.rights.map(\.name)) + "}\n\nextension Rights {\n"
        for right in spec.rights {
            text += "    public static let \(caseName(right.name)) = Rights(.\(caseName(right.name)))\n"
        }
        text += "}\n"
        text += enumeration(
            "RightsGroup", "UInt8", "Rights under one name, as policies write them.",
            spec.groups.map { caseName($0.name) })
        text += try groupMembers("RightsGroup", spec.groups)
        text += enumeration(
            "Ambient", "UInt8", "A handle that every Linux process is born with.",
            spec.ambients.map { caseName($0.name) })
        text += try groupMembers("Ambient", spec.ambients)
        text += enumeration(
            "HandleRole", "UInt8", "What a handle is to an operation.", roles.map(caseName))
        text += "\nextension HandleRole {\n    public var name: String { HandleRole.names[Int(rawValue)] }\n\n"
        text += strings("names", roles) + "}\n"
        return text + (try operationRights())
    }

    /// Roles in the order that the spec first needs them.
    private var roles: [String] {
        var list: [String] = []
        for need in spec.operations.flatMap(\.needs) where !list.contains(need.role) { list.append(need.role) }
        return list
    }

    private func groupMembers(_ type: String, _ groups: [GroupSpec]) throws -> String {
        var text = "\nextension \(type) {\n    public var name: String { \(type).names[Int(rawValue)] }\n"
        text += "    public var title: String { \(type).titles[Int(rawValue)] }\n"
        text += "    public var rights: Rights { \(type).rightSets[Int(rawValue)] }\n\n"
        text += strings("names", groups.map(\.name)) + "\n" + strings("titles", groups.map(\.title))
        text += "\n    private static let rightSets: [Rights] = [\n"
        for group in groups {
            let members = try spec.expandedRights(group).map { "." + caseName($0) }
            text += "        [" + members.joined(separator: ", ") + "],\n"
        }
        return text + "    ]\n}\n"
    }

    private func operationRights() throws -> String {
        var needs: [String] = []
        var needRanges: [String] = []
        var refusals: [String] = []
        var refusalRanges: [String] = []
        var never: [String] = []
        for operation in spec.operations {
            needRanges.append("(\(needs.count), \(operation.needs.count))")
            for need in operation.needs {
                guard spec.rights.contains(where: { $0.name == need.right }) else {
                    throw need.place.fail("unknown right `\(need.right)`")
                }
                needs.append("NeedRow(.\(caseName(need.role)), .\(caseName(need.right)), \(code(need.tests)))")
            }
            refusalRanges.append("(\(refusals.count), \(operation.refusals.count))")
            for refusal in operation.refusals {
                let name = operation.name + (refusal.name.isEmpty ? "" : "." + refusal.name)
                refusals.append(
                    "RefusalRow(\(quoted(name)), \(quoted(refusal.verdict)), \(quoted(refusal.reason)), "
                        + "\(code(refusal.tests)))")
            }
            if !operation.neverReason.isEmpty {
                never.append(
                    "NeverRow(.\(caseName(operation.name)), \(quoted(operation.neverReason)), "
                        + "\(code(operation.neverTests)))")
            }
        }
        var text = table("needs", "NeedRow", needs, in: "extension SpecTables")
        text += table("refusals", "RefusalRow", refusals, in: "extension SpecTables")
        text += table("neverRefused", "NeverRow", never, in: "extension SpecTables")
        text += "\nextension SpecTables {\n    /// Per operation: where its needs start, and how many there are.\n"
        text += "    static let needRanges: [(first: Int, count: Int)] = [\n"
        text += wrapped(needRanges, indent: "        ") + "    ]\n\n"
        text += "    static let refusalRanges: [(first: Int, count: Int)] = [\n"
        return text + wrapped(refusalRanges, indent: "        ") + "    ]\n}\n"
    }
}

extension Spec {
    func expandedRights(_ group: GroupSpec) throws -> [String] {
        var seen: Set<String> = []
        return try expand(group).filter { seen.insert($0).inserted }
    }
}
