// What requests of input devices, SCSI and btrfs carry that rows cannot say: sets of bits, a struct that its first number
// chooses, identifiers.

import Messages

/// Sets of bits that input devices answer, one for each kind of event (linux/input.h).
enum InputBits {
    /// KEY_MAX (linux/input-event-codes.h) is the largest number of them all.
    static let limit = 96

    /// The names of a request's bits, and how many there can be at most.
    static func names(_ request: RequestNumber) -> (set: SymbolSet, count: Int)? {
        switch request.number {
        case 0x09: (.inputProperty, 0x20)
        case 0x18: (.inputKey, 0x300)
        case 0x19: (.inputLight, 0x10)
        case 0x1A: (.inputSound, 8)
        case 0x1B: (.inputSwitch, 0x20)
        case 0x20: (.inputEvent, 0x20)
        case 0x21: (.inputKey, 0x300)
        case 0x22: (.inputRelative, 0x10)
        case 0x23: (.inputAxis, 0x40)
        case 0x24: (.inputMiscellany, 8)
        case 0x25: (.inputSwitch, 0x20)
        case 0x31: (.inputLight, 0x10)
        case 0x32: (.inputSound, 8)
        case 0x34: (.inputRepeat, 2)
        case 0x35: (.inputForce, 0x80)
        case 0x37: (.inputForceStatus, 2)
        default: nil
        }
    }
}

extension Capture {
    /// SG_IO takes the struct of version 3 or 4, which its first number tells apart (scsi/sg.h, linux/bsg.h).
    func transfer(_ address: UInt64, _ snapshot: inout Snapshot, _ memory: some TraceeMemory) {
        plain(address, 4, &snapshot, memory)
        guard let id = snapshot.transferStructure(at: address) else { return }
        let layout = SpecTables.structure(id.rawValue, snapshot.stop.personality)
        let size = Int(snapshot.stop.personality == .x86_64 ? layout.size64 : layout.size32)
        plain(address, size, &snapshot, memory)
        behind(id.rawValue, at: address, size: size, &snapshot, memory)
    }
}

extension CaptureCompiler {
    /// As much as the larger of the two takes, and the request that it points to.
    mutating func transfer(_ base: Source, _ phases: CapturePhases) {
        let place = bytes(base, fixed: 160, phases)
        bytes(
            .memory(place, offset: 16, width: 8), .memory(place, offset: 12, width: 4), unit: 1,
            limit: capture.payloadLimit, phases)
    }
}

extension Snapshot {
    fileprivate func transferStructure(at address: UInt64) -> StructureID? {
        switch number(at: address, width: 4) {
        case 0x51: .sgIoV4
        case 0x53: .sgIoHdr
        default: nil
        }
    }
}

extension CallView {
    func transfer(_ address: UInt64) -> Value {
        guard let id = snapshot.transferStructure(at: address),
            case .record(let fields) = structure(id.rawValue, at: address)
        else {
            let number = snapshot.number(at: address, width: 4)
            return number.map { .record([Field("interface_id", .hexadecimal($0))]) } ?? .address(address)
        }
        let letter = Value.word(id == .sgIoV4 ? "'Q'" : "'S'")
        return .record([Field(id == .sgIoV4 ? "guard" : "interface_id", letter)] + fields)
    }

    /// Structs that the kernel fills anew, and that strace looks at once more even where the call failed: what comes
    /// of a system call that a filter asks about (seccomp_unotify(2)), a parameter of a clock (rtc(4)).
    func isAskedAgain(_ type: TypeRow) -> Bool {
        type.kind == .structure
            && [StructureID.seccompNotif.rawValue, StructureID.rtcParam.rawValue].contains(type.table)
    }

    /// The kernel wants the struct of SECCOMP_IOCTL_NOTIF_RECV to be zero: one that is says nothing.
    func isZero(_ type: TypeRow, at address: UInt64) -> Bool {
        guard type.table == StructureID.seccompNotif.rawValue else { return false }
        return snapshot.bytes(at: address, count: type.elementSize(personality))?.allSatisfy { $0 == 0 } ?? false
    }

