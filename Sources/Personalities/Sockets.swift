// Socket addresses, message headers and option values.

import Messages

extension CallView {
    /// A socket address of `length` bytes.
    func socketAddress(_ address: UInt64, _ length: Int) -> Value {
        guard address != 0 else { return .address(0) }
        guard length >= 2, let bytes = snapshot.bytes(at: address, count: min(length, 128)) else {
            return .address(address)
        }
        return SocketAddress.decode(Array(bytes))
    }

    /// An address that the kernel filled in, with the length it answered.
    func answeredAddress(_ address: UInt64, lengthAt: UInt64) -> Value {
        guard address != 0 else { return .address(0) }
        guard let length = snapshot.number(at: lengthAt, width: 4) else { return .address(address) }
        return socketAddress(address, Int(min(length, 128)))
    }

    /// struct msghdr (sys/socket.h).
    func header(_ address: UInt64) -> Value {
        func member(_ index: Int, _ width: Int) -> UInt64? {
            snapshot.number(at: address &+ UInt64(index * word), width: width)
        }
        guard address != 0, let name = member(0, word), let nameLength = member(1, 4), let vectors = member(2, word),
            let count = member(3, word), let control = member(4, word), let controlLength = member(5, word),
            let flags = member(6, 4)
        else { return .address(address) }
        var fields = [
            Field("msg_name", socketAddress(name, Int(nameLength))), Field("msg_namelen", .unsigned(nameLength)),
            Field("msg_iov", self.vectors(vectors, count)), Field("msg_iovlen", .unsigned(count)),
        ]
        if control != 0 && controlLength > 0 {
            fields.append(Field("msg_control", ancillary(control, Int(min(controlLength, 4096)))))
        }
        fields.append(Field("msg_controllen", .unsigned(controlLength)))
        fields.append(Field("msg_flags", .flags(.message, flags)))
        return .record(fields)
    }

    func headers(_ address: UInt64, _ count: UInt64) -> Value {
        let size = UInt64(word == 8 ? 64 : 32)
        let number = result.map { UInt64(max(0, $0)) } ?? (count & 0xFFFF_FFFF)
        var elements: [Value] = []
        for index in 0..<min(number, 1024) {
            let at = address &+ index &* size
            guard snapshot.number(at: at, width: word) != nil else { break }
            var fields = [Field("msg_hdr", header(at))]
            if result != nil, let length = snapshot.number(at: at &+ (size - UInt64(word)), width: 4) {
                fields.append(Field("msg_len", .unsigned(length)))
            }
            elements.append(.record(fields))
        }
        if elements.isEmpty { return .address(address) }
        return UInt64(elements.count) < number ? .cutList(elements) : .list(elements)
    }

    /// Control messages (cmsg(3)): passed descriptors and credentials by name, others with their bytes.
    private func ancillary(_ address: UInt64, _ length: Int) -> Value {
        var parts: [Value] = []
        var offset = 0
        while offset + word + 8 <= length {
            let at = address &+ UInt64(offset)
            guard let size = snapshot.number(at: at, width: word), size >= UInt64(word + 8),
                let level = snapshot.number(at: at &+ UInt64(word), width: 4),
                let type = snapshot.number(at: at &+ UInt64(word + 4), width: 4)
            else { break }
            let count = Int(min(size, UInt64(length - offset))) - word - 8
            parts.append(ancillaryPart(at &+ UInt64(word + 8), size, level, type, count))
            let step = (Int(min(size, UInt64(length))) + word - 1) / word * word
            offset += step
        }
        return parts.isEmpty ? .address(address) : .list(parts)
    }

    private func ancillaryPart(_ data: UInt64, _ size: UInt64, _ level: UInt64, _ type: UInt64, _ count: Int) -> Value {
        var fields = [Field("cmsg_len", .unsigned(size))]
        guard level == 1 else {  // SOL_SOCKET
            fields += [Field("cmsg_level", .symbol(.socketLevel, level)), Field("cmsg_type", .hexadecimal(type))]
            if let bytes = snapshot.bytes(at: data, count: count) {
                fields.append(Field("cmsg_data", .bytes(Bytes(Array(bytes)))))
            }
            return .record(fields)
        }
        fields.append(Field("cmsg_level", .word("SOL_SOCKET")))
        func number(_ index: Int) -> Int32? {
            snapshot.number(at: data &+ UInt64(index * 4), width: 4).map { Int32(truncatingIfNeeded: $0) }
        }
        switch type {
        case 1:
            fields.append(Field("cmsg_type", .word("SCM_RIGHTS")))
            fields.append(
                Field("cmsg_data", .list((0..<count / 4).compactMap { number($0).map { .descriptor($0) } })))
        case 2:
            fields.append(Field("cmsg_type", .word("SCM_CREDENTIALS")))
            if let pid = number(0), let uid = number(1), let gid = number(2) {
                fields.append(
                    Field(
                        "cmsg_data",
                        .record([
                            Field("pid", .process(pid)), Field("uid", .user(UInt32(bitPattern: uid))),
                            Field("gid", .group(UInt32(bitPattern: gid))),
                        ])))
            }
        default:
            fields.append(Field("cmsg_type", .hexadecimal(type)))
        }
        return .record(fields)
    }

