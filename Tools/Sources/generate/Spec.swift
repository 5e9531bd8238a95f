// The spec as it is written: indented lines, grouped under their heads.

import Foundation

/// What is wrong with the spec, and where.
struct SpecError: Error, CustomStringConvertible {
    let place: Place
    let message: String

    var description: String { "\(place): \(message)" }
}

struct Place: CustomStringConvertible {
    let file: String
    let line: Int

    var description: String { "\(file):\(line)" }

    func fail(_ message: String) -> SpecError { SpecError(place: self, message: message) }
}

/// A line as words.
struct Line {
    let place: Place
    let words: [String]
    let text: String

    var keyword: String { words[0] }

    /// Everything after the first word.
    var rest: String {
        String(text.dropFirst(words[0].count)).trimmingCharacters(in: .whitespaces)
    }
}

/// A line at the margin and the indented ones under it.
struct Block {
    let head: Line
    var body: [Line] = []
}

func readBlocks(of text: String, file: String) throws -> [Block] {
    var blocks: [Block] = []
    for (index, raw) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
        let place = Place(file: file, line: index + 1)
        var line = String(raw)
        if line.contains("\t") { throw place.fail("tabs are not used; indent with two spaces") }
        if let comment = line.range(of: "(^|\\s)#.*$", options: .regularExpression) {
            line.removeSubrange(comment)
        }
        let trimmed = line.trimmingCharacters(in: .whitespaces)
        if trimmed.isEmpty { continue }
        let words = trimmed.split(separator: " ").map(String.init)
        let parsed = Line(place: place, words: words, text: trimmed)
        if line.hasPrefix(" ") {
            guard !blocks.isEmpty else { throw place.fail("an indented line without a head") }
            blocks[blocks.count - 1].body.append(parsed)
        } else {
            blocks.append(Block(head: parsed))
        }
    }
    return blocks
}

// What the blocks declare.

struct ClassSpec {
    let name: String
    var title = ""
}

struct OperationSpec {
    let name: String
    let place: Place
    var summary = ""
    var items = ""
    var needs: [NeedSpec] = []
    var refusals: [RefusalSpec] = []
    /// Why it is never refused, empty where it may be, and when.
    var neverReason = ""
    var neverTests: [TestSpec] = []
}

struct SymbolSpec {
    let name: String
    let value: UInt64
    let mask: UInt64
    /// The type of what the symbol selects, empty for none: an option's value, an attribute's payload.
    let type: String
    let place: Place
}

struct SymbolSetSpec {
    let name: String
    let place: Place
    let isFlags: Bool
    let unknown: String
    /// Several names of one number all stand for it.
    var isAlternative = false
    var symbols: [SymbolSpec] = []

    static let none = SymbolSetSpec(name: "", place: Place(file: "", line: 0), isFlags: false, unknown: "")
}

struct FieldSpec {
    let place: Place
    let name: String
    let item: String
    var direction: String
    let type: String
    let condition: String?
    var isHidden = false
    var isDetail = false
    var isOptional = false
    /// The elements of an array that another field counts lie in the struct itself.
    var isInline = false
    var offset: Int?
    var register = 0
}

struct StructureSpec {
    let name: String
    let place: Place
    let personality: String?
    var isPacked = false
    var isWide = false
    /// What the kernel answers shows beside what went in, not among it.
    var isApart = false
    /// The size of its first version: the kernel takes no less.
    var minimum = 0
    var operations: [ChoiceSpec] = []
    var fields: [FieldSpec] = []
}

struct ChoiceSpec {
    let place: Place
    let name: String
    let value: String
    let condition: String?
}

/// What follows a command, per command.
struct SelectionSpec {
    let name: String
    let place: Place
    /// The set that names the commands.
    let set: String
    var shift = 0
    var cases: [(command: String, columns: [FieldSpec], place: Place)] = []
}