    /// Of such a struct in a call that failed: what went in, and where the answer would have been.
    func failedAnswers(_ message: inout Message) {
        guard row.call == .ioctl else { return }
        for argument in row.chosenArguments(stop.arguments)
        where argument.direction == .both && isAskedAgain(argument.type) {
            guard let place = message.arguments.firstIndex(where: { $0.name == argument.name }),
                case .record = message.arguments[place].value
            else { continue }
            let address = stop.arguments[Int(argument.register)]
            message.arguments[place].value = .change(message.arguments[place].value, .address(address))
        }
    }

    /// The names of the bits that are set, the first four for people.
    func inputBits(_ address: UInt64) -> Value {
        guard let result, result > 0, let (set, most) = InputBits.names(RequestNumber(stop.arguments.a1)) else {
            return .address(address)
        }
        let count = min(Int(result) * 8, most)
        guard let bytes = snapshot.bytes(at: address, count: (count + 7) / 8) else { return .address(address) }
        let names = (0..<count).filter { bytes[bytes.startIndex + $0 / 8] & (1 << UInt8($0 % 8)) != 0 }
            .map { Value.symbol(set, UInt64($0)) }
        func bracketed(_ values: [Value]) -> Value {
            .list(values.count < 2 ? values : [.separated(values, by: " ")])
        }
        guard names.count > 4 else { return bracketed(names) }
        return .abbreviated(bracketed(names.prefix(4) + [.word("...")]), bracketed(names))
    }

    /// struct input_absinfo (linux/input.h), of which the caller's size says how much is there.
    func inputAxis(_ address: UInt64) -> Value {
        let size = RequestNumber(stop.arguments.a1).size
        guard size >= 20, snapshot.bytes(at: address, count: Int(min(size, 24))) != nil else {
            return .address(address)
        }
        let names = ["value", "minimum", "maximum", "fuzz", "flat"] + (size >= 24 ? ["resolution"] : [])
        var fields = names.enumerated().map { index, name in
            let number = snapshot.number(at: address &+ UInt64(4 * index), width: 4) ?? 0
            return Field(name, .unsigned(number), isDetail: index > 1)
        }
        if size > 20 && size != 24 { fields.append(Field("", .word("..."), isDetail: true)) }
        return .record(fields)
    }

    /// What each contact of a multitouch device has of one axis (linux/input.h, struct input_mt_request_layout).
    func inputSlots(_ address: UInt64) -> Value {
        let slots = RequestNumber(stop.arguments.a1).size / 4
        guard address != 0, slots > 0, let code = snapshot.number(at: address, width: 4) else {
            return .address(address)
        }
        let name = SpecTables.name(of: code, in: .inputAxis).flatMap { $0.hasPrefix("ABS_MT_") ? $0 : nil }
        let axis = name.map { Value.spelled($0, code) } ?? .commented(.hexadecimal(code), "ABS_MT_???")
        return .record([
            Field("code", .written(.hexadecimal(code), as: axis)),
            Field("values", many(TypeRow(.array, .signed, 4, 0, .none), address &+ 4, slots - 1)),
        ])
    }

    /// A scancode and its key, of the old form of the requests.
    func inputKeycode(_ address: UInt64) -> Value {
        guard address != 0, let scancode = snapshot.number(at: address, width: 4),
            let key = snapshot.number(at: address &+ 4, width: 4)
        else { return .address(address) }
        return .list([.unsigned(scancode), .symbol(.inputKey, key)])
    }

