// A record from its protobuf payload: unknown fields are passed over, so that newer writers stay readable.

import Messages

/// The fields of `abitrace.Record` as they arrive, in any order.
struct RecordDecoder {
    private var event = Event(thread: 0, process: 0, time: 0, happening: .entry)
    private var snapshot = Snapshot()
    private var call = ""
    private var operation = ""
    private var kind: UInt64 = 0
    private var personality: String?
    private var argumentCount = 0
    private var result: Int64 = 0
    private var otherThread: Int32 = 0
    private var detail: UInt32 = 0
    private var signal = SignalInfo(number: 0)

    /// Puts the record in `bytes` into `record`, whose storage is used again. False where a newer writer recorded what
    /// this version has no word for.
    static func decode(_ bytes: UnsafeRawBufferPointer, into record: inout Record) throws(FormatDamage) -> Bool {
        var decoder = RecordDecoder()
        swap(&decoder.snapshot, &record.snapshot)
        decoder.snapshot.reset(to: Stop())
        var reader = ProtobufReader(bytes)
        while let (field, value) = try reader.next() {
            switch value {
            case .varint(let number): decoder.take(field, number)
            case .bytes(let content): try decoder.take(field, content, at: reader.position)
            case .fixed64(let number): if field == RecordField.arguments { decoder.add(argument: number) }
            case .fixed32: break
            }
        }
        return decoder.finish(&record)
    }

    private mutating func take(_ field: UInt64, _ number: UInt64) {
        switch Int(field) {
        case RecordField.identifier: event.id = number
        case RecordField.restarts: event.restarts = number
        case RecordField.thread: event.thread = Int32(truncatingIfNeeded: number)
        case RecordField.process: event.process = Int32(truncatingIfNeeded: number)
        case RecordField.time: event.time = Int64(bitPattern: number)
        case RecordField.kind: kind = number
        case RecordField.number: snapshot.stop.number = number
        case RecordField.instructionPointer: snapshot.stop.instructionPointer = number
        case RecordField.result: result = ProtobufReader.unzigzag(number)
        case RecordField.otherThread: otherThread = Int32(truncatingIfNeeded: number)
        case RecordField.detail: detail = UInt32(truncatingIfNeeded: number)
        default: break
        }
    }

    private mutating func take(
        _ field: UInt64, _ content: UnsafeRawBufferPointer, at offset: Int
    ) throws(FormatDamage) {
        switch Int(field) {
        case RecordField.personality: personality = try Self.text(content, at: offset)
        case RecordField.call: call = try Self.text(content, at: offset)
        case RecordField.operation: operation = try Self.text(content, at: offset)
        case RecordField.arguments:
            var reader = ProtobufReader(content)
            while !reader.isAtEnd { add(argument: try reader.fixed(UInt64.self)) }
        case RecordField.regions: try addRegion(content)
        case RecordField.signal: try readSignal(content)
        case RecordField.facts: try addFact(content)
        case RecordField.decisions: snapshot.decisions.append(try RecordedDecision(decoding: content))
        default: break
        }
    }

    private static func text(
        _ content: UnsafeRawBufferPointer, at offset: Int
    ) throws(FormatDamage) -> String {
        // Most names are short and plain; such text needs no place of its own.
        if content.count <= 15, content.allSatisfy({ $0 < 0x80 }) {
            return String(decoding: content, as: UTF8.self)
        }
        guard let text = String(validating: content, as: UTF8.self) else {
            throw FormatDamage(offset: offset, what: "a name is not UTF-8")
        }
        return text
    }

    private mutating func add(argument: UInt64) {
        if argumentCount < 6 { snapshot.stop.arguments[argumentCount] = argument }
        argumentCount += 1
    }

    private mutating func addRegion(_ content: UnsafeRawBufferPointer) throws(FormatDamage) {
        var reader = ProtobufReader(content)
        var address: UInt64 = 0
        var bytes = UnsafeRawBufferPointer(start: nil, count: 0)
        var wanted: UInt64 = 0
        var error: Int32 = 0
        while let (field, value) = try reader.next() {
            switch (Int(field), value) {
            case (RegionField.address, .varint(let number)): address = number
            case (RegionField.bytes, .bytes(let captured)): bytes = captured
            case (RegionField.wanted, .varint(let number)): wanted = number
            case (RegionField.errno, .varint(let number)): error = Int32(truncatingIfNeeded: number)
            default: break
            }
        }
        snapshot.add(address: address, bytes: bytes, wanted: Int(clamping: wanted), errno: error)
    }

