// JSON as text, for the profiles that are written in it.

import Messages

/// A value of JSON. Members of an object keep their order.
indirect enum JSONText: Sendable {
    case text(String)
    case number(UInt64)
    case truth(Bool)
    case list([JSONText])
    case object([(String, JSONText)])

    static func texts(_ list: [String]) -> JSONText { .list(list.map { .text($0) }) }

    /// With two spaces a level; lists of plain values stay on one line where they fit.
    func written(_ indent: Int = 0) -> String {
        let inner = String(repeating: " ", count: indent + 2)
        let end = "\n" + String(repeating: " ", count: indent)
        switch self {
        case .text(let text): return JSONString.quoted(text)
        case .number(let number): return "\(number)"
        case .truth(let value): return "\(value)"
        case .list(let list):
            let parts = list.map { $0.written(indent + 2) }
            let line = "[" + parts.joined(separator: ", ") + "]"
            if line.utf8.count + indent < 110 && !line.contains("\n") { return line }
            return "[\n" + parts.map { inner + $0 }.joined(separator: ",\n") + end + "]"
        case .object(let members):
            if members.isEmpty { return "{}" }
            let parts = members.map { "\(JSONString.quoted($0.0)): \($0.1.written(indent + 2))" }
            let line = "{" + parts.joined(separator: ", ") + "}"
            if line.utf8.count + indent < 100 && !line.contains("\n") { return line }
            return "{\n" + parts.map { inner + $0 }.joined(separator: ",\n") + end + "}"
        }
    }
}
