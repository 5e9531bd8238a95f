// Snapshot to message: total, pure, and the only reader of the spec's types.

import Messages

/// Decodes the calls of snapshots. It returns values, never errors: what cannot be understood stays a number.
public struct Decoder: Sendable {
    public init() {}

    /// The message as far as it is known when the call is made. Arguments that the kernel writes are addresses.
    public func entry(_ snapshot: Snapshot) -> Message {
        let stop = snapshot.stop
        guard let call = snapshot.meant() else {
            return Message(
                personality: stop.personality, name: stop.name, call: .none, operation: .voidCall,
                arguments: (0..<6).map {
                    Argument(name: "a\($0)", item: "args", value: .hexadecimal(stop.arguments[$0]))
                })
        }
        let row = call.row
        let view = CallView(call, entry: snapshot, result: nil)
        var message = Message(
            personality: stop.personality, name: row.name, call: row.call, operation: view.operation,
            arguments: view.arguments(), constants: view.constants())
        message.resolved = view.resolvedPaths()
        message.netlinkProtocol = snapshot.netlinkProtocol
        message.information = snapshot.information
        return message
    }

    /// The message without what it says: which call it is, and what it does. `outline` needs the memory of few calls,
    /// `CallRow.isToldByMemory` says which.
    public func outline(_ snapshot: Snapshot) -> Message {
        let stop = snapshot.stop
        guard let call = snapshot.meant() else {
            return Message(personality: stop.personality, name: stop.name, call: .none, operation: .voidCall)
        }
        let operation =
            call.row.isToldByMemory
            ? CallView(call, entry: snapshot, result: nil).operation : call.row.operation(call.arguments)
        return Message(
            personality: stop.personality, name: call.row.name, call: call.row.call, operation: operation)
    }

    /// Completes the message of `outline`: whether the call failed.
    public func outcome(_ message: inout Message, _ snapshot: Snapshot, result: Int64) {
        let raw = snapshot.meant().map { snapshot.meantResult(result, $0.row) } ?? result
        message.reply = Reply(raw: raw, value: .signed(raw))
    }

    /// Completes the message of `entry` with what the kernel left behind.
    public func exit(_ message: inout Message, _ snapshot: Snapshot, result: Int64) {
        message.decisions = snapshot.decisions
        guard let call = snapshot.meant() else {
            message.reply = Reply(raw: result, value: .signed(result))
            return
        }
        var view = CallView(call, entry: snapshot, result: snapshot.meantResult(result, call.row))
        view.passed = message.arguments
        view.netlinkProtocol = message.netlinkProtocol
        view.information = message.information
        view.complete(&message)
        message.reply = view.reply()
    }
}

/// One call while it is decoded: its row, a snapshot of the entry or of the exit, and the result if there is one.
struct CallView {
    let row: CallRow
    let snapshot: Snapshot
    let result: Int64?
    /// At the exit, the arguments as the entry knew them.
    var passed: [Argument] = []
    /// The protocol of the call's netlink socket, where the entry looked it up.
    var netlinkProtocol: Int32?
    /// The struct that BPF_OBJ_GET_INFO_BY_FD fills, where the entry looked its object up.
    var information: StructureID?

    init(_ call: MeantCall, entry: Snapshot, result: Int64?) {
        row = call.row
        var meant = entry
        meant.stop.arguments = call.arguments
        snapshot = meant
        self.result = result
    }

    var stop: Stop { snapshot.stop }
    var personality: Personality { stop.personality }
    var word: Int { personality.wordSize }
    var failed: Bool { result.map { Reply.errno(of: $0) != nil } ?? false }

    var operation: Operation {
        switch row.call {
        case .clone3: cloneOperation()
        case .adjtimex, .clockAdjtime, .clockAdjtime64: adjustOperation()
        default: row.operation(stop.arguments)
        }
    }

    func constants() -> [(name: String, value: String)] {
        (Int(row.firstConstant)..<Int(row.firstConstant) + Int(row.constantCount)).compactMap { index in
            let choice = SpecTables.constants[index]
            guard choice.condition < 0 || SpecTables.conditions[Int(choice.condition)].holds(stop.arguments) else {
                return nil
            }
            return (choice.item, choice.value)
        }
    }

    /// What the facts say of the call's paths.
    func resolvedPaths() -> [ResolvedPath] {
        snapshot.facts.compactMap { fact in
            guard fact.kind == .path, let argument = row.argumentRows.dropFirst(Int(fact.number)).first else {
                return nil
            }
            return ResolvedPath(
                argument: argument.name, item: argument.item, path: Array(snapshot.bytes(fact.name)),
                mode: fact.mode, device: fact.device)
        }
    }

    func arguments() -> [Argument] {
        let arguments = inRegisterOrder()
        switch row.call {
        case .clone: return cloneOrder(arguments)
        case .ioUringEnter: return arguments + ringRemarks()
        default: return arguments
        }
    }

