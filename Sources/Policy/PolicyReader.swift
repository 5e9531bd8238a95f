// Reads a policy file into its compiled form, with every mistake in it at once.

import Messages

/// A policy file as it was found.
public struct PolicySource: Sendable {
    /// What people call the file.
    public var file: String
    public var bytes: [UInt8]

    public init(file: String, bytes: [UInt8]) {
        self.file = file
        self.bytes = bytes
    }
}

/// What a policy may refer to, given from outside: reading asks the world nothing.
public struct Surroundings {
    /// `${CWD}` and what relative paths start from.
    public var workingDirectory: String
    /// `~`.
    public var home: String
    /// `${NAME}`.
    public var variables: [String: String]
    /// Where a path really leads, nil where nothing is there.
    public var realPath: (String) -> String?
    /// The policy of a name that another file includes.
    public var source: (_ name: String, _ from: String) -> PolicySource?

    public init(
        workingDirectory: String, home: String, variables: [String: String] = [:],
        realPath: @escaping (String) -> String? = { $0 },
        source: @escaping (_ name: String, _ from: String) -> PolicySource? = { _, _ in nil }
    ) {
        self.workingDirectory = workingDirectory
        self.home = home
        self.variables = variables
        self.realPath = realPath
        self.source = source
    }
}

/// What came of reading.
public struct PolicyReading {
    /// Nil where there are errors.
    public var policy: Policy?
    public var diagnostics: [Diagnostic]

    public var errors: [Diagnostic] { diagnostics.filter { $0.severity == .error } }
}

/// Reads one file and what it includes.
public struct PolicyReader {
    let surroundings: Surroundings
    var source: PolicySource
    var lines: [Substring] = []
    var layer: PolicyLayer
    var included: [PolicyLayer] = []
    var diagnostics: [Diagnostic] = []
    /// The files that are being read, for finding circles.
    var chain: [String]

    static let keys = [
        "abitrace", "name", "description", "default", "files", "network", "programs", "give", "handles", "classes",
        "rules", "ambient", "limits", "vdso", "include", "promises",
    ]

    private init(_ source: PolicySource, _ surroundings: Surroundings, chain: [String]) {
        self.source = source
        self.surroundings = surroundings
        self.chain = chain + [source.file]
        layer = PolicyLayer(file: source.file)
        lines = String(decoding: source.bytes, as: UTF8.self).split(
            separator: "\n", omittingEmptySubsequences: false)
    }

    public static func read(_ source: PolicySource, _ surroundings: Surroundings) -> PolicyReading {
        read(source, surroundings, chain: [])
    }

    static func read(_ source: PolicySource, _ surroundings: Surroundings, chain: [String]) -> PolicyReading {
        var reader = PolicyReader(source, surroundings, chain: chain)
        reader.readAll()
        let hasErrors = reader.diagnostics.contains { $0.severity == .error }
        return PolicyReading(
            policy: hasErrors ? nil : Policy(layers: [reader.layer] + reader.included),
            diagnostics: reader.diagnostics)
    }

    // MARK: Diagnostics

    func line(_ node: Node) -> PolicyLine {
        let index = node.line - 1
        let text = lines.indices.contains(index) ? lines[index] : ""
        return PolicyLine(
            file: source.file, line: node.line, column: node.column,
            text: String(text.drop { $0 == " " || $0 == "\t" }.prefix(200)))
    }

    mutating func fail(_ node: Node, _ message: String, hint: String? = nil) {
        diagnostics.append(Diagnostic(severity: .error, line: line(node), message: message, hint: hint))
    }

    mutating func warn(_ node: Node, _ message: String, hint: String? = nil) {
        diagnostics.append(Diagnostic(severity: .warning, line: line(node), message: message, hint: hint))
    }

    mutating func note(_ node: Node, _ message: String) {
        diagnostics.append(Diagnostic(severity: .note, line: line(node), message: message))
    }

    /// An unknown word, with what was meant.
    mutating func fail(_ node: Node, unknown what: String, _ word: String, among known: [String]) {
        let near = Spelling.nearest(word, among: known)
        fail(
            node, "no \(what) `\(word)`",
            hint: near.map { "did you mean `\($0)`?" } ?? (known.count < 20 ? known.joined(separator: ", ") : nil))
    }

    // MARK: The document

