// Sets in which several names share a value, and all of them stand for it.

extension SpecTables {
    /// All names of a value in a set that is sorted by value.
    public static func alternatives(_ value: UInt64, in set: SymbolSet) -> [String] {
        let row = symbolSets[Int(set.rawValue)]
        var low = Int(row.firstSymbol)
        let end = low + Int(row.count)
        var high = end
        while low < high {
            let middle = (low + high) / 2
            if symbols[middle].value < value { low = middle + 1 } else { high = middle }
        }
        return symbols[low..<end].prefix { $0.value == value }.map(\.name)
    }
}
