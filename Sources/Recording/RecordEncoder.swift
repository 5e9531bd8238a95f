// A record as bytes: one MCAP Message whose payload is protobuf, written straight into the chunk.

import Messages

extension Happening {
    /// Whether it is a call's entry or exit.
    @inline(__always)
    fileprivate var isCall: Bool {
        switch self {
        case .entry, .exit: true
        default: false
        }
    }
}

extension Fact {
    fileprivate var bytes: Int { name.count + (socket.map { $0.local.count + $0.peer.count } ?? 0) }
}

extension RawBuffer {
    /// The most bytes a record's fields take besides its texts and captured memory: heads, seventeen fields
    /// of at most twelve bytes, six arguments and the signal.
    private static var fixedBound: Int { 512 }
    /// The most bytes a region takes besides its memory.
    private static var regionBound: Int { 64 }
    /// The most bytes a fact takes besides its name and addresses: fifteen numbers and heads.
    private static var factBound: Int { 192 }
    /// The head of a decision.
    private static var decisionBound: Int { 16 }

    /// An upper bound of the size of a record.
    @inline(__always)
    static func bound(
        _ event: borrowing Event, _ snapshot: borrowing Snapshot, _ call: String, _ operation: String,
        _ decisions: [[UInt8]]
    ) -> Int {
        var bound = fixedBound + call.utf8.count + operation.utf8.count
        for region in snapshot.regions { bound += regionBound + region.count }
        for fact in snapshot.facts { bound += factBound + fact.bytes }
        for decision in decisions { bound += decisionBound + decision.count }
        if case .signal(let signal) = event.happening { bound += signal.rest.count }
        return bound
    }

    /// Writes one record. The caller has reserved `bound` bytes.
    @inline(__always)
    mutating func put(
        _ event: borrowing Event, _ snapshot: borrowing Snapshot, call: String, operation: String,
        decisions: [[UInt8]], channel: UInt16,
        sequence: UInt32
    ) {
        put(MCAPOpcode.message)
        put(UInt64(0))
        let start = count
        put(channel)
        put(sequence)
        let time = UInt64(max(0, event.time))
        put(time)
        put(time)
        put(field: RecordField.identifier, event.id)
        put(field: RecordField.restarts, event.restarts)
        put(field: RecordField.thread, event.thread)
        put(field: RecordField.process, event.process)
        put(field: RecordField.time, UInt64(bitPattern: event.time))
        put(kindOf: event.happening)
        put(stop: snapshot.stop, isCall: event.happening.isCall, call: call, operation: operation)
        put(memoryOf: snapshot)
        put(factsOf: snapshot)
        for decision in decisions {
            put(field: RecordField.decisions, length: decision.count)
            decision.withUnsafeBytes { put(raw: $0) }
        }
        put(detailsOf: event.happening)
        overwrite(UInt64(count - start), at: start - 8)
    }

    @inline(__always)
    private mutating func put(kindOf happening: Happening) {
        let kind: HappeningKind =
            switch happening {
            case .started: .started
            case .entry: .entry
            case .exit: .exit
            case .created: .created
            case .executed: .executed
            case .signal: .signal
            case .stopped: .stopped
            case .continued: .continued
            case .exited: .exited
            case .killed: .killed
            case .detached: .detached
            case .lost: .lost
            }
        put(field: RecordField.kind, kind.rawValue)
    }

    @inline(__always)
    private mutating func put(stop: Stop, isCall: Bool, call: String, operation: String) {
        put(field: RecordField.personality, text: stop.personality.name)
        put(field: RecordField.call, text: call)
        put(field: RecordField.operation, text: operation)
        put(field: RecordField.number, stop.number)
        let arguments = stop.arguments
        let any = arguments.a0 | arguments.a1 | arguments.a2 | arguments.a3 | arguments.a4 | arguments.a5
        // All six at every call, so that readers may index them; none for what is not a call.
        if isCall || any != 0 {
            put(field: RecordField.arguments, length: 48)
            put(arguments.a0)
            put(arguments.a1)
            put(arguments.a2)
            put(arguments.a3)
            put(arguments.a4)
            put(arguments.a5)
        }
        put(field: RecordField.instructionPointer, stop.instructionPointer)
    }

    @inline(__always)
    private mutating func put(memoryOf snapshot: borrowing Snapshot) {
        guard !snapshot.regions.isEmpty else { return }
        snapshot.arena.withUnsafeBytes { arena in
            for region in snapshot.regions {
                let wanted = UInt64(max(0, region.wanted))
                let error = UInt64(bitPattern: Int64(region.errno))
                let length =
                    Self.size(number: region.address) + Self.size(bytes: region.count)
                    + Self.size(number: wanted) + Self.size(number: error)
                put(field: RecordField.regions, length: length)
                put(field: RegionField.address, region.address)
                if region.count > 0 {
                    put(field: RegionField.bytes, length: region.count)
                    put(raw: UnsafeRawBufferPointer(rebasing: arena[region.offset..<region.offset + region.count]))
                }
                put(field: RegionField.wanted, wanted)
                put(field: RegionField.errno, error)
            }
        }
    }