    private func inRegisterOrder() -> [Argument] {
        row.chosenArguments(stop.arguments).compactMap { argument in
            if argument.isHidden { return nil }
            let value = argument.direction == .exit ? pointer(argument) : value(argument)
            return Argument(
                name: argument.name, item: argument.item, value: value,
                direction: staysAsPassed(argument) ? .entry : argument.direction)
        }
    }

    /// Arguments that the kernel changes but that people read as they were passed; what became of them is said
    /// beside the result.
    func staysAsPassed(_ argument: ArgumentRow) -> Bool {
        switch row.call {
        case .poll, .ppoll, .ppollTime64, .select, .newselect, .pselect6, .pselect6Time64, .setThreadArea, .splice:
            argument.direction == .both
        case .recvmmsg, .recvmmsgTime64: argument.name == "timeout"
        default: false
        }
    }

    private func pointer(_ argument: ArgumentRow) -> Value { .address(stop.arguments[Int(argument.register)]) }

    // MARK: Types

    func value(_ argument: ArgumentRow) -> Value {
        let index = Int(argument.register)
        let raw = stop.arguments[index]
        switch argument.type.shape {
        case .value:
            if argument.type.kind == .custom { return custom(argument.type.table, index) }
            if argument.type.kind == .buffer {
                let count = stop.count(argument.type.count, row.filled(result, stop.arguments))
                return isNetlinkDatagram ? netlink(raw, count) : buffer(raw, count)
            }
            if argument.type.kind == .signalSet, argument.type.count != .none {
                return sizedSignalSet(raw, stop.count(argument.type.count, result))
            }
            return scalar(argument.type, raw)
        case .pointer where argument.type.count == .own:
            let size = snapshot.number(at: raw, width: 4) ?? 0
            return one(argument.type, raw, size: size == 0 ? nil : size)
        case .pointer where argument.type.count != .none && argument.type.kind == .structure:
            return one(argument.type, raw, size: stop.count(argument.type.count, result))
        case .pointer: return one(argument.type, raw)
        case .array: return many(argument.type, raw, stop.count(argument.type.count, result))
        }
    }

    /// A value that is in a register or a field.
    func scalar(_ type: TypeRow, _ raw: UInt64) -> Value {
        let width = type.width == 0 ? word : Int(type.width)
        let unsigned = width >= 8 ? raw : raw & ((1 << UInt64(width * 8)) - 1)
        let low = Int32(truncatingIfNeeded: raw)
        switch type.kind {
        case .signed: return .signed(Self.extend(unsigned, width))
        case .unsigned: return .unsigned(unsigned)
        case .hexadecimal: return .hexadecimal(unsigned)
        case .octal: return .octal(unsigned)
        case .limit: return limit(unsigned, width)
        // Modes of calls are umode_t; struct open_how has room for more.
        case .permissions: return .permissions(width == 8 ? unsigned : unsigned & 0xFFFF)
        case .fileMode: return .fileMode(unsigned & 0xFFFF)
        case .address: return .address(personality == .i386 ? raw & 0xFFFF_FFFF : raw)
        case .descriptor: return .descriptor(low)
        case .directory: return .directory(low)
        case .process: return .process(low)
        case .user: return width == 2 ? .user(narrow(unsigned)) : .user(UInt32(truncatingIfNeeded: raw))
        case .group: return width == 2 ? .group(narrow(unsigned)) : .group(UInt32(truncatingIfNeeded: raw))
        case .signal: return .signal(low)
        case .device: return .device(unsigned)
        case .symbol:
            guard let set = SymbolSet(rawValue: type.table) else { return .unsigned(unsigned) }
            return set == .clock && low < 0 ? Self.dynamicClock(low) : .symbol(set, unsigned)
        case .flags: return SymbolSet(rawValue: type.table).map { .flags($0, unsigned) } ?? .hexadecimal(unsigned)
        case .path: return text(raw, isPath: true)
        case .text: return text(raw, isPath: false)
        case .buffer: return buffer(raw, 0)
        case .signalSet: return signalSet(raw)
        case .bits: return .unsigned(unsigned >> UInt64(type.table >> 8) & ((1 << UInt64(type.table & 0xFF)) &- 1))
        case .signalMask: return .signalSet(raw)
        case .padded, .port, .network, .inet4, .interface: return network(type.kind, unsigned, width)
        case .structure, .characters, .octets, .indexed, .selected, .hardware, .inet6, .custom: return .address(raw)
        }
    }

    /// A 16-bit id: all ones means "no change", as it does in 32 bits.
    private func narrow(_ id: UInt64) -> UInt32 { id == 0xFFFF ? UInt32.max : UInt32(id) }

    /// RLIM_INFINITY by name, what is a multiple of 1024 as one.
    private func limit(_ value: UInt64, _ width: Int) -> Value {
        if value == UInt64.max { return .spelled("RLIM64_INFINITY", value) }
        if value == 0xFFFF_FFFF && width == 4 { return .spelled("RLIM_INFINITY", value) }
        return value > 1024 && value % 1024 == 0
            ? .spelled("\(value / 1024)*1024", value) : .unsigned(value)
    }

