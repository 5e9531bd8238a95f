// Values as they lie in a program's memory and registers: decoding, the other way round.

import Messages

/// Why a value cannot be laid out.
public struct EncodingFault: Error, Equatable, Sendable, CustomStringConvertible {
    public let description: String

    init(_ description: String) { self.description = description }
}

/// Lays values out as a personality's kernel does. Values are text as policies write them: numbers as C writes them,
/// names of the item's own set, several joined by `|`; bytes as they are.
public struct Encoder: Sendable {
    let personality: Personality

    public init(_ personality: Personality) { self.personality = personality }

    // MARK: Plain values

    /// The number that a value of a plain type is, at the type's own width.
    /// - Throws: `EncodingFault` for a word that the type has not, and a number that does not fit.
    public func number(_ text: String, of type: TypeRow) throws(EncodingFault) -> UInt64 {
        let width = type.width == 0 ? personality.wordSize : Int(type.width)
        var value: UInt64 = 0
        for word in text.split(separator: "|") {
            let word = String(word.filter { $0 != " " })
            if let number = Self.number(word) {
                value |= number
            } else if let number = symbol(word, of: type) {
                value |= number
            } else {
                throw EncodingFault("`\(word)` is no value of it")
            }
        }
        guard width < 8 else { return value }
        let mask: UInt64 = 1 << UInt64(8 * width) - 1
        let isNegative =
            value > mask && Int64(bitPattern: value) >= -(Int64(mask >> 1) + 1) && Int64(bitPattern: value) < 0
        guard value <= mask || isNegative else { throw EncodingFault("`\(text)` does not fit into \(width) bytes") }
        return value & mask
    }

    private static func number(_ word: String) -> UInt64? {
        let isNegative = word.hasPrefix("-")
        let digits = isNegative ? word.dropFirst() : word[...]
        let value: UInt64?
        if digits.hasPrefix("0x") {
            value = UInt64(digits.dropFirst(2), radix: 16)
        } else if digits.hasPrefix("0"), digits.count > 1 {
            value = UInt64(digits.dropFirst(digits.hasPrefix("0o") ? 2 : 1), radix: 8)
        } else {
            value = digits.first?.isNumber ?? false ? UInt64(digits) : nil
        }
        return value.map { isNegative ? 0 &- $0 : $0 }
    }

    private func symbol(_ name: String, of type: TypeRow) -> UInt64? {
        let set: SymbolSet?
        switch type.kind {
        case .symbol, .flags: set = SymbolSet(rawValue: type.table)
        case .signal: set = .signal
        case .custom: set = CustomKind(rawValue: type.table)?.symbols
        default: set = nil
        }
        return set.flatMap { SpecTables.value(of: name, in: $0) }
    }

    /// The bytes of a value; lists are joined by commas.
    public func bytes(_ text: String, of type: TypeRow) throws(EncodingFault) -> [UInt8] {
        switch (type.shape, type.kind, type.count) {
        case (_, .characters, .fixed(let room)):
            let bytes = Array(text.utf8)
            // The last byte is NUL.
            guard bytes.count < Int(room) else { throw EncodingFault("`\(text)` has more than \(room - 1) bytes") }
            return bytes + [UInt8](repeating: 0, count: Int(room) - bytes.count)
        case (.array, _, .fixed(let count)):
            let words = text.split(separator: ",", omittingEmptySubsequences: false)
            guard words.count == Int(count) else { throw EncodingFault("it has \(count) values, joined by commas") }
            var all: [UInt8] = []
            for word in words {
                all += try plain(String(word.filter { $0 != " " }), type)
            }
            return all
        default: return try plain(text, type)
        }
    }

