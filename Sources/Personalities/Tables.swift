// Finds the generated row of a call, a struct, a name.

import Messages

extension SpecTables {
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

    var argumentRows: ArraySlice<ArgumentRow> {
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
