// The arguments of calls about signals, times, directories and futexes.

import Messages

extension CallView {
    func signalSet(_ address: UInt64) -> Value {
        guard address != 0 else { return .address(0) }
        return snapshot.number(at: address, width: 8).map { .signalSet($0) } ?? .address(address)
    }

    /// A set of as many bytes as the caller says. Of pending signals the first may be asked for (rt_sigpending).
    func sizedSignalSet(_ address: UInt64, _ size: UInt64) -> Value {
        let least = row.call == .rtSigpending ? 1 : UInt64(word)
        guard address != 0, size >= least, size <= 8 else { return .address(address) }
        return snapshot.number(at: address, width: Int(size)).map { .signalSet($0) } ?? .address(address)
    }

    /// struct kernel_sigaction: handler, flags, restorer, mask (asm/signal.h).
    func signalAction(_ address: UInt64) -> Value {
        guard address != 0 else { return .address(0) }
        guard let handler = snapshot.number(at: address, width: word),
            let flags = snapshot.number(at: address &+ UInt64(word), width: word),
            let restorer = snapshot.number(at: address &+ UInt64(2 * word), width: word),
            let mask = snapshot.number(at: address &+ UInt64(3 * word), width: 8)
        else { return .address(address) }
        let action: Value
        switch handler {
        case 0: action = .written(.hexadecimal(0), as: .word("SIG_DFL"))
        case 1: action = .written(.hexadecimal(1), as: .word("SIG_IGN"))
        default: action = .address(handler)
        }
        var fields = [
            Field("sa_handler", action), Field("sa_mask", .signalSet(mask)),
            Field("sa_flags", .flags(.signalAction, flags)),
        ]
        // SA_RESTORER (asm/signal.h)
        if flags & 0x0400_0000 != 0 { fields.append(Field("sa_restorer", .address(restorer))) }
        return .record(fields)
    }

    /// Two timevals or timespecs: access and modification time.
    func times(_ address: UInt64, unit: String) -> Value {
        guard address != 0 else { return .address(0) }
        var times: [Value] = []
        for index in 0..<UInt64(2) {
            let at = address &+ index * UInt64(2 * word)
            guard let seconds = snapshot.number(at: at, width: word),
                let fraction = snapshot.number(at: at &+ UInt64(word), width: word)
            else { return .address(address) }
            // UTIME_NOW and UTIME_OMIT (linux/stat.h) say it all.
            if unit == "tv_nsec" && (fraction == 0x3FFF_FFFF || fraction == 0x3FFF_FFFE) {
                let name = fraction == 0x3FFF_FFFF ? "UTIME_NOW" : "UTIME_OMIT"
                times.append(.written(timePair(seconds, fraction, unit), as: .word(name)))
                continue
            }
            times.append(
                dated(
                    timePair(seconds, fraction, unit), Self.extend(seconds, word), fraction,
                    digits: unit == "tv_nsec" ? 9 : 6))
        }
        return .list(times)
    }

    private func timePair(_ seconds: UInt64, _ fraction: UInt64, _ unit: String) -> Value {
        .record([
            Field("tv_sec", .signed(Self.extend(seconds, word))), Field(unit, .unsigned(fraction)),
        ])
    }

    /// A point in time with the date that it is.
    private func dated(_ value: Value, _ seconds: Int64, _ fraction: UInt64, digits: Int) -> Value {
        guard seconds != 0 || fraction != 0,
            let text = Calendar.text(seconds: seconds, fraction: fraction, digits: digits)
        else { return value }
        return .commented(value, text)
    }

    /// Whole seconds in a field of a struct.
    func time(at place: UInt64) -> Value? {
        snapshot.number(at: place, width: word).map { raw in
            let seconds = Self.extend(raw, word)
            return dated(.signed(seconds), seconds, 0, digits: 0)
        }
    }

    /// Directory entries: how many, or each (getdents(2)).
    func directoryEntries(_ address: UInt64, is64: Bool) -> Value {
        guard address != 0 else { return .address(0) }
        guard let result, result >= 0 else { return .address(address) }
        var entries: [Value] = []
        var offset: UInt64 = 0
        let head = is64 ? 16 : 2 * word
        while offset < UInt64(result) {
            let at = address &+ offset
            guard let inode = snapshot.number(at: at, width: is64 ? 8 : word),
                let next = snapshot.number(at: at &+ UInt64(is64 ? 8 : word), width: is64 ? 8 : word),
                let length = snapshot.number(at: at &+ UInt64(head), width: 2), length > UInt64(head) + 2,
                offset + length <= UInt64(result)
            else { break }
            let nameStart = UInt64(head + (is64 ? 3 : 2))
            let name = (snapshot.bytes(at: at &+ nameStart, count: Int(length - nameStart)) ?? []).prefix { $0 != 0 }
            let type = snapshot.number(at: at &+ (is64 ? 18 : length - 1), width: 1) ?? 0
            let called = Field("d_name", .bytes(Bytes(Array(name), isText: true, isWhole: true)))
            let kind = Field("d_type", .symbol(.directoryEntryType, type))
            entries.append(
                .record(
                    [
                        Field("d_ino", .unsigned(inode)), Field("d_off", .signed(Int64(bitPattern: next))),
                        Field("d_reclen", .unsigned(length)),
                    ] + (is64 ? [kind, called] : [called, kind])))
            offset += length
        }
        return .abbreviated(.commented(.address(address), "\(entries.count) entries"), .list(entries))
    }

    /// A futex operation with its flags (linux/futex.h).
    func futexOperation(_ raw: UInt64) -> Value {
        let operation = raw & 0x7F
        let names = SpecTables.symbolSets[Int(SymbolSet.futexOperation.rawValue)]
        let row = SpecTables.symbols[Int(names.firstSymbol)..<Int(names.firstSymbol) + Int(names.count)]
            .first { $0.value == operation }
        guard let row else { return .symbol(.futexOperation, raw & 0xFFFF_FFFF) }
        // FUTEX_PRIVATE_FLAG is 128, FUTEX_CLOCK_REALTIME 256.
        let name = row.name + (raw & 128 != 0 ? "_PRIVATE" : "")
        let whole = raw & 256 != 0 ? name + "|FUTEX_CLOCK_REALTIME" : name
        return .written(.hexadecimal(raw & 0xFFFF_FFFF), as: .word(whole))
    }

    /// A time for operations that wait, a second count for those that requeue.
    func futexTimeout(_ address: UInt64, is64: Bool) -> Value {
        let requeues: Set<UInt64> = [3, 4, 5, 12]
        if requeues.contains(stop.arguments.a1 & 0x7F) { return .unsigned(address & 0xFFFF_FFFF) }
        guard address != 0 else { return .address(0) }
        let width = is64 ? 8 : word
        guard let seconds = snapshot.number(at: address, width: width),
            let fraction = snapshot.number(at: address &+ UInt64(width), width: width)
        else { return .address(address) }
        return .record([
            Field("tv_sec", .signed(Self.extend(seconds, width))),
            Field("tv_nsec", .signed(Self.extend(fraction, width))),
        ])
    }
}

extension CallRow {
    /// A sleep that a signal interrupted says how much of it is left; one that ended leaves its memory alone
    /// (clock_nanosleep(2)). The result is ERESTART_RESTARTBLOCK (linux/errno.h).
    @inline(__always)
    func leavesTime(_ result: Int64) -> Bool { operation == .timeSleep && result == -516 }
}
