// Structs by their rows: which fields apply, what they point to, and what they say.

import Messages

/// The fields of one struct in memory: those whose condition holds, as far as their bytes were captured.
struct ChosenFields {
    let layout: StructureRow
    let address: UInt64
    /// How many bytes of the struct the call passed; the kernel extends structs at their end.
    let size: Int
    let personality: Personality
    private var index: Int
    /// The slot that was given a meaning last.
    private var slot: UInt8 = 0

    init(_ id: UInt16, at address: UInt64, size: Int, _ personality: Personality) {
        layout = SpecTables.structure(id, personality)
        self.address = address
        self.size = size
        self.personality = personality
        index = Int(layout.firstField)
    }

    var pointerWidth: Int { layout.isWide ? 8 : personality.wordSize }

    mutating func next(_ snapshot: Snapshot) -> ArgumentRow? {
        while index < Int(layout.firstField) + Int(layout.fieldCount) {
            let field = SpecTables.fields[index]
            index += 1
            guard field.register != slot, offset(field) + width(field) <= size else { continue }
            guard field.condition < 0 || holds(field.condition, snapshot) else { continue }
            slot = field.register
            return field
        }
        return nil
    }

    /// Whether a condition about the struct's fields holds.
    func holds(_ condition: Int16, _ snapshot: Snapshot) -> Bool {
        let row = SpecTables.conditions[Int(condition)]
        return number(Int(row.argument), snapshot).map { row.holds(value: $0) } ?? false
    }

    /// What the struct asks for, nil for a struct that is no message.
    func operation(_ snapshot: Snapshot) -> Operation? {
        SpecTables.choices[Int(layout.firstChoice)..<Int(layout.firstChoice) + Int(layout.choiceCount)]
            .first { $0.condition < 0 || holds($0.condition, snapshot) }?.operation
    }

    func place(_ field: ArgumentRow) -> UInt64 { address &+ UInt64(offset(field)) }

    private func offset(_ field: ArgumentRow) -> Int {
        Int(personality == .x86_64 ? field.offset64 : field.offset32)
    }

    /// Bytes of the field in the struct itself.
    func width(_ field: ArgumentRow) -> Int {
        if field.isInline { return 0 }
        switch (field.type.shape, field.type.kind, field.type.count) {
        case (.pointer, _, _), (.array, _, .argument), (_, .path, _), (_, .text, _), (_, .buffer, _),
            (_, .signalSet, _), (_, .address, _):
            return pointerWidth
        case (_, .custom, _): return 0
        case (_, .characters, .fixed(let count)), (_, .octets, .fixed(let count)), (_, .indexed, .fixed(let count)),
            (_, .hardware, .fixed(let count)):
            return Int(count)
        // A struct or a list at the end may be cut short by an older caller.
        case (.array, _, .fixed(let count)): return count == 0 ? 0 : field.type.elementSize(personality)
        case (.value, .structure, _): return 1
        default: return field.type.elementSize(personality)
        }
    }

    /// The number in the field of this index, counted from the struct's first.
    private func number(_ position: Int, _ snapshot: Snapshot) -> UInt64? {
        guard position < Int(layout.fieldCount) else { return nil }
        let field = SpecTables.fields[Int(layout.firstField) + position]
        let width = width(field)
        guard offset(field) + width <= size else { return 0 }
        return snapshot.number(at: place(field), width: Swift.min(width, 8))
    }

    /// What the field holds where it is a pointer; where its elements lie in the struct, their place.
    func pointer(_ field: ArgumentRow, _ snapshot: Snapshot) -> UInt64? {
        field.isInline ? place(field) : snapshot.number(at: place(field), width: pointerWidth)
    }

    /// How many elements lie between a field and the next; those at the end of a struct go on after it.
    private func room(of field: ArgumentRow) -> UInt64 {
        let start = offset(field)
        let fields = SpecTables.fields[Int(layout.firstField)..<Int(layout.firstField) + Int(layout.fieldCount)]
        let end = Int(personality == .x86_64 ? layout.size64 : layout.size32)
        let next = fields.map { offset($0) }.filter { $0 > start }.min() ?? end
        return next > start ? UInt64((next - start) / field.type.elementSize(personality)) : UInt64.max
    }

    func count(_ field: ArgumentRow, _ snapshot: Snapshot) -> UInt64 {
        switch field.type.count {
        case .fixed(let count): UInt64(count)
        case .argument(let position):
            min(number(Int(position), snapshot) ?? 0, field.isInline ? room(of: field) : UInt64.max)
        case .none, .result, .own, .narrow: 0
        }
    }
}

extension Capture {
    /// How far pointers in structs are followed.
    private static let depthLimit = 4

