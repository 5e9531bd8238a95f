// Expectation files: messages and what a policy is to say of them, recordings and what it is to refuse in them.

import Messages

/// A message as an expectation file writes it, and the verdict that it is to get.
public struct ExpectedMessage: Equatable, Sendable {
    public var operation: Messages.Operation
    /// By item, as they are written.
    public var items: [String: String]
    /// `allow`, `deny`, `deny ENOENT`, …
    public var verdict: String
    public var line: PolicyLine

    public init(operation: Messages.Operation, items: [String: String], verdict: String, line: PolicyLine) {
        self.operation = operation
        self.items = items
        self.verdict = verdict
        self.line = line
    }

    /// The message on one line.
    public var text: String {
        let words = items.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        return ([operation.name] + words).joined(separator: " ")
    }

    /// Whether a verdict is the expected one; `deny` without an errno is any refusal of the kind.
    public func admits(_ found: Verdict) -> Bool { verdict == found.text || verdict == found.word }
}

/// A recording and the refusals that it is to have, none where the list is empty.
public struct ExpectedRecording: Equatable, Sendable {
    public var file: String
    /// `OPERATION OBJECT`, or an operation alone for whatever its object is.
    public var refused: [String]
    /// What `${CWD}` is for it: a directory, or `recorded` for where it began; nil where the file's own counts.
    public var workingDirectory: String?
    public var line: PolicyLine

    /// What differs: `- ` before what was expected and did not come, `+ ` before what came and was not expected.
    public func difference(_ found: [String]) -> [String] {
        func meets(_ expected: String, _ given: String) -> Bool {
            given == expected || given.hasPrefix(expected + " ")
        }
        let missing = refused.filter { expected in !found.contains { meets(expected, $0) } }
        let surplus = found.filter { given in !refused.contains { meets($0, given) } }
        return missing.map { "- \($0)" } + surplus.map { "+ \($0)" }
    }
}

/// A whole file.
public struct Expectations: Equatable, Sendable {
    /// The working directory and the home that the policy is read with, nil for the ones of whoever asks.
    public var workingDirectory: String?
    public var home: String?
    public var messages: [ExpectedMessage] = []
    public var recordings: [ExpectedRecording] = []
}

/// Reads expectation files, with every mistake at once.
public struct ExpectationReader {
    private let file: String
    private let lines: [Substring]
    private var expectations = Expectations()
    private var diagnostics: [Diagnostic] = []

    /// The expectations, and what is wrong with them; there are none to go by where anything is.
    public static func read(_ source: PolicySource) -> (expectations: Expectations, diagnostics: [Diagnostic]) {
        var reader = ExpectationReader(source)
        do throws(YAMLFault) {
            guard let root = try YAMLParser.parse(source.bytes) else {
                throw YAMLFault(message: "nothing is in it", line: 1, column: 1)
            }
            reader.read(root)
        } catch {
            reader.fail(Node(content: .sequence([]), line: error.line, column: error.column), error.message)
        }
        return (reader.expectations, reader.diagnostics)
    }

    private init(_ source: PolicySource) {
        file = source.file
        lines = String(decoding: source.bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
    }

    private func line(_ node: Node) -> PolicyLine {
        let text = lines.indices.contains(node.line - 1) ? lines[node.line - 1] : ""
        return PolicyLine(
            file: file, line: node.line, column: node.column, text: String(text.drop { $0 == " " }.prefix(200)))
    }

    private mutating func fail(_ node: Node, _ message: String, hint: String? = nil) {
        diagnostics.append(Diagnostic(severity: .error, line: line(node), message: message, hint: hint))
    }

    private mutating func read(_ root: Node) {
        guard case .mapping(let pairs) = root.content else {
            return fail(root, "expectations are a mapping that starts with `abitrace: expectations/1`")
        }
        if pairs.first(where: { $0.key.text == "abitrace" })?.value.text != "expectations/1" {
            fail(root, "the first line of expectations is `abitrace: expectations/1`")
        }
        for (key, value) in pairs {
            switch key.text {
            case "abitrace": break
            case "cwd": expectations.workingDirectory = value.text
            case "home": expectations.home = value.text
            case "messages": for node in list(value) { readMessage(node) }
            case "recordings": for node in list(value) { readRecording(node) }
            default: fail(key, "no key `\(key.text ?? "")`", hint: "abitrace, cwd, home, messages, recordings")
            }
        }
    }

    private mutating func list(_ node: Node) -> [Node] {
        if case .sequence(let list) = node.content { return list }
        fail(node, "expected a list, found \(node.kind)")
        return []
    }

    private mutating func readMessage(_ node: Node) {
        guard case .mapping(let pairs) = node.content else {
            return fail(node, "expected `{OPERATION: ITEMS, verdict: VERDICT}`, found \(node.kind)")
        }
        var message: ExpectedMessage?
        var verdict: String?
        for (key, value) in pairs {
            let word = key.text ?? ""
            if word == "verdict" {
                verdict = value.text
                if verdict.map(Self.isVerdict) != true { fail(value, "`\(value.text ?? "")` is no verdict") }
            } else if let operation = Operation.allCases.first(where: { $0.name == word }) {
                if message != nil { fail(key, "a message has one operation") }
                message = ExpectedMessage(operation: operation, items: items(value), verdict: "", line: line(key))
            } else {
                let near = Spelling.nearest(word, among: Operation.allCases.map(\.name) + ["verdict"])
                fail(key, "no operation `\(word)`", hint: near.map { "did you mean `\($0)`?" })
            }
        }
        guard var message, let verdict else { return fail(node, "a message has an operation and a `verdict`") }
        message.verdict = verdict
        expectations.messages.append(message)
    }

    /// The items; one word is the path of a message, or its address.
    private mutating func items(_ node: Node) -> [String: String] {
        switch node.content {
        case .scalar("", _), .scalar("{}", true): return [:]
        case .scalar(let text, _): return [text.contains(" ") ? "address" : "path": text]
        case .sequence:
            fail(node, "expected items, found a list")
            return [:]
        case .mapping(let pairs):
            var items: [String: String] = [:]
            for (key, value) in pairs {
                guard let name = key.text, let text = value.text else {
                    fail(value, "expected a word, found \(value.kind)")
                    continue
                }
                items[name] = text
            }
            return items
        }
    }

    private static func isVerdict(_ text: String) -> Bool {
        let words = text.split(separator: " ").map(String.init)
        let known = ["allow", "warn", "rewrite", "stub", "reply", "ask", "deny", "kill"]
        guard let first = words.first, known.contains(first) else { return false }
        return words.count == 1 || (words.count == 2 && first == "deny" && ErrnoName.number(words[1]) != nil)
    }

    private mutating func readRecording(_ node: Node) {
        guard case .mapping(let pairs) = node.content,
            let name = pairs.first(where: { $0.key.text == "file" })?.value.text
        else { return fail(node, "a recording is `{file: PATH, refused: [OPERATION OBJECT, …]}`") }
        var recording = ExpectedRecording(file: name, refused: [], line: line(node))
        for (key, value) in pairs where key.text != "file" {
            if key.text == "cwd" {
                recording.workingDirectory = value.text
                continue
            }
            guard key.text == "refused" else {
                fail(key, "no key `\(key.text ?? "")`", hint: "file, cwd, refused")
                continue
            }
            if value.text == "none" { continue }
            recording.refused = list(value).compactMap(\.text)
        }
        expectations.recordings.append(recording)
    }
}
