// Where a signal came from, as a record (siginfo_t, sigaction(2), asm-generic/siginfo.h).

extension SignalInfo {
    /// The members that mean something for the signal and its code; nothing where there is no signal.
    /// `word` is the width of `long` in the personality that laid the struct out.
    public func record(word: Int = 8) -> Value {
        if number == 0 { return .record([]) }
        var fields = [Field("si_signo", .signal(number)), Field("si_code", codeName)]
        if errno != 0 {
            let raw = UInt64(UInt32(bitPattern: errno))
            let name = SpecTables.name(of: raw, in: .errno)
            fields.append(Field("si_errno", name.map { .spelled($0, raw) } ?? .unsigned(raw)))
        }
        return .record(fields + (code <= 0 ? sent(word) : raised(word)))
    }

    /// The process that sent it with kill(2) or its like, 0 where the kernel or a timer did.
    public var senderProcess: Int32 { code == 0 || code == -6 ? int(0, 8) : 0 }

    /// A 32-bit number of the union; on x86-64 four bytes of padding come before it.
    private func int(_ offset: Int, _ word: Int) -> Int32 {
        let start = (word == 8 ? 4 : 0) + offset
        guard start + 4 <= rest.count else { return 0 }
        return rest[start..<start + 4].reversed().reduce(0) { $0 << 8 | Int32($1) }
    }

    private func long(_ offset: Int, _ word: Int) -> UInt64 {
        let low = UInt64(UInt32(bitPattern: int(offset, word)))
        return word == 4 ? low : low | UInt64(UInt32(bitPattern: int(offset + 4, word))) << 32
    }

    private func sender(_ word: Int) -> [Field] {
        [
            Field("si_pid", .process(int(0, word))),
            Field("si_uid", .user(UInt32(bitPattern: int(4, word)))),
        ]
    }

    private func value(_ word: Int) -> [Field] {
        [Field("si_int", .signed(Int64(int(8, word)))), Field("si_ptr", .address(long(8, word)))]
    }

    /// The code says that a program or a timer sent it.
    private func sent(_ word: Int) -> [Field] {
        switch code {
        case 0, -6: return sender(word)  // SI_USER, SI_TKILL
        case -2:  // SI_TIMER
            return [
                Field("si_timerid", .hexadecimal(UInt64(UInt32(bitPattern: int(0, word))))),
                Field("si_overrun", .signed(Int64(int(4, word)))),
            ] + value(word)
        case -5: return descriptor(word)  // SI_SIGIO
        default: return sender(word) + (long(8, word) == 0 ? [] : value(word))
        }
    }

    private func descriptor(_ word: Int) -> [Field] {
        let band = long(0, word)
        return [
            Field("si_band", .signed(word == 4 ? Int64(Int32(truncatingIfNeeded: band)) : Int64(bitPattern: band))),
            Field("si_fd", .descriptor(int(word, word))),
        ]
    }

    /// The code says that the kernel raised it.
    private func raised(_ word: Int) -> [Field] {
        switch number {
        case 17: return child(word)  // SIGCHLD
        case 4, 5, 7, 8, 11: return fault(word)  // SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV
        case 29: return (1...6).contains(code) ? descriptor(word) : []  // SIGIO
        case 31: return refused(word)  // SIGSYS
        default:
            let hasSender = int(0, word) != 0 || int(4, word) != 0
            return (hasSender ? sender(word) : []) + (long(8, word) == 0 ? [] : value(word))
        }
    }

    private func child(_ word: Int) -> [Field] {
        let status = int(8, word)
        // CLD_EXITED is 1; the times are after a gap where long is wider than int.
        let start = word == 8 ? 16 : 12
        return sender(word) + [
            Field("si_status", code == 1 ? .signed(Int64(status)) : .signal(status)),
            Field("si_utime", .ticks(long(start, word))), Field("si_stime", .ticks(long(start + word, word))),
        ]
    }

    private func fault(_ word: Int) -> [Field] {
        var fields = [Field("si_addr", .address(long(0, word)))]
        switch (number, code) {
        case (7, 4), (7, 5):  // BUS_MCEERR_AR, BUS_MCEERR_AO
            fields.append(Field("si_addr_lsb", .hexadecimal(UInt64(UInt16(truncatingIfNeeded: int(word, word))))))
        case (11, 3):  // SEGV_BNDERR
            fields.append(Field("si_lower", .address(long(2 * word, word))))
            fields.append(Field("si_upper", .address(long(3 * word, word))))
        case (11, 4):  // SEGV_PKUERR
            fields.append(Field("si_pkey", .unsigned(UInt64(UInt32(bitPattern: int(2 * word, word))))))
        case (5, 6):  // TRAP_PERF
            fields.append(Field("si_perf_data", .hexadecimal(long(word, word))))
            let (type, flags) = (int(2 * word, word), int(2 * word + 4, word))
            fields.append(Field("si_perf_type", .symbol(.perfType, UInt64(UInt32(bitPattern: type)))))
            fields.append(Field("si_perf_flags", .flags(.perfTrap, UInt64(UInt32(bitPattern: flags)))))
        default: break
        }
        return fields
    }

    /// A call that a filter turned into a signal.
    private func refused(_ word: Int) -> [Field] {
        let call = int(word, word)
        let architecture = UInt32(bitPattern: int(word + 4, word))
        let row = Personality(auditArchitecture: architecture).flatMap {
            SpecTables.row($0, UInt64(UInt32(bitPattern: call)))
        }
        return [
            Field("si_call_addr", .address(long(0, word))),
            Field("si_syscall", row.map { .spelled("__NR_" + $0.name, UInt64(call)) } ?? .signed(Int64(call))),
            Field("si_arch", .symbol(.auditArchitecture, UInt64(architecture))),
        ]
    }

    private var codeName: Value {
        let raw = UInt64(UInt32(bitPattern: code))
        if let name = SpecTables.name(of: raw, in: .siginfoCode) {
            return .written(.hexadecimal(raw), as: .word(name))
        }
        let sets: [Int32: SymbolSet] = [
            17: .childCode, 11: .faultCode, 7: .busCode, 4: .illegalCode, 8: .arithmeticCode, 5: .trapCode,
            29: .ioCode, 31: .systemCode,
        ]
        if let set = sets[number], let name = SpecTables.name(of: raw, in: set) {
            return .written(.hexadecimal(raw), as: .word(name))
        }
        return .hexadecimal(raw)
    }
}
