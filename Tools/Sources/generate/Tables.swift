// From the spec to rows: names become indices, layouts become offsets.

import Foundation

/// A Swift name for a name of the spec: `file.stat_get` is `fileStatGet`.
func camelCase(_ name: String) -> String {
    let parts = name.split { $0 == "." || $0 == "_" }.map(String.init)
    guard let first = parts.first else { return name }
    return parts.dropFirst().reduce(first) { $0 + $1.prefix(1).uppercased() + $1.dropFirst() }
}

private let keywords: Set<String> = [
    "break", "case", "catch", "class", "continue", "default", "defer", "do", "else", "enum", "extension", "false",
    "for", "func", "if", "import", "in", "init", "inout", "internal", "is", "let", "nil", "operator", "private",
    "protocol", "public", "repeat", "return", "self", "static", "struct", "subscript", "super", "switch", "throw",
    "true", "try", "var", "where", "while",
]

func caseName(_ name: String) -> String {
    let camel = camelCase(name)
    if camel == "self" { return "selfProcess" }
    return keywords.contains(camel) ? "`\(camel)`" : camel
}

func quoted(_ text: String) -> String {
    "\"" + text.replacingOccurrences(of: "\\", with: "\\\\").replacingOccurrences(of: "\"", with: "\\\"") + "\""
}

/// The kinds that are always there, whether the spec uses them or not.
let standardCustoms = [
    "iovec", "iovecOut", "strings", "environment", "sockaddr", "sockaddrOut", "message", "messageOut", "messages",
    "waitStatus", "cloneFlags", "cloneArguments", "ioctlRequest", "ioctlArgument",
    "futexOperation", "pollfd", "fdSet", "sigaction", "sigactionOut", "siginfo", "siginfoIn", "directoryEntries",
    "directoryEntriesOld", "epollEvents", "epollEvent", "socketOption", "sockoptValue",
    "sockoptValueOut", "sigsetOut", "fdPair", "timevalPair", "timespecPair",
]

private let directions = ["in": "entry", "out": "exit", "inout": "both"]

/// Everything that the files are written from.
struct Tables {
    let spec: Spec
    var names = Names()
    var customs: [String] = []
    var callNames: [String] = []
    /// The rows of all structs: as declared, then the variants for i386.
    var structures: [(spec: StructureSpec, id: String)] = []
    var structureFor32: [Int] = []
    var structureRows: [String] = []
    var fieldRows: [String] = []
    var callRows: [String] = []
    var argumentRows: [String] = []
    var conditionRows: [String] = []
    var choiceRows: [String] = []
    var constantRows: [String] = []
    var selectionRows: [String] = []
    var selectionCaseRows: [String] = []
    var selectedRows: [String] = []
    var numbers64: [Int: Int] = [:]
    var numbers32: [Int: Int] = [:]
    /// The rows that calls of i386 carry, by carrier and number.
    var carriedNumbers: [String: [Int: Int]] = ["socketcall": [:], "ipc": [:]]

    /// The types that symbols select, each once.
    var symbolTypeRows: [String] = []
    /// From the place of a symbol in its set to its type, by set.
    var symbolTypes: [[Int]] = []

    private var operations: Set<String> = []
    private var conditionIndex: [String: Int] = [:]

    init(_ spec: Spec) throws {
        self.spec = spec
        try index()
        try layOut()
        for selection in spec.selections { try add(selection) }
        for call in spec.calls { try add(call) }
        for set in spec.sets { symbolTypes.append(try set.symbols.map { try symbolType($0) }) }
    }

    /// The index of the row of what a symbol selects, -1 for nothing.
    private mutating func symbolType(_ symbol: SymbolSpec) throws -> Int {
        guard !symbol.type.isEmpty else { return -1 }
        let row = try TypeReader(names: names, siblings: [], place: symbol.place).read(symbol.type).code
        if let known = symbolTypeRows.firstIndex(of: row) { return known }
        symbolTypeRows.append(row)
        return symbolTypeRows.count - 1
    }

