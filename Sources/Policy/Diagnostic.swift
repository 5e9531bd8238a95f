// What is wrong with a policy, or worth a second look: where, what was expected, and what to write instead.

public struct Diagnostic: Equatable, Sendable {
    public enum Severity: String, Sendable {
        case error, warning
        /// Nothing is wrong; `policy check` says it.
        case note
    }

    public var severity: Severity
    public var line: PolicyLine
    public var message: String
    public var hint: String?

    /// As compilers write it.
    public var text: String {
        let place = "\(line.file):\(line.line):\(line.column): \(severity.rawValue): \(message)"
        let source = line.text.isEmpty ? "" : "\n    \(line.text)"
        return place + source + (hint.map { "\n    hint: \($0)" } ?? "")
    }
}

/// Finds what was meant.
enum Spelling {
    /// The nearest of the candidates, nil where none is near.
    static func nearest(_ word: String, among candidates: [String]) -> String? {
        guard word.utf8.count <= 64 else { return nil }
        let limit = max(1, word.utf8.count / 3)
        let best = candidates.map { (distance(Array(word.utf8), Array($0.utf8)), $0) }.min { $0 < $1 }
        guard let best, best.0 <= limit else { return nil }
        return best.1
    }

    /// How many bytes to add, drop or change.
    static func distance(_ one: [UInt8], _ other: [UInt8]) -> Int {
        var row = Array(0...other.count)
        for (index, byte) in one.enumerated() {
            var diagonal = row[0]
            row[0] = index + 1
            for (place, candidate) in other.enumerated() {
                let cost = diagonal + (byte == candidate ? 0 : 1)
                diagonal = row[place + 1]
                row[place + 1] = min(cost, row[place] + 1, diagonal + 1)
            }
        }
        return row[other.count]
    }
}
