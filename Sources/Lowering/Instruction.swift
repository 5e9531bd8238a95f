// Classic BPF, as seccomp runs it (linux/filter.h, linux/bpf_common.h, seccomp(2)).

import Messages

/// One instruction: `struct sock_filter`.
public struct Instruction: Hashable, Sendable {
    public var code: UInt16
    public var whenTrue: UInt8
    public var whenFalse: UInt8
    public var k: UInt32

    public init(_ code: UInt16, _ k: UInt32, whenTrue: UInt8 = 0, whenFalse: UInt8 = 0) {
        self.code = code
        self.k = k
        self.whenTrue = whenTrue
        self.whenFalse = whenFalse
    }

    /// BPF_LD | BPF_W | BPF_ABS: a word of `struct seccomp_data`.
    public static let load: UInt16 = 0x20
    /// BPF_ALU | BPF_AND | BPF_K
    public static let and: UInt16 = 0x54
    /// BPF_JMP | BPF_JA, JEQ, JGT, JGE, JSET with a constant.
    public static let jump: UInt16 = 0x05, ifEqual: UInt16 = 0x15, ifAbove: UInt16 = 0x25, ifAtLeast: UInt16 = 0x35
    public static let ifAnyBit: UInt16 = 0x45
    /// BPF_RET | BPF_K
    public static let give: UInt16 = 0x06

    /// Whether a comparison's condition holds.
    @inline(__always)
    func isMet(by accumulator: UInt32) -> Bool {
        switch code {
        case Self.ifEqual: accumulator == k
        case Self.ifAbove: accumulator > k
        case Self.ifAtLeast: accumulator >= k
        default: accumulator & k != 0
        }
    }

    /// As the kernel's bpf_asm writes it.
    public var text: String {
        let hex = "0x" + String(k, radix: 16)
        switch code {
        case Self.load: return "ld [\(k)]"
        case Self.and: return "and #\(hex)"
        case Self.jump: return "ja +\(k)"
        case Self.ifEqual: return "jeq #\(hex), +\(whenTrue), +\(whenFalse)"
        case Self.ifAbove: return "jgt #\(hex), +\(whenTrue), +\(whenFalse)"
        case Self.ifAtLeast: return "jge #\(hex), +\(whenTrue), +\(whenFalse)"
        case Self.ifAnyBit: return "jset #\(hex), +\(whenTrue), +\(whenFalse)"
        case Self.give: return "ret #\(hex)"
        default: return "unknown \(code), \(hex)"
        }
    }

    /// The eight bytes of `struct sock_filter`, little-endian.
    public var bytes: [UInt8] {
        [UInt8(truncatingIfNeeded: code), UInt8(code >> 8), whenTrue, whenFalse]
            + (0..<4).map { UInt8(truncatingIfNeeded: k >> (8 * UInt32($0))) }
    }
}

/// What a filter is asked: `struct seccomp_data` (linux/seccomp.h).
public struct FilterQuestion: Sendable {
    public var number: UInt32
    public var architecture: UInt32
    public var instructionPointer: UInt64
    public var arguments: RawArguments

    public init(
        number: UInt32, architecture: UInt32, instructionPointer: UInt64 = 0,
        arguments: RawArguments = RawArguments()
    ) {
        self.number = number
        self.architecture = architecture
        self.instructionPointer = instructionPointer
        self.arguments = arguments
    }

    /// The word at an offset, nil where there is none.
    func word(_ offset: UInt32) -> UInt32? {
        guard offset % 4 == 0, offset < 64 else { return nil }
        switch offset {
        case 0: return number
        case 4: return architecture
        case 8: return UInt32(truncatingIfNeeded: instructionPointer)
        case 12: return UInt32(truncatingIfNeeded: instructionPointer >> 32)
        default:
            let value = arguments[Int(offset - 16) / 8]
            return UInt32(truncatingIfNeeded: offset % 8 == 0 ? value : value >> 32)
        }
    }
}

/// Runs a filter as the kernel would. It is total: what the kernel would not load gives nil.
public enum Interpreter {
    public static func run(_ program: [Instruction], _ question: FilterQuestion) -> UInt32? {
        var accumulator: UInt32 = 0
        var place = 0
        // Every jump goes forward, so that no program takes more steps than it has instructions.
        while place < program.count {
            let instruction = program[place]
            place += 1
            switch instruction.code {
            case Instruction.load:
                guard let word = question.word(instruction.k) else { return nil }
                accumulator = word
                continue
            case Instruction.and:
                accumulator &= instruction.k
                continue
            case Instruction.jump:
                guard instruction.k <= UInt32(program.count) else { return nil }
                place += Int(instruction.k)
                continue
            case Instruction.give: return instruction.k
            case Instruction.ifEqual, Instruction.ifAbove, Instruction.ifAtLeast, Instruction.ifAnyBit:
                place += Int(instruction.isMet(by: accumulator) ? instruction.whenTrue : instruction.whenFalse)
            default: return nil
            }
        }
        return nil
    }
}
