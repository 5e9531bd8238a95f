// Reads what a call's row asks for, once, into the snapshot.

import Messages

/// A tracee's memory as an interceptor reads it.
public protocol TraceeMemory {
    /// Reads up to the buffer's size. Answers how many bytes were there, or a negative errno.
    func read(_ address: UInt64, into buffer: UnsafeMutableRawBufferPointer) -> Int
}

/// The rules of what is kept of a tracee's memory, and the walk that reads it.
///
/// Decoders see only what this reads: an argument that needs a new kind of memory is taught here and in its decoder.
public struct Capture: Sendable {
    /// How many bytes of a payload (what is read, written, sent) are kept.
    public var payloadLimit: Int
    /// How many elements of a list are kept.
    public var elementLimit: Int
    /// How many regions one stop may have: lists of lists multiply, and a hostile tracee chooses their lengths.
    static let regionLimit = 2048
    /// PATH_MAX (linux/limits.h): no path is longer.
    static let textLimit = 4096

    public init(payloadLimit: Int = 32, elementLimit: Int = 32) {
        self.payloadLimit = payloadLimit
        self.elementLimit = elementLimit
    }

    /// Reads what the call passes.
    public func entry(_ snapshot: inout Snapshot, memory: some TraceeMemory) {
        guard let row = SpecTables.row(snapshot.stop.personality, snapshot.stop.number) else { return }
        for index in 0..<Int(row.argumentCount) {
            let argument = SpecTables.arguments[Int(row.firstArgument) + index]
            if argument.direction == .exit { continue }
            walk(argument.type, index, nil, &snapshot, memory)
        }
    }

    /// Reads what the call left behind; of a failed call, nothing.
    public func exit(_ snapshot: inout Snapshot, result: Int64, memory: some TraceeMemory) {
        guard Reply.errno(of: result) == nil,
            let row = SpecTables.row(snapshot.stop.personality, snapshot.stop.number)
        else { return }
        for index in 0..<Int(row.argumentCount) {
            let argument = SpecTables.arguments[Int(row.firstArgument) + index]
            if argument.direction == .entry { continue }
            walk(argument.type, index, result, &snapshot, memory)
        }
    }

    // MARK: The walk

    @inline(__always)
    private func walk(
        _ type: TypeRow, _ index: Int, _ result: Int64?, _ snapshot: inout Snapshot, _ memory: some TraceeMemory
    ) {
        switch type.shape {
        case .value:
            switch type.kind {
            case .path, .text:
                text(snapshot.stop.arguments[index], &snapshot, memory)
            case .buffer:
                let count = snapshot.stop.count(type.count, result)
                payload(snapshot.stop.arguments[index], count, &snapshot, memory)
            case .signalSet:
                plain(snapshot.stop.arguments[index], 8, &snapshot, memory)
            case .custom:
                guard let kind = CustomKind(rawValue: type.table) else { return }
                custom(kind, index, result, &snapshot, memory)
            default: return
            }
        case .pointer:
            let size = type.elementSize(snapshot.stop.personality)
            plain(snapshot.stop.arguments[index], size, &snapshot, memory)
            if type.kind == .structure { behind(type, snapshot.stop.arguments[index], &snapshot, memory) }
        case .array:
            let size = type.elementSize(snapshot.stop.personality)
            let count = min(snapshot.stop.count(type.count, result), UInt64(elementLimit))
            plain(snapshot.stop.arguments[index], Int(count) * size, &snapshot, memory)
        }
    }

    /// What the fields of a struct point to.
    private func behind(
        _ type: TypeRow, _ address: UInt64, _ snapshot: inout Snapshot, _ memory: some TraceeMemory
    ) {
        let personality = snapshot.stop.personality
        let row = SpecTables.structure(type.table, personality)
        for index in Int(row.firstField)..<Int(row.firstField) + Int(row.fieldCount) {
            let field = SpecTables.fields[index]
            guard field.type.shape == .value, field.type.kind == .path || field.type.kind == .text else { continue }
            let offset = UInt64(personality == .x86_64 ? field.offset64 : field.offset32)
            guard let pointer = snapshot.number(at: address &+ offset, width: personality.wordSize) else { continue }
            text(pointer, &snapshot, memory)
        }
    }

    // MARK: Reading

    /// Memory of a known size.
    func plain(_ address: UInt64, _ size: Int, _ snapshot: inout Snapshot, _ memory: some TraceeMemory) {
        guard address != 0, size > 0, snapshot.regions.count < Self.regionLimit else { return }
        snapshot.add(address: address, room: size, wanted: size) { memory.read(address, into: $0) }
    }

    /// Memory of which only the first bytes are kept.
    func payload(_ address: UInt64, _ count: UInt64, _ snapshot: inout Snapshot, _ memory: some TraceeMemory) {
        guard address != 0, snapshot.regions.count < Self.regionLimit else { return }
        let room = Int(min(count, UInt64(payloadLimit)))
        let wanted = Int(min(count, UInt64(Int.max)))
        guard room > 0 else {
            snapshot.add(address: address, room: 0, wanted: wanted) { _ in 0 }
            return
        }
        snapshot.add(address: address, room: room, wanted: wanted) { memory.read(address, into: $0) }
    }

    /// Text up to its NUL. Most is short: a first small piece that stays within its page, then whole pages.
    func text(
        _ address: UInt64, limit: Int = textLimit, _ snapshot: inout Snapshot, _ memory: some TraceeMemory
    ) {
        guard address != 0, snapshot.regions.count < Self.regionLimit else { return }
        var length = 0
        var piece = min(256, 4096 - Int(address & 4095))
        while length < limit {
            let room = min(piece, limit - length)
            let at = address &+ UInt64(length)
            let got =
                length == 0
                ? snapshot.add(address: at, room: room, wanted: room) { memory.read(at, into: $0) }
                : snapshot.extendLast(room: room) { memory.read(at, into: $0) }
            guard got > 0, let region = snapshot.regions.last else {
                // Text without its end is not the text: the kernel would have failed there too.
                // 14 is EFAULT (asm-generic/errno-base.h): this module knows no errno.h.
                if length > 0 { snapshot.failLast(errno: got < 0 ? Int32(-got) : 14) }
                return
            }
            let bytes = snapshot.arena[(region.offset + length)..<(region.offset + region.count)]
            if let end = bytes.firstIndex(of: 0) {
                let count = end - region.offset
                snapshot.trimLast(to: count, wanted: count)
                return
            }
            length += got
            piece = 4096 - Int((address &+ UInt64(length)) & 4095)
        }
        // No NUL within the limit: one byte more was wanted than is there.
        snapshot.trimLast(to: length, wanted: length + 1)
    }
}

extension Stop {
    /// A length or number of elements. A 32-bit count has garbage above; no count of the kernel's uses those bits.
    func count(_ count: Count, _ result: Int64?) -> UInt64 {
        switch count {
        case .none: 0
        case .fixed(let number): UInt64(number)
        case .argument(let index): arguments[Int(index)]
        case .result: UInt64(max(0, result ?? 0))
        }
    }
}

extension TypeRow {
    /// Bytes of one element.
    func elementSize(_ personality: Personality) -> Int {
        switch kind {
        case .structure:
            let row = SpecTables.structure(table, personality)
            return Int(personality == .x86_64 ? row.size64 : row.size32)
        case .path, .text, .buffer: return personality.wordSize
        default: return width == 0 ? personality.wordSize : Int(width)
        }
    }
}
