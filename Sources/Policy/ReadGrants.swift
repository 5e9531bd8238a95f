// Reads the sections that say what a program holds: files, programs, give, handles, ambient, limits.

import Messages

extension PolicyReader {
    mutating func readDefault(_ node: Node) {
        guard let verdict = verdict(node, allowed: ["deny", "ask", "warn", "kill", "allow"]) else { return }
        layer.defaultVerdict = verdict
        layer.defaultLine = line(node)
    }

    // MARK: Words

    /// `deny`, `deny EIO`, `{deny: EIO}`, `allow`, `kill` …
    mutating func verdict(_ node: Node, allowed: [String]) -> Verdict? {
        var word = ""
        var errnoNode: Node?
        switch node.content {
        case .scalar(let text, _):
            let parts = text.split(separator: " ").map(String.init)
            word = parts.first ?? ""
            if parts.count == 2, word == "deny" {
                errnoNode = Node(content: .scalar(parts[1], isPlain: true), line: node.line, column: node.column)
            } else if parts.count != 1 {
                word = text
            }
        case .mapping(let pairs):
            guard pairs.count == 1, let key = pairs[0].key.text else {
                fail(node, "expected one verdict")
                return nil
            }
            word = key
            if key == "reply", allowed.contains("reply") { return .reply(changes(pairs[0].value)) }
            if key != "deny" {
                fail(pairs[0].key, unknown: "verdict", key, among: ["deny", "reply"])
                return nil
            }
            errnoNode = pairs[0].value
        case .sequence:
            fail(node, "expected a verdict, found a list")
            return nil
        }
        guard allowed.contains(word) else {
            fail(node, unknown: "verdict", word, among: allowed)
            return nil
        }
        switch word {
        case "allow": return .allow
        case "warn": return .warn
        case "stub": return .stub
        case "ask": return .ask
        case "kill": return .kill
        case "deny": return .deny(errnoNode.flatMap { errno($0) } ?? ErrnoName.EACCES)
        default:
            fail(node, "`\(word)` needs items: `{\(word): {ITEM: VALUE}}`")
            return nil
        }
    }

    mutating func errno(_ node: Node) -> Int32? {
        guard let name = text(node) else { return nil }
        if let number = ErrnoName.number(name), number > 0 { return number }
        let row = SpecTables.symbolSets[Int(SymbolSet.errno.rawValue)]
        let names = SpecTables.symbols[Int(row.firstSymbol)..<Int(row.firstSymbol) + Int(row.count)].map(\.name)
        fail(node, unknown: "errno", name, among: names)
        return nil
    }

    mutating func changes(_ node: Node) -> [Change] {
        mapping(node).compactMap { key, value in
            guard let item = key.text, let text = text(value) else { return nil }
            return Change(item: item, value: expanded(text, value) ?? text, line: line(key))
        }
    }

    /// `rw+create-resize`: groups and rights, added and taken away from left to right.
    mutating func rights(_ node: Node) -> (rights: Rights, isHidden: Bool)? {
        guard let text = text(node) else { return nil }
        if text == "none" { return ([], true) }
        var rights: Rights = []
        var isAdding = true
        var word = ""
        for character in text + "+" {
            guard character == "+" || character == "-" else {
                word.append(character)
                continue
            }
            let name = word.filter { $0 != " " }
            guard let found = Self.rights(named: name) else {
                fail(node, unknown: "right or group", name, among: Self.rightNames)
                return nil
            }
            if isAdding { rights.formUnion(found) } else { rights.subtract(found) }
            isAdding = character == "+"
            word = ""
        }
        return (rights, false)
    }

    static func rights(named name: String) -> Rights? {
        if name == "all" { return .all }
        if let group = RightsGroup.allCases.first(where: { $0.name == name }) { return group.rights }
        return Right.allCases.first { $0.name == name }.map { Rights($0) }
    }

    static let rightNames = RightsGroup.allCases.map(\.name) + ["all", "none"] + Right.allCases.map(\.name)

    // MARK: Paths

    /// Puts in `~`, `${CWD}` and variables; nil, with an error, for what is not known here. In a pattern, what they
    /// stand for is meant as it is, and a backslash keeps `$` from being more than that.
    mutating func expanded(_ text: String, _ node: Node, isPattern: Bool = false) -> String? {
        func put(_ value: String) -> String { isPattern ? PolicyText.pattern(value.utf8) : value }
        var result = ""
        var rest = text[...]
        if rest == "~" || rest.hasPrefix("~/") {
            guard !surroundings.home.isEmpty else {
                fail(node, "where `~` is nobody says: HOME is not set")
                return nil
            }
            result = put(surroundings.home)
            rest = rest.dropFirst()
        }
        while let next = rest.first {
            if isPattern, next == "\\" {
                result += rest.prefix(2)
                rest = rest.dropFirst(2)
                continue
            }
            guard next == "$", rest.hasPrefix("${"), let close = rest.firstIndex(of: "}") else {
                result.append(next)
                rest = rest.dropFirst()
                continue
            }
            let name = String(rest.dropFirst(2)[..<close])
            guard let value = name == "CWD" ? workingDirectory(node) : surroundings.variables[name] else {
                if name != "CWD" { fail(node, "`${\(name)}` is not set") }
                return nil
            }
            result += put(value)
            rest = rest[rest.index(after: close)...]
        }
        return result
    }

