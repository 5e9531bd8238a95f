// Message headers: names, vectors and control data of sendmsg, recvmsg and their forms for many messages.

import Messages

extension CustomKind {
    /// The kinds that hold message headers.
    static let messageHeaders: Set<UInt16> = [
        CustomKind.message.rawValue, CustomKind.messageOut.rawValue, CustomKind.messages.rawValue,
    ]
}

/// struct msghdr (linux/socket.h): name, its length, vectors, their number, control data, its length, flags.
struct MessageHeader {
    let name: UInt64, nameLength: UInt64, vectors: UInt64, count: UInt64
    let control: UInt64, controlLength: UInt64, flags: UInt64

    static func size(_ word: Int) -> Int { word == 8 ? 56 : 28 }
    /// struct mmsghdr adds a length, and pads it to a word.
    static func manySize(_ word: Int) -> Int { word == 8 ? 64 : 32 }

    init?(_ snapshot: Snapshot, at address: UInt64) {
        let word = snapshot.stop.personality.wordSize
        func member(_ index: Int, _ width: Int) -> UInt64? {
            snapshot.number(at: address &+ UInt64(index * word), width: width)
        }
        guard address != 0, let name = member(0, word), let nameLength = member(1, 4), let vectors = member(2, word),
            let count = member(3, word), let control = member(4, word), let controlLength = member(5, word),
            let flags = member(6, 4)
        else { return nil }
        (self.name, self.nameLength, self.vectors, self.count) = (name, nameLength, vectors, count)
        (self.control, self.controlLength, self.flags) = (control, controlLength, flags)
    }
}

extension Capture {
    /// UIO_MAXIOV (linux/uio.h): the kernel takes no more messages and no more vectors.
    static let vectorLimit: UInt64 = 1024
    /// How much control data is kept; the kernel's own default limit is 20480 (net/core/sock.c, optmem_max).
    static let controlLimit: UInt64 = 20480

    /// A message header with its name, vectors and control data.
    func header(
        _ address: UInt64, _ result: Int64?, _ snapshot: inout Snapshot, _ memory: some TraceeMemory
    ) {
        plain(address, MessageHeader.size(snapshot.stop.personality.wordSize), &snapshot, memory)
        guard let header = MessageHeader(snapshot, at: address) else { return }
        let nameLength = Int32(truncatingIfNeeded: header.nameLength)
        plain(header.name, Int(min(max(nameLength, 0), 128)), &snapshot, memory)
        let isNetlink = nameLength >= 2 && snapshot.number(at: header.name, width: 2) == 16  // AF_NETLINK
        vectors(header.vectors, header.count, result, isNetlink: isNetlink, &snapshot, memory)
        plain(header.control, Int(min(header.controlLength, Self.controlLimit)), &snapshot, memory)
    }

    /// A list of message headers with the length of each; after the call, as many as it says.
    func headers(
        _ address: UInt64, _ count: UInt64, _ result: Int64?, _ snapshot: inout Snapshot, _ memory: some TraceeMemory
    ) {
        let word = snapshot.stop.personality.wordSize
        let size = UInt64(MessageHeader.manySize(word))
        for number in 0..<min(count & 0xFFFF_FFFF, UInt64(elementLimit)) {
            let at = address &+ number &* size
            let lengthAt = at &+ UInt64(MessageHeader.size(word))
            plain(lengthAt, 4, &snapshot, memory)
            let length = snapshot.number(at: lengthAt, width: 4).map { Int64($0) }
            header(at, result == nil ? nil : length, &snapshot, memory)
        }
    }
}

