// A YAML document as nodes that know their place.

/// A node of a document.
final class Node {
    enum Content {
        case scalar(String, isPlain: Bool)
        case sequence([Node])
        case mapping([(key: Node, value: Node)])
    }

    let content: Content
    /// From 1.
    let line: Int
    let column: Int
    /// Where it ends: the place after its last character. Of a block the place where the next thing starts.
    let end: (line: Int, column: Int)
    /// Between brackets or braces.
    let isFlow: Bool

    init(content: Content, line: Int, column: Int, end: (line: Int, column: Int)? = nil, isFlow: Bool = false) {
        self.content = content
        self.line = line
        self.column = column
        self.end = end ?? (line, column)
        self.isFlow = isFlow
    }

    /// The text of a scalar.
    var text: String? {
        if case .scalar(let text, _) = content { return text }
        return nil
    }

    /// What people call this kind of node.
    var kind: String {
        switch content {
        case .scalar: "a word"
        case .sequence: "a list"
        case .mapping: "a mapping"
        }
    }
}
