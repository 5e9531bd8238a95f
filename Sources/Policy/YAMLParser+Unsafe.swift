// Reads YAML through libyaml's events into nodes. Aliases and anchors are refused: a policy says everything where it is.

import CYAML

/// Where YAML is not well formed, or more than a policy may be.
struct YAMLFault: Error {
    let message: String
    let line: Int
    let column: Int
}

struct YAMLParser {
    private static let deepest = 24
    private static let most = 50_000

    private var parser = yaml_parser_t()
    private var count = 0
    /// Where the last element, or the end of the last list or mapping, ended.
    private var lastEnd = (line: 1, column: 1)

    /// The one document in the bytes, nil where there is nothing in them.
    static func parse(_ bytes: [UInt8]) throws(YAMLFault) -> Node? {
        var reader = YAMLParser()
        guard yaml_parser_initialize(&reader.parser) == 1 else {
            throw YAMLFault(message: "out of memory", line: 1, column: 1)
        }
        defer { yaml_parser_delete(&reader.parser) }
        let result: Result<Node?, YAMLFault> = bytes.withUnsafeBufferPointer { buffer in
            yaml_parser_set_input_string(&reader.parser, buffer.baseAddress, buffer.count)
            do throws(YAMLFault) {
                return .success(try reader.document())
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    private mutating func document() throws(YAMLFault) -> Node? {
        var root: Node?
        while true {
            var event = yaml_event_t()
            try next(&event)
            defer { yaml_event_delete(&event) }
            switch event.type {
            case YAML_STREAM_END_EVENT, YAML_NO_EVENT: return root
            case YAML_DOCUMENT_START_EVENT:
                if root != nil { throw fault("a policy is one document", event.start_mark) }
                root = try node(0)
            default: continue
            }
        }
    }

    private mutating func next(_ event: inout yaml_event_t) throws(YAMLFault) {
        count += 1
        guard yaml_parser_parse(&parser, &event) == 1 else {
            let problem = parser.problem.map { String(cString: $0) } ?? "this is no YAML"
            throw fault(problem, parser.problem_mark)
        }
        guard count < Self.most else { throw fault("more than a policy may be", event.start_mark) }
    }

    private func fault(_ message: String, _ mark: yaml_mark_t) -> YAMLFault {
        YAMLFault(message: message, line: Int(mark.line) + 1, column: Int(mark.column) + 1)
    }

    private mutating func node(_ depth: Int) throws(YAMLFault) -> Node {
        var event = yaml_event_t()
        try next(&event)
        defer { yaml_event_delete(&event) }
        guard let node = try node(from: event, depth) else { throw fault("a value is missing", event.start_mark) }
        return node
    }

    /// Nil where the event ends what is being read.
    private mutating func node(from event: yaml_event_t, _ depth: Int) throws(YAMLFault) -> Node? {
        let mark = event.start_mark
        let (line, column) = (Int(mark.line) + 1, Int(mark.column) + 1)
        guard depth < Self.deepest else { throw fault("nested too deep", mark) }
        switch event.type {
        case YAML_ALIAS_EVENT: throw fault("aliases are not used in policies", mark)
        case YAML_SCALAR_EVENT:
            let scalar = event.data.scalar
            let bytes = UnsafeBufferPointer(start: scalar.value, count: scalar.length)
            return Node(
                content: .scalar(
                    String(decoding: bytes, as: UTF8.self), isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE),
                line: line, column: column, end: Self.place(event.end_mark))
        case YAML_SEQUENCE_START_EVENT:
            var list: [Node] = []
            while let element = try element(depth) { list.append(element) }
            let isFlow = event.data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE
            return Node(content: .sequence(list), line: line, column: column, end: lastEnd, isFlow: isFlow)
        case YAML_MAPPING_START_EVENT:
            var pairs: [(key: Node, value: Node)] = []
            while let key = try element(depth) { pairs.append((key, try node(depth + 1))) }
            let isFlow = event.data.mapping_start.style == YAML_FLOW_MAPPING_STYLE
            return Node(content: .mapping(pairs), line: line, column: column, end: lastEnd, isFlow: isFlow)
        default: return nil
        }
    }

    private mutating func element(_ depth: Int) throws(YAMLFault) -> Node? {
        var event = yaml_event_t()
        try next(&event)
        defer { yaml_event_delete(&event) }
        lastEnd = Self.place(event.end_mark)
        return try node(from: event, depth + 1)
    }

    private static func place(_ mark: yaml_mark_t) -> (line: Int, column: Int) {
        (Int(mark.line) + 1, Int(mark.column) + 1)
    }
}
