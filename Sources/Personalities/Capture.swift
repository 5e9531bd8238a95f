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
    /// How many bytes of a payload are kept.
    public var payloadLimit: Int
    /// What passes through files and sockets is a payload like others. Where it is none, only its length is kept.
    public var keepsData = true
    /// How many elements of a list are kept.
    public var elementLimit: Int
    /// The variables of an exec's environment are kept, not only counted.
    public var keepsEnvironment = false
    /// How many regions one stop may have: lists of lists multiply, and a hostile tracee chooses their lengths.
    static let regionLimit = 2048
    /// PATH_MAX (linux/limits.h): no path is longer.
    static let textLimit = 4096

    public init(payloadLimit: Int = 32, elementLimit: Int = 32) {
        self.payloadLimit = payloadLimit
        self.elementLimit = elementLimit
    }

    /// What is kept of this call's memory.
    @inline(__always)
    func fitting(_ row: CallRow) -> Capture {
        if keepsData || !row.carriesData { return self }
        var capture = self
        capture.payloadLimit = 0
        return capture
    }

    /// Reads what the call passes.
    public func entry(
        _ snapshot: inout Snapshot, memory: some TraceeMemory, rings: RingTable = RingTable()
    ) {
        let stop = snapshot.stop
        guard let call = meant(&snapshot, memory) else { return }
        let row = call.row
        let capture = fitting(row)
        snapshot.stop.arguments = call.arguments
        defer { snapshot.stop = stop }
        for argument in row.chosenArguments(snapshot.stop.arguments) {
            if argument.direction == .exit || (row.carriesDatagram && argument.type.kind == .buffer) { continue }
            capture.walk(argument.type, Int(argument.register), nil, &snapshot, memory)
        }
        if row.carriesDatagram { capture.datagram(row, nil, &snapshot, memory) }
        if row.call == .ioUringEnter { submissions(&snapshot, memory, rings) }
    }

    /// Reads what the call left behind; of a failed call, only the places that it was to fill.
    public func exit(
        _ snapshot: inout Snapshot, result: Int64, memory: some TraceeMemory, rings: RingTable = RingTable()
    ) {
        let stop = snapshot.stop
        guard let call = meant(&snapshot, memory) else { return }
        let row = call.row
        let capture = fitting(row)
        let failed = Reply.errno(of: result) != nil && !row.leavesTime(result)
        snapshot.stop.arguments = call.arguments
        defer { snapshot.stop = stop }
        for argument in row.chosenArguments(snapshot.stop.arguments) {
            if argument.direction == .entry || (failed && !argument.type.isVectorToFill) { continue }
            if row.carriesDatagram && argument.type.kind == .buffer { continue }
            let filled = row.filled(result, snapshot.stop.arguments)
            capture.walk(argument.type, Int(argument.register), filled, &snapshot, memory)
        }
        if row.carriesDatagram, !failed { capture.datagram(row, result, &snapshot, memory) }
        if row.call == .ioUringEnter, !failed { completions(&snapshot, memory, rings) }
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
                switch type.count {
                case .fixed(let count): text(snapshot.stop.arguments[index], limit: Int(count), &snapshot, memory)
                case .argument(let other):
                    let room = Int(min(snapshot.stop.arguments[Int(other)], UInt64(Self.textLimit)))
                    if room > 0 { text(snapshot.stop.arguments[index], limit: room, isRoom: true, &snapshot, memory) }
                default: text(snapshot.stop.arguments[index], &snapshot, memory)
                }
            case .buffer:
                let count = snapshot.stop.count(type.count, result)
                payload(snapshot.stop.arguments[index], count, &snapshot, memory)
            case .signalSet:
                let size = type.count == .none ? 8 : snapshot.stop.count(type.count, result)
                plain(snapshot.stop.arguments[index], Int(min(size, 8)), &snapshot, memory)
            case .custom:
                guard let kind = CustomKind(rawValue: type.table) else { return }
                custom(kind, index, result, &snapshot, memory)
            default: return
            }
        case .pointer:
            let size = snapshot.stop.count(type.count, result)
            one(type, at: snapshot.stop.arguments[index], size: size, &snapshot, memory)
        case .array:
            list(
                type, at: snapshot.stop.arguments[index], snapshot.stop.count(type.count, result), &snapshot, memory)
        }
    }

    // MARK: Reading

    /// Memory of a known size.
    func plain(_ address: UInt64, _ size: Int, _ snapshot: inout Snapshot, _ memory: some TraceeMemory) {
        guard address != 0, size > 0, snapshot.regions.count < Self.regionLimit else { return }
        let got = snapshot.add(address: address, room: size, wanted: size) { memory.read(address, into: $0) }
        if got >= 0 && got < size { tellEnd(address, got, &snapshot, memory) }
    }

    /// Says why a read ended early. An interceptor may have brought less than there is.
    private func tellEnd(_ address: UInt64, _ got: Int, _ snapshot: inout Snapshot, _ memory: some TraceeMemory) {
        let answer = snapshot.extendLast(room: 1) { memory.read(address &+ UInt64(got), into: $0) }
        if answer < 0 { snapshot.failLast(errno: Int32(-answer)) }
    }

    /// Memory of which only the first bytes are kept.
    func payload(
        _ address: UInt64, _ count: UInt64, limit: Int? = nil, _ snapshot: inout Snapshot, _ memory: some TraceeMemory
    ) {
        guard address != 0, snapshot.regions.count < Self.regionLimit else { return }
        let room = Int(min(count, UInt64(limit ?? payloadLimit)))
        let wanted = Int(min(count, UInt64(Int.max)))
        guard room > 0 else {
            snapshot.add(address: address, room: 0, wanted: wanted) { _ in 0 }
            return
        }
        let got = snapshot.add(address: address, room: room, wanted: wanted) { memory.read(address, into: $0) }
        if got >= 0 && got < room { tellEnd(address, got, &snapshot, memory) }
    }

    /// Text up to its NUL, or as far as its room goes. Most is short: a first small piece that stays within its page, then whole pages.
    func text(
        _ address: UInt64, limit: Int = textLimit, isRoom: Bool = false, _ snapshot: inout Snapshot,
        _ memory: some TraceeMemory
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
        // No NUL within the limit: one byte more was wanted than is there, unless the program gave room for no more.
        snapshot.trimLast(to: length, wanted: isRoom ? length : length + 1)
    }
}

extension Stop {
    /// A length or number of elements.
    func count(_ count: Count, _ result: Int64?) -> UInt64 {
        switch count {
        case .none, .own: 0
        case .fixed(let number): UInt64(number)
        case .argument(let index): arguments[Int(index)]
        case .narrow(let index): arguments[Int(index)] & 0xFFFF_FFFF
        case .result: UInt64(max(0, result ?? 0))
        }
    }
}

extension TypeRow {
    /// A vector of buffers that the kernel fills: its own bytes are the program's, and good when the call fails.
    var isVectorToFill: Bool { kind == .custom && table == CustomKind.iovecOut.rawValue }

    /// Bytes of one element.
    func elementSize(_ personality: Personality) -> Int {
        switch kind {
        case .structure:
            let row = SpecTables.structure(table, personality)
            return Int(personality == .x86_64 ? row.size64 : row.size32)
        case .path, .text, .buffer: return personality.wordSize
        case .characters, .octets, .indexed:
            if case .fixed(let count) = self.count { return Int(count) }
            return 1
        default: return width == 0 ? personality.wordSize : Int(width)
        }
    }
}
