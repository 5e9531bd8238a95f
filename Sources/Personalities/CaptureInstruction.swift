// What a capture reads, as instructions that can be carried out where no Swift runs: in the kernel.

/// When memory is read.
public struct CapturePhases: OptionSet, Hashable, Sendable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }
    /// When the call is made.
    public static let entry = CapturePhases(rawValue: 1)
    /// When it returns without an errno.
    public static let exit = CapturePhases(rawValue: 2)
    /// When it returns an errno.
    public static let failure = CapturePhases(rawValue: 4)
}

/// One thing to read at a call. Its base and count are known from registers or from what an earlier instruction read.
public struct CaptureInstruction: Hashable, Sendable {
    public enum Kind: UInt8, Sendable {
        /// `fixed` bytes and `unit` for each of the count, `limit` at most.
        case bytes = 1
        /// Up to a NUL, `limit` bytes at most.
        case text
        /// An array of iovec and what each points to, `limit` bytes of each.
        case vector
        /// A NULL-ended list of texts, `limit` bytes of each.
        case texts
        /// The pointers of such a list alone.
        case pointers
        /// The `fixed` instructions that follow, once for each of the count, `limit` at most: in the piece that the
        /// base names the elements lie `unit` bytes apart.
        case each
        /// What the descriptor stands for that is the count; where there is a `unit`, only of sockets of that family.
        case descriptor
        /// What the descriptors stand for that the control data has brought which the base's instruction reads.
        case passed
        /// What the thread's working directory and its root are.
        case workingDirectory
        case root
    }

    /// Where an address or a number comes from.
    public enum Source: Hashable, Sendable {
        case none
        case argument(Int)
        case result
        case stackPointer
        /// The size that an ioctl request has in its number.
        case requestSize
        /// What the instruction of this place has read, at an offset; so many bytes.
        case memory(Int, offset: Int, width: Int)
    }

    public var kind: Kind
    public var phases: CapturePhases
    public var base: Source
    public var count: Source
    /// Of a count that is an argument: its bytes; the rest of the register is garbage.
    public var countWidth = 8
    public var unit = 0
    public var fixed = 0
    public var limit: Int
    /// Added to the address.
    public var displacement = 0

    /// The place of the instruction that reads the socket's address: `fixed` bytes are read where it is netlink's.
    public var address: Int?

    /// Whether it reads the same place.
    func isLike(_ other: CaptureInstruction) -> Bool {
        kind == other.kind && base == other.base && displacement == other.displacement
            && (kind != .descriptor || count == other.count && unit == other.unit)
    }
}

/// What is read at one number of a personality's table.
public struct CaptureProgram: Sendable {
    public var instructions: [CaptureInstruction] = []
    /// The argument whose value chooses other instructions, where one does.
    public var selector: Int?
    public var choices: [(value: UInt32, instructions: [CaptureInstruction])] = []
    /// Something that the rows ask for is not read: lists of lists, memory that needs more than one call to find.
    public var isPartial = false

    public init() {}
}
