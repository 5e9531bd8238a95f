// A stop: where a thread stands when it is seen, in registers alone.

/// A call API that a tracee speaks: numbers, argument places, struct layouts, error convention.
public enum Personality: UInt8, Sendable, CaseIterable, Codable {
    /// The 64-bit table, entered by `syscall`.
    case x86_64 = 0
    /// The 32-bit table, entered by `int 0x80` or `sysenter`.
    case i386 = 1

    /// The name that the spec, recordings and JSON use.
    public var name: String { self == .x86_64 ? "x86_64" : "i386" }
    /// The width of `long`, `size_t` and pointers, in bytes.
    public var wordSize: Int { self == .x86_64 ? 8 : 4 }

    /// The personality of an `AUDIT_ARCH_*` value (linux/audit.h), nil for one we do not know.
    public init?(auditArchitecture value: UInt32) {
        switch value {
        case 0xC000_003E: self = .x86_64
        case 0x4000_0003: self = .i386
        default: return nil
        }
    }
}

/// The six argument registers, in the order of the call's parameters.
public struct RawArguments: Equatable, Sendable {
    public var a0: UInt64, a1: UInt64, a2: UInt64, a3: UInt64, a4: UInt64, a5: UInt64

    public init(
        _ a0: UInt64 = 0, _ a1: UInt64 = 0, _ a2: UInt64 = 0, _ a3: UInt64 = 0, _ a4: UInt64 = 0,
        _ a5: UInt64 = 0
    ) {
        (self.a0, self.a1, self.a2, self.a3, self.a4, self.a5) = (a0, a1, a2, a3, a4, a5)
    }

    public subscript(index: Int) -> UInt64 {
        get {
            switch index {
            case 0: a0
            case 1: a1
            case 2: a2
            case 3: a3
            case 4: a4
            default: a5
            }
        }
        set {
            switch index {
            case 0: a0 = newValue
            case 1: a1 = newValue
            case 2: a2 = newValue
            case 3: a3 = newValue
            case 4: a4 = newValue
            default: a5 = newValue
            }
        }
    }
}

/// What the kernel sees of a call: no memory, no meaning.
public struct Stop: Equatable, Sendable {
    public var personality: Personality
    /// The call's number in its personality's table, as the kernel compares it.
    public var number: UInt64
    public var arguments: RawArguments
    public var instructionPointer: UInt64

    public init(
        personality: Personality = .x86_64, number: UInt64 = 0,
        arguments: RawArguments = RawArguments(), instructionPointer: UInt64 = 0
    ) {
        self.personality = personality
        self.number = number
        self.arguments = arguments
        self.instructionPointer = instructionPointer
    }
}