    private mutating func put(factsOf snapshot: borrowing Snapshot) {
        guard !snapshot.facts.isEmpty else { return }
        snapshot.arena.withUnsafeBytes { arena in
            for fact in snapshot.facts {
                put(field: RecordField.facts, length: Self.size(fact))
                put(field: FactField.kind, UInt64(fact.kind.rawValue))
                put(field: FactField.number, fact.number)
                put(field: FactField.name, fact.name, of: arena)
                put(field: FactField.mode, UInt64(fact.mode))
                put(field: FactField.device, fact.device)
                put(field: FactField.inode, fact.inode)
                put(field: FactField.specialDevice, fact.specialDevice)
                if let socket = fact.socket { put(socket, of: arena) }
            }
        }
    }

    private mutating func put(_ socket: SocketFact, of arena: UnsafeRawBufferPointer) {
        put(field: FactField.socket, length: Self.size(socket))
        put(field: SocketField.family, socket.family)
        put(field: SocketField.type, socket.type)
        put(field: SocketField.protocolNumber, socket.protocolNumber)
        put(field: SocketField.local, socket.local, of: arena)
        put(field: SocketField.peer, socket.peer, of: arena)
        put(field: SocketField.peerInode, UInt64(socket.peerInode))
    }

    private mutating func put(field: Int, _ range: ArenaRange, of arena: UnsafeRawBufferPointer) {
        guard range.count > 0 else { return }
        put(field: field, length: range.count)
        put(raw: UnsafeRawBufferPointer(rebasing: arena[range.offset..<range.offset + range.count]))
    }

    private static func size(_ fact: Fact) -> Int {
        let numbers =
            size(number: UInt64(fact.kind.rawValue)) + size(number: UInt64(bitPattern: Int64(fact.number)))
            + size(number: UInt64(fact.mode)) + size(number: fact.device)
        let rest = size(number: fact.inode) + size(number: fact.specialDevice) + size(bytes: fact.name.count)
        guard let socket = fact.socket else { return numbers + rest }
        let length = size(socket)
        // An empty message is still there: it says that this is a socket.
        return numbers + rest + 1 + size(varint: UInt64(length)) + length
    }

    private static func size(_ socket: SocketFact) -> Int {
        let numbers =
            size(number: UInt64(bitPattern: Int64(socket.family)))
            + size(number: UInt64(bitPattern: Int64(socket.type)))
            + size(number: UInt64(bitPattern: Int64(socket.protocolNumber)))
        return numbers + size(number: UInt64(socket.peerInode)) + size(bytes: socket.local.count)
            + size(bytes: socket.peer.count)
    }

    @inline(__always)
    private mutating func put(detailsOf happening: Happening) {
        switch happening {
        case .entry, .continued, .detached: break
        case .exit(let result): put(field: RecordField.result, Self.zigzag(result))
        case .started(let parent, let attached):
            put(field: RecordField.otherThread, parent)
            put(field: RecordField.detail, attached ? UInt64(1) : 0)
        case .created(let child, let how):
            put(field: RecordField.otherThread, child)
            put(field: RecordField.detail, UInt64(how.rawValue))
        case .executed(let former): put(field: RecordField.otherThread, former)
        case .signal(let signal): put(signal: signal)
        case .stopped(let signal): put(signal: SignalInfo(number: signal))
        case .lost(let calls): put(field: RecordField.detail, UInt64(UInt32(clamping: calls)))
        case .exited(let status): put(field: RecordField.detail, UInt64(UInt32(bitPattern: status)))
        case .killed(let signal, let dumpedCore):
            put(field: RecordField.detail, dumpedCore ? UInt64(1) : 0)
            put(signal: SignalInfo(number: signal))
        }
    }

    private mutating func put(signal: SignalInfo) {
        let number = UInt64(bitPattern: Int64(signal.number))
        let code = UInt64(UInt32(truncatingIfNeeded: Self.zigzag(Int64(signal.code))))
        let error = UInt64(bitPattern: Int64(signal.errno))
        let length =
            Self.size(number: number) + Self.size(number: code) + Self.size(number: error)
            + Self.size(bytes: signal.rest.count)
        put(field: RecordField.signal, length: length)
        put(field: SignalField.number, number)
        put(field: SignalField.code, code)
        put(field: SignalField.errno, error)
        guard !signal.rest.isEmpty else { return }
        put(field: SignalField.rest, length: signal.rest.count)
        signal.rest.withUnsafeBytes { put(raw: $0) }
    }
}
