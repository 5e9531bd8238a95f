// Where a signal came from, as a record (siginfo_t, sigaction(2)).

import Messages

/// The members of a siginfo_t that mean something for its signal and code.
enum SignalText {
    static func record(_ info: SignalInfo) -> Value {
        var fields = [
            Field("si_signo", .signal(info.number)),
            Field("si_code", .word(codeName(info.number, info.code))),
        ]
        if info.errno != 0 { fields.append(Field("si_errno", .signed(Int64(info.errno)))) }
        // On x86-64 the union begins at offset 16: four bytes of padding come first.
        func number(_ offset: Int) -> Int32 {
            let start = 4 + offset
            guard start + 4 <= info.rest.count else { return 0 }
            return info.rest[start..<start + 4].reversed().reduce(0) { $0 << 8 | Int32($1) }
        }
        func long(_ offset: Int) -> UInt64 {
            UInt64(UInt32(bitPattern: number(offset))) | UInt64(UInt32(bitPattern: number(offset + 4))) << 32
        }
        let hasSender = info.code <= 0 && info.code != -2
        let isFault = info.code > 0 && info.code < 0x80
        switch info.number {
        case 17 where info.code > 0:  // SIGCHLD
            fields.append(Field("si_pid", .process(number(0))))
            fields.append(Field("si_uid", .user(UInt32(bitPattern: number(4)))))
            let status = number(8)
            fields.append(Field("si_status", info.code == 1 ? .signed(Int64(status)) : .signal(status)))
            fields.append(Field("si_utime", .unsigned(long(16))))
            fields.append(Field("si_stime", .unsigned(long(24))))
        case 4 where isFault, 5 where isFault, 7 where isFault, 8 where isFault, 11 where isFault:
            fields.append(Field("si_addr", .address(long(0))))
        case 31 where info.code == 1:  // SIGSYS
            fields.append(Field("si_call_addr", .address(long(0))))
            fields.append(Field("si_syscall", .signed(Int64(number(8)))))
        default:
            if hasSender {
                fields.append(Field("si_pid", .process(number(0))))
                fields.append(Field("si_uid", .user(UInt32(bitPattern: number(4)))))
            }
        }
        return .record(fields)
    }

    private static func codeName(_ signal: Int32, _ code: Int32) -> String {
        let general: [Int32: String] = [
            0: "SI_USER", 0x80: "SI_KERNEL", -1: "SI_QUEUE", -2: "SI_TIMER", -3: "SI_MESGQ", -4: "SI_ASYNCIO",
            -5: "SI_SIGIO", -6: "SI_TKILL",
        ]
        if let name = general[code] { return name }
        let sets: [Int32: SymbolSet] = [
            17: .childCode, 11: .faultCode, 7: .busCode, 4: .illegalCode, 8: .arithmeticCode, 5: .trapCode,
            29: .ioCode, 31: .systemCode,
        ]
        if let set = sets[signal], code > 0, let name = Names.symbol(set, UInt64(code)) { return name }
        return "\(code)"
    }
}
