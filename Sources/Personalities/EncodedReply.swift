// Answers that the kernel never gave: where each item of them goes.

import Messages

/// What a call that is answered leaves behind.
public struct EncodedReply: Equatable, Sendable {
    /// Bytes, and where they go in the caller's memory.
    public struct Write: Equatable, Sendable {
        public let address: UInt64
        public let bytes: [UInt8]
    }

    public var writes: [Write] = []
    public var result: Int64 = 0
}

extension Encoder {
    /// Lays an answer out.
    /// - Parameters:
    ///   - changes: the items that are given. Fields of structs that the kernel would fill in have the value that
    ///     `otherwise` knows, else zero.
    ///   - address: the bytes of a socket address, written as policies write it.
    ///   - length: what lies at an address now, for lengths that the caller passed.
    /// - Throws: `EncodingFault` for an item that the call does not answer, or a value that it cannot have.
    public func reply(
        to stop: Stop, _ changes: [ItemChange], otherwise: (String) -> String? = { _ in nil },
        address: (String) -> [UInt8]? = { _ in nil }, length: (UInt64) -> UInt32? = { _ in nil }
    ) throws(EncodingFault) -> EncodedReply {
        guard let row = SpecTables.row(stop.personality, stop.number) else { throw EncodingFault("no such call") }
        var layout = ReplyLayout(changes: changes)
        var arguments: [ArgumentRow] = []
        for argument in row.chosenArguments(stop.arguments) { arguments.append(argument) }
        for (index, argument) in arguments.enumerated() where argument.direction != .entry {
            let pointer = stop.arguments[Int(argument.register)] & (personality == .i386 ? 0xFFFF_FFFF : .max)
            switch (argument.type.shape, argument.type.kind) {
            case (.pointer, .structure): try structure(argument, pointer, otherwise, &layout)
            case (.pointer, _): try scalar(argument, pointer, otherwise, &layout)
            case (_, .custom) where argument.item == "address":
                guard let text = layout.take("address") else { continue }
                guard let bytes = address(text) else { throw EncodingFault("`\(text)` is no address") }
                let lengthAt = index + 1 < arguments.count ? stop.arguments[Int(arguments[index + 1].register)] : 0
                let room = length(lengthAt).map { Int($0) } ?? bytes.count
                layout.write(Array(bytes.prefix(max(0, room))), to: pointer)
                layout.write(Self.little(UInt64(bytes.count), 4), to: lengthAt)
            case (_, .buffer), (_, .text), (_, .path):
                guard let text = layout.take(argument.item) ?? layout.take(argument.name) else { continue }
                var bytes = Array(text.utf8)
                switch argument.type.count {
                case .argument, .narrow:
                    bytes = Array(bytes.prefix(Int(clamping: stop.count(argument.type.count, nil))))
                default: break
                }
                layout.write(bytes, to: pointer)
                layout.reply.result = Int64(bytes.count)
            default: continue
            }
        }
        try result(row, otherwise, &layout)
        if let left = layout.left.first { throw EncodingFault("`\(row.name)` does not answer with `\(left.item)`") }
        return layout.reply
    }

    private func structure(
        _ argument: ArgumentRow, _ pointer: UInt64, _ otherwise: (String) -> String?, _ layout: inout ReplyLayout
    ) throws(EncodingFault) {
        let id = argument.type.table
        let row = SpecTables.structure(id, personality)
        let size = Int(personality == .x86_64 ? row.size64 : row.size32)
        var bytes = [UInt8](repeating: 0, count: size)
        let given = layout.take { field($0, of: id) != nil }
        if argument.direction == .both {
            // What the caller passed stays, but for what is given.
            for change in given {
                guard let (offset, type) = field(change.item, of: id) else { continue }
                layout.write(try self.bytes(change.value, of: type), to: pointer &+ UInt64(offset))
            }
            return
        }
        for field in SpecTables.fields[Int(row.firstField)..<Int(row.firstField) + Int(row.fieldCount)] {
            guard let text = otherwise(field.name) else { continue }
            try put(text, field.name, of: id, into: &bytes)
        }
        for change in given { try put(change.value, change.item, of: id, into: &bytes) }
        layout.write(bytes, to: pointer)
    }

    private func scalar(
        _ argument: ArgumentRow, _ pointer: UInt64, _ otherwise: (String) -> String?, _ layout: inout ReplyLayout
    ) throws(EncodingFault) {
        guard
            let text = layout.take(argument.item) ?? layout.take(argument.name)
                ?? (argument.direction == .exit ? otherwise(argument.name) : nil)
        else { return }
        layout.write(try bytes(text, of: argument.type), to: pointer)
    }

    /// The result, where it is an item; time(2) answers with what a struct holds elsewhere.
    private func result(
        _ row: CallRow, _ otherwise: (String) -> String?, _ layout: inout ReplyLayout
    ) throws(EncodingFault) {
        let names = row.call == .time ? ["tv_sec", row.resultItem] : [row.resultItem]
        for name in names where !name.isEmpty {
            guard let text = layout.take(name) ?? (row.call == .time ? otherwise(name) : nil) else { continue }
            layout.reply.result = Int64(bitPattern: try number(text, of: row.result))
            return
        }
    }
}

/// A reply while it is put together.
private struct ReplyLayout {
    /// Items that nothing has taken yet.
    private(set) var left: [ItemChange]
    var reply = EncodedReply()

    init(changes: [ItemChange]) {
        // uname's field is nodename; people say node.
        left = changes.map { ItemChange(item: $0.item == "node" ? "nodename" : $0.item, value: $0.value) }
    }

    mutating func take(_ item: String) -> String? {
        guard !item.isEmpty, let index = left.firstIndex(where: { $0.item == item }) else { return nil }
        return left.remove(at: index).value
    }

    mutating func take(_ fits: (String) -> Bool) -> [ItemChange] {
        let taken = left.filter { fits($0.item) }
        left.removeAll { fits($0.item) }
        return taken
    }

    /// A pointer that is NULL takes nothing.
    mutating func write(_ bytes: [UInt8], to address: UInt64) {
        if address != 0 && !bytes.isEmpty { reply.writes.append(EncodedReply.Write(address: address, bytes: bytes)) }
    }
}
