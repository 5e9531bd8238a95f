// Socket addresses as policies compare them: one form for every spelling of the same peer.

/// What carries the bytes.
public enum Transport: UInt8, Sendable, CaseIterable {
    case tcp, udp, unix, netlink, other

    public var name: String { "\(self)" }

    /// From what socket(2) was given: family, type without its flags, protocol. MPTCP and SCTP are no TCP: they may
    /// reach further addresses than the one that was judged.
    public init(family: UInt64, type: UInt64, protocol number: UInt64) {
        switch (family, type & 0xF, number) {
        case (1, _, _): self = .unix
        case (2, 1, 0), (2, 1, 6), (10, 1, 0), (10, 1, 6): self = .tcp
        case (2, 2, 0), (2, 2, 17), (10, 2, 0), (10, 2, 17): self = .udp
        case (16, _, _): self = .netlink
        default: self = .other
        }
    }
}

/// An internet address. IPv4 and the IPv6 addresses that stand for it are one.
public struct InternetAddress: Hashable, Sendable {
    /// 32 bits of an IPv4 address, 128 of an IPv6 one.
    public let bits: UInt128
    public let isIPv4: Bool

    public init(ipv4: UInt32) { (bits, isIPv4) = (UInt128(ipv4), true) }

    /// `::ffff:a.b.c.d` becomes the IPv4 address that it is mapped to (RFC 4291, 2.5.5.2).
    public init(ipv6: UInt128) {
        if ipv6 >> 32 == 0xFFFF {
            (bits, isIPv4) = (ipv6 & 0xFFFF_FFFF, true)
        } else {
            (bits, isIPv4) = (ipv6, false)
        }
    }

    public var isUnspecified: Bool { bits == 0 }

    /// Where a packet to it goes: the unspecified address means this machine (connect(2) on Linux).
    public var asPeer: InternetAddress {
        guard isUnspecified else { return self }
        return isIPv4 ? InternetAddress(ipv4: 0x7F00_0001) : InternetAddress(ipv6: 1)
    }

    public var text: String {
        if isIPv4 { return (0..<4).map { "\(bits >> UInt128(24 - 8 * $0) & 0xFF)" }.joined(separator: ".") }
        let groups = (0..<8).map { UInt16(truncatingIfNeeded: bits >> UInt128(112 - 16 * $0)) }
        var best = 0..<0
        var start = 0
        while start < 8 {
            var end = start
            while end < 8, groups[end] == 0 { end += 1 }
            if end - start > best.count, end - start > 1 { best = start..<end }
            start = max(end, start + 1)
        }
        func words(_ range: Range<Int>) -> String {
            groups[range].map { String($0, radix: 16) }.joined(separator: ":")
        }
        if best.isEmpty { return words(0..<8) }
        return words(0..<best.lowerBound) + "::" + words(best.upperBound..<8)
    }

    /// Reads `10.0.0.1` or `fe80::1`; nil for anything else.
    public init?(_ text: String) {
        if text.contains(":") {
            guard let bits = Self.ipv6(text) else { return nil }
            self.init(ipv6: bits)
        } else {
            guard let bits = Self.ipv4(text) else { return nil }
            self.init(ipv4: bits)
        }
    }

    private static func ipv4(_ text: String) -> UInt32? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var bits: UInt32 = 0
        for part in parts {
            guard part.utf8.allSatisfy({ $0 >= 48 && $0 <= 57 }), part.utf8.count <= 3, let byte = UInt8(part) else {
                return nil
            }
            bits = bits << 8 | UInt32(byte)
        }
        return bits
    }

    private static func ipv6(_ text: String) -> UInt128? {
        func groups(_ text: Substring) -> [UInt16]? {
            if text.isEmpty { return [] }
            var list: [UInt16] = []
            let parts = text.split(separator: ":", omittingEmptySubsequences: false)
            for (index, part) in parts.enumerated() {
                if index == parts.count - 1, part.contains(".") {
                    guard let low = ipv4(String(part)) else { return nil }
                    list += [UInt16(low >> 16), UInt16(truncatingIfNeeded: low)]
                } else {
                    guard (1...4).contains(part.utf8.count), part.utf8.first != UInt8(ascii: "+"),
                        let group = UInt16(part, radix: 16)
                    else { return nil }
                    list.append(group)
                }
            }
            return list
        }
        var all: [UInt16]
        if let gap = text.firstDoubleColon {
            let tail = text[text.index(gap, offsetBy: 2)...]
            guard tail.firstDoubleColon == nil, let head = groups(text[..<gap]), let end = groups(tail),
                head.count + end.count < 8
            else { return nil }
            all = head + Array(repeating: 0, count: 8 - head.count - end.count) + end
        } else {
            guard let whole = groups(text[...]), whole.count == 8 else { return nil }
            all = whole
        }
        return all.reduce(0) { $0 << 16 | UInt128($1) }
    }
}