    // MARK: Names

    private mutating func index() throws {
        var cases: Set<String> = []
        for operation in spec.operations {
            guard let dot = operation.name.firstIndex(of: "."),
                spec.classes.contains(where: { $0.name == operation.name[..<dot] })
            else { throw operation.place.fail("no class for operation `\(operation.name)`") }
            guard operations.insert(operation.name).inserted else {
                throw operation.place.fail("operation `\(operation.name)` is there twice")
            }
        }
        for (position, set) in spec.sets.enumerated() {
            guard cases.insert(camelCase(set.name)).inserted else {
                throw set.place.fail("set `\(set.name)` is there twice")
            }
            names.sets[set.name] = position
        }
        for (position, selection) in spec.selections.enumerated() {
            guard names.selections.updateValue(position, forKey: selection.name) == nil else {
                throw selection.place.fail("selection `\(selection.name)` is there twice")
            }
        }
        try indexStructures()
        indexCustoms()
        var seen: Set<String> = []
        for call in spec.calls {
            let key = call.name + (call.isVariant ? " i386" : "")
            guard seen.insert(key).inserted else { throw call.place.fail("call `\(key)` is there twice") }
            if !callNames.contains(call.name) { callNames.append(call.name) }
        }
        for name in Dictionary(grouping: callNames, by: camelCase).values where name.count > 1 {
            throw SpecError(
                place: Place(file: "Spec", line: 0), message: "one Swift name for \(name.joined(separator: ", "))")
        }
    }

    private mutating func indexStructures() throws {
        for structure in spec.structures where structure.personality != "i386" {
            guard names.structures[structure.name] == nil else {
                throw structure.place.fail("struct `\(structure.name)` is there twice")
            }
            names.structures[structure.name] = structures.count
            structures.append((structure, structure.name))
        }
        structureFor32 = Array(structures.indices)
        for structure in spec.structures where structure.personality == "i386" {
            let own = structures.count
            if let base = names.structures[structure.name] {
                structureFor32[base] = own
                structures.append((structure, structure.name + "_i386"))
            } else {
                names.structures[structure.name] = own
                structures.append((structure, structure.name))
            }
            structureFor32.append(own)
        }
    }

    private mutating func indexCustoms() {
        customs = standardCustoms
        var used: [String] = spec.calls.flatMap { $0.arguments.map(\.type) + [$0.resultType] }
        used += spec.structures.flatMap { $0.fields.map(\.type) }
        for selection in spec.selections { used += selection.cases.flatMap { $0.columns.map(\.type) } }
        for set in spec.sets { used += set.symbols.map(\.type) }
        for type in used {
            guard let range = type.range(of: "custom:[A-Za-z0-9]+", options: .regularExpression) else { continue }
            let name = String(type[range].dropFirst("custom:".count))
            if !customs.contains(name) { customs.append(name) }
        }
        for (position, name) in customs.enumerated() { names.customs[name] = position }
    }

    // MARK: Structs

