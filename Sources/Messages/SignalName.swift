// The names of signals, for decoders and for every form of output.

/// The names of signals.
public enum SignalName {
    /// The kernel's name of a signal, `SIGRT_2` for a real-time one, the number otherwise.
    public static func of(_ signal: Int32) -> String {
        let row = SpecTables.symbolSets[Int(SymbolSet.signal.rawValue)]
        for index in Int(row.firstSymbol)..<Int(row.firstSymbol) + Int(row.count)
        where SpecTables.symbols[index].value == UInt64(truncatingIfNeeded: Int64(signal)) {
            return SpecTables.symbols[index].name
        }
        if signal == 32 { return "SIGRTMIN" }
        return signal > 32 && signal <= 64 ? "SIGRT_\(signal - 32)" : "\(signal)"
    }
}