    /// What the fields of a struct point to.
    func behind(
        _ id: UInt16, at address: UInt64, size: Int, depth: Int = 0, _ snapshot: inout Snapshot,
        _ memory: some TraceeMemory
    ) {
        guard depth < Self.depthLimit, SpecTables.pointingStructures[Int(id)] else { return }
        var fields = ChosenFields(id, at: address, size: size, snapshot.stop.personality)
        while let field = fields.next(snapshot) {
            let place = fields.place(field)
            let type = field.type
            if type.kind == .custom {
                customField(type.table, at: place, &snapshot, memory)
                continue
            }
            if type.kind == .structure, type.shape != .pointer {
                inline(type, fields, field, depth, &snapshot, memory)
                continue
            }
            guard let pointer = fields.pointer(field, snapshot), pointer != 0 else { continue }
            switch (type.shape, type.kind) {
            case (.pointer, _):
                one(type, at: pointer, size: fields.count(field, snapshot), depth: depth + 1, &snapshot, memory)
            case (.value, .path), (.value, .text): text(pointer, &snapshot, memory)
            case (.value, .buffer): payload(pointer, fields.count(field, snapshot), &snapshot, memory)
            case (.value, .signalSet): plain(pointer, 8, &snapshot, memory)
            case (.array, _):
                if case .argument = type.count {
                    list(type, at: pointer, fields.count(field, snapshot), depth: depth + 1, &snapshot, memory)
                }
            default: break
            }
        }
    }

    /// Structs inside a struct, and lists of structs that a field counts.
    private func inline(
        _ type: TypeRow, _ fields: ChosenFields, _ field: ArgumentRow, _ depth: Int, _ snapshot: inout Snapshot,
        _ memory: some TraceeMemory
    ) {
        let size = type.elementSize(snapshot.stop.personality)
        let place = fields.place(field)
        switch (type.shape, type.count) {
        case (.array, .argument):
            guard let pointer = fields.pointer(field, snapshot), pointer != 0 else { return }
            list(type, at: pointer, fields.count(field, snapshot), depth: depth + 1, &snapshot, memory)
        case (.array, .fixed(let count)):
            for index in 0..<min(UInt64(count), UInt64(elementLimit)) {
                let at = place &+ index &* UInt64(size)
                behind(type.table, at: at, size: size, depth: depth + 1, &snapshot, memory)
            }
        default: behind(type.table, at: place, size: size, depth: depth + 1, &snapshot, memory)
        }
    }

    /// One of what a pointer points to; a struct with a size as far as that goes, and a little of what is unknown.
    func one(
        _ type: TypeRow, at address: UInt64, size given: UInt64, depth: Int = 0, _ snapshot: inout Snapshot,
        _ memory: some TraceeMemory
    ) {
        var size = type.elementSize(snapshot.stop.personality)
        if type.count == .own {
            plain(address, 4, &snapshot, memory)
            let own = snapshot.number(at: address, width: 4) ?? 0
            if own >= 4 { size = Int(min(own, UInt64(size + CallView.restLimit))) }
        } else if type.count != .none {
            size = Int(min(given, UInt64(size + CallView.restLimit)))
        }
        plain(address, size, &snapshot, memory)
        if type.kind == .structure { behind(type.table, at: address, size: size, depth: depth, &snapshot, memory) }
    }

    func list(
        _ type: TypeRow, at address: UInt64, _ count: UInt64, depth: Int = 0, _ snapshot: inout Snapshot,
        _ memory: some TraceeMemory
    ) {
        let size = type.elementSize(snapshot.stop.personality)
        let kept = min(count, UInt64(elementLimit))
        plain(address, Int(kept) * size, &snapshot, memory)
        guard type.kind == .structure else { return }
        for index in 0..<kept {
            behind(
                type.table, at: address &+ index &* UInt64(size), size: size, depth: depth, &snapshot, memory)
        }
    }
}

extension CallView {
    /// A struct as it went in, with the fields that came out and those that changed.
    func answered(_ before: Value, _ after: Value) -> Value {
        guard case .record(let old) = before, case .record(let new) = after else { return after }
        return .record(
            new.map { field in
                guard let former = old.first(where: { $0.name == field.name }), former.value != field.value else {
                    return field
                }
                if case .address = former.value { return field }  // what lies behind it is known now
                if case .record = field.value {
                    return Field(field.name, answered(former.value, field.value), isDetail: field.isDetail)
                }
                return Field(field.name, .change(former.value, field.value), isDetail: field.isDetail)
            })
    }

    /// How many bytes are kept of a struct beyond what the spec knows of it.
    static let restLimit = 64