    static func extend(_ value: UInt64, _ width: Int) -> Int64 {
        switch width {
        case 1: Int64(Int8(truncatingIfNeeded: value))
        case 2: Int64(Int16(truncatingIfNeeded: value))
        case 4: Int64(Int32(truncatingIfNeeded: value))
        default: Int64(bitPattern: value)
        }
    }

    // MARK: Bytes

    /// Characters up to their NUL; where none fits, all but the last, and that it was cut.
    static func characters(_ room: some Collection<UInt8>) -> Value {
        let text = room.prefix { $0 != 0 }
        guard text.count == room.count else { return .bytes(Bytes(Array(text), isText: true, isWhole: true)) }
        return .bytes(Bytes(Array(text.dropLast()), total: UInt64(room.count), isText: true, isWhole: true))
    }

    /// The request is SG_IO (scsi/sg.h): commands, and what devices answer.
    private var isTransfer: Bool { row.call == .ioctl && stop.arguments.a1 & 0xFFFF_FFFF == 0x2285 }

    func buffer(_ address: UInt64, _ room: UInt64) -> Value {
        // The struct of getxattrat says how much room there is, the result how much of it was filled.
        var count = room
        if row.call == .getxattrat {
            guard let result, room > 0 else { return .address(address) }
            count = min(room, UInt64(max(0, result)))
        }
        guard address != 0, !row.leavesBuffer(stop.arguments) else { return .address(address) }
        guard let region = snapshot.region(at: address), region.errno == 0 || count == 0 else {
            return .address(address)
        }
        let bytes = snapshot.arena[region.offset..<region.offset + region.count]
        let kept = Array(bytes.prefix(Int(min(count, UInt64(region.count)))))
        // The value of an attribute is shown as text: without the NUL that most programs store behind it.
        if row.isAttributeValue, count == kept.count, kept.last == 0 { return .bytes(Bytes(kept.dropLast())) }
        return .bytes(Bytes(kept, total: count, isBinary: row.carriesBinary || isTransfer))
    }

    func text(_ address: UInt64, isPath: Bool) -> Value {
        guard address != 0 else { return .address(0) }
        guard let region = snapshot.region(at: address), region.count > 0 || region.wanted == 0 else {
            return .address(address)
        }
        if region.errno != 0 {
            if isPath { return .address(address) }
            let there = snapshot.arena[region.offset..<region.offset + region.count]
            return .unended(Bytes(Array(there), total: UInt64.max, isText: true), at: address)
        }
        // What has no NUL within PATH_MAX is too long by its last byte (path_resolution(7)).
        let count = min(region.count, Capture.textLimit - 1)
        let bytes = Bytes(
            Array(snapshot.arena[region.offset..<region.offset + count]), total: UInt64(region.wanted), isText: true)
        return isPath ? .path(bytes) : .bytes(bytes)
    }

    // MARK: The reply

    /// A result whose meaning hangs on the call's command.
    private func answer(_ raw: Int64) -> Value {
        switch row.call {
        case .fcntl, .fcntl64:
            switch stop.arguments.a1 & 0xFFFF_FFFF {
            case 0, 1030: .descriptor(Int32(truncatingIfNeeded: raw))  // F_DUPFD, F_DUPFD_CLOEXEC
            // F_GETFD, F_GETFL, F_GETLEASE, F_GET_SEALS
            case 1, 3, 1025, 1034: .hexadecimal(UInt64(bitPattern: raw))
            case 9: .process(Int32(truncatingIfNeeded: raw))  // F_GETOWN
            default: .signed(raw)
            }
        case .personality: .hexadecimal(UInt64(bitPattern: raw) & 0xFFFF_FFFF)
        case .membarrier where stop.arguments.a0 & 0xFFFF_FFFF == 0: .hexadecimal(UInt64(bitPattern: raw))
        case .prctl: optionAnswer(raw)
        default: .signed(raw)
        }
    }

    func reply() -> Reply {
        let raw = result ?? 0
        if Reply.errno(of: raw) != nil { return Reply(raw: raw, value: .signed(-1), item: row.resultItem) }
        var value =
            row.result.kind == .custom
            ? answer(raw) : scalar(row.result, UInt64(bitPattern: raw))
        if row.call == .mmap || row.call == .brk || row.call == .mremap || row.call == .shmat {
            value = .hexadecimal(UInt64(bitPattern: raw))
        }
        if row.makesDescriptor(stop.arguments) { value = .descriptor(Int32(truncatingIfNeeded: raw)) }
        let auxiliary = auxiliary()
        if asksForState { value = .hexadecimal(UInt64(bitPattern: raw)) }
        return Reply(raw: raw, value: value, item: row.resultItem, auxiliary: auxiliary)
    }
}
