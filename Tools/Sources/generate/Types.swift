// Types of the spec: what they say, and how many bytes they take.

import Foundation

/// How many there are of what a type names.
enum CountSpec: Equatable {
    case none
    case fixed(Int)
    case argument(Int)
    case narrow(Int)
    case result
    case own

    var code: String {
        switch self {
        case .none: ".none"
        case .fixed(let value): ".fixed(\(value))"
        case .argument(let index): ".argument(\(index))"
        case .narrow(let index): ".narrow(\(index))"
        case .result: ".result"
        case .own: ".own"
        }
    }
}

struct TypeSpec {
    var shape = "value"
    var kind: String
    var width: Int
    var table = 0
    var count = CountSpec.none

    var code: String { "TypeRow(.\(shape), .\(kind), \(width), \(table), \(count.code))" }
}

/// Kinds of a fixed width, by the name that the spec uses.
let scalarTypes: [String: (kind: String, width: Int)] = [
    "int": ("signed", 4), "uint": ("unsigned", 4), "long": ("signed", 0), "ulong": ("unsigned", 0),
    "size": ("unsigned", 0), "xlong": ("hexadecimal", 0), "signed": ("signed", 0),
    "unsigned": ("unsigned", 0), "octal": ("octal", 0), "hexadecimal": ("hexadecimal", 0),
    "s8": ("signed", 1), "s16": ("signed", 2), "s32": ("signed", 4), "s64": ("signed", 8),
    "u8": ("unsigned", 1), "u16": ("unsigned", 2), "u32": ("unsigned", 4), "u64": ("unsigned", 8),
    "x8": ("hexadecimal", 1), "x16": ("hexadecimal", 2), "x32": ("hexadecimal", 4),
    "x64": ("hexadecimal", 8), "o16": ("octal", 2), "o32": ("octal", 4),
    "limit": ("limit", 0), "limit64": ("limit", 8), "permissions": ("permissions", 4),
    "permissions16": ("permissions", 2), "permissions64": ("permissions", 8), "mode": ("fileMode", 4),
    "mode16": ("fileMode", 2), "address": ("address", 0),
    "fd": ("descriptor", 4), "directory": ("directory", 4), "pid": ("process", 4), "uid": ("user", 4),
    "gid": ("group", 4), "uid16": ("user", 2), "gid16": ("group", 2), "signal": ("signal", 4),
    "dev": ("device", 8), "dev32": ("device", 4), "dev16": ("device", 2),
    "z8": ("padded", 1), "z16": ("padded", 2), "z32": ("padded", 4), "port": ("port", 2), "net16": ("network", 2),
    "net32": ("network", 4), "inet4": ("inet4", 4), "inet6": ("inet6", 16), "interface": ("interface", 4),
]

/// Names that types may refer to, with their indices.
struct Names {
    var sets: [String: Int] = [:]
    var structures: [String: Int] = [:]
    var customs: [String: Int] = [:]
    var selections: [String: Int] = [:]
}

/// An argument with its register, or a field with its index.
typealias Sibling = (name: String, place: Int, isNarrow: Bool)

extension CallSpec {
    /// Of a count that is an `int`, the upper half of its register says nothing.
    var siblings: [Sibling] { arguments.map { ($0.name, $0.register, scalarTypes[$0.type]?.width == 4) } }
}

/// Reads types against the names that are declared.
struct TypeReader {
    let names: Names
    /// The arguments or fields that a count may name, in order.
    let siblings: [Sibling]
    let place: Place

