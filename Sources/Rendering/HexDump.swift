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

    /// The data of a call: its buffer, or each of its buffers with a heading. Of a read that failed there is none.
    public static func text(of message: Message) -> [UInt8] {
        guard let reply = message.reply, message.arguments.count > 1 else { return [] }
        let isRead = reads.contains(message.name)
        let given = message.arguments[1].value
        if case .bytes(let bytes) = given {
            var text: [UInt8] = []
            let count = isRead ? min(bytes.bytes.count, Int(max(0, reply.raw))) : bytes.bytes.count
            append(bytes.bytes.prefix(count), &text)
            return text
        }
        guard reply.errno == nil else { return [] }
        if let messages = messages(given) {
            var text: [UInt8] = []
            for (index, message) in messages.prefix(Int(max(0, reply.raw))).enumerated() {
                text += " = \(message.buffers.count) buffers in vector \(index)\n".utf8
                append(message.buffers, isRead ? message.length : Int.max, &text)
            }
            return text
        }
        var text: [UInt8] = []
        append(buffers(given), isRead ? Int(max(0, reply.raw)) : Int.max, &text)
        return text
    }

    private static func append(_ buffers: [Bytes], _ most: Int, _ text: inout [UInt8]) {
        var left = most
        for (index, buffer) in buffers.enumerated() where left > 0 {
            let bytes = buffer.bytes.prefix(left)
            left -= bytes.count
            text += " * \(bytes.count) bytes in buffer \(index)\n".utf8
            append(bytes, &text)
        }
    }

    /// Each of the messages that one call carries, with how much of its buffers is filled; nil for what are no messages.
    private static func messages(_ value: Value) -> [(buffers: [Bytes], length: Int)]? {
        let values: [Value]
        switch value {
        case .list(let list), .cutList(let list), .brokenList(let list, at: _): values = list
        case .change(_, let after): return messages(after)
        case .abbreviated(_, let whole): return messages(whole)
        default: return nil
        }
        var found: [(buffers: [Bytes], length: Int)] = []
        for element in values {
            guard case .record(let fields) = element, fields.first?.name == "msg_hdr" else { return nil }
            guard case .unsigned(let length)? = fields.first(where: { $0.name == "msg_len" })?.value else { break }
            found.append((buffers(element), Int(clamping: length)))
        }
        return found
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
        let width = bytes.count > 1 << 20 ? 6 : 5
        var rest = bytes
        while !rest.isEmpty {
            let offset = rest.startIndex - bytes.startIndex
            let row = rest.prefix(16)
            rest = rest.dropFirst(16)
            let number = String(offset, radix: 16)
            text += (" | " + String(repeating: "0", count: max(0, width - number.count)) + number + " ").utf8
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