    /// What HDIO_DRIVE_CMD asks a drive for, and what it answers (linux/hdreg.h).
    func driveCommand(_ address: UInt64) -> Value {
        guard address != 0, let bytes = snapshot.bytes(at: address, count: 4).map({ Array($0).map { UInt64($0) } })
        else { return .address(address) }
        if result == nil {
            return .record([
                Field("command", .symbol(.driveCommand, bytes[0])), Field("sector_number", .unsigned(bytes[1])),
                Field("feature", .unsigned(bytes[2])), Field("sector_count", .unsigned(bytes[3])),
            ])
        }
        var fields = [
            Field("status", .hexadecimal(bytes[0])), Field("error", .unsigned(bytes[1])),
            Field("nsector", .unsigned(bytes[2])),
        ]
        if bytes[3] > 0 {
            var data = buffer(address &+ 4, bytes[3] * 512)
            if case .bytes(var sectors) = data {
                sectors.isBinary = true
                data = .bytes(sectors)
            }
            fields.append(Field("buf", data))
        }
        return .record(fields)
    }

    /// struct gpio_v2_line_attribute (linux/gpio.h): one of three things, or what nobody knows.
    func lineAttribute(_ place: UInt64) -> [Field]? {
        guard let id = snapshot.number(at: place, width: 4), let padding = snapshot.number(at: place &+ 4, width: 4),
            let data = snapshot.number(at: place &+ 8, width: 8)
        else { return nil }
        switch id {
        case 1 where padding == 0: return [Field("flags", .flags(.gpioLineV2, data))]
        case 2 where padding == 0: return [Field("values", .hexadecimal(data))]
        case 3 where padding == 0: return [Field("debounce_period_us", .unsigned(data & 0xFFFF_FFFF))]
        default:
            let rest = padding == 0 ? [] : [Field("padding", .hexadecimal(padding))]
            return [Field("id", .unsigned(id))] + rest + [Field("data", .hexadecimal(data))]
        }
    }

    /// struct gpio_v2_line_config_attribute: the same for some lines.
    func lineSetting(_ place: UInt64) -> Value? {
        guard let fields = lineAttribute(place), let mask = snapshot.number(at: place &+ 16, width: 8) else {
            return nil
        }
        let isKnown = fields.count == 1
        return .record((isKnown ? fields : [Field("attr", .record(fields))]) + [Field("mask", .hexadecimal(mask))])
    }

    /// PIT_TICK_RATE (linux/timex.h)
    static let timerRate: UInt64 = 1_193_182

    /// KIOCSOUND: a period of the timer chip, which counts 1193182 times a second (kd_mksound in the kernel).
    func soundPeriod(_ raw: UInt64) -> Value {
        let tone = raw > 0 && raw <= Self.timerRate ? "\(Self.timerRate / raw) Hz" : "off"
        return .written(.unsigned(raw), as: .commented(.unsigned(raw), tone))
    }

    /// Sixteen bytes as RFC 9562 writes them.
    func identifier(_ place: UInt64) -> Value? {
        guard let bytes = snapshot.bytes(at: place, count: 16) else { return nil }
        let digits = bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
        let groups = [digits[0..<4], digits[4..<6], digits[6..<8], digits[8..<10], digits[10..<16]]
        let text = groups.map { $0.joined() }.joined(separator: "-")
        return .written(.bytes(Bytes(Array(bytes), isBinary: true)), as: .word(text))
    }

    /// A negative errno by name, any other number as it is.
    func negativeErrno(_ place: UInt64) -> Value? {
        guard let raw = snapshot.number(at: place, width: 4) else { return nil }
        let number = Self.extend(raw, 4)
        let name = number < 0 && number > -4096 ? SpecTables.name(of: UInt64(-number), in: .errno) : nil
        return name.map { .written(.signed(number), as: .word("-" + $0)) } ?? .signed(number)
    }

    /// The counters of a device of btrfs, by name, as many as the field two before them says.
    func deviceStatistics(_ place: UInt64) -> Value? {
        guard let count = snapshot.number(at: place &- 16, width: 8) else { return nil }
        return .list(
            (0..<min(count, 5)).compactMap { index in
                snapshot.number(at: place &+ index &* 8, width: 8).map {
                    .separated([.list([.symbol(.btrfsStatistic, index)]), .unsigned($0)], by: "=")
                }
            })
    }
}
