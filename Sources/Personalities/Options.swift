// The options of calls that have many: what prctl answers, what arch_prctl asks for, capabilities, personalities.

import Messages

extension CallView {
    /// A number with its name beside it, as people read commands that are known by their numbers.
    func verbose(_ set: SymbolSet, _ value: UInt64) -> Value {
        let row = SpecTables.symbolSets[Int(set.rawValue)]
        return .commented(.signed(Self.extend(value, 4)), SpecTables.name(of: value, in: set) ?? row.unknown)
    }

    /// The same in hexadecimal, where people who want numbers want no name.
    func remarked(_ set: SymbolSet, _ value: UInt64) -> Value {
        let row = SpecTables.symbolSets[Int(set.rawValue)]
        let name = SpecTables.name(of: value, in: set) ?? row.unknown
        return .written(.hexadecimal(value), as: .commented(.hexadecimal(value), name))
    }

    /// A name in 32 bits with a flag beside it: SCHED_RESET_ON_FORK stands before it, others after.
    func symbol(
        _ set: SymbolSet, _ raw: UInt64, _ flags: SymbolSet, _ flag: UInt64, isBefore: Bool = false
    ) -> Value {
        let value = raw & 0xFFFF_FFFF
        guard value & flag != 0 else { return .symbol(set, value) }
        let parts: [Value] = [.symbol(set, value & ~flag), .flags(flags, flag)]
        return .written(.hexadecimal(value), as: .joined(isBefore ? parts.reversed() : parts))
    }

    /// SCHED_RESET_ON_FORK (linux/sched.h).
    private static let resetOnFork: UInt64 = 0x4000_0000

    func schedulingPolicy(_ raw: UInt64) -> Value {
        symbol(.schedPolicy, raw, .schedPolicyFlags, Self.resetOnFork, isBefore: true)
    }

    /// The policy that sched_getscheduler answers.
    static func schedulingName(_ raw: UInt64) -> String? {
        SpecTables.name(of: raw & ~resetOnFork, in: .schedPolicy)
            .map { raw & resetOnFork == 0 ? $0 : "SCHED_RESET_ON_FORK|\($0)" }
    }

    // MARK: prctl

    /// The options that answer bits: PR_GET_SECUREBITS, PR_GET_FP_MODE, PR_SVE_SET_VL and PR_SVE_GET_VL,
    /// PR_GET_SPECULATION_CTRL, PR_GET_TAGGED_ADDR_CTRL, PR_PAC_GET_ENABLED_KEYS, PR_SME_SET_VL and PR_SME_GET_VL
    /// (linux/prctl.h).
    func optionAnswer(_ raw: Int64) -> Value {
        switch stop.arguments.a0 & 0xFFFF_FFFF {
        case 52 where stop.arguments.a1 > 2: .signed(raw)
        case 27, 46, 50, 51, 52, 56, 61, 63, 64, 66, 70, 72: .hexadecimal(UInt64(bitPattern: raw))
        default: .signed(raw)
        }
    }

    func optionReply() -> Value? {
        guard let result, result >= 0 else { return nil }
        let value = UInt64(result)
        switch stop.arguments.a0 & 0xFFFF_FFFF {
        case 3: return .symbol(.dumpable, value)
        case 27 where value != 0: return .flags(.secureBits, value)
        case 34: return .symbol(.machineCheckPolicy, value)
        case 46 where SpecTables.names(value, .floatMode): return .flags(.floatMode, value)
        case 50, 51: return value >> 16 != 0 ? vectorLength(value, .vectorLength) : nil
        case 63, 64: return value >> 16 != 0 ? vectorLength(value, .matrixLength) : nil
        // PR_SPEC_STORE_BYPASS, PR_SPEC_INDIRECT_BRANCH, PR_SPEC_L1D_FLUSH
        case 52 where stop.arguments.a1 < 3 && value == 0: return .word("PR_SPEC_NOT_AFFECTED")
        case 52 where stop.arguments.a1 < 3 && SpecTables.names(value, .speculationControl):
            return .flags(.speculationControl, value)
        case 56: return taggedAddresses(value)
        case 66 where SpecTables.names(value, .refuseGain): return .flags(.refuseGain, value)
        case 70: return vectorState(value)
        case 72 where SpecTables.names(value, .executionControl): return .flags(.executionControl, value)
        case 61 where SpecTables.names(value, .enabledKeys): return .flags(.enabledKeys, value)
        default: return nil
        }
    }