    private mutating func layOut() throws {
        var layout64 = Layout(word: 8)
        var layout32 = Layout(word: 4)
        for (position, (structure, id)) in structures.enumerated() {
            let siblings = structure.fields.enumerated().map { (name: $1.name, place: $0, isNarrow: false) }
            let types = try structure.fields.map { field in
                try TypeReader(names: names, siblings: siblings, place: field.place).read(field.type)
            }
            layout64.isWide = structure.isWide
            layout32.isWide = structure.isWide
            let (offsets64, size64, align64) = try offsets(structure, types, layout64)
            let (offsets32, size32, align32) = try offsets(structure, types, layout32)
            layout64.structures[position] = (size64, align64)
            layout32.structures[position] = (size32, align32)
            if structureFor32[position] == position {
                for base in structureFor32.indices where structureFor32[base] == position && base != position {
                    layout32.structures[base] = (size32, align32)
                }
            }
            let first = fieldRows.count
            for (index, field) in structure.fields.enumerated() {
                let direction = directions[field.direction] ?? "entry"
                var row = "ArgumentRow(\(quoted(field.name)), \(quoted(field.item)), "
                row += ".\(direction), \(types[index].code)"
                let condition = try condition(field.condition, about: structure.fields, siblings, field.place)
                if condition >= 0 { row += ", condition: \(condition)" }
                row += ", register: \(field.register)"
                if offsets64[index] != 0 { row += ", offset64: \(offsets64[index])" }
                if offsets32[index] != 0 { row += ", offset32: \(offsets32[index])" }
                if field.isDetail { row += ", isDetail: true" }
                if field.isHidden { row += ", isHidden: true" }
                if field.isOptional { row += ", isOptional: true" }
                if field.isInline { row += ", isInline: true" }
                fieldRows.append(row + ")")
            }
            let choices = try choices(of: structure)
            let options =
                (structure.isWide ? ", isWide: true" : "")
                + (structure.isApart ? ", isApart: true" : "")
                + (structure.minimum > 0 ? ", minimum: \(structure.minimum)" : "")
            structureRows.append(
                "StructureRow(\(quoted(id)), fields: (\(first), \(structure.fields.count)), "
                    + "size64: \(size64), size32: \(size32)\(options)\(choices))")
        }
    }

    /// The operations that a struct asks for, as the argument of its row.
    private mutating func choices(of structure: StructureSpec) throws -> String {
        let first = choiceRows.count
        let siblings = structure.fields.enumerated().map { (name: $1.name, place: $0, isNarrow: false) }
        for choice in structure.operations {
            guard operations.contains(choice.name) else {
                throw choice.place.fail("unknown operation `\(choice.name)`")
            }
            let condition = try condition(choice.condition, about: structure.fields, siblings, choice.place)
            choiceRows.append("ChoiceRow(condition: \(condition), operation: .\(caseName(choice.name)))")
        }
        return first == choiceRows.count ? "" : ", choices: (\(first), \(choiceRows.count - first))"
    }

    private func offsets(
        _ structure: StructureSpec, _ types: [TypeSpec], _ layout: Layout
    ) throws -> (offsets: [Int], size: Int, alignment: Int) {
        var offsets: [Int] = []
        var end = 0
        var size = 0
        var largest = 1
        var slot = 0
        for (field, type) in zip(structure.fields, types) {
            let (bytes, natural) = try measure(field, type, layout)
            let alignment = structure.isPacked ? 1 : natural
            var offset = field.offset ?? (end + alignment - 1) / alignment * alignment
            if field.offset == nil, field.register == slot, let shared = offsets.last { offset = shared }
            offsets.append(offset)
            end = field.register == slot ? max(end, offset + bytes) : offset + bytes
            slot = field.register
            size = max(size, end)
            largest = max(largest, alignment)
        }
        return (offsets, (size + largest - 1) / largest * largest, largest)
    }

    /// The bytes that a field takes, and its alignment. Elements in the struct itself are counted when it is read.
    private func measure(_ field: FieldSpec, _ type: TypeSpec, _ layout: Layout) throws -> (size: Int, alignment: Int) {
        guard field.isInline else { return try layout.measure(type, field.place) }
        guard type.shape == "array", case .argument = type.count else {
            throw field.place.fail("`inline` is for an array that another field counts")
        }
        var element = type
        (element.shape, element.count) = ("value", .none)
        return (0, try layout.measure(element, field.place).alignment)
    }

    // MARK: Selections

