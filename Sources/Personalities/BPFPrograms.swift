// Programs for the kernel's two machines, an instruction a line as C macros would say it.
//
// Classic BPF filters packets and system calls (linux/filter.h); eBPF programs are what bpf(2) loads
// (linux/bpf_common.h, linux/bpf.h). Both share the layout of an instruction's code: class, size or source, mode or
// operation.

import Messages

/// What a classic program filters: its answers and its special loads mean different things.
enum FilterUse {
    case calls, packets
}

/// The parts of an instruction's code.
enum InstructionCode {
    static func value(_ code: UInt64, isExtended: Bool) -> Value {
        let kind = code & 7
        let head = Value.symbol(isExtended ? .ebpfClass : .bpfClass, kind)
        switch kind {
        case 0, 1: return .joined([head] + load(code, isExtended))
        case 2, 3: return .joined([head] + (isExtended ? load(code, true) : rest(code & ~7)))
        case 4: return .joined([head] + arithmetic(code, isExtended))
        case 5: return .joined([head] + jump(code, isExtended))
        case 6 where isExtended: return .joined([head] + jump(code, true))
        case 6: return .joined([head, .symbol(.bpfReturn, code & 0x18)] + rest(code & ~0x1F))
        default:
            if isExtended { return .joined([head] + arithmetic(code, true)) }
            return .joined([head, .symbol(.bpfMove, code & 0xF8)] + rest(code & ~0xFF))
        }
    }

    private static func load(_ code: UInt64, _ isExtended: Bool) -> [Value] {
        [
            .symbol(isExtended ? .ebpfSize : .bpfSize, code & 0x18),
            .symbol(isExtended ? .ebpfMode : .bpfMode, code & 0xE0),
        ]
    }

    private static func arithmetic(_ code: UInt64, _ isExtended: Bool) -> [Value] {
        [
            .symbol(.bpfSource, code & 8),
            .symbol(isExtended ? .ebpfArithmetic : .bpfArithmetic, code & 0xF0),
        ]
    }

    private static func jump(_ code: UInt64, _ isExtended: Bool) -> [Value] {
        [.symbol(.bpfSource, code & 8), .symbol(isExtended ? .ebpfJump : .bpfJump, code & 0xF0)]
    }

    /// Bits that mean nothing.
    private static func rest(_ bits: UInt64) -> [Value] {
        bits == 0 ? [] : [.commented(.hexadecimal(bits), "BPF_???")]
    }
}

extension CallView {
    /// A classic program: `place` is the field of struct sock_fprog that points to it, after its length.
    func classicProgram(_ place: UInt64, _ use: FilterUse) -> Value? {
        guard let address = snapshot.number(at: place, width: word),
            let length = snapshot.number(at: place &- UInt64(word), width: 2)
        else { return nil }
        return .abbreviated(.address(address), classicProgram(at: address, length: length, use))
    }

    /// The instructions themselves (struct sock_filter).
    func classicProgram(at address: UInt64, length: UInt64, _ use: FilterUse) -> Value {
        guard address != 0 else { return .address(0) }
        var instructions: [Value] = []
        for index in 0..<min(length, UInt64(Capture.instructionLimit)) {
            let at = address &+ index &* 8
            guard let code = snapshot.number(at: at, width: 2), let ifTrue = snapshot.number(at: at &+ 2, width: 1),
                let ifFalse = snapshot.number(at: at &+ 3, width: 1), let k = snapshot.number(at: at &+ 4, width: 4)
            else { break }
            let name = InstructionCode.value(code, isExtended: false)
            instructions.append(
                ifTrue == 0 && ifFalse == 0
                    ? .call("BPF_STMT", [name, Self.operand(code, k, use)])
                    : .call("BPF_JUMP", [name, .hexadecimal(k), .hexadecimal(ifTrue), .hexadecimal(ifFalse)]))
        }
        return list(instructions, of: length, at: address, size: 8)
    }

