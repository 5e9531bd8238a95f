// Changes a policy file entry by entry, and leaves its comments and its layout as they are.

import Messages

/// The text of a policy file that is being changed. After each change the text is read anew, so places stay true.
public struct PolicyEditor: Sendable {
    private var lines: [[Unicode.Scalar]]

    public init(_ text: String) {
        lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { Array($0.unicodeScalars) }
    }

    public var text: String {
        lines.map { line in String(String.UnicodeScalarView(line)) }.joined(separator: "\n")
    }

    private var root: Node? {
        do throws(YAMLFault) { return try YAMLParser.parse(Array(text.utf8)) } catch { return nil }
    }

    // MARK: Taking away

    /// Takes away the entry that starts at a place, and the section that it leaves empty. False where no entry
    /// starts there.
    public mutating func remove(line: Int, column: Int) -> Bool {
        guard let root, let place = Self.entry(line, column, in: root) else { return false }
        cut(place)
        return true
    }

    /// An entry of a list or mapping: where it starts and ends, and its neighbours.
    private struct Place {
        var start: (line: Int, column: Int)
        var end: (line: Int, column: Int)
        var next: (line: Int, column: Int)?
        var previousEnd: (line: Int, column: Int)?
        var isFlow: Bool
    }

    private static func entry(_ line: Int, _ column: Int, in node: Node) -> Place? {
        var starts: [Node] = []
        var values: [Node] = []
        switch node.content {
        case .scalar: return nil
        case .sequence(let list): (starts, values) = (list, list)
        case .mapping(let pairs): (starts, values) = (pairs.map(\.key), pairs.map(\.value))
        }
        for index in starts.indices {
            let isHere = starts[index].line == line && starts[index].column == column
            var place = Place(
                start: (starts[index].line, starts[index].column), end: values[index].lastPlace, isFlow: node.isFlow)
            if index + 1 < starts.count { place.next = (starts[index + 1].line, starts[index + 1].column) }
            if index > 0 { place.previousEnd = values[index - 1].lastPlace }
            if isHere, case .scalar = starts[index].content { return place }
            guard let inner = entry(line, column, in: values[index]) else { continue }
            // The last entry takes its section with it.
            return values[index].count == 1 ? place : inner
        }
        return nil
    }

    private mutating func cut(_ place: Place) {
        if !place.isFlow {
            lines.removeSubrange(place.start.line - 1...max(place.start.line, place.end.line) - 1)
            return
        }
        if let next = place.next {
            replace(place.start, next, with: "")
        } else {
            replace(place.previousEnd ?? place.start, place.end, with: "")
        }
    }

    // MARK: Putting in

    /// Gives a key of a section a value: the entry's value is replaced where it is there, else the entry is added.
    /// `isKey` says whether an existing key is the one that is meant.
    public mutating func set(
        _ section: String, _ key: String, _ value: String, isKey: (String) -> Bool
    ) {
        guard let (name, node) = find(section) else { return append("\(section):\n  \(key): \(value)") }
        guard case .mapping(let pairs) = node.content, let last = pairs.last else {
            return fill(name, node, flow: "{\(key): \(value)}", block: "  \(key): \(value)")
        }
        if let known = pairs.first(where: { $0.key.text.map(isKey) ?? false }) {
            return replace((known.value.line, known.value.column), known.value.lastPlace, with: value)
        }
        if node.isFlow { return insert(", \(key): \(value)", at: last.value.lastPlace) }
        let indent = String(repeating: " ", count: last.key.column - 1)
        insertLine("\(indent)\(key): \(value)", after: max(last.key.line, last.value.lastPlace.line))
    }

    /// Adds an element to a list: `ambient`, or a list inside a section.
    public mutating func add(_ element: String, to section: String, _ key: String? = nil, else usual: [String] = []) {
        let list = "[\((usual + [element]).joined(separator: ", "))]"
        guard var (name, node) = find(section) else {
            return append(key.map { "\(section):\n  \($0): \(list)" } ?? "\(section): \(list)")
        }
        if let key {
            guard case .mapping(let pairs) = node.content, !pairs.isEmpty,
                let pair = pairs.first(where: { $0.key.text == key })
            else { return set(section, key, list) { $0 == key } }
            (name, node) = (pair.key, pair.value)
        }
        switch node.content {
        case .sequence(let elements):
            guard let last = elements.last else { return fill(name, node, flow: list, block: nil) }
            if node.isFlow { return insert(", \(element)", at: last.lastPlace) }
            let dash = lines[last.line - 1].prefix { $0 == " " }.count
            insertLine(String(repeating: " ", count: dash) + "- " + element, after: last.lastPlace.line)
        case .scalar(let text, _) where !text.isEmpty:
            insert(", \(element)]", at: node.lastPlace)
            insert("[", at: (node.line, node.column))
        default: fill(name, node, flow: list, block: nil)
        }
    }

    /// Puts a value where there is none, or an empty one.
    private mutating func fill(_ name: Node, _ node: Node, flow: String, block: String?) {
        if node.lastPlace != (node.line, node.column) {
            replace((node.line, node.column), node.lastPlace, with: flow)
        } else if let block {
            insertLine(block, after: name.line)
        } else {
            insert(" \(flow)", at: (name.lastPlace.line, name.lastPlace.column + 1))
        }
    }

    private func find(_ section: String) -> (Node, Node)? {
        guard let root, case .mapping(let pairs) = root.content else { return nil }
        return pairs.first { $0.key.text == section }.map { ($0.key, $0.value) }
    }

    private mutating func append(_ text: String) {
        while lines.last?.isEmpty == true { lines.removeLast() }
        lines += text.split(separator: "\n").map { Array($0.unicodeScalars) } + [[]]
    }

    // MARK: Text

    private mutating func insertLine(_ text: String, after line: Int) {
        lines.insert(Array(text.unicodeScalars), at: min(line, lines.count))
    }

    private mutating func insert(_ text: String, at place: (line: Int, column: Int)) {
        replace(place, place, with: text)
    }

    private mutating func replace(
        _ start: (line: Int, column: Int), _ end: (line: Int, column: Int), with text: String
    ) {
        guard lines.indices.contains(start.line - 1), lines.indices.contains(end.line - 1) else { return }
        let head = lines[start.line - 1].prefix(start.column - 1)
        let tail = lines[end.line - 1].dropFirst(end.column - 1)
        lines.replaceSubrange(start.line - 1...end.line - 1, with: [Array(head) + Array(text.unicodeScalars) + tail])
    }
}

extension Node {
    /// Where its last character is behind. A block ends where its last part does.
    fileprivate var lastPlace: (line: Int, column: Int) {
        if isFlow { return end }
        switch content {
        case .scalar: return end
        case .sequence(let list): return list.last?.lastPlace ?? end
        case .mapping(let pairs): return pairs.last?.value.lastPlace ?? end
        }
    }

    fileprivate var count: Int {
        switch content {
        case .scalar: 0
        case .sequence(let list): list.count
        case .mapping(let pairs): pairs.count
        }
    }
}
