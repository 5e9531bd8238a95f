// Reads addresses: the section `network`, and every other place where a policy writes one.

import Messages

extension PolicyReader {
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
}

extension NetworkPattern {
    /// The one address that it stands for, nil where it stands for many.
    var address: Address? {
        switch place {
        case .block(let host, let length) where length == (host.isIPv4 ? 32 : 128):
            guard let ports, ports.count == 1 else { return nil }
            return .internet(host, port: ports.lowerBound)
        case .path(let pattern): return pattern.literal.map { .unixPath($0) }
        case .abstract(let glob): return glob.literal.map { .unixAbstract($0) }
        default: return nil
        }
    }
}