    /// A statement's number: an answer to a call, or a place outside the packet.
    private static func operand(_ code: UInt64, _ k: UInt64, _ use: FilterUse) -> Value {
        switch use {
        case .calls where code & 7 == 6:
            // SECCOMP_RET_ACTION_FULL (linux/seccomp.h)
            let action = Value.symbol(.seccompAction, k & 0xFFFF_0000)
            return k & 0xFFFF == 0 ? action : .joined([action, .hexadecimal(k & 0xFFFF)])
        case .packets where code & 7 == 0 && code & 0xE0 == 0x20:
            // SKF_AD_OFF, SKF_NET_OFF, SKF_LL_OFF (linux/filter.h)
            if k >= 0xFFFF_F000 { return .place("SKF_AD_OFF", 0xFFFF_F000, .symbol(.bpfAncillary, k - 0xFFFF_F000)) }
            if k >= 0xFFF0_0000 { return .place("SKF_NET_OFF", 0xFFF0_0000, .unsigned(k - 0xFFF0_0000)) }
            if k >= 0xFFE0_0000 { return .place("SKF_LL_OFF", 0xFFE0_0000, .unsigned(k - 0xFFE0_0000)) }
            return .hexadecimal(k)
        default: return .hexadecimal(k)
        }
    }

    /// An eBPF program: `place` is the field that points to it, four bytes after its length.
    func extendedProgram(_ place: UInt64) -> Value? {
        guard let address = snapshot.number(at: place, width: 8),
            let length = snapshot.number(at: place &- 4, width: 4)
        else { return nil }
        guard address != 0 else { return .address(0) }
        var instructions: [Value] = []
        for index in 0..<min(length, UInt64(Capture.instructionLimit)) {
            guard let instruction = extendedInstruction(address &+ index &* 8) else { break }
            instructions.append(instruction)
        }
        return .abbreviated(.address(address), list(instructions, of: length, at: address, size: 8))
    }

    /// struct bpf_insn: code, two registers of four bits, offset, immediate.
    private func extendedInstruction(_ at: UInt64) -> Value? {
        guard let code = snapshot.number(at: at, width: 1), let registers = snapshot.number(at: at &+ 1, width: 1),
            let offset = snapshot.number(at: at &+ 2, width: 2), let immediate = snapshot.number(at: at &+ 4, width: 4)
        else { return nil }
        return .record([
            Field("code", InstructionCode.value(code, isExtended: true)),
            Field("dst_reg", .symbol(.ebpfRegister, registers & 15)),
            Field("src_reg", .symbol(.ebpfRegister, registers >> 4)),
            Field("off", .signed(Self.extend(offset, 2))), Field("imm", .hexadecimal(immediate)),
        ])
    }

    /// A call's number in struct seccomp_data, by its name in the table of the architecture four bytes on.
    func systemCallName(_ place: UInt64) -> Value? {
        guard let number = snapshot.number(at: place, width: 4),
            let architecture = snapshot.number(at: place &+ 4, width: 4)
        else { return nil }
        guard let personality = Personality(auditArchitecture: UInt32(architecture)),
            let row = SpecTables.row(personality, number)
        else { return .unsigned(number) }
        return .spelled("__NR_" + row.name, number)
    }

    /// KERNEL_VERSION(major, minor, patch) (linux/version.h).
    func kernelVersion(_ place: UInt64) -> Value? {
        snapshot.number(at: place, width: 4).map { version in
            .written(
                .hexadecimal(version),
                as: .call(
                    "KERNEL_VERSION",
                    [.unsigned(version >> 16), .unsigned(version >> 8 & 0xFF), .unsigned(version & 0xFF)]))
        }
    }
}

extension Value {
    /// A place outside the packet: where it begins, by name, and what is added to it.
    static func place(_ name: String, _ start: UInt64, _ value: Value) -> Value {
        .separated([.written(.hexadecimal(start), as: .word(name)), value], by: "+")
    }
}

extension Capture {
    /// BPF_MAXINSNS (linux/bpf_common.h): the longest classic program.
    static let instructionLimit = 4096

    /// A program behind a field; a classic one has its length a word before, an extended one four bytes.
    func program(
        _ kind: CustomKind, at place: UInt64, _ snapshot: inout Snapshot, _ memory: some TraceeMemory
    ) {
        let isExtended = kind == .bpfInstructions
        let word = isExtended ? 8 : snapshot.stop.personality.wordSize
        guard let address = snapshot.number(at: place, width: word),
            let length = snapshot.number(at: place &- UInt64(isExtended ? 4 : word), width: isExtended ? 4 : 2)
        else { return }
        plain(address, Int(min(length, UInt64(Self.instructionLimit))) * 8, &snapshot, memory)
    }
}