    private mutating func workingDirectory(_ node: Node) -> String? {
        if !surroundings.workingDirectory.isEmpty { return surroundings.workingDirectory }
        fail(node, "where the working directory is nobody can say: it was removed, or its name is no UTF-8")
        return nil
    }

    /// An absolute pattern; relative ones start from the working directory.
    mutating func path(_ node: Node, _ given: String? = nil) -> (pattern: PathPattern, text: String)? {
        guard let text = given ?? text(node), let full = expanded(text, node, isPattern: true) else { return nil }
        var absolute = full
        if !full.hasPrefix("/") {
            guard full.hasPrefix(".") || full.hasPrefix("**") else {
                fail(
                    node, "`\(text)` is no absolute path", hint: "write `./\(text)` for one under the working directory"
                )
                return nil
            }
            absolute = "/" + full
            if !full.hasPrefix("**") {
                guard let directory = workingDirectory(node) else { return nil }
                absolute = PolicyText.pattern(directory.utf8) + absolute
            }
        }
        guard let pattern = PathPattern(Array(absolute.utf8)) else {
            fail(node, "`\(text)` has `..` in it; entries are about objects, so write where it leads")
            return nil
        }
        return (pattern, absolute)
    }

    mutating func readFiles(_ node: Node) {
        var written: Set<String> = []
        var implied: [FileGrant] = []
        for (key, value) in mapping(node) {
            guard let found = path(key), let (rights, isHidden) = rights(value) else { continue }
            let grant = FileGrant(pattern: found.pattern, rights: rights, isHidden: isHidden, line: line(key))
            guard written.insert(key.text ?? "").inserted else {
                fail(key, "`\(key.text ?? "")` is there twice")
                continue
            }
            if let other = layer.files.first(where: { $0.pattern == grant.pattern }) {
                // `${CWD}` may be anywhere: both entries are meant, and the narrower of them holds.
                warn(key, "`\(found.text)` has an entry in line \(other.line.line) too; what both allow counts")
            }
            layer.files.append(grant)
            // Each process has its own /proc/self.
            guard let path = found.pattern.literal, !Self.isOwnProcess(found.text) else { continue }
            // Links are followed by name, and a name that is no UTF-8 is taken as the kernel resolved it.
            guard let name = String(validating: path, as: UTF8.self) else { continue }
            guard let real = surroundings.realPath(name) else {
                if !isHidden { note(key, "nothing is at `\(found.text)` yet") }
                continue
            }
            if let pattern = PathPattern(literal: real), pattern != found.pattern {
                // To read a link is to do something with the link itself, and no more than that is granted.
                if rights.contains(.readlink) && rights.isSubset(of: PolicyLayer.wayRights) {
                    note(key, "`\(found.text)` leads to `\(pattern.text)`; the entry is about the link alone")
                    continue
                }
                note(key, "`\(found.text)` leads to `\(pattern.text)`; the entry is about what it leads to")
                var target = grant
                target.pattern = pattern
                implied.append(target)
            }
        }
        // What an entry says of a place itself counts, whichever links lead there, and wherever their entries stand.
        let spoken = Set(layer.files.map(\.pattern))
        layer.files += implied.filter { !spoken.contains($0.pattern) }
    }

    private static func isOwnProcess(_ path: String) -> Bool {
        ["/proc/self", "/proc/thread-self"].contains { path == $0 || path.hasPrefix($0 + "/") }
    }

    // MARK: Programs and descriptors

    mutating func readPrograms(_ node: Node) {
        var programs: [ProgramGrant] = []
        for (key, value) in mapping(node) {
            guard let found = path(key) else { continue }
            let isBelow = found.text.hasSuffix("/**")
            var grant = ProgramGrant(pattern: found.pattern, isBelow: isBelow, digest: [], line: line(key))
            if let path = found.pattern.literal, let name = String(validating: path, as: UTF8.self),
                let real = surroundings.realPath(name), let pattern = PathPattern(literal: real)
            {
                grant.pattern = pattern
            }
            let fields = entries(mapping(value), among: ["sha256", "policy"], "key of a program")
            if let node = fields["sha256"], let text = text(node) {
                guard let digest = Self.digest(text) else {
                    fail(node, "a SHA-256 digest has 64 hexadecimal digits")
                    continue
                }
                grant.digest = digest
            }
            if let node = fields["policy"], let reading = readOther(node) {
                grant.policyName = node.text
                grant.policy = reading.policy
            }
            programs.append(grant)
        }
        layer.programs = programs
    }

