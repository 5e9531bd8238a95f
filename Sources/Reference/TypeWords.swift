// Types of the spec in words, and which names a type speaks of.

/// How the spec's types read.
public enum TypeWords {
    private static let plain = [
        "fd": "descriptor", "directory": "directory descriptor", "path": "path", "text": "text", "pid": "process id",
        "uid": "user id", "gid": "group id", "signal": "signal", "dev": "device", "permissions": "permission bits",
        "mode": "file mode", "address": "address", "sigset": "signal set", "sigmask": "signal set",
        "size": "size", "limit": "resource limit",
    ]

    /// `[iovec](n)` is `n of struct iovec`.
    public static func read(_ type: String) -> String {
        if let words = plain[type] { return words }
        if type.hasPrefix("*") { return "pointer to " + read(String(type.dropFirst())) }
        if type.hasPrefix("["), let close = type.lastIndex(of: "]") {
            let count = type[type.index(after: close)...].filter { $0 != "(" && $0 != ")" }
            return "\(count) of " + read(String(type[type.index(after: type.startIndex)..<close]))
        }
        if let colon = type.firstIndex(of: ":") {
            let target = String(type[type.index(after: colon)...].prefix { $0 != "/" && $0 != "(" })
            switch type[..<colon] {
            case "enum": return "one of \(target)"
            case "flags": return "flags of \(target)"
            case "struct": return "struct \(target)"
            case "indexed": return "bytes by \(target)"
            case "select": return "what \(target) selects"
            default: return words(target)
            }
        }
        if let open = type.firstIndex(of: "("), type.hasSuffix(")") {
            let count = type[type.index(after: open)...].dropLast()
            switch type[..<open] {
            case "buffer": return "\(count) bytes"
            case "chars": return "text of \(count) bytes"
            case "bytes": return "\(count) bytes"
            case "text": return "text of \(count) bytes"
            default: return "struct \(type[..<open]) of \(count) bytes"
            }
        }
        return type
    }

    /// `fcntlArgument` is `fcntl argument`.
    private static func words(_ name: String) -> String {
        var text = ""
        for character in name {
            if character.isUppercase { text += " " }
            text += character.lowercased()
        }
        return text
    }

    /// The sets and structs that a type speaks of, and the words that it says so with.
    static func names(_ type: String) -> [String] {
        type.split { !($0.isLetter || $0.isNumber || $0 == "_") }.map(String.init)
    }
}
