// The one layout of policy files: sections in the order of the language, entries sorted, comments where they belong.

import Messages

/// Lays policies out. What they mean does not change.
public struct PolicyFormatter {
    /// A top-level entry with the comments above it.
    private struct Section {
        var key: String
        var lines: [String]

        /// More follows under the line with the key.
        var hasBody: Bool { lines.last.map { !$0.hasPrefix(key) } ?? false }
    }

    /// The text in its layout.
    public static func format(_ text: String) -> String {
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { trimmed(String($0)) }
        while lines.last?.isEmpty == true { lines.removeLast() }
        // Text over several lines keeps its own layout.
        if lines.contains(where: { $0.hasSuffix("|") || $0.hasSuffix(">") || $0.hasSuffix("|-") || $0.hasSuffix(">-") })
        {
            return lines.joined(separator: "\n") + "\n"
        }
        var sections: [Section] = []
        var above: [String] = []
        for line in lines {
            if line.isEmpty { continue }
            let isTop =
                line.first != " " && line.first != "#" && line.first != "-" && line.first != "}" && line.first != "]"
            if line.first == "#" {
                above.append(line)
            } else if isTop {
                sections.append(Section(key: String(line.prefix { $0 != ":" }), lines: above + [line]))
                above = []
            } else if sections.isEmpty {
                above.append(line)
            } else {
                sections[sections.count - 1].lines += above + [line]
                above = []
            }
        }
        let order = PolicyReader.order
        let ranked = sections.enumerated().sorted { one, other in
            let (first, second) = (rank(one.element.key, order), rank(other.element.key, order))
            return (first, one.offset) < (second, other.offset)
        }.map(\.element)
        var result: [String] = []
        for (index, section) in ranked.enumerated() {
            let lines = laidOut(section)
            let isLong = lines.count > 1 || (index > 0 && ranked[index - 1].hasBody)
            if index > 0, isLong { result.append("") }
            result += lines
        }
        if !above.isEmpty { result += [""] + above }
        return result.joined(separator: "\n") + "\n"
    }

    private static func rank(_ key: String, _ order: [String]) -> Int { order.firstIndex(of: key) ?? order.count }

    private static func trimmed(_ line: String) -> String {
        var line = line
        while line.last == " " || line.last == "\t" || line.last == "\r" { line.removeLast() }
        return line
    }

    // MARK: Sections

    /// `files` sorted by path, and comments behind entries in one column.
    private static func laidOut(_ section: Section) -> [String] {
        var lines = section.lines
        guard let head = lines.firstIndex(where: { $0.hasPrefix(section.key) }) else { return lines }
        if section.key == "files", let sorted = sorted(Array(lines[(head + 1)...])) {
            lines = Array(lines[...head]) + sorted
        }
        return aligned(lines)
    }

    /// Entries of one line each with the comments above them; nil where there are others.
    private static func sorted(_ lines: [String]) -> [String]? {
        var entries: [(key: String, lines: [String])] = []
        var above: [String] = []
        let indent = lines.first { !isComment($0) }.map { $0.prefix { $0 == " " }.count } ?? 0
        for line in lines {
            if isComment(line) {
                above.append(line)
                continue
            }
            guard line.prefix(while: { $0 == " " }).count == indent, indent > 0, let key = key(line) else { return nil }
            entries.append((key, above + [line]))
            above = []
        }
        // Comments that head a group belong to the whole of it, so groups stay together.
        let groups = entries.reduce(into: [[(key: String, lines: [String])]]()) { groups, entry in
            if groups.isEmpty || entry.lines.count > 1 {
                groups.append([entry])
            } else {
                groups[groups.count - 1].append(entry)
            }
        }
        return groups.flatMap { group -> [String] in
            let comments = group[0].lines.dropLast()
            let rows = group.compactMap { entry in entry.lines.last.map { (entry.key, $0) } }
            return comments + rows.sorted { $0.0 < $1.0 }.map(\.1)
        } + above
    }

    private static func isComment(_ line: String) -> Bool { line.drop { $0 == " " }.first == "#" }

    private static func key(_ line: String) -> String? {
        let text = line.drop { $0 == " " }
        guard let colon = text.firstRange(of: ": ") ?? text.firstRange(of: ":") else { return nil }
        return String(text[..<colon.lowerBound].filter { $0 != "\"" && $0 != "'" })
    }

    private static func aligned(_ lines: [String]) -> [String] {
        let parts = lines.map { split($0) }
        let width =
            parts.compactMap { $0.comment == nil || $0.text.isEmpty ? nil : $0.text.count }
            .filter { $0 <= 60 }.max() ?? 0
        return zip(lines, parts).map { line, part in
            guard let comment = part.comment, !part.text.isEmpty else { return line }
            return part.text + String(repeating: " ", count: max(2, width + 2 - part.text.count)) + comment
        }
    }

    /// The text of a line and the comment behind it: a `#` after a space, outside of quotes (YAML 1.2, 6.6).
    private static func split(_ line: String) -> (text: String, comment: String?) {
        var quote: Character?
        var previous: Character = " "
        for index in line.indices {
            let character = line[index]
            if let open = quote {
                if character == open, previous != "\\" || open == "'" { quote = nil }
            } else if character == "\"" || character == "'" {
                if " [{,:".contains(previous) { quote = character }
            } else if character == "#", previous == " " {
                return (trimmed(String(line[..<index])), String(line[index...]))
            }
            previous = character
        }
        return (line, nil)
    }
}

extension PolicyReader {
    /// The order of sections, as people read a policy.
    static let order = [
        "abitrace", "name", "description", "include", "promises", "default", "files", "network", "programs", "give",
        "handles", "ambient", "classes", "rules", "limits", "vdso",
    ]
}
