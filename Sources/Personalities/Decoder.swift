// Snapshot to message: total, pure, and the only reader of the spec's types.

import Messages

/// Decodes the calls of snapshots. It returns values, never errors: what cannot be understood stays a number.
public struct Decoder: Sendable {
    public init() {}

    /// The message as far as it is known when the call is made. Arguments that the kernel writes are addresses.
    public func entry(_ snapshot: Snapshot) -> Message {
        let stop = snapshot.stop
        guard let row = SpecTables.row(stop.personality, stop.number) else {
            return Message(
                personality: stop.personality, name: stop.name, call: .none, operation: .voidCall,
                arguments: (0..<6).map {
                    Argument(name: "a\($0)", item: "args", value: .hexadecimal(stop.arguments[$0]))
                })
        }
        let view = CallView(row: row, entry: snapshot, result: nil)
        return Message(
            personality: stop.personality, name: row.name, call: row.call, operation: view.operation,
            arguments: view.arguments(), constants: view.constants())
    }

    /// Completes the message of `entry` with what the kernel left behind.
    public func exit(_ message: inout Message, _ snapshot: Snapshot, result: Int64) {
        let stop = snapshot.stop
        guard let row = SpecTables.row(stop.personality, stop.number) else {
            message.reply = Reply(raw: result, value: .signed(result))
            return
        }
        let view = CallView(row: row, entry: snapshot, result: result)
        view.complete(&message)
        message.reply = view.reply()
    }
}

/// One call while it is decoded: its row, a snapshot of the entry or of the exit, and the result if there is one.
struct CallView {
    let row: CallRow
    let snapshot: Snapshot
    let result: Int64?

    init(row: CallRow, entry: Snapshot, result: Int64?) {
        self.row = row
        snapshot = entry
        self.result = result
    }

    var stop: Stop { snapshot.stop }
    var personality: Personality { stop.personality }
    var word: Int { personality.wordSize }
    var failed: Bool { result.map { Reply.errno(of: $0) != nil } ?? false }

