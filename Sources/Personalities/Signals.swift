// The arguments of calls about signals, times, directories, futexes and terminals.

import Messages

extension CallView {
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
        case 0: action = .word("SIG_DFL")
        case 1: action = .word("SIG_IGN")
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
                times.append(.word(fraction == 0x3FFF_FFFF ? "UTIME_NOW" : "UTIME_OMIT"))
                continue
            }
            times.append(
                .record([
                    Field("tv_sec", .signed(Self.extend(seconds, word))),
                    Field(unit, .signed(Self.extend(fraction, word))),
                ]))
        }
        return .list(times)
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
            entries.append(
                .record([
                    Field("d_ino", .unsigned(inode)), Field("d_off", .signed(Int64(bitPattern: next))),
                    Field("d_reclen", .unsigned(length)), Field("d_type", .symbol(.directoryEntryType, type)),
                    Field("d_name", .bytes(Bytes(Array(name), isText: true))),
                ]))
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
        return .spelled(raw & 256 != 0 ? name + "|FUTEX_CLOCK_REALTIME" : name, raw & 0xFFFF_FFFF)
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

    /// ioctl's third argument, for the requests whose struct is known.
    func control(_ request: UInt64, _ address: UInt64) -> Value {
        switch request & 0xFFFF_FFFF {
        case 0x5413, 0x5414:  // TIOCGWINSZ, TIOCSWINSZ: struct winsize
            let members = ["ws_row", "ws_col", "ws_xpixel", "ws_ypixel"]
            var fields: [Field] = []
            for (index, name) in members.enumerated() {
                guard let value = snapshot.number(at: address &+ UInt64(index * 2), width: 2) else {
                    return .address(address)
                }
                fields.append(Field(name, .unsigned(value)))
            }
            return .record(fields)
        case 0x540F, 0x5410, 0x541B, 0x5421:  // TIOCGPGRP, TIOCSPGRP, FIONREAD, FIONBIO
            guard let value = snapshot.number(at: address, width: 4) else { return .address(address) }
            return .list([.signed(Self.extend(value, 4))])
        default: return .address(address)
        }
    }
}