    static func digest(_ text: String) -> [UInt8]? {
        let digits = Array(text.utf8)
        guard digits.count == 64 else { return nil }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: 64, by: 2) {
            guard let byte = UInt8(String(decoding: digits[index..<index + 2], as: UTF8.self), radix: 16) else {
                return nil
            }
            bytes.append(byte)
        }
        return bytes
    }

    mutating func readGives(_ node: Node) {
        for (key, value) in mapping(node) {
            let fields = entries(
                mapping(value), among: ["open", "listen", "connect", "rights", "fd"], "key of a descriptor")
            guard let name = key.text else { continue }
            guard let number = fields["fd"].flatMap({ $0.text }).flatMap({ Int32($0) }), (0..<4096).contains(number)
            else {
                fail(fields["fd"] ?? key, "`\(name)` needs `fd: NUMBER`, below 4096")
                continue
            }
            if layer.gives.contains(where: { $0.number == number }) {
                fail(fields["fd"] ?? key, "descriptor \(number) is given twice")
                continue
            }
            guard let node = fields["rights"] else {
                fail(key, "`\(name)` needs `rights`")
                continue
            }
            guard let (rights, _) = rights(node), let source = source(fields, key) else { continue }
            let poll: Rights = [.poll, .dup, .stat]
            layer.gives.append(
                Give(name: name, source: source, rights: rights.union(poll), number: number, line: line(key)))
        }
    }

    private mutating func source(_ fields: [String: Node], _ key: Node) -> Give.Source? {
        let given = ["open", "listen", "connect"].filter { fields[$0] != nil }
        guard given.count == 1, let node = fields[given[0]], let text = text(node) else {
            fail(key, "a descriptor is made in one way: `open`, `listen` or `connect`")
            return nil
        }
        if given[0] == "open" {
            guard let found = path(node, text) else { return nil }
            guard let path = found.pattern.literal else {
                fail(node, "`\(text)` is no single file")
                return nil
            }
            return .open(path)
        }
        guard let pattern = networkPatterns(node).first else { return nil }
        guard let address = pattern.address, let transport = pattern.transport else {
            fail(node, "`\(text)` is no single address")
            return nil
        }
        return given[0] == "listen" ? .listen(transport, address) : .connect(transport, address)
    }

    mutating func readHandles(_ node: Node) {
        for (key, value) in mapping(node) {
            guard let name = key.text else { continue }
            let known = ["stdin", "stdout", "stderr", "inherited"]
            guard known.contains(name) || Int32(name).map({ $0 >= 0 }) ?? false else {
                fail(key, unknown: "handle", name, among: known)
                continue
            }
            guard let (rights, isNone) = rights(value) else { continue }
            layer.handles.append(HandleGrant(name: name, rights: isNone ? nil : rights, line: line(key)))
        }
    }

    /// A list of ambient handles, each with rights added or taken: `[self, child, mm-map_exec]`.
    mutating func readAmbients(_ node: Node) {
        layer.ambients = []
        for entry in list(node) {
            guard let text = text(entry) else { continue }
            let name = String(text.prefix { $0 != "+" && $0 != "-" })
            guard let ambient = Ambient.allCases.first(where: { $0.name == name }) else {
                fail(entry, unknown: "ambient handle", name, among: Ambient.allCases.map(\.name))
                continue
            }
            var rights = ambient.rights
            let changes = String(text.dropFirst(name.count))
            if !changes.isEmpty {
                let base = Node(
                    content: .scalar(
                        changes.hasPrefix("+") ? String(changes.dropFirst()) : "all" + changes, isPlain: true),
                    line: entry.line, column: entry.column)
                guard let (change, _) = self.rights(base) else { continue }
                rights = changes.hasPrefix("+") ? rights.union(change) : rights.intersection(change)
            }
            layer.ambients.append(AmbientGrant(ambient: ambient, rights: rights, line: line(entry)))
        }
    }

    mutating func readLimits(_ node: Node) {
        let fields = entries(mapping(node), among: Limit.Kind.allCases.map(\.rawValue), "limit")
        for kind in Limit.Kind.allCases {
            guard let node = fields[kind.rawValue], let text = text(node) else { continue }
            guard let value = Self.quantity(text, isTime: kind == .cpu || kind == .time) else {
                fail(node, "`\(text)` is no amount", hint: kind == .memory ? "like 2G" : "like 60s")
                continue
            }
            layer.limits.append(Limit(kind: kind, value: value, line: line(node)))
        }
    }

    /// `2G`, `64`, `60s`, `5m`.
    static func quantity(_ text: String, isTime: Bool) -> UInt64? {
        let digits = text.prefix { $0 >= "0" && $0 <= "9" }
        guard let number = UInt64(digits) else { return nil }
        let units: [String: UInt64] =
            isTime
            ? ["": 1, "s": 1, "m": 60, "h": 3600]
            : ["": 1, "k": 1 << 10, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40]
        guard let unit = units[String(text.dropFirst(digits.count))] else { return nil }
        let (product, overflow) = number.multipliedReportingOverflow(by: unit)
        return overflow ? nil : product
    }
}
