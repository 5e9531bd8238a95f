// Names of numbers: errnos, signals, symbols of a set.

import Messages

/// Looks names up in the generated tables.
public enum Names {
    static func rows(_ set: SymbolSet) -> ArraySlice<SymbolRow> { SpecTables.symbols(of: set) }

    /// The kernel's name of an errno; nil for a number that is none.
    public static func errno(_ number: Int32) -> String? {
        rows(.errno).first { $0.value == UInt64(number) }?.name
    }

    /// The kernel's name of a signal, `SIGRT_2` for a real-time one, the number otherwise.
    public static func signal(_ number: Int32) -> String { SignalName.of(number) }

    /// The one name of a value.
    static func symbol(_ set: SymbolSet, _ value: UInt64) -> String? {
        if SpecTables.symbolSets[Int(set.rawValue)].isAlternative {
            let names = SpecTables.alternatives(value, in: set)
            return names.isEmpty ? nil : names.joined(separator: " or ")
        }
        return rows(set).first { $0.value == value }?.name
    }

    /// The names whose bits make up a value, and the bits that no name has.
    static func flags(_ set: SymbolSet, _ value: UInt64) -> (names: [String], rest: UInt64) {
        var names: [String] = []
        var rest = value
        for row in rows(set) {
            if row.mask != 0 {
                // A group of bits with one meaning is named as soon as it matches, zero too.
                guard value & row.mask == row.value, row.value == 0 || rest & row.mask != 0 else { continue }
                names.append(row.name)
                rest &= ~row.mask
            } else if row.value != 0, rest & row.value == row.value {
                names.append(row.name)
                rest &= ~row.value
            } else if row.value == 0 && value == 0 {
                names.append(row.name)
            }
        }
        return (names, rest)
    }

    static func unknown(_ set: SymbolSet) -> String { SpecTables.symbolSets[Int(set.rawValue)].unknown }
}