    /// An option's value: a number where it is as long as one, bytes otherwise.
    func optionValue(_ address: UInt64, _ length: UInt64) -> Value {
        guard address != 0 else { return .address(0) }
        if length == 4, let number = snapshot.number(at: address, width: 4) {
            return .list([.signed(Self.extend(number, 4))])
        }
        guard length <= 256, let bytes = snapshot.bytes(at: address, count: Int(length)) else {
            return .address(address)
        }
        return .bytes(Bytes(Array(bytes)))
    }
}

/// Socket addresses of every family in use (the family's own header in linux/).
enum SocketAddress {
    static func decode(_ bytes: [UInt8]) -> Value {
        let family = UInt64(bytes[0]) | UInt64(bytes[1]) << 8
        let name = Field("sa_family", .symbol(.socketFamily, family))
        let rest = Array(bytes.dropFirst(2))
        switch family {
        case 1: return .record(rest.isEmpty ? [name] : [name, Field("sun_path", unixPath(rest))])
        case 2 where bytes.count >= 8:
            return .record([
                name, Field("sin_port", port(rest)),
                Field("sin_addr", .call("inet_addr", [quoted(dotted(rest[2..<6]))])),
            ])
        case 10 where bytes.count >= 24:
            var fields = [
                name, Field("sin6_port", port(rest)),
                Field("sin6_flowinfo", .call("htonl", [.unsigned(big(rest[2..<6]))])),
                Field(
                    "sin6_addr",
                    .word("inet_pton(AF_INET6, \"\(InternetAddress.text(Array(rest[6..<22])))\")")),
            ]
            if bytes.count >= 28 {
                fields.append(Field("sin6_scope_id", .unsigned(little(rest[22..<26]))))
            }
            return .record(fields)
        case 16 where bytes.count >= 12:
            return .record([
                Field("sa_family", .symbol(.socketFamily, family)),
                Field("nl_pid", .signed(Int64(Int32(truncatingIfNeeded: little(rest[2..<6]))))),
                Field("nl_groups", .word(padded(little(rest[6..<10])))),
            ])
        default: return .record([name, Field("sa_data", .bytes(Bytes(rest)))])
        }
    }

    /// Abstract names begin with NUL and show with `@`; paths end at their first NUL (unix(7)).
    private static func unixPath(_ rest: [UInt8]) -> Value {
        if rest[0] == 0 { return .call("@", [.bytes(Bytes(Array(rest.dropFirst())))]) }
        return .path(Bytes(Array(rest.prefix { $0 != 0 }), isText: true))
    }

    private static func port(_ rest: [UInt8]) -> Value { .call("htons", [.unsigned(big(rest[0..<2]))]) }
    private static func big(_ bytes: ArraySlice<UInt8>) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }
    private static func little(_ bytes: ArraySlice<UInt8>) -> UInt64 { big(ArraySlice(bytes.reversed())) }
    private static func dotted(_ bytes: ArraySlice<UInt8>) -> String {
        bytes.map(String.init).joined(separator: ".")
    }
    private static func quoted(_ text: String) -> Value { .word("\"\(text)\"") }
    private static func padded(_ value: UInt64) -> String {
        let digits = String(value, radix: 16)
        return "0" + (value == 0 ? "" : "x") + String(repeating: "0", count: max(0, 8 - digits.count))
            + (value == 0 ? "" : digits)
    }
}

/// The text form of IPv6 addresses (RFC 5952).
enum InternetAddress {
    static func text(_ bytes: [UInt8]) -> String {
        let groups = (0..<8).map { UInt16(bytes[$0 * 2]) << 8 | UInt16(bytes[$0 * 2 + 1]) }
        let isMapped = groups[0..<5].allSatisfy { $0 == 0 } && groups[5] == 0xFFFF
        if isMapped { return "::ffff:" + bytes[12..<16].map(String.init).joined(separator: ".") }
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
        return join(groups[..<best.start]) + "::" + join(groups[(best.start + best.count)...])
    }
}
