// Types of the spec: what they say, and how many bytes they take.

import Foundation

/// How many there are of what a type names.
enum CountSpec: Equatable {
    case none
    case fixed(Int)
    case argument(Int)
    case result

    var code: String {
        switch self {
        case .none: ".none"
        case .fixed(let value): ".fixed(\(value))"
        case .argument(let index): ".argument(\(index))"
        case .result: ".result"
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
    "permissions16": ("permissions", 2), "mode": ("fileMode", 4),
    "mode16": ("fileMode", 2), "address": ("address", 0),
    "fd": ("descriptor", 4), "directory": ("directory", 4), "pid": ("process", 4), "uid": ("user", 4),
    "gid": ("group", 4), "uid16": ("user", 2), "gid16": ("group", 2), "signal": ("signal", 4),
    "dev": ("device", 8), "dev32": ("device", 4), "dev16": ("device", 2),
]

/// Names that types may refer to, with their indices.
struct Names {
    var sets: [String: Int] = [:]
    var structures: [String: Int] = [:]
    var customs: [String: Int] = [:]
}

/// Reads types against the names that are declared.
struct TypeReader {
    let names: Names
    /// The arguments or fields that a count may name, in order.
    let siblings: [String]
    let place: Place

    func read(_ text: String) throws -> TypeSpec {
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
        case "path", "text": return TypeSpec(kind: text, width: 0)
        case "sigset": return TypeSpec(kind: "signalSet", width: 8)
        default: break
        }
        if let open = text.firstIndex(of: "("), text.hasSuffix(")") {
            let inner = try count(String(text[text.index(after: open)...].dropLast()))
            switch text[..<open] {
            case "buffer": return TypeSpec(kind: "buffer", width: 0, count: inner)
            case "chars": return TypeSpec(kind: "characters", width: 1, count: inner)
            case "bytes": return TypeSpec(kind: "octets", width: 1, count: inner)
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
            guard let index = names.customs[target] else { throw place.fail("unknown custom kind `\(target)`") }
            return TypeSpec(kind: "custom", width: 0, table: index)
        default:
            throw place.fail("unknown type `\(kind):\(target)`")
        }
    }

    private func count(_ text: String) throws -> CountSpec {
        if text == "return" { return .result }
        if let number = parseNumber(text) { return .fixed(Int(number)) }
        guard let index = siblings.firstIndex(of: text) else {
            throw place.fail("no argument or field `\(text)` to count by")
        }
        return .argument(index)
    }
}

/// Sizes and offsets by the layout rules of C.
struct Layout {
    /// Bytes of `long` and pointers.
    let word: Int
    /// The alignment of 8-byte scalars.
    var wide: Int { word }
    /// Size and alignment of the structs known so far, by index.
    var structures: [Int: (size: Int, alignment: Int)] = [:]

    func measure(_ type: TypeSpec, _ place: Place) throws -> (size: Int, alignment: Int) {
        if type.shape == "pointer" { return (word, word) }
        var one: (size: Int, alignment: Int)
        switch type.kind {
        case "path", "text", "buffer", "custom", "signalSet": one = (word, word)
        case "characters", "octets":
            guard case .fixed(let count) = type.count else { throw place.fail("inline bytes need a number") }
            return (count, 1)
        case "structure":
            guard let known = structures[type.table] else {
                throw place.fail("an inline struct must be declared before")
            }
            one = known
        default:
            let width = type.width == 0 ? word : type.width
            one = (width, width == 8 ? wide : width)
        }
        if type.shape == "array" {
            guard case .fixed(let count) = type.count else { throw place.fail("an inline array needs a number") }
            one.size *= count
        }
        return one
    }
}