    var operation: Operation {
        row.call == .clone3 ? cloneOperation() : row.operation(stop.arguments)
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

    func arguments() -> [Argument] {
        let arguments = inRegisterOrder()
        switch row.call {
        case .clone: return cloneOrder(arguments)
        case .fcntl, .fcntl64: return commandTakesNoArgument ? Array(arguments.dropLast()) : arguments
        default: return arguments
        }
    }

    private func inRegisterOrder() -> [Argument] {
        row.argumentRows.enumerated().compactMap { index, argument in
            if argument.isHidden { return nil }
            if argument.condition >= 0,
                !SpecTables.conditions[Int(argument.condition)].holds(stop.arguments)
            {
                return nil
            }
            let value = argument.direction == .exit ? pointer(index) : value(argument, index)
            return Argument(
                name: argument.name, item: argument.item, value: value,
                direction: staysAsPassed(argument) ? .entry : argument.direction)
        }
    }

    /// Arguments that the kernel changes but that people read as they were passed; what became of them is said
    /// beside the result.
    private func staysAsPassed(_ argument: ArgumentRow) -> Bool {
        switch row.call {
        case .poll, .ppoll, .select, .pselect6: argument.direction == .both
        default: false
        }
    }

    /// Puts what was read at the exit into the message of the entry.
    func complete(_ message: inout Message) {
        if failed { return }
        for (index, argument) in row.argumentRows.enumerated()
        where argument.direction != .entry && !staysAsPassed(argument) {
            guard let place = message.arguments.firstIndex(where: { $0.name == argument.name }) else { continue }
            if argument.direction == .exit {
                message.arguments[place].value = value(argument, index)
            } else if argument.direction == .both {
                message.arguments[place].value = change(
                    from: message.arguments[place].value, to: value(argument, index), argument)
            }
        }
    }

    private func change(from before: Value, to after: Value, _ argument: ArgumentRow) -> Value {
        if case .address = after { return before }
        if case .named(let name, .address) = before { return .named(name, after) }
        if argument.type.kind == .custom && argument.type.table == CustomKind.cloneArguments.rawValue {
            return cloneAnswer().map { .change(before, $0) } ?? before
        }
        if case .list(let first) = before, case .list(let second) = after, first.count == 1, second.count == 1,
            first != second
        {
            return .list([.change(first[0], second[0])])
        }
        if before == after || argument.type.kind == .custom { return after }
        return .change(before, after)
    }

    private func pointer(_ index: Int) -> Value { .address(stop.arguments[index]) }

    // MARK: Types

    func value(_ argument: ArgumentRow, _ index: Int) -> Value {
        let raw = stop.arguments[index]
        switch argument.type.shape {
        case .value:
            if argument.type.kind == .custom { return custom(argument.type.table, index) }
            if argument.type.kind == .buffer {
                return buffer(raw, stop.count(argument.type.count, result))
            }
            return scalar(argument.type, raw)
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
        case .permissions: return .permissions(unsigned & 0xFFFF)
        case .fileMode: return .fileMode(unsigned)
        case .address: return .address(personality == .i386 ? raw & 0xFFFF_FFFF : raw)
        case .descriptor: return .descriptor(low)
        case .directory: return .directory(low)
        case .process: return .process(low)
        case .user: return width == 2 ? .user(narrow(unsigned)) : .user(UInt32(truncatingIfNeeded: raw))
        case .group: return width == 2 ? .group(narrow(unsigned)) : .group(UInt32(truncatingIfNeeded: raw))
        case .signal: return .signal(low)
        case .device: return .device(unsigned)
        case .symbol: return SymbolSet(rawValue: type.table).map { .symbol($0, unsigned) } ?? .unsigned(unsigned)
        case .flags: return SymbolSet(rawValue: type.table).map { .flags($0, unsigned) } ?? .hexadecimal(unsigned)
        case .path: return text(raw, isPath: true)
        case .text: return text(raw, isPath: false)
        case .buffer: return buffer(raw, 0)
        case .signalSet: return signalSet(raw)
        case .structure, .characters, .octets, .custom: return .address(raw)
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

    /// What a pointer points to: a struct in braces, a scalar in brackets.
    private func one(_ type: TypeRow, _ address: UInt64) -> Value {
        guard address != 0 else { return .address(0) }
        if type.kind == .structure { return structure(type.table, at: address) ?? .address(address) }
        guard let raw = snapshot.number(at: address, width: type.elementSize(personality)) else {
            return .address(address)
        }
        return .list([scalar(type, raw)])
    }

    private func many(_ type: TypeRow, _ address: UInt64, _ count: UInt64) -> Value {
        guard address != 0 else { return .address(0) }
        if count == 0 { return .list([]) }
        let size = type.elementSize(personality)
        var elements: [Value] = []
        for index in 0..<min(count, 4096) {
            let at = address &+ index &* UInt64(size)
            if type.kind == .structure {
                guard let element = structure(type.table, at: at) else { break }
                elements.append(element)
            } else {
                guard let raw = snapshot.number(at: at, width: size) else { break }
                elements.append(scalar(type, raw))
            }
        }
        if elements.isEmpty { return .address(address) }
        return UInt64(elements.count) < count ? .cutList(elements) : .list(elements)
    }

    func structure(_ id: UInt16, at address: UInt64) -> Value? {
        let layout = SpecTables.structure(id, personality)
        let size = Int(personality == .x86_64 ? layout.size64 : layout.size32)
        guard size > 0, let bytes = snapshot.bytes(at: address, count: size) else { return nil }
        var fields: [Field] = []
        for index in Int(layout.firstField)..<Int(layout.firstField) + Int(layout.fieldCount) {
            let field = SpecTables.fields[index]
            if field.isHidden { continue }
            let offset = Int(personality == .x86_64 ? field.offset64 : field.offset32)
            guard let value = self.field(field.type, bytes, address, offset) else { continue }
            fields.append(Field(field.name, value, isDetail: field.isDetail))
        }
        tellDevice(&fields)
        return .record(fields)
    }

    /// Of a device file the number is of interest, not the size, and it stands where the size stands.
    private func tellDevice(_ fields: inout [Field]) {
        guard let mode = fields.firstIndex(where: { $0.name == "st_mode" }),
            case .fileMode(let bits) = fields[mode].value,
            bits & 0o170000 == 0o020000 || bits & 0o170000 == 0o060000,
            let device = fields.firstIndex(where: { $0.name == "st_rdev" }),
            let size = fields.firstIndex(where: { $0.name == "st_size" })
        else { return }
        fields[device].isDetail = false
        fields.remove(at: size)
    }

    private func field(_ type: TypeRow, _ bytes: ArraySlice<UInt8>, _ address: UInt64, _ offset: Int) -> Value? {
        let start = bytes.startIndex + offset
        guard start <= bytes.endIndex else { return nil }
        let rest = bytes[start...]
        switch (type.shape, type.kind) {
        case (_, .characters):
            guard case .fixed(let count) = type.count else { return nil }
            let text = rest.prefix(Int(count)).prefix { $0 != 0 }
            return .bytes(Bytes(Array(text), isText: true))
        case (_, .octets):
            guard case .fixed(let count) = type.count else { return nil }
            return .bytes(Bytes(Array(rest.prefix(Int(count)))))
        case (.array, _):
            guard case .fixed(let count) = type.count else { return nil }
            return many(type, address &+ UInt64(offset), UInt64(count))
        case (_, .structure): return structure(type.table, at: address &+ UInt64(offset))
        default:
            let width = type.width == 0 ? word : Int(type.width)
            guard let raw = snapshot.number(at: address &+ UInt64(offset), width: width) else { return nil }
            return scalar(type, raw)
        }
    }

    // MARK: Bytes

    func buffer(_ address: UInt64, _ count: UInt64) -> Value {
        guard address != 0 else { return .address(0) }
        guard let region = snapshot.region(at: address), region.errno == 0 || count == 0 else {
            return .address(address)
        }
        let bytes = snapshot.arena[region.offset..<region.offset + region.count]
        let kept = Array(bytes.prefix(Int(min(count, UInt64(region.count)))))
        return .bytes(Bytes(kept, total: count, isBinary: row.call == .getrandom))
    }

    func text(_ address: UInt64, isPath: Bool) -> Value {
        guard address != 0 else { return .address(0) }
        guard let region = snapshot.region(at: address), region.errno == 0, region.count > 0 || region.wanted == 0
        else { return .address(address) }
        let bytes = Bytes(
            Array(snapshot.arena[region.offset..<region.offset + region.count]), total: UInt64(region.wanted),
            isText: true)
        return isPath ? .path(bytes) : .bytes(bytes)
    }

    func signalSet(_ address: UInt64) -> Value {
        guard address != 0 else { return .address(0) }
        return snapshot.number(at: address, width: 8).map { .signalSet($0) } ?? .address(address)
    }

    // MARK: The reply

    /// A result whose meaning hangs on the call's command.
    private func answer(_ raw: Int64) -> Value {
        switch row.call {
        case .fcntl, .fcntl64:
            [1, 3].contains(stop.arguments.a1) ? .hexadecimal(UInt64(bitPattern: raw)) : .signed(raw)
        case .personality: .hexadecimal(UInt64(bitPattern: raw) & 0xFFFF_FFFF)
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
        return Reply(raw: raw, value: value, item: row.resultItem, auxiliary: auxiliary())
    }
}