extension CallView {
    /// A message header; `filled` is how many bytes of its vectors the kernel filled, nil for all of them, and `before`
    /// the header as it went in.
    func header(_ address: UInt64, filled: UInt64? = nil, before: Value? = nil) -> Value {
        guard let header = MessageHeader(snapshot, at: address) else { return .address(address) }
        let nameLength = Int32(truncatingIfNeeded: header.nameLength)
        // The kernel says how long the name is, and cuts it to the room that it was given (recvmsg(2)).
        let kept = min(nameLength, Self.nameRoom(before) ?? nameLength)
        let isNetlink = nameLength >= 2 && snapshot.number(at: header.name, width: 2) == 16  // AF_NETLINK
        var fields = [
            Field("msg_name", socketAddress(header.name, kept)),
            Field("msg_namelen", .signed(Int64(nameLength))),
            Field("msg_iov", vectors(header.vectors, header.count, filled: filled, fills: false, isNetlink: isNetlink)),
            Field("msg_iovlen", .unsigned(header.count)),
        ]
        if header.controlLength > 0 {
            fields.append(Field("msg_control", ancillary(header.control, header.controlLength)))
        }
        fields.append(Field("msg_controllen", .unsigned(header.controlLength)))
        fields.append(Field("msg_flags", .flags(.message, header.flags)))
        return .record(fields)
    }

    /// `msg_namelen` of a header that went in.
    private static func nameRoom(_ before: Value?) -> Int32? {
        guard case .record(let fields)? = before,
            case .signed(let room)? = fields.first(where: { $0.name == "msg_namelen" })?.value
        else { return nil }
        return Int32(truncatingIfNeeded: room)
    }

    /// The header of one element of a list of headers that went in.
    private func passedHeader(_ index: Int) -> Value? {
        guard passed.count > 1 else { return nil }
        let elements: [Value]
        switch passed[1].value {
        case .list(let values), .cutList(let values), .brokenList(let values, at: _): elements = values
        default: return nil
        }
        guard index < elements.count, case .record(let fields) = elements[index] else { return nil }
        return fields.first { $0.name == "msg_hdr" }?.value
    }

    func headers(_ address: UInt64, _ count: UInt64) -> Value {
        let receives = row.call != .sendmmsg
        let done = UInt64(max(0, result ?? 0))
        let number = receives && result != nil ? done : count & 0xFFFF_FFFF
        guard number > 0 else { return .list([]) }
        let size = UInt64(MessageHeader.manySize(word))
        var elements: [Value] = []
        for index in 0..<min(number, Capture.vectorLimit) {
            let at = address &+ index &* size
            guard snapshot.number(at: at, width: word) != nil else { break }
            let length = snapshot.number(at: at &+ UInt64(MessageHeader.size(word)), width: 4)
            let isDone = result != nil && index < done
            let before = receives && result != nil ? passedHeader(Int(index)) : nil
            var fields = [Field("msg_hdr", header(at, filled: receives && isDone ? length : nil, before: before))]
            if isDone, let length { fields.append(Field("msg_len", .unsigned(length))) }
            elements.append(.record(fields))
        }
        return list(elements, of: number, at: address, size: Int(size))
    }

    // MARK: What went in beside what came out

    /// The header as it came back, with the room for its name as it went in.
    func answeredHeaders(_ before: Value, _ after: Value) -> Value {
        switch (before, after) {
        case (.record(let first), .record(let second)): return .record(answered(first, second))
        case (.list(let first), .list(let second)), (.cutList(let first), .list(let second)),
            (.cutList(let first), .cutList(let second)), (.brokenList(let first, at: _), .list(let second)):
            let merged = second.enumerated().map { index, value in
                index < first.count ? answeredHeaders(first[index], value) : value
            }
            if case .list = after { return .list(merged) }
            return .cutList(merged)
        default: return after
        }
    }

    private func answered(_ before: [Field], _ after: [Field]) -> [Field] {
        after.map { field in
            guard let old = before.first(where: { $0.name == field.name }), old.value != field.value else {
                return field
            }
            switch field.name {
            case "msg_namelen": return Field(field.name, .change(old.value, field.value))
            case "msg_hdr": return Field(field.name, answeredHeaders(old.value, field.value))
            default: return field
            }
        }
    }

    /// A failed receiving call wrote nothing: of one header the room for a name went in, of many nothing is shown.
    func failedHeaders(_ message: inout Message) {
        guard row.call == .recvmsg || row.call == .recvmmsg || row.call == .recvmmsgTime64, message.arguments.count > 1
        else { return }
        switch message.arguments[1].value {
        case .record(let fields):
            message.arguments[1].value = .record(fields.filter { $0.name == "msg_namelen" })
        case .list, .cutList, .brokenList: message.arguments[1].value = .address(stop.arguments.a1)
        default: return
        }
    }
}
