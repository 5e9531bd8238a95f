// What a call read or wrote, in hexadecimal below its line (strace's `-e read=` and `-e write=`).

import Messages

/// Dumps bytes in strace's layout.
public enum HexDump {
    /// Calls that bring data in, and calls that take it out, by the kernel's names.
    public static let reads: Set<String> = [
        "read", "pread64", "readv", "preadv", "preadv2", "recv", "recvfrom", "recvmsg", "recvmmsg",
    ]
    public static let writes: Set<String> = [
        "write", "pwrite64", "writev", "pwritev", "pwritev2", "send", "sendto", "sendmsg", "sendmmsg", "vmsplice",
    ]

    /// The data of a call that came back well: its buffer, or each of its buffers with a heading.
    public static func text(of message: Message) -> [UInt8] {
        guard let reply = message.reply, reply.errno == nil, message.arguments.count > 1 else { return [] }
        let isRead = reads.contains(message.name)
        var text: [UInt8] = []
        if case .bytes(let bytes) = message.arguments[1].value {
            let count = isRead ? min(bytes.bytes.count, Int(max(0, reply.raw))) : bytes.bytes.count
            append(bytes.bytes.prefix(count), &text)
            return text
        }
        var left = isRead ? Int(max(0, reply.raw)) : Int.max
        for (index, buffer) in buffers(message.arguments[1].value).enumerated() where left > 0 {
            let bytes = buffer.bytes.prefix(left)
            left -= bytes.count
            text += " * \(bytes.count) bytes in buffer \(index)\n".utf8
            append(bytes, &text)
        }
        return text
    }

    /// The bytes of an iovec array, also of the one within a msghdr.
    private static func buffers(_ value: Value) -> [Bytes] {
        switch value {
        case .list(let values), .cutList(let values), .brokenList(let values, at: _): return values.flatMap(buffers)
        case .record(let fields):
            return fields.flatMap { field -> [Bytes] in
                switch field.value {
                case .bytes(let bytes) where field.name == "iov_base": [bytes]
                case .list where field.name == "msg_iov", .cutList where field.name == "msg_iov",
                    .brokenList where field.name == "msg_iov",
                    .record where field.name == "msg_hdr":
                    buffers(field.value)
                default: []
                }
            }
        case .change(_, let after): return buffers(after)
        case .abbreviated(_, let whole): return buffers(whole)
        default: return []
        }
    }

    private static func append(_ bytes: ArraySlice<UInt8>, _ text: inout [UInt8]) {
        let digits = Array("0123456789abcdef".utf8)
        var rest = bytes
        while !rest.isEmpty {
            let offset = rest.startIndex - bytes.startIndex
            let row = rest.prefix(16)
            rest = rest.dropFirst(16)
            let number = String(offset, radix: 16)
            text += (" | " + String(repeating: "0", count: max(0, 5 - number.count)) + number + " ").utf8
            for column in 0..<16 {
                if column % 8 == 0 { text.append(UInt8(ascii: " ")) }
                if column < row.count {
                    let byte = row[row.startIndex + column]
                    text += [digits[Int(byte >> 4)], digits[Int(byte & 15)], UInt8(ascii: " ")]
                } else {
                    text += "   ".utf8
                }
            }
            text.append(UInt8(ascii: " "))
            text += row.map { (0x20..<0x7F).contains($0) ? $0 : UInt8(ascii: ".") }
            text += repeatElement(UInt8(ascii: " "), count: 16 - row.count)
            text += " |\n".utf8
        }
    }
}