    /// The struct at an address, nil where it was not captured; `given` is the size that the call says it has.
    func structure(_ id: UInt16, at address: UInt64, size given: UInt64? = nil) -> Value? {
        if given == 0 { return nil }
        let layout = SpecTables.structure(id, personality)
        if let given, given < UInt64(layout.minimum) { return nil }
        let full = Int(personality == .x86_64 ? layout.size64 : layout.size32)
        let size = given.map { Int(min($0, UInt64(full))) } ?? full
        guard size > 0, snapshot.bytes(at: address, count: size) != nil else { return nil }
        var chosen = ChosenFields(id, at: address, size: size, personality)
        if layout.choiceCount > 0 { return message(&chosen) }
        var fields: [Field] = []
        while let field = chosen.next(snapshot) {
            if field.isHidden || (field.direction == .exit && result == nil) { continue }
            if layout.isApart && field.direction == .entry && result != nil { continue }
            guard let value = self.field(field, chosen), !(field.isOptional && value.isZero) else { continue }
            fields.append(Field(field.name, value, isDetail: field.isDetail))
        }
        if let given, let rest = rest(of: given, after: UInt64(full), at: address) {
            // Of these two the bytes are a field of their own, which only the whole form shows.
            if row.call == .bpf || row.call == .landlockCreateRuleset {
                let place = "bytes \(full)..\(given - 1)"
                fields.append(Field("extra_data", .commented(.bytes(rest), place), isDetail: true))
            } else {
                fields.append(Field("rest", .remainder(offset: UInt64(full), rest)))
            }
        }
        // Video for Linux writes fractions as people do.
        if id == StructureID.v4l2Fract.rawValue { return .separated(fields.map(\.value), by: "/") }
        tellDevice(&fields)
        let moment = id == StructureID.ptpClockTime.rawValue ? date(of: fields) : nil
        return moment.map { .commented(.record(fields), $0) } ?? .record(fields)
    }

    /// A struct that is a call of its own.
    private func message(_ chosen: inout ChosenFields) -> Value {
        var arguments: [Argument] = []
        while let field = chosen.next(snapshot) {
            guard !field.isHidden, let value = self.field(field, chosen), !(field.isOptional && value.isZero)
            else { continue }
            arguments.append(Argument(name: field.name, item: field.item, value: value))
        }
        return .message(chosen.operation(snapshot) ?? .voidCall, arguments)
    }

    /// Bytes of a newer, longer struct than the spec's, nil where they are zero: the kernel takes zeros for absence.
    /// None of them where a part cannot be read.
    func rest(of size: UInt64, after known: UInt64, at start: UInt64) -> Bytes? {
        guard size > known else { return nil }
        let (address, count) = (start &+ known, size - known)
        if snapshot.isUnreadable(address, count: Int(min(count, UInt64(Self.restLimit)))) {
            return Bytes([], total: count, isBinary: true)
        }
        for kept in stride(from: Int(min(count, UInt64(Self.restLimit))), to: 0, by: -1) {
            guard let bytes = snapshot.bytes(at: address, count: kept) else { continue }
            return bytes.allSatisfy { $0 == 0 } ? nil : Bytes(Array(bytes), total: count, isBinary: true)
        }
        return nil
    }

    /// When a record of seconds and nanoseconds is, nil for zero and for what is no time.
    private func date(of fields: [Field]) -> String? {
        guard fields.count > 1, case .signed(let seconds) = fields[0].value, case .unsigned(let part) = fields[1].value,
            seconds != 0 || part != 0
        else { return nil }
        return Calendar.text(seconds: seconds, fraction: part, digits: 9)
    }

    /// A device file has a number in place of a size; other files have none.
    private func tellDevice(_ fields: inout [Field]) {
        guard let mode = fields.firstIndex(where: { $0.name == "st_mode" }),
            case .fileMode(let bits) = fields[mode].value,
            let device = fields.firstIndex(where: { $0.name == "st_rdev" })
        else { return }
        var number = fields.remove(at: device)
        guard bits & 0o170000 == 0o020000 || bits & 0o170000 == 0o060000,
            let size = fields.firstIndex(where: { $0.name == "st_size" })
        else { return }
        number.isDetail = false
        fields[size] = number
    }