struct CallSpec {
    let name: String
    let place: Place
    let isVariant: Bool
    var number64: Int?
    var number32: Int?
    /// The numbers that calls of i386 carry it by.
    var carried: [String: Int] = [:]
    var since = ""
    var operations: [ChoiceSpec] = []
    var constants: [ChoiceSpec] = []
    var arguments: [FieldSpec] = []
    var resultType = "signed"
    var resultItem = ""
    var caseLines: [Line] = []
}

struct Spec {
    var classes: [ClassSpec] = []
    var operations: [OperationSpec] = []
    var sets: [SymbolSetSpec] = []
    var structures: [StructureSpec] = []
    var selections: [SelectionSpec] = []
    var calls: [CallSpec] = []
    var rights: [RightSpec] = []
    var groups: [GroupSpec] = []
    var ambients: [GroupSpec] = []
}

/// A number as C writes it, with `0o` for octal.
func parseNumber(_ text: String) -> UInt64? {
    if text.hasPrefix("-") {
        guard let value = Int32(text) else { return nil }
        return UInt64(UInt32(bitPattern: value))
    }
    if text.hasPrefix("0x") { return UInt64(text.dropFirst(2), radix: 16) }
    if text.hasPrefix("0o") { return UInt64(text.dropFirst(2), radix: 8) }
    return UInt64(text)
}

/// Cuts ` if …` off the end of a line's text.
private func splitCondition(_ text: String) -> (String, String?) {
    guard let range = text.range(of: " if ") else { return (text, nil) }
    return (String(text[..<range.lowerBound]), String(text[range.upperBound...]))
}

private func words(of text: String) -> [String] { text.split(separator: " ").map(String.init) }

extension Spec {
    mutating func add(_ block: Block) throws {
        let head = block.head
        guard head.words.count >= 2 else { throw head.place.fail("`\(head.keyword)` without a name") }
        switch head.keyword {
        case "class": try addClass(block)
        case "operation": try addOperation(block)
        case "flags", "enum": try addSet(block)
        case "struct": try addStructure(block)
        case "select": try addSelection(block)
        case "call": try addCall(block)
        case "right": try addRight(block)
        case "group": groups.append(try group(block))
        case "ambient": ambients.append(try group(block))
        case "origin", "personality": break
        default: throw head.place.fail("unknown declaration `\(head.keyword)`")
        }
    }

    private mutating func addClass(_ block: Block) throws {
        var row = ClassSpec(name: block.head.words[1])
        for line in block.body where line.keyword != "origin" {
            guard line.keyword == "title" else { throw line.place.fail("unknown line `\(line.keyword)` in a class") }
            row.title = line.rest
        }
        classes.append(row)
    }

    private mutating func addOperation(_ block: Block) throws {
        var row = OperationSpec(name: block.head.words[1], place: block.head.place)
        for line in block.body {
            switch line.keyword {
            case "does": row.summary = line.rest
            case "items": row.items = line.rest
            case "needs": row.needs.append(try NeedSpec(line))
            case "refuse": row.refusals.append(try RefusalSpec(line))
            case "never":
                let (reason, tests) = try splitTests(line)
                row.neverReason = reason
                row.neverTests = tests
            case "origin": break
            default: throw line.place.fail("unknown line `\(line.keyword)` in an operation")
            }
        }
        operations.append(row)
    }

