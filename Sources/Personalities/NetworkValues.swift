// Numbers and addresses as networks write them: the most significant byte first.

import Messages

extension CallView {
    /// A number of a network kind, read as the processor would.
    func network(_ kind: Kind, _ raw: UInt64, _ width: Int) -> Value {
        switch kind {
        case .padded: return .word(NetworkText.padded(raw, width))
        case .port: return NetworkText.written(raw, 2, "htons", [.unsigned(NetworkText.swapped(raw, width))])
        case .network:
            return NetworkText.written(
                raw, width, width == 2 ? "htons" : "htonl", [.unsigned(NetworkText.swapped(raw, width))])
        case .inet4:
            let bytes = (0..<4).map { UInt8(truncatingIfNeeded: raw >> ($0 * 8)) }
            return NetworkText.inet(bytes)
        case .interface: return Self.interface(raw)
        default: return .unsigned(raw)
        }
    }

    /// A member of a network kind that is wider than a number.
    func networkField(_ type: TypeRow, _ bytes: [UInt8], _ name: String) -> Value? {
        if type.kind == .inet6 { return Self.inet6(bytes, member: name) }
        guard case .fixed(let count) = type.count else { return nil }
        return NetworkText.address(bytes.prefix(Int(count)))
    }

    /// An IPv6 address, said as the call that writes it into its member.
    static func inet6(_ bytes: [UInt8], member: String) -> Value? {
        guard bytes.count >= 16 else { return nil }
        let call = Value.call(
            "inet_pton", [.word("AF_INET6"), .word("\"\(InternetAddress.text(bytes))\""), .word("&\(member)")])
        return .written(NetworkText.bytes(bytes.prefix(16)), as: call)
    }

    /// An interface's index. LOOPBACK_IFINDEX (include/net/net_namespace.h) is the only one with a name everywhere.
    static func interface(_ index: UInt64) -> Value {
        switch index {
        case 0: .unsigned(0)
        case 1: .written(.unsigned(1), as: .call(Value.interfaceCall, [.word("\"lo\"")]))
        // The machine that it happens on may know the name: `TextStyle.interfaceName`.
        default: .written(.unsigned(index), as: .call(Value.interfaceCall, [.unsigned(index)]))
        }
    }
}

/// The spelling of network values.
enum NetworkText {
    static func bytes(_ bytes: some Sequence<UInt8>) -> Value { .bytes(Bytes(Array(bytes), isBinary: true)) }

    /// A number of so many bytes in memory order, and the call that makes it.
    static func written(_ raw: UInt64, _ width: Int, _ name: String, _ arguments: [Value]) -> Value {
        let memory = (0..<width).map { UInt8(truncatingIfNeeded: raw >> UInt64($0 * 8)) }
        return .written(bytes(memory), as: .call(name, arguments))
    }

    /// Four bytes as an IPv4 address.
    static func inet(_ address: some Sequence<UInt8>) -> Value {
        .written(bytes(address), as: .call("inet_addr", [.word("\"\(dotted(address))\"")]))
    }

    /// The bytes of a hardware address.
    static func address(_ address: some Sequence<UInt8>) -> Value {
        .written(bytes(address), as: .word(hardware(address)))
    }

    /// The number whose bytes, in memory order, are the given number's the other way round.
    static func swapped(_ value: UInt64, _ width: Int) -> UInt64 {
        value.byteSwapped >> UInt64(64 - 8 * min(max(width, 1), 8))
    }

    static func dotted(_ bytes: some Sequence<UInt8>) -> String {
        bytes.map { String($0) }.joined(separator: ".")
    }

    static func hardware(_ bytes: some Sequence<UInt8>) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: ":")
    }

    /// Hexadecimal of two characters a byte, the `0x` among them: `0x000001`, `00`.
    static func padded(_ value: UInt64, _ width: Int) -> String {
        let digits = String(value, radix: 16)
        let room = 2 * width
        if value == 0 { return String(repeating: "0", count: room) }
        return "0x" + String(repeating: "0", count: max(0, room - 2 - digits.count)) + digits
    }
}

/// The text form of IPv6 addresses (RFC 5952), as inet_ntop(3) of glibc writes it.
public enum InternetAddress {
    /// The text of 16 bytes; of fewer, nothing.
    public static func text(_ bytes: [UInt8]) -> String {
        guard bytes.count >= 16 else { return "" }
        let groups = (0..<8).map { UInt16(bytes[$0 * 2]) << 8 | UInt16(bytes[$0 * 2 + 1]) }
        var best = (start: 0, count: 0)
        var start = 0
        while start < 8 {
            var end = start
            while end < 8 && groups[end] == 0 { end += 1 }
            if end - start > best.count { best = (start, end - start) }
            start = max(end, start + 1)
        }
        func join(_ part: ArraySlice<UInt16>) -> String {
            part.map { String($0, radix: 16) }.joined(separator: ":")
        }
        guard best.count >= 2 else { return join(groups[...]) }
        // An IPv4 address in its last bytes: `::1.2.3.4` and `::ffff:1.2.3.4`.
        if best.start == 0, best.count == 6 || (best.count == 5 && groups[5] == 0xFFFF) {
            return (best.count == 6 ? "::" : "::ffff:") + NetworkText.dotted(bytes[12..<16])
        }
        return join(groups[..<best.start]) + "::" + join(groups[(best.start + best.count)...])
    }
}