    private func field(_ field: ArgumentRow, _ chosen: ChosenFields) -> Value? {
        let type = field.type
        let place = chosen.place(field)
        switch (type.shape, type.kind, type.count) {
        case (_, .characters, .fixed(let count)):
            return snapshot.bytes(at: place, count: Int(count))
                .map { Self.characters($0) }
        case (.value, .hardware, _), (.value, .inet6, _):
            return snapshot.bytes(at: place, count: type.kind == .inet6 ? 16 : chosen.width(field))
                .flatMap { networkField(type, Array($0), field.name) }
        case (_, .octets, .fixed(let count)):
            return snapshot.bytes(at: place, count: Int(count)).map { .bytes(Bytes(Array($0), isBinary: true)) }
        case (_, .indexed, .fixed(let count)):
            return snapshot.bytes(at: place, count: Int(count)).map { indexed(Array($0), type.table) }
        case (.array, _, .fixed(let count)):
            let room = UInt64(chosen.size) &- (place &- chosen.address)
            return many(type, place, min(UInt64(count), room / UInt64(max(1, type.elementSize(personality)))))
        case (.array, _, _):
            return chosen.pointer(field, snapshot).map { many(type, $0, chosen.count(field, snapshot)) }
        case (.pointer, _, .none): return chosen.pointer(field, snapshot).map { one(type, $0) }
        case (.pointer, _, _):
            return chosen.pointer(field, snapshot).map { one(type, $0, size: chosen.count(field, snapshot)) }
        case (_, .structure, _):
            let room = UInt64(chosen.size) &- (place &- chosen.address)
            let whole = UInt64(type.elementSize(personality))
            let inner = structure(type.table, at: place, size: min(room, whole))
            if case .record(let fields)? = inner, fields.isEmpty, room < whole { return nil }
            return inner
        case (_, .custom, _): return customField(type.table, at: place)
        case (_, .buffer, _): return chosen.pointer(field, snapshot).map { buffer($0, chosen.count(field, snapshot)) }
        case (_, .path, _), (_, .text, _), (_, .signalSet, _), (_, .address, _):
            return chosen.pointer(field, snapshot).map { scalar(type, $0) }
        default:
            let width = type.width == 0 ? word : Int(type.width)
            return snapshot.number(at: place, width: width).map { scalar(type, $0) }
        }
    }

    /// Bytes that each have a name: `[[VINTR]=0x3, [VQUIT]=0x1c]`.
    private func indexed(_ bytes: [UInt8], _ table: UInt16) -> Value {
        let row = SpecTables.symbolSets[Int(table)]
        let symbols = SpecTables.symbols[Int(row.firstSymbol)..<Int(row.firstSymbol) + Int(row.count)]
        return .list(
            bytes.enumerated().map { index, byte in
                let name = symbols.first { $0.value == UInt64(index) }?.name ?? "\(index)"
                return .named("[\(name)]", .hexadecimal(UInt64(byte)))
            })
    }

    /// What a pointer points to: a struct in braces, a scalar in brackets.
    func one(_ type: TypeRow, _ address: UInt64, size: UInt64? = nil) -> Value {
        guard address != 0 else { return .address(0) }
        if type.kind == .structure {
            if result == nil, isAskedAgain(type), isZero(type, at: address) { return .address(address) }
            return structure(type.table, at: address, size: size) ?? .address(address)
        }
        if type.kind == .characters || type.kind == .octets {
            let size = type.elementSize(personality)
            guard let bytes = snapshot.bytes(at: address, count: size) else {
                guard let region = snapshot.region(at: address), region.count > 0 else { return .address(address) }
                let there = snapshot.arena[region.offset..<region.offset + region.count]
                return .unended(Bytes(Array(there), total: UInt64(size), isBinary: true), at: address)
            }
            let isText = type.kind == .characters
            return .bytes(
                Bytes(isText ? Array(bytes.prefix { $0 != 0 }) : Array(bytes), isText: isText, isBinary: !isText))
        }
        if type.kind == .custom { return customField(type.table, at: address).map { .list([$0]) } ?? .address(address) }
        guard let raw = snapshot.number(at: address, width: type.elementSize(personality)) else {
            return .address(address)
        }
        return .list([scalar(type, raw)])
    }

    func many(_ type: TypeRow, _ address: UInt64, _ count: UInt64) -> Value {
        guard address != 0 else { return .address(0) }
        if count == 0 { return .list([]) }
        let size = type.elementSize(personality)
        var elements: [Value] = []
        for index in 0..<min(count, 4096) {
            let at = address &+ index &* UInt64(size)
            if type.kind == .structure {
                guard let element = structure(type.table, at: at) else { break }
                elements.append(element)
            } else if type.kind == .custom {
                guard let element = customField(type.table, at: at) else { break }
                elements.append(element)
            } else {
                guard let raw = snapshot.number(at: at, width: size) else { break }
                elements.append(scalar(type, raw))
            }
        }
        return list(elements, of: count, at: address, size: size)
    }

    /// Elements that lie one after the other from `address` on, as far as they are there.
    func list(_ elements: [Value], of count: UInt64, at address: UInt64, size: Int) -> Value {
        if elements.isEmpty && count > 0 { return .address(address) }
        guard UInt64(elements.count) < count else { return .list(elements) }
        let next = address &+ UInt64(elements.count * size)
        return snapshot.isUnreadable(next, count: size) ? .brokenList(elements, at: next) : .cutList(elements)
    }
}