    private func plain(_ text: String, _ type: TypeRow) throws(EncodingFault) -> [UInt8] {
        switch type.kind {
        case .signed, .unsigned, .hexadecimal, .octal, .limit, .permissions, .fileMode, .descriptor, .directory,
            .process, .user, .group, .signal, .device, .symbol, .flags, .signalMask, .padded, .address:
            let width = type.width == 0 ? personality.wordSize : Int(type.width)
            return Self.little(try number(text, of: type), width)
        case .port, .network:
            let width = type.width == 0 ? personality.wordSize : Int(type.width)
            return Self.little(try number(text, of: type), width).reversed()
        case .inet4:
            let parts = text.split(separator: ".").compactMap { UInt8($0) }
            guard parts.count == 4 else { throw EncodingFault("`\(text)` is no IPv4 address") }
            return parts
        default: throw EncodingFault("values of its kind cannot be written down")
        }
    }

    static func little(_ number: UInt64, _ width: Int) -> [UInt8] {
        (0..<width).map { UInt8(truncatingIfNeeded: number >> UInt64(8 * $0)) }
    }

    // MARK: Structs

    /// Where the field of a struct lies, and its type; a field of a struct in it has a name with a dot.
    func field(_ name: String, of structure: UInt16) -> (offset: Int, type: TypeRow)? {
        let layout = SpecTables.structure(structure, personality)
        let fields = SpecTables.fields[Int(layout.firstField)..<Int(layout.firstField) + Int(layout.fieldCount)]
        let parts = name.split(separator: ".", maxSplits: 1).map(String.init)
        guard let head = parts.first, let found = fields.first(where: { $0.name == head }) else { return nil }
        let offset = Int(personality == .x86_64 ? found.offset64 : found.offset32)
        guard parts.count == 2 else { return (offset, found.type) }
        guard found.type.kind == .structure, found.type.shape == .value,
            let inner = field(parts[1], of: found.type.table)
        else { return nil }
        return (offset + inner.offset, inner.type)
    }

    /// Puts a value into a struct's bytes.
    public func put(
        _ text: String, _ name: String, of structure: UInt16, into all: inout [UInt8]
    ) throws(EncodingFault) {
        guard let (offset, type) = field(name, of: structure) else { throw EncodingFault("no field `\(name)`") }
        let value: [UInt8]
        do throws(EncodingFault) {
            value = try bytes(text, of: type)
        } catch {
            throw EncodingFault("`\(name)`: \(error.description)")
        }
        guard offset + value.count <= all.count else { throw EncodingFault("`\(name)` lies beyond the struct") }
        all.replaceSubrange(offset..<offset + value.count, with: value)
    }
}

extension TypeRow {
    /// A value that is there itself, in a register, and can be written down.
    public var isPlain: Bool {
        switch (shape, kind) {
        case (.value, .signed), (.value, .unsigned), (.value, .hexadecimal), (.value, .octal), (.value, .permissions),
            (.value, .fileMode), (.value, .user), (.value, .group), (.value, .device), (.value, .symbol),
            (.value, .flags):
            true
        case (.value, .custom): CustomKind(rawValue: table)?.isNumber ?? false
        default: false
        }
    }
}

extension Encoder {
    /// A call whose registers have the values that are given for their items, by the item's name or the kernel's name
    /// for the parameter. Items that no register holds change nothing.
    /// - Throws: `EncodingFault` for a value that the item cannot have.
    public func rewritten(_ stop: Stop, _ changes: [ItemChange]) throws(EncodingFault) -> Stop {
        guard let row = SpecTables.row(stop.personality, stop.number) else { return stop }
        var stop = stop
        for change in changes {
            let argument = row.argumentRows.first {
                ($0.item == change.item || $0.name == change.item) && $0.direction == .entry && $0.type.isPlain
            }
            guard let argument else { continue }
            stop.arguments[Int(argument.register)] = try number(change.value, of: argument.type)
        }
        return stop
    }
}

extension CustomKind {
    /// A register's number; others are pointers.
    fileprivate var isNumber: Bool {
        switch self {
        case .socketProtocol, .socketOption, .personality: true
        default: symbols != nil
        }
    }

    /// The names of a register's value that only code decodes.
    fileprivate var symbols: SymbolSet? {
        switch self {
        case .cloneFlags: .clone
        case .ioctlRequest: .ioctlRequest
        case .socketType: .socketType
        case .schedPolicy: .schedPolicy
        case .ringRequest: .uringRegister
        case .futexOperation: .futexOperation
        default: nil
        }
    }
}