    private mutating func addFact(_ content: UnsafeRawBufferPointer) throws(FormatDamage) {
        var reader = ProtobufReader(content)
        var kind: UInt64 = 0
        var fact = Fact(kind: .descriptor)
        while let (field, value) = try reader.next() {
            switch (Int(field), value) {
            case (FactField.kind, .varint(let number)): kind = number
            case (FactField.number, .varint(let number)): fact.number = Int32(truncatingIfNeeded: number)
            case (FactField.name, .bytes(let name)): fact.name = keep(name)
            case (FactField.mode, .varint(let number)): fact.mode = UInt32(truncatingIfNeeded: number)
            case (FactField.device, .varint(let number)): fact.device = number
            case (FactField.inode, .varint(let number)): fact.inode = number
            case (FactField.specialDevice, .varint(let number)): fact.specialDevice = number
            case (FactField.socket, .bytes(let socket)): fact.socket = try readSocket(socket)
            default: break
            }
        }
        // A kind of fact that this version has no word for is passed over.
        guard let known = UInt8(exactly: kind).flatMap(FactKind.init) else { return }
        fact.kind = known
        snapshot.add(fact)
    }

    private mutating func readSocket(_ content: UnsafeRawBufferPointer) throws(FormatDamage) -> SocketFact {
        var reader = ProtobufReader(content)
        var socket = SocketFact()
        while let (field, value) = try reader.next() {
            switch (Int(field), value) {
            case (SocketField.family, .varint(let number)): socket.family = Int32(truncatingIfNeeded: number)
            case (SocketField.type, .varint(let number)): socket.type = Int32(truncatingIfNeeded: number)
            case (SocketField.protocolNumber, .varint(let number)):
                socket.protocolNumber = Int32(truncatingIfNeeded: number)
            case (SocketField.local, .bytes(let address)): socket.local = keep(address)
            case (SocketField.peer, .bytes(let address)): socket.peer = keep(address)
            case (SocketField.peerInode, .varint(let number)):
                socket.peerInode = UInt32(truncatingIfNeeded: number)
            default: break
            }
        }
        return socket
    }

    private mutating func keep(_ bytes: UnsafeRawBufferPointer) -> ArenaRange {
        snapshot.addBytes(room: bytes.count) { room in
            room.copyMemory(from: bytes)
            return bytes.count
        }
    }

    private mutating func readSignal(_ content: UnsafeRawBufferPointer) throws(FormatDamage) {
        var reader = ProtobufReader(content)
        while let (field, value) = try reader.next() {
            switch (Int(field), value) {
            case (SignalField.number, .varint(let number)): signal.number = Int32(truncatingIfNeeded: number)
            case (SignalField.code, .varint(let number)):
                signal.code = Int32(truncatingIfNeeded: ProtobufReader.unzigzag(number))
            case (SignalField.errno, .varint(let number)): signal.errno = Int32(truncatingIfNeeded: number)
            case (SignalField.rest, .bytes(let rest)): signal.rest = Array(rest)
            default: break
            }
        }
    }

    private mutating func finish(_ record: inout Record) -> Bool {
        swap(&snapshot, &record.snapshot)
        switch personality {
        case nil: break
        case Personality.x86_64.name: record.snapshot.stop.personality = .x86_64
        case Personality.i386.name: record.snapshot.stop.personality = .i386
        default: return false
        }
        guard let happening else { return false }
        event.happening = happening
        (record.event, record.call, record.operation) = (event, call, operation)
        return true
    }

    private var happening: Happening? {
        switch HappeningKind(rawValue: kind) {
        case nil, .unspecified: nil
        case .started: .started(parent: otherThread, attached: detail != 0)
        case .entry: .entry
        case .exit: .exit(result: result)
        case .created:
            UInt8(exactly: detail).flatMap(Creation.init).map { .created(child: otherThread, how: $0) }
        case .executed: .executed(former: otherThread)
        case .signal: .signal(signal)
        case .stopped: .stopped(signal: signal.number)
        case .continued: .continued
        case .exited: .exited(status: Int32(bitPattern: detail))
        case .killed: .killed(signal: signal.number, dumpedCore: detail != 0)
        case .detached: .detached
        case .lost: .lost(calls: UInt64(detail))
        }
    }
}