    /// The length of a vector register, with flags above it (linux/prctl.h, PR_SVE_VL_LEN_MASK).
    func vectorLength(_ raw: UInt64, _ set: SymbolSet) -> Value {
        let (length, flags) = (raw & 0xFFFF, raw & ~0xFFFF)
        if flags == 0 { return .hexadecimal(length) }
        let names = SpecTables.names(flags, set) ? Value.flags(set, flags) : .hexadecimal(flags)
        return .written(.hexadecimal(raw), as: .joined([names, .hexadecimal(length)]))
    }

    /// Whether a thread of RISC-V may use vectors, whether the next image may, and whether that goes on
    /// (linux/prctl.h, PR_RISCV_V_VSTATE_CTRL_MASK).
    func vectorState(_ raw: UInt64) -> Value {
        func state(_ shift: UInt64) -> Value {
            let value = raw >> shift & 3
            let name = SpecTables.name(of: value, in: .riscvVector)
            return name.map { .spelled($0, value) } ?? .hexadecimal(value)
        }
        let goesOn = raw & 0x10 != 0
        var parts: [Value] = [
            state(0), .separated([state(2), .unsigned(2)], by: "<<"),
            .word((goesOn ? "" : "!") + "PR_RISCV_V_VSTATE_CTRL_INHERIT"),
        ]
        if raw >> 5 != 0 { parts.append(.hexadecimal(raw & ~0x1F)) }
        return .written(.hexadecimal(raw), as: .joined(parts))
    }

    /// Whether addresses may be tagged, how a wrong tag is told, and the tags that are handed out (linux/prctl.h).
    func taggedAddresses(_ raw: UInt64) -> Value {
        var parts: [Value] = [
            .word(raw & 1 != 0 ? "PR_TAGGED_ADDR_ENABLE" : "!PR_TAGGED_ADDR_ENABLE"),
            .symbol(.tagChecking, raw & 6),
        ]
        let tags = raw >> 3 & 0xFFFF
        if tags != 0 { parts.append(.separated([.hexadecimal(tags), .word("PR_MTE_TAG_SHIFT")], by: "<<")) }
        if raw >> 19 != 0 { parts.append(.hexadecimal(raw & ~0x7FFFF)) }
        return .written(.hexadecimal(raw), as: .joined(parts))
    }

    /// PR_SET_PTRACER: a process, or any.
    func tracer(_ raw: UInt64) -> Value {
        let process = Int32(truncatingIfNeeded: raw)
        return process == -1 ? .written(.signed(-1), as: .word("PR_SET_PTRACER_ANY")) : .process(process)
    }

    // MARK: arch_prctl

    /// ARCH_REQ_XCOMP_PERM and ARCH_REQ_XCOMP_GUEST_PERM answer nothing; an answer that was made up shows as states.
    var asksForState: Bool { row.call == .archPrctl && [0x1023, 0x1025].contains(stop.arguments.a0 & 0xFFFF_FFFF) }

    func architectureReply() -> Value? {
        guard let result, result > 0, asksForState,
            SpecTables.names(UInt64(result), .processorStates)
        else { return nil }
        return .flags(.processorStates, UInt64(result))
    }

    private static func names(_ set: SymbolSet, _ value: UInt64) -> String {
        let row = SpecTables.symbolSets[Int(set.rawValue)]
        var rest = value
        var names: [String] = []
        for symbol in SpecTables.symbols[Int(row.firstSymbol)..<Int(row.firstSymbol) + Int(row.count)]
        where symbol.value != 0 && rest & symbol.value == symbol.value {
            names.append(symbol.name)
            rest &= ~symbol.value
        }
        if rest != 0 && !names.isEmpty { names.append("0x" + String(rest, radix: 16)) }
        return names.isEmpty ? row.unknown : names.joined(separator: "|")
    }

    /// States of the processor as a mask.
    func processorStates(_ address: UInt64) -> Value {
        guard let mask = snapshot.number(at: address, width: 8) else { return .address(address) }
        if mask == 0 { return .list([.hexadecimal(0)]) }
        let names = Self.names(.processorStates, mask)
        return .list([.written(.hexadecimal(mask), as: .commented(.hexadecimal(mask), names))])
    }