    private mutating func readAll() {
        let root: Node?
        do throws(YAMLFault) {
            root = try YAMLParser.parse(source.bytes)
        } catch {
            fail(Node(content: .sequence([]), line: error.line, column: error.column), error.message)
            return
        }
        guard let root, case .mapping(let pairs) = root.content else {
            fail(
                root ?? Node(content: .sequence([]), line: 1, column: 1),
                "a policy is a mapping that starts with `abitrace: policy/1`")
            return
        }
        let fields = entries(pairs, among: Self.keys, "key")
        if let version = fields["abitrace"] {
            if version.text != "policy/1" { fail(version, "this reads `policy/1`") }
        } else {
            fail(root, "the first line of a policy is `abitrace: policy/1`")
        }
        layer.name = fields["name"].flatMap { text($0) } ?? ""
        layer.description = fields["description"].flatMap { text($0) } ?? ""
        if let node = fields["default"] { readDefault(node) }
        if let node = fields["files"] { readFiles(node) }
        if let node = fields["network"] { readNetwork(node) }
        if let node = fields["programs"] { readPrograms(node) }
        if let node = fields["give"] { readGives(node) }
        if let node = fields["handles"] { readHandles(node) }
        if let node = fields["classes"] { readClasses(node) }
        if let node = fields["rules"] { readRules(node) }
        if let node = fields["ambient"] { readAmbients(node) }
        if let node = fields["limits"] { readLimits(node) }
        if let node = fields["vdso"] {
            if node.text == "hide" {
                layer.hidesVDSO = true
            } else if node.text != "show" {
                fail(node, "expected `hide` or `show`")
            }
        }
        if let node = fields["promises"] { readPromises(node) }
        if let node = fields["include"] { readIncludes(node) }
        checkContradictions()
        if layer.rules.contains(where: { $0.operations.contains(.timeGet) }), !layer.hidesVDSO,
            let node = fields["rules"]
        {
            fail(
                node, "clocks are read without a call, so a rule on `time.get` is never asked", hint: "add `vdso: hide`"
            )
        }
    }

    /// The pairs by key; unknown and doubled keys are errors.
    mutating func entries(
        _ pairs: [(key: Node, value: Node)], among known: [String], _ what: String
    ) -> [String: Node] {
        var fields: [String: Node] = [:]
        for (key, value) in pairs {
            guard let word = key.text else {
                fail(key, "expected a word, found \(key.kind)")
                continue
            }
            guard known.contains(word) else {
                fail(key, unknown: what, word, among: known)
                continue
            }
            if fields[word] != nil { fail(key, "`\(word)` is there twice") }
            fields[word] = value
        }
        return fields
    }

    mutating func text(_ node: Node) -> String? {
        if let text = node.text { return text }
        fail(node, "expected a word, found \(node.kind)")
        return nil
    }

    /// A list, or one word where a list of one is meant.
    mutating func list(_ node: Node) -> [Node] {
        switch node.content {
        case .sequence(let list): return list
        case .scalar(let text, _): return text.isEmpty ? [] : [node]
        case .mapping:
            fail(node, "expected a list, found a mapping")
            return []
        }
    }

    mutating func mapping(_ node: Node) -> [(key: Node, value: Node)] {
        switch node.content {
        case .mapping(let pairs): return pairs
        case .scalar("", _): return []
        default:
            fail(node, "expected a mapping, found \(node.kind)")
            return []
        }
    }

    // MARK: Other policies

    private mutating func readIncludes(_ node: Node) {
        for name in list(node) {
            guard let reading = readOther(name), let policy = reading.policy else { continue }
            included += policy.layers
        }
    }

    mutating func readOther(_ node: Node) -> PolicyReading? {
        guard let name = text(node) else { return nil }
        guard chain.count < 16 else {
            fail(node, "policies include each other too deep")
            return nil
        }
        guard let source = surroundings.source(name, self.source.file) else {
            fail(
                node, "no policy `\(name)`",
                hint: "a path, or the name of a shipped policy: `abitrace policy new` lists them")
            return nil
        }
        guard !chain.contains(source.file) else {
            fail(node, "`\(name)` includes itself")
            return nil
        }
        let reading = Self.read(source, surroundings, chain: chain)
        diagnostics += reading.diagnostics
        return reading
    }
}