extension StringProtocol {
    /// Where `::` starts.
    fileprivate var firstDoubleColon: Index? {
        var previous: Index?
        for index in indices {
            if let previous, self[previous] == ":", self[index] == ":" { return previous }
            previous = index
        }
        return nil
    }
}

/// A socket address (the family's own header in linux/).
public enum Address: Hashable, Sendable {
    case internet(InternetAddress, port: UInt16)
    /// A unix socket by its path; in a fact, the path as the kernel resolved it.
    case unixPath([UInt8])
    /// A unix socket by a name of the abstract namespace, without its leading NUL.
    case unixAbstract([UInt8])
    /// A unix socket without a name; to bind, the kernel chooses one.
    case unixUnnamed
    case netlink
    /// AF_UNSPEC: connect(2) lets go of its peer. To send or bind the kernel reads it as IPv4.
    case unspecified
    /// Another family, or too few bytes for the one it says.
    case other(family: UInt16)

    /// From the bytes that a program passed, all of them. It never fails; what cannot be read is `.other`.
    public init(sockaddr bytes: [UInt8]) {
        guard bytes.count >= 2 else {
            self = .other(family: .max)
            return
        }
        let family = UInt16(bytes[0]) | UInt16(bytes[1]) << 8
        func number(_ range: Range<Int>) -> UInt128 { bytes[range].reduce(0) { $0 << 8 | UInt128($1) } }
        switch family {
        case 0: self = .unspecified
        case 1:
            if bytes.count == 2 {
                self = .unixUnnamed
            } else if bytes[2] == 0 {
                self = .unixAbstract(Array(bytes[3...].prefix(107)))
            } else {
                self = .unixPath(Array(bytes[2...].prefix(108).prefix { $0 != 0 }))
            }
        case 2 where bytes.count >= 16:
            self = .internet(
                InternetAddress(ipv4: UInt32(truncatingIfNeeded: number(4..<8))),
                port: UInt16(truncatingIfNeeded: number(2..<4)))
        case 10 where bytes.count >= 24:
            self = .internet(InternetAddress(ipv6: number(8..<24)), port: UInt16(truncatingIfNeeded: number(2..<4)))
        case 16 where bytes.count >= 12: self = .netlink
        default: self = .other(family: family)
        }
    }

    /// As policies write it, without its transport.
    public var text: String { text(isASCII: false) }

    func text(isASCII: Bool) -> String {
        switch self {
        case .internet(let host, let port): host.isIPv4 ? "\(host.text):\(port)" : "[\(host.text)]:\(port)"
        case .unixPath(let path): PolicyText.pattern(path, isASCII: isASCII)
        case .unixAbstract(let name): "@" + PolicyText.pattern(name, isASCII: isASCII)
        case .unixUnnamed: "@"
        case .netlink: "*"
        case .unspecified: "AF_UNSPEC"
        case .other(let family): "family \(family)"
        }
    }
}

extension Address {
    /// From an address as policies write it, its transport before it or not: `10.0.0.1:80`, `tcp [::1]:80`,
    /// `unix /run/a`, `@name`.
    public init?(written text: String) {
        var rest = text
        for transport in ["tcp ", "udp ", "unix "] where rest.hasPrefix(transport) {
            rest = String(rest.dropFirst(transport.count))
        }
        let isLocal = text.hasPrefix("unix ") || rest.hasPrefix("/") || rest.hasPrefix("@")
        self.init(policyText: rest, isLocal ? .unix : .tcp)
    }

    /// The bytes of it, nil for an address that has none or not in this family. A socket of IPv6 reaches IPv4
    /// addresses as mapped ones (RFC 4291, 2.5.5.2).
    /// - Parameter family: AF_INET, AF_INET6 or AF_UNIX; nil: the address's own.
    public func sockaddr(family: UInt16? = nil) -> [UInt8]? {
        func big(_ value: UInt128, _ count: Int) -> [UInt8] {
            (0..<count).map { UInt8(truncatingIfNeeded: value >> UInt128(8 * (count - 1 - $0))) }
        }
        switch self {
        case .internet(let host, let port):
            if host.isIPv4 && family != 10 {
                guard family == nil || family == 2 else { return nil }
                return [2, 0] + big(UInt128(port), 2) + big(host.bits, 4) + [UInt8](repeating: 0, count: 8)
            }
            guard family == nil || family == 10 else { return nil }
            let bits = host.isIPv4 ? 0xFFFF << 32 | host.bits : host.bits
            return [10, 0] + big(UInt128(port), 2) + [0, 0, 0, 0] + big(bits, 16) + [0, 0, 0, 0]
        case .unixPath(let path): return family == nil || family == 1 ? [1, 0] + path + [0] : nil
        case .unixAbstract(let name): return family == nil || family == 1 ? [1, 0, 0] + name : nil
        case .unixUnnamed: return family == nil || family == 1 ? [1, 0] : nil
        case .netlink, .unspecified, .other: return nil
        }
    }
}