    private mutating func addSet(_ block: Block) throws {
        let head = block.head
        let isAlternative = head.words.last == "alternatives" && head.keyword == "enum"
        guard head.words.count == (isAlternative ? 5 : 4), head.words[2] == "unknown" else {
            throw head.place.fail("expected `\(head.keyword) NAME unknown PLACEHOLDER [alternatives]`")
        }
        var row = SymbolSetSpec(
            name: head.words[1], place: head.place, isFlags: head.keyword == "flags",
            unknown: head.words[3] == "-" ? "" : head.words[3], isAlternative: isAlternative)
        var seen: Set<String> = []
        for line in block.body where line.keyword != "origin" {
            var words = line.words
            // A shifted name is one with spaces.
            if words.count > 3, words[1] == "<<" {
                words.replaceSubrange(0...2, with: [words[0...2].joined(separator: " ")])
            }
            let count = words.firstIndex(of: "--") ?? words.count
            guard (2...3).contains(count) else {
                throw line.place.fail("expected `NAME VALUE[/MASK] [TYPE] [-- MEANING]`")
            }
            let parts = words[1].split(separator: "/").map(String.init)
            guard let value = parseNumber(parts[0]), parts.count < 3 else {
                throw line.place.fail("bad value `\(words[1])`")
            }
            var mask: UInt64 = 0
            if parts.count == 2 {
                guard let given = parseNumber(parts[1]) else { throw line.place.fail("bad mask `\(parts[1])`") }
                mask = given
            }
            guard seen.insert(words[0]).inserted else { throw line.place.fail("`\(words[0])` is there twice") }
            let name = words[0] == "-" ? "" : words[0]
            row.symbols.append(
                SymbolSpec(
                    name: name, value: value, mask: mask, type: count == 3 ? words[2] : "",
                    place: line.place))
        }
        if isAlternative {
            let order = row.symbols.enumerated().sorted {
                ($0.element.value, $0.offset) < ($1.element.value, $1.offset)
            }
            row.symbols = order.map(\.element)
        }
        sets.append(row)
    }

    private mutating func addStructure(_ block: Block) throws {
        let options = block.head.words.dropFirst(2)
        let personality = options.first { $0 == "i386" || $0 == "x86_64" }
        var row = StructureSpec(name: block.head.words[1], place: block.head.place, personality: personality)
        for option in options where option != personality {
            switch option {
            case "packed": row.isPacked = true
            case "wide": row.isWide = true
            case "apart": row.isApart = true
            case let option where option.hasPrefix("minimum="):
                guard let size = Int(option.dropFirst("minimum=".count)) else { fallthrough }
                row.minimum = size
            default: throw block.head.place.fail("unknown option `\(option)`")
            }
        }
        var slots = 0
        for line in block.body where line.keyword != "origin" {
            let (text, condition) = splitCondition(line.text)
            var parts = words(of: text)
            if parts[0] == "operation", parts.count == 2 {
                row.operations.append(
                    ChoiceSpec(place: line.place, name: parts[1], value: "", condition: condition))
                continue
            }
            let sharesSlot = parts[0] == "or"
            if sharesSlot { parts.removeFirst() } else { slots += 1 }
            guard parts.count >= 2, slots > 0 else { throw line.place.fail("expected `[or] NAME TYPE`") }
            var item = ""
            if parts.count >= 4, parts[2] == "as" {
                item = parts[3]
                parts.removeSubrange(2...3)
            }
            var field = FieldSpec(
                place: line.place, name: parts[0], item: item, direction: "in", type: parts[1],
                condition: condition, register: slots)
            for option in parts.dropFirst(2) {
                if option == "hidden" {
                    field.isHidden = true
                } else if option == "detail" {
                    field.isDetail = true
                } else if option == "optional" {
                    field.isOptional = true
                } else if option == "inline" {
                    field.isInline = true
                } else if option == "out" || option == "inout" {
                    field.direction = option
                } else if option.hasPrefix("@"), let offset = Int(option.dropFirst()) {
                    field.offset = offset
                } else {
                    throw line.place.fail("unknown option `\(option)`")
                }
            }
            row.fields.append(field)
        }
        structures.append(row)
    }