    private mutating func add(_ selection: SelectionSpec) throws {
        guard let position = names.sets[selection.set] else {
            throw selection.place.fail("unknown set `\(selection.set)`")
        }
        let set = spec.sets[position]
        let narrow = names.sets[selection.set + "32"].map { spec.sets[$0] } ?? SymbolSetSpec.none
        var exact: [(value: UInt64, row: String)] = []
        var masked: [String] = []
        var otherwise = "SelectionCase(0, 0, \(selectedRows.count), 0)"
        var columnsAt: [String: Int] = [:]
        for (command, columns, place) in selection.cases {
            let reader = TypeReader(names: names, siblings: [], place: place)
            let rows = try columns.map { column in
                let type = try reader.read(column.type)
                return "SelectedRow(.\(directions[column.direction] ?? "entry"), \(type.code))"
            }
            let key = rows.joined()
            let first = columnsAt[key] ?? selectedRows.count
            if columnsAt.updateValue(first, forKey: key) == nil { selectedRows += rows }
            let range = "\(first), \(rows.count)"
            if command == "otherwise" {
                otherwise = "SelectionCase(0, 0, \(range))"
                continue
            }
            let parts = command.split(separator: "/").map(String.init)
            let value = try value(parts[0], set, place)
            if parts.count == 2 {
                guard let mask = parseNumber(parts[1]) else { throw place.fail("bad mask `\(parts[1])`") }
                let key = "0x\(String(value & mask, radix: 16)), 0x\(String(mask, radix: 16))"
                masked.append("SelectionCase(\(key), \(range))")
            } else {
                guard !exact.contains(where: { $0.value == value }) else {
                    throw place.fail("the command `\(command)` is there twice")
                }
                exact.append((value, "SelectionCase(0x\(String(value, radix: 16)), .max, \(range))"))
                // Where structs hold longs, i386 has another number for a request of the same name.
                for other in narrow.symbols where other.name == parts[0] && other.value != value {
                    guard !exact.contains(where: { $0.value == other.value }) else { continue }
                    exact.append((other.value, "SelectionCase(0x\(String(other.value, radix: 16)), .max, \(range))"))
                }
            }
        }
        exact.sort { $0.value < $1.value }
        selectionRows.append(
            "SelectionRow(shift: \(selection.shift), cases: (\(selectionCaseRows.count), \(exact.count), "
                + "\(masked.count)), otherwise: \(otherwise))")
        selectionCaseRows += exact.map(\.row) + masked
    }

    // MARK: Calls

    private mutating func add(_ call: CallSpec) throws {
        let position = callRows.count
        if let number = call.number64 {
            guard numbers64.updateValue(position, forKey: number) == nil else {
                throw call.place.fail("x86_64 number \(number) is there twice")
            }
        }
        if let number = call.number32 {
            guard numbers32.updateValue(position, forKey: number) == nil else {
                throw call.place.fail("i386 number \(number) is there twice")
            }
        }
        if call.isVariant && call.number32 == nil { throw call.place.fail("an i386 variant without its number") }
        for (carrier, number) in call.carried { carriedNumbers[carrier, default: [:]][number] = position }
        guard call.number64 != nil || call.number32 != nil || !call.carried.isEmpty else {
            throw call.place.fail("a call without a number")
        }
        guard let operation = call.operations.first else { throw call.place.fail("a call without an operation") }
        for choice in call.operations where !operations.contains(choice.name) {
            throw choice.place.fail("unknown operation `\(choice.name)`")
        }
        let firstArgument = argumentRows.count
        for argument in call.arguments { argumentRows.append(try row(of: argument, in: call)) }
        let firstChoice = choiceRows.count
        for choice in call.operations where choice.condition != nil {
            let condition = try condition(choice.condition, call, choice.place)
            choiceRows.append("ChoiceRow(condition: \(condition), operation: .\(caseName(choice.name)))")
        }
        let firstConstant = constantRows.count
        for constant in call.constants {
            let condition = try condition(constant.condition, call, constant.place)
            constantRows.append(
                "ChoiceRow(condition: \(condition), item: \(quoted(constant.name)), value: \(quoted(constant.value)))")
        }
        let reader = TypeReader(names: names, siblings: call.siblings, place: call.place)
        let result = try reader.read(call.resultType)
        let plain = call.operations.first { $0.condition == nil } ?? operation
        callRows.append(
            """
            CallRow(
                .\(caseName(call.name)), \(quoted(call.name)), .\(caseName(plain.name)), \
            arguments: (\(firstArgument), \(call.arguments.count)),
                choices: (\(firstChoice), \(choiceRows.count - firstChoice)), \
            constants: (\(firstConstant), \(call.constants.count)),
                result: \(result.code), \
            resultItem: \(quoted(call.resultItem)), since: \(quoted(call.since)))
            """)
    }

