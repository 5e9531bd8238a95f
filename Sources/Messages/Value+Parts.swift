// Values as trees: what a value is made of, and a value with some of its parts changed.

extension Value {
    /// The values that this one is made of, none for a plain one.
    public var parts: [Value] {
        switch self {
        case .list(let values), .cutList(let values), .brokenList(let values, at: _), .call(_, let values),
            .joined(let values),
            .separated(let values, by: _):
            values
        case .record(let fields): fields.map(\.value)
        case .commented(let value, _), .named(_, let value), .referring(let value, _): [value]
        case .written(_, let text): [text]
        case .abbreviated(let short, let whole): [short, whole]
        case .change(let before, let after): [before, after]
        default: []
        }
    }

    /// The value with every part that `change` answers for replaced; what is replaced is not looked into.
    public func replacing(_ change: (Value) -> Value?) -> Value {
        if let changed = change(self) { return changed }
        switch self {
        case .list(let values): return .list(values.map { $0.replacing(change) })
        case .cutList(let values): return .cutList(values.map { $0.replacing(change) })
        case .brokenList(let values, let place): return .brokenList(values.map { $0.replacing(change) }, at: place)
        case .call(let name, let values): return .call(name, values.map { $0.replacing(change) })
        case .joined(let values): return .joined(values.map { $0.replacing(change) })
        case .separated(let values, let separator):
            return .separated(values.map { $0.replacing(change) }, by: separator)
        case .record(let fields):
            return .record(fields.map { Field($0.name, $0.value.replacing(change), isDetail: $0.isDetail) })
        case .commented(let value, let remark): return .commented(value.replacing(change), remark)
        case .named(let name, let value): return .named(name, value.replacing(change))
        case .abbreviated(let short, let whole): return .abbreviated(short.replacing(change), whole.replacing(change))
        case .change(let before, let after): return .change(before.replacing(change), after.replacing(change))
        default: return self
        }
    }
}

extension Value {
    /// A time in the ticks that the kernel tells programs of, a hundred a second (USER_HZ), with what it is in seconds.
    public static func ticks(_ count: UInt64) -> Value {
        if count == 0 { return .unsigned(0) }
        let part = count % 100
        let seconds = "\(count / 100).\(part < 10 ? "0" : "")\(part) s"
        return .written(.unsigned(count), as: .commented(.unsigned(count), seconds))
    }
}

extension Value {
    /// The call that stands for an interface's index (if_nametoindex(3)). One that is applied to a number stands for an
    /// interface whose name is not known here.
    public static let interfaceCall = "if_nametoindex"

    /// The index of such an interface.
    public var unnamedInterface: UInt64? {
        guard case .written(_, .call(Value.interfaceCall, let values)) = self, case .unsigned(let index)? = values.first
        else { return nil }
        return index
    }
}

extension SpecTables {
    /// The symbols of a set.
    public static func symbols(of set: SymbolSet) -> ArraySlice<SymbolRow> {
        let row = symbolSets[Int(set.rawValue)]
        return symbols[Int(row.firstSymbol)..<Int(row.firstSymbol) + Int(row.count)]
    }
}