    private mutating func addSelection(_ block: Block) throws {
        let words = block.head.words
        guard words.count == 4 || words.count == 6, words[2] == "by" else {
            throw block.head.place.fail("expected `select NAME by SET [shift BITS]`")
        }
        var row = SelectionSpec(name: words[1], place: block.head.place, set: words[3])
        if words.count == 6 {
            guard words[4] == "shift", let shift = Int(words[5]) else {
                throw block.head.place.fail("expected `shift BITS`")
            }
            row.shift = shift
        }
        for line in block.body {
            var columns: [FieldSpec] = []
            var direction = "in"
            for word in line.words.dropFirst() where word != "-" {
                if ["in", "out", "inout"].contains(word) {
                    direction = word
                    continue
                }
                columns.append(
                    FieldSpec(place: line.place, name: "", item: "", direction: direction, type: word, condition: nil))
                direction = "in"
            }
            for command in line.words[0].split(separator: "|") {
                row.cases.append((String(command), columns, line.place))
            }
        }
        selections.append(row)
    }

    private mutating func addCall(_ block: Block) throws {
        let head = block.head
        let isVariant = head.words.count == 3 && head.words[2] == "i386"
        guard head.words.count == 2 || isVariant else {
            throw head.place.fail("expected `call NAME` or `call NAME i386`")
        }
        var row = CallSpec(name: head.words[1], place: head.place, isVariant: isVariant)
        var registers = 0
        for line in block.body {
            let (text, condition) = splitCondition(line.rest)
            let parts = words(of: text)
            switch line.keyword {
            case "number":
                guard parts.count == 2, let number = Int(parts[1]) else {
                    throw line.place.fail("expected `number PERSONALITY NUMBER`")
                }
                switch parts[0] {
                case "x86_64": row.number64 = number
                case "i386": row.number32 = number
                case "socketcall", "ipc": row.carried[parts[0]] = number
                default: throw line.place.fail("unknown personality `\(parts[0])`")
                }
            case "since": if parts.count == 1 { row.since = line.rest }
            case "until", "origin", "manual", "note": break
            case "case": row.caseLines.append(line)
            case "operation":
                guard parts.count == 1 else { throw line.place.fail("expected `operation CLASS.NAME`") }
                row.operations.append(
                    ChoiceSpec(place: line.place, name: parts[0], value: "", condition: condition))
            case "constant":
                guard parts.count == 2 else { throw line.place.fail("expected `constant ITEM VALUE`") }
                row.constants.append(
                    ChoiceSpec(place: line.place, name: parts[0], value: parts[1], condition: condition))
            case "arg":
                registers += 1
                try row.arguments.append(argument(parts, condition, registers - 1, line.place))
            case "or":
                guard registers > 0 else { throw line.place.fail("`or` without an argument before it") }
                try row.arguments.append(argument(parts, condition, registers - 1, line.place))
            case "returns":
                guard (1...2).contains(parts.count) else { throw line.place.fail("expected `returns TYPE [ITEM]`") }
                row.resultType = parts[0] == "none" ? "signed" : parts[0]
                row.resultItem = parts.count == 2 ? parts[1] : ""
            default: throw line.place.fail("unknown line `\(line.keyword)` in a call")
            }
        }
        guard registers <= 6 else { throw head.place.fail("more than six arguments") }
        calls.append(row)
    }

    private func argument(
        _ given: [String], _ condition: String?, _ register: Int, _ place: Place
    ) throws -> FieldSpec {
        var parts = given
        let isHidden = parts.last == "hidden"
        if isHidden { parts.removeLast() }
        guard parts.count == 3 || parts.count == 4 else {
            throw place.fail("expected `arg NAME ITEM [out|inout] TYPE`")
        }
        let direction = parts.count == 4 ? parts[2] : "in"
        guard ["in", "out", "inout"].contains(direction) else {
            throw place.fail("unknown direction `\(direction)`")
        }
        return FieldSpec(
            place: place, name: parts[0], item: parts[1] == "-" ? "" : parts[1], direction: direction,
            type: parts[parts.count - 1], condition: condition, isHidden: isHidden, register: register)
    }
}