    func read(_ text: String) throws -> TypeSpec {
        if text.hasPrefix("*"), text.hasSuffix(")"), let open = text.firstIndex(of: "(") {
            if ["*chars", "*bytes"].contains(text[..<open]) {
                var type = try read(String(text.dropFirst()))
                type.shape = "pointer"
                return type
            }
            var type = try read(String(text[text.index(after: text.startIndex)..<open]))
            guard type.shape == "value", type.kind == "structure" else {
                throw place.fail("`\(text)` gives a size to what is no struct")
            }
            type.shape = "pointer"
            type.count = try count(String(text[text.index(after: open)...].dropLast()))
            return type
        }
        if text.hasPrefix("*") {
            var type = try read(String(text.dropFirst()))
            guard type.shape == "value" else { throw place.fail("`\(text)` is a pointer to a pointer") }
            type.shape = "pointer"
            return type
        }
        if text.hasPrefix("[") {
            guard let close = text.lastIndex(of: "]"), text.hasSuffix(")"),
                text[text.index(after: close)] == "("
            else { throw place.fail("expected `[TYPE](COUNT)`, found `\(text)`") }
            var type = try read(String(text[text.index(after: text.startIndex)..<close]))
            guard type.shape == "value" else { throw place.fail("`\(text)` is an array of pointers") }
            type.shape = "array"
            type.count = try count(String(text[text.index(close, offsetBy: 2)...].dropLast()))
            return type
        }
        if let scalar = scalarTypes[text] { return TypeSpec(kind: scalar.kind, width: scalar.width) }
        switch text {
        case "_": return TypeSpec(kind: "selected", width: 0)
        case "path", "text": return TypeSpec(kind: text, width: 0)
        case "sigset": return TypeSpec(kind: "signalSet", width: 8)
        case "sigmask": return TypeSpec(kind: "signalMask", width: 8)
        default: break
        }
        if text.hasPrefix("bits("), text.hasSuffix(")") {
            let parts = text.dropFirst(5).dropLast().split(separator: ",").compactMap { Int($0) }
            guard parts.count == 3, [1, 2, 4, 8].contains(parts[0]), parts[1] + parts[2] <= parts[0] * 8 else {
                throw place.fail("expected `bits(WIDTH,SHIFT,COUNT)`, found `\(text)`")
            }
            return TypeSpec(kind: "bits", width: parts[0], table: parts[1] << 8 | parts[2])
        }
        if let open = text.firstIndex(of: "("), text.hasSuffix(")") {
            var inner = try count(String(text[text.index(after: open)...].dropLast()))
            switch text[..<open] {
            case "buffer": return TypeSpec(kind: "buffer", width: 0, count: inner)
            case "text": return TypeSpec(kind: "text", width: 0, count: inner)
            case "sigset": return TypeSpec(kind: "signalSet", width: 8, count: inner)
            case "chars": return TypeSpec(kind: "characters", width: 1, count: inner)
            case "bytes": return TypeSpec(kind: "octets", width: 1, count: inner)
            case "hardware": return TypeSpec(kind: "hardware", width: 1, count: inner)
            case let name where name.hasPrefix("indexed:"):
                var type = try reference("enum", String(name.dropFirst("indexed:".count)))
                (type.kind, type.width, type.count) = ("indexed", 1, inner)
                return type
            case let name where name.hasPrefix("select:"):
                guard let index = names.selections[String(name.dropFirst("select:".count))] else {
                    throw place.fail("unknown selection `\(name)`")
                }
                if case .narrow(let place) = inner { inner = .argument(place) }
                return TypeSpec(kind: "selected", width: 0, table: index, count: inner)
            default: throw place.fail("unknown type `\(text)`")
            }
        }
        if let colon = text.firstIndex(of: ":") {
            return try reference(String(text[..<colon]), String(text[text.index(after: colon)...]))
        }
        if names.structures[text] != nil { return try reference("struct", text) }
        throw place.fail("unknown type `\(text)`")
    }

    private func reference(_ kind: String, _ target: String) throws -> TypeSpec {
        switch kind {
        case "enum", "flags":
            let parts = target.split(separator: "/").map(String.init)
            guard let set = names.sets[parts[0]] else { throw place.fail("unknown set `\(parts[0])`") }
            var width = 4
            if parts.count == 2 {
                let widths = ["1": 1, "2": 2, "4": 4, "8": 8, "long": 0]
                guard let given = widths[parts[1]] else { throw place.fail("unknown width `\(parts[1])`") }
                width = given
            }
            return TypeSpec(kind: kind == "enum" ? "symbol" : "flags", width: width, table: set)
        case "struct":
            guard let index = names.structures[target] else { throw place.fail("unknown struct `\(target)`") }
            return TypeSpec(kind: "structure", width: 0, table: index)
        case "custom":
            let parts = target.split(separator: "/").map(String.init)
            guard let index = names.customs[parts[0]] else { throw place.fail("unknown custom kind `\(target)`") }
            // The bytes that a field takes, where it is no pointer.
            return TypeSpec(kind: "custom", width: parts.count == 2 ? Int(parts[1]) ?? 0 : 0, table: index)
        default:
            throw place.fail("unknown type `\(kind):\(target)`")
        }
    }

    private func count(_ text: String) throws -> CountSpec {
        if text == "return" { return .result }
        if text == "own" { return .own }
        if text.hasPrefix("@"), let register = Int(text.dropFirst()), register < 6 { return .argument(register) }
        if text == "rest" { return .none }
        if let number = parseNumber(text) { return .fixed(Int(number)) }
        guard let sibling = siblings.first(where: { $0.name == text }) else {
            throw place.fail("no argument or field `\(text)` to count by")
        }
        return sibling.isNarrow ? .narrow(sibling.place) : .argument(sibling.place)
    }
}

/// Sizes and offsets by the layout rules of C.
struct Layout {
    /// Bytes of `long` and pointers.
    let word: Int
    /// The struct under way holds pointers in eight bytes and aligns them so.
    var isWide = false
    /// The alignment of 8-byte scalars.
    var wide: Int { isWide ? 8 : word }
    /// Size and alignment of the structs known so far, by index.
    var structures: [Int: (size: Int, alignment: Int)] = [:]

    func measure(_ type: TypeSpec, _ place: Place) throws -> (size: Int, alignment: Int) {
        if type.shape == "pointer" { return (wide, wide) }
        if type.shape == "array", case .argument = type.count { return (wide, wide) }
        var one: (size: Int, alignment: Int)
        switch type.kind {
        // More than the widest numbers take is bytes.
        case "custom" where type.width > 16: one = (type.width, 1)
        case "custom" where type.width > 0: one = (type.width, min(type.width, wide))
        case "path", "text", "buffer", "custom", "signalSet", "address": one = (wide, wide)
        case "characters", "octets", "indexed", "hardware":
            guard case .fixed(let count) = type.count else { throw place.fail("inline bytes need a number") }
            return (count, 1)
        case "structure":
            guard let known = structures[type.table] else {
                throw place.fail("an inline struct must be declared before")
            }
            one = known
        default:
            let width = type.width == 0 ? word : type.width
            one = (width, width == 8 ? wide : min(width, 4))
        }
        if type.shape == "array" {
            guard case .fixed(let count) = type.count else { throw place.fail("an inline array needs a number") }
            one.size *= count
        }
        return one
    }
}