    /// One state of the processor.
    func processorState(_ raw: UInt64) -> Value {
        let row = SpecTables.symbolSets[Int(SymbolSet.processorState.rawValue)]
        let name = SpecTables.name(of: raw, in: .processorState) ?? row.unknown
        return .written(.hexadecimal(raw), as: .commented(.hexadecimal(raw), name))
    }

    /// The segment that modify_ldt writes; of the whole struct only (modify_ldt(2)).
    func segment(_ address: UInt64) -> Value {
        guard address != 0, stop.arguments.a2 == UInt64(UserDescriptor.size) else { return .address(address) }
        return userDescriptor(address)
    }

    // MARK: Identity

    /// Capability sets, 32 bits a struct: one struct in version 1, two since (capget(2)).
    func capabilities(_ address: UInt64) -> Value {
        guard address != 0, let version = snapshot.number(at: stop.arguments.a0, width: 4) else {
            return .address(address)
        }
        let isShort = version == 0x1998_0330
        guard isShort || version == 0x2007_1026 || version == 0x2008_0522 else { return .address(address) }
        var fields: [Field] = []
        for (index, name) in ["effective", "permitted", "inheritable"].enumerated() {
            guard let low = snapshot.number(at: address &+ UInt64(index * 4), width: 4) else {
                return .address(address)
            }
            let high = isShort ? 0 : snapshot.number(at: address &+ UInt64(index * 4 + 12), width: 4) ?? 0
            fields.append(Field(name, .flags(.capabilities, high << 32 | low)))
        }
        return .record(fields)
    }

    /// An execution domain with its flags; all ones asks only (personality(2)).
    func executionDomain(_ raw: UInt64) -> Value {
        let domain = raw & 0xFFFF_FFFF
        if domain == 0xFFFF_FFFF { return .hexadecimal(domain) }
        if SpecTables.name(of: domain, in: .personalityType) != nil { return .symbol(.personalityType, domain) }
        let base = Value.symbol(.personalityType, domain & 0xFF)
        if domain & ~0xFF == 0 { return base }
        return .joined([base, .flags(.personalityFlags, domain & ~0xFF)])
    }

    /// A class and a level of it (ioprio_set(2)).
    static func ioPriority(_ raw: UInt64) -> Value {
        .call("IOPRIO_PRIO_VALUE", [.symbol(.ioPriorityClass, raw >> 13), .unsigned(raw & 0x1FFF)])
    }

    // MARK: The machine

    /// A command and the kind of quota, packed (linux/quota.h).
    func quotaCommand(_ raw: UInt64) -> Value {
        let command = raw & 0xFFFF_FFFF
        return .written(
            .unsigned(command),
            as: .call("QCMD", [.symbol(.quotaCommand, command >> 8), .symbol(.quotaType, command & 0xFF)]))
    }

    /// The lowest bits are a priority (swapon(2)).
    func swapFlags(_ raw: UInt64) -> Value {
        let flags = raw & 0xFFFF_FFFF
        let priority = flags & 0x7FFF
        if flags & ~0x7FFF == 0 { return .unsigned(priority) }
        return .joined([.flags(.swap, flags & ~0x7FFF), .unsigned(priority)])
    }

    /// Adjusting with no modes only asks.
    func adjustOperation() -> Operation {
        let address = row.call == .adjtimex ? stop.arguments.a0 : stop.arguments.a1
        return snapshot.number(at: address, width: 4) == 0 ? .timeGet : .timeSet
    }
}

/// Limits of file handles.
enum FileHandle {
    /// MAX_HANDLE_SZ (linux/exportfs.h).
    static let limit: UInt64 = 128
}

extension CallView {
    /// struct file_handle: asked for by its size, answered with its bytes (open_by_handle_at(2)).
    func fileHandle(_ address: UInt64) -> Value {
        guard let size = snapshot.number(at: address, width: 4), let type = snapshot.number(at: address &+ 4, width: 4)
        else { return .address(address) }
        var fields = [Field("handle_bytes", .unsigned(size))]
        if row.call == .nameToHandleAt && result == nil { return .record(fields) }
        fields.append(Field("handle_type", .signed(Self.extend(type, 4))))
        let kept = min(size, FileHandle.limit)
        if let bytes = snapshot.bytes(at: address &+ 8, count: Int(kept)) {
            fields.append(Field("f_handle", .bytes(Bytes(Array(bytes), total: size, isBinary: true))))
        }
        return .record(fields)
    }
}
