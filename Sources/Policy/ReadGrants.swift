// Reads the sections that say what a program holds: files, network, programs, give, handles, ambient, limits.

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

    /// Puts in `~`, `${CWD}` and variables; nil, with an error, for a variable that is not set.
    mutating func expanded(_ text: String, _ node: Node) -> String? {
        var result = ""
        var rest = text[...]
        if rest == "~" || rest.hasPrefix("~/") {
            result = surroundings.home
            rest = rest.dropFirst()
        }
        while let open = rest.firstIndex(of: "$") {
            result += rest[..<open]
            rest = rest[open...]
            guard rest.hasPrefix("${"), let close = rest.firstIndex(of: "}") else {
                result += "$"
                rest = rest.dropFirst()
                continue
            }
            let name = String(rest[rest.index(open, offsetBy: 2)..<close])
            guard let value = name == "CWD" ? surroundings.workingDirectory : surroundings.variables[name] else {
                fail(node, "`${\(name)}` is not set")
                return nil
            }
            result += value
            rest = rest[rest.index(after: close)...]
        }
        return result + rest
    }

    /// An absolute pattern; relative ones start from the working directory.
    mutating func path(_ node: Node, _ given: String? = nil) -> (pattern: PathPattern, text: String)? {
        guard let text = given ?? text(node), let full = expanded(text, node) else { return nil }
        var absolute = full
        if !full.hasPrefix("/") {
            guard full.hasPrefix(".") || full.hasPrefix("**") else {
                fail(
                    node, "`\(text)` is no absolute path", hint: "write `./\(text)` for one under the working directory"
                )
                return nil
            }
            absolute = (full.hasPrefix("**") ? "" : surroundings.workingDirectory) + "/" + full
        }
        guard let pattern = PathPattern(Array(absolute.utf8)) else {
            fail(node, "`\(text)` has `..` in it; entries are about objects, so write where it leads")
            return nil
        }
        return (pattern, absolute)
    }

    mutating func readFiles(_ node: Node) {
        var written: Set<String> = []
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
            guard found.pattern.isLiteral, !Self.isOwnProcess(found.text) else { continue }
            guard let real = surroundings.realPath(found.text) else {
                if !isHidden { note(key, "nothing is at `\(found.text)` yet") }
                continue
            }
            if let pattern = PathPattern(Self.escaped(real)), pattern != found.pattern {
                note(key, "`\(found.text)` leads to `\(real)`; the entry is about what it leads to")
                var target = grant
                target.pattern = pattern
                if !layer.files.contains(where: { $0.pattern == pattern }) { layer.files.append(target) }
            }
        }
    }

    private static func isOwnProcess(_ path: String) -> Bool {
        ["/proc/self", "/proc/thread-self"].contains { path == $0 || path.hasPrefix($0 + "/") }
    }

    /// A path whose stars are meant as they are.
    static func escaped(_ path: String) -> [UInt8] {
        path.utf8.flatMap { $0 == UInt8(ascii: "*") || $0 == UInt8(ascii: "\\") ? [UInt8(ascii: "\\"), $0] : [$0] }
    }

    // MARK: Network

    mutating func readNetwork(_ node: Node) {
        if node.text == "any" {
            let grant = NetworkGrant(
                pattern: NetworkPattern(transport: nil, place: .anywhere, ports: nil), line: line(node))
            layer.connect = [grant]
            layer.listen = [grant]
            return
        }
        if node.text == "none" { return }
        let fields = entries(mapping(node), among: ["connect", "listen"], "key of `network`")
        if let node = fields["connect"] { layer.connect = networkGrants(node) }
        if let node = fields["listen"] { layer.listen = networkGrants(node) }
    }

    private mutating func networkGrants(_ node: Node) -> [NetworkGrant] {
        list(node).flatMap { entry in
            networkPatterns(entry).map { NetworkGrant(pattern: $0, line: line(entry)) }
        }
    }

    /// `TRANSPORT PLACE`; `localhost` is two places.
    mutating func networkPatterns(_ node: Node) -> [NetworkPattern] {
        guard let text = text(node) else { return [] }
        if text == "any" { return [NetworkPattern(transport: nil, place: .anywhere, ports: nil)] }
        let parts = text.split(separator: " ", maxSplits: 1).map(String.init)
        let names = ["tcp", "udp", "unix", "netlink"]
        guard let transport = Transport.allCases.first(where: { $0.name == parts.first }), transport != .other else {
            fail(node, unknown: "transport", parts.first ?? "", among: names)
            return []
        }
        let place = parts.count == 2 ? parts[1].filter { $0 != " " } : "*"
        switch transport {
        case .unix: return unixPattern(parts.count == 2 ? parts[1] : "*", node).map { [$0] } ?? []
        case .netlink: return [NetworkPattern(transport: .netlink, place: .anywhere, ports: nil)]
        default: return internetPatterns(transport, place, node)
        }
    }

    private mutating func unixPattern(_ text: String, _ node: Node) -> NetworkPattern? {
        if text == "*" { return NetworkPattern(transport: .unix, place: .anywhere, ports: nil) }
        if text.hasPrefix("@") {
            return NetworkPattern(transport: .unix, place: .abstract(Glob(String(text.dropFirst()))), ports: nil)
        }
        // A socket is one object: only `**` covers what lies below a directory.
        let isBelow = text.hasSuffix("/**")
        return path(node, text).map { found in
            NetworkPattern(
                transport: .unix, place: isBelow ? .below(found.pattern) : .path(found.pattern), ports: nil)
        }
    }

    private mutating func internetPatterns(_ transport: Transport, _ text: String, _ node: Node) -> [NetworkPattern] {
        var host = text
        var ports: ClosedRange<UInt16>?
        let isBare = InternetAddress(text) != nil && text.contains(":")
        if !isBare, let colon = text.lastIndex(of: ":"), text.last != "]" {
            host = String(text[..<colon])
            let port = String(text[text.index(after: colon)...])
            guard let range = Self.ports(port) else {
                fail(node, "`\(port)` is no port", hint: "a number, a range like 8000-8100, or *")
                return []
            }
            ports = range == 0...UInt16.max ? nil : range
        }
        func pattern(_ place: NetworkPattern.Place) -> NetworkPattern {
            NetworkPattern(transport: transport, place: place, ports: ports)
        }
        if host == "*" { return [pattern(.anywhere)] }
        if host == "localhost" {
            return [
                pattern(.block(InternetAddress(ipv4: 0x7F00_0000), length: 8)),
                pattern(.block(InternetAddress(ipv6: 1), length: 128)),
            ]
        }
        let plain = host.filter { $0 != "[" && $0 != "]" }
        let pieces = plain.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard pieces.count <= 2, let address = InternetAddress(pieces[0]) else {
            fail(
                node, "`\(host)` is no address",
                hint:
                    "an IPv4 or [IPv6] address, a block like 10.0.0.0/8, localhost, or *; names are looked up by nobody"
            )
            return []
        }
        let width = address.isIPv4 ? 32 : 128
        var length = width
        if pieces.count == 2 {
            guard let given = Int(pieces[1]), (0...width).contains(given) else {
                fail(node, "`/\(pieces[1])` is no block length of \(width) bits")
                return []
            }
            length = given
        }
        return [pattern(.block(address, length: length))]
    }

    static func ports(_ text: String) -> ClosedRange<UInt16>? {
        if text == "*" { return 0...UInt16.max }
        let parts = text.split(separator: "-", omittingEmptySubsequences: false).map { UInt16($0) }
        guard let low = parts.first ?? nil, let high = parts.last ?? nil, parts.count <= 2, low <= high else {
            return nil
        }
        return low...high
    }

    // MARK: Programs and descriptors

    mutating func readPrograms(_ node: Node) {
        var programs: [ProgramGrant] = []
        for (key, value) in mapping(node) {
            guard let found = path(key) else { continue }
            var grant = ProgramGrant(pattern: found.pattern, digest: [], line: line(key))
            if found.pattern.isLiteral, let real = surroundings.realPath(found.text),
                let pattern = PathPattern(Self.escaped(real))
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
        if given[0] == "open" { return path(node, text).map { .open(Array($0.text.utf8)) } }
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

extension NetworkPattern {
    /// The one address that it stands for, nil where it stands for many.
    var address: Address? {
        switch place {
        case .block(let host, let length) where length == (host.isIPv4 ? 32 : 128):
            guard let ports, ports.count == 1 else { return nil }
            return .internet(host, port: ports.lowerBound)
        case .path(let pattern) where pattern.isLiteral:
            return .unixPath(pattern.fixedPrefix.flatMap { [UInt8(ascii: "/")] + $0 })
        case .abstract(let glob): return glob.literal.map { .unixAbstract($0) }
        default: return nil
        }
    }
}