    private mutating func row(of argument: FieldSpec, in call: CallSpec) throws -> String {
        let reader = TypeReader(names: names, siblings: call.siblings, place: argument.place)
        let type = try reader.read(argument.type)
        var row = "ArgumentRow(\(quoted(argument.name)), \(quoted(argument.item)), "
        row += ".\(directions[argument.direction] ?? "entry"), \(type.code)"
        let condition = try condition(argument.condition, call, argument.place)
        if condition >= 0 { row += ", condition: \(condition)" }
        if argument.register > 0 { row += ", register: \(argument.register)" }
        if argument.isHidden { row += ", isHidden: true" }
        return row + ")"
    }

    /// The index of a condition's row, -1 for none.
    private mutating func condition(_ text: String?, _ call: CallSpec, _ place: Place) throws -> Int {
        try condition(text, about: call.arguments, call.siblings, place)
    }

    /// A condition about an argument, or a field, of those beside it.
    private mutating func condition(
        _ text: String?, about fields: [FieldSpec], _ siblings: [Sibling], _ place: Place
    ) throws -> Int {
        guard let text else { return -1 }
        let parts = text.split(separator: " ").map(String.init)
        guard parts.count == 3, parts[1] == "is" || parts[1] == "has" else {
            throw place.fail("expected `if ARGUMENT is|has NAME|NAME`")
        }
        let subject = parts[0].split(separator: "&").map(String.init)
        guard let position = fields.firstIndex(where: { $0.name == subject[0] }) else {
            throw place.fail("no argument or field `\(subject[0])`")
        }
        let argument = fields[position]
        let index = siblings[position].place
        let reader = TypeReader(names: names, siblings: siblings, place: place)
        let type = try reader.read(argument.type)
        var mask: UInt64 = type.shape == "value" && type.width == 4 ? 0xFFFF_FFFF : .max
        if subject.count == 2 {
            guard let given = parseNumber(subject[1]) else { throw place.fail("bad mask `\(subject[1])`") }
            mask = given
        }
        let set = type.kind == "symbol" || type.kind == "flags" ? spec.sets[type.table] : nil
        var values = try parts[2].split(separator: "|").map { try value(String($0), set, place) }
        if parts[1] == "has" { values = [values.reduce(0, |)] }
        let list = values.map { "0x" + String($0, radix: 16) }.joined(separator: ", ")
        let maskText = mask == .max ? ".max" : "0x" + String(mask, radix: 16)
        let row = "ConditionRow(\(index), \(maskText), [\(list)], anyBit: \(parts[1] == "has"))"
        if let known = conditionIndex[row] { return known }
        conditionIndex[row] = conditionRows.count
        conditionRows.append(row)
        return conditionRows.count - 1
    }

    /// A number, a name of the argument's own set, or `set:NAME`.
    private func value(_ text: String, _ own: SymbolSetSpec?, _ place: Place) throws -> UInt64 {
        if let number = parseNumber(text) { return number }
        var set = own
        var name = text
        if let colon = text.firstIndex(of: ":") {
            let setName = String(text[..<colon])
            guard let index = names.sets[setName] else { throw place.fail("unknown set `\(setName)`") }
            set = spec.sets[index]
            name = String(text[text.index(after: colon)...])
        }
        guard let symbol = set?.symbols.first(where: { $0.name == name }) else {
            throw place.fail("unknown name `\(text)`")
        }
        return symbol.value
    }
}
