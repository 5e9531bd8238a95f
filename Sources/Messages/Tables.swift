// Finds the generated row of a call, a struct, a name.

extension SpecTables {
    /// A table from the pieces that the compiler takes in good time. It is made at the first look at it, which starting
    /// waits for: pieces are copied as they lie.
    static func whole<Row>(_ pieces: [[Row]]) -> [Row] {
        if pieces.count == 1 { return pieces[0] }
        var rows: [Row] = []
        rows.reserveCapacity(pieces.reduce(0) { $0 + $1.count })
        for piece in pieces { rows += piece }
        return rows
    }

    /// The row of a number in a personality's table, nil for a number that the spec does not know.
    @inline(__always)
    public static func row(_ personality: Personality, _ number: UInt64) -> CallRow? {
        let table = personality == .x86_64 ? x86_64 : i386
        guard number < UInt64(table.count) else { return nil }
        let index = table[Int(number)]
        return index < 0 ? nil : calls[Int(index)]
    }

    /// The struct as the personality lays it out.
    public static func structure(_ id: UInt16, _ personality: Personality) -> StructureRow {
        structures[Int(personality == .i386 ? structureFor32[Int(id)] : id)]
    }

    /// The type of what a value of a set selects, nil where the spec says none.
    public static func selection(of value: UInt64, in set: SymbolSet) -> TypeRow? {
        let row = symbolSets[Int(set.rawValue)]
        let symbol = symbols[Int(row.firstSymbol)..<Int(row.firstSymbol) + Int(row.count)]
            .first { $0.value == value && $0.type >= 0 }
        return symbol.map { symbolTypes[Int($0.type)] }
    }

    /// The first name of a value in a set, nil for a value without one.
    public static func name(of value: UInt64, in set: SymbolSet) -> String? {
        let row = symbolSets[Int(set.rawValue)]
        return symbols[Int(row.firstSymbol)..<Int(row.firstSymbol) + Int(row.count)].first { $0.value == value }?.name
    }

    /// The set of names that a value of a set selects.
    public static func selectedSet(of value: UInt64, in set: SymbolSet) -> SymbolSet? {
        guard let type = selection(of: value, in: set), type.kind == .symbol else { return nil }
        return SymbolSet(rawValue: type.table)
    }

    /// The value of a name in a set, nil for a name that is not there.
    public static func value(of name: String, in set: SymbolSet) -> UInt64? {
        let row = symbolSets[Int(set.rawValue)]
        return symbols[Int(row.firstSymbol)..<Int(row.firstSymbol) + Int(row.count)]
            .first { $0.name == name }?.value
    }
}

extension Stop {
    /// The call's name in its table; a number without one is named by itself, as strace does.
    public var name: String {
        SpecTables.row(personality, number)?.name ?? "syscall_0x" + String(number, radix: 16)
    }

    /// What the call does, as far as its registers tell.
    public var operation: Operation {
        guard let row = SpecTables.row(personality, number) else { return .voidCall }
        return row.operation(arguments)
    }
}

extension CallRow {
    /// The operation that the registers choose.
    public func operation(_ arguments: RawArguments) -> Operation {
        for index in Int(firstChoice)..<Int(firstChoice) + Int(choiceCount) {
            let choice = SpecTables.choices[index]
            if choice.condition < 0 || SpecTables.conditions[Int(choice.condition)].holds(arguments) {
                return choice.operation
            }
        }
        return operation
    }

    /// The arguments that the registers choose.
    public func chosenArguments(_ arguments: RawArguments) -> ChosenArguments { ChosenArguments(self, arguments) }

    public var argumentRows: ArraySlice<ArgumentRow> {
        SpecTables.arguments[Int(firstArgument)..<Int(firstArgument) + Int(argumentCount)]
    }
}

extension SpecTables {
    /// The number of a call's name in a personality's table, nil where the table has none of that name.
    public static func number(of name: String, _ personality: Personality) -> UInt64? {
        let table = personality == .x86_64 ? x86_64 : i386
        return table.indices.first { table[$0] >= 0 && calls[Int(table[$0])].name == name }.map(UInt64.init)
    }
}

extension SpecTables {
    /// The argument as its command says it is, nil where the command takes none.
    public static func select(_ argument: ArgumentRow, _ arguments: RawArguments) -> ArgumentRow? {
        var type = argument.type
        var direction = argument.direction
        // A selected type may be selected in turn: by the option of an option.
        for _ in 0..<3 {
            guard type.kind == .selected, case .argument(let command) = type.count else { break }
            let value = arguments[Int(command)] & 0xFFFF_FFFF
            let chosen = choice(selections[Int(type.table)], value)
            let column = Int(argument.register) - Int(command) - 1
            guard column >= 0, column < Int(chosen.count) else { return nil }
            let row = selected[Int(chosen.first) + column]
            (type, direction) = (row.type, row.direction)
        }
        if type.kind == .selected { return nil }
        return ArgumentRow(
            argument.name, argument.item, direction, type, register: argument.register, isHidden: argument.isHidden)
    }

    private static func choice(_ selection: SelectionRow, _ command: UInt64) -> SelectionCase {
        let value = command >> UInt64(selection.shift)
        var low = Int(selection.firstCase)
        let end = low + Int(selection.exactCount)
        var high = end
        while low < high {
            let middle = (low + high) / 2
            if selectionCases[middle].value < value { low = middle + 1 } else { high = middle }
        }
        if low < end, selectionCases[low].value == value { return selectionCases[low] }
        return selectionCases[end..<end + Int(selection.maskedCount)].first { value & $0.mask == $0.value }
            ?? selection.otherwise
    }
}

/// The arguments of a call: of those that share a register the first whose condition holds.
public struct ChosenArguments: Sequence, IteratorProtocol {
    private let arguments: RawArguments
    private var index: Int
    private let end: Int
    /// The registers that have been given a meaning, a bit each.
    private var taken: UInt8 = 0

    init(_ row: CallRow, _ arguments: RawArguments) {
        self.arguments = arguments
        index = Int(row.firstArgument)
        end = index + Int(row.argumentCount)
    }

    public mutating func next() -> ArgumentRow? {
        while index < end {
            let argument = SpecTables.arguments[index]
            index += 1
            let bit = UInt8(1) << (argument.register & 7)
            guard taken & bit == 0 else { continue }
            if argument.condition < 0 || SpecTables.conditions[Int(argument.condition)].holds(arguments) {
                taken |= bit
                if argument.type.kind != .selected { return argument }
                guard let selected = SpecTables.select(argument, arguments) else { continue }
                return selected
            }
        }
        return nil
    }
}
