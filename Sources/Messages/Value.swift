// What a decoder says an argument is: a value that every form of output can show.

/// A run of bytes from a tracee, with what was cut from it.
public struct Bytes: Equatable, Sendable {
    public var bytes: [UInt8]
    /// How many bytes the program passed; more than `bytes.count` where the capture rule cut.
    public var total: UInt64
    /// The bytes end with a NUL in the tracee and were found to: a path, an argument.
    public var isText: Bool

    /// The bytes are no text: random, a key.
    public var isBinary: Bool
    /// The bytes are a name that is no payload: it shows whole.
    public var isWhole: Bool

    public init(
        _ bytes: [UInt8], total: UInt64? = nil, isText: Bool = false, isBinary: Bool = false, isWhole: Bool = false
    ) {
        self.isWhole = isWhole
        self.bytes = bytes
        self.total = total ?? UInt64(bytes.count)
        self.isText = isText
        self.isBinary = isBinary
    }
}

/// One member of a record.
public struct Field: Equatable, Sendable {
    /// The kernel's name for it.
    public var name: String
    public var value: Value
    /// Shown only where nothing is abbreviated (`-v`).
    public var isDetail: Bool

    public init(_ name: String, _ value: Value, isDetail: Bool = false) {
        self.name = name
        self.value = value
        self.isDetail = isDetail
    }
}

extension Field {
    /// Says that a record goes on: it has no name of its own.
    public static var more: Field { Field("", .word("...")) }
}

/// What a descriptor stands for, as people read it.
public struct Referent: Equatable, Sendable {
    /// A path, or the name of what has none: `pipe:[7]`, `TCP:[127.0.0.1:80]`.
    public var name: [UInt8]
    /// What is said beside the name: `<char 1:3>`.
    public var remark: String
    public var isDeleted: Bool
    /// The name was put together here and needs no quoting; others come from file systems.
    public var isSafe: Bool

    public init(name: [UInt8], remark: String = "", isDeleted: Bool = false, isSafe: Bool = false) {
        self.name = name
        self.remark = remark
        self.isDeleted = isDeleted
        self.isSafe = isSafe
    }
}

/// A decoded argument, result or member.
///
/// A value says what a thing is; how it looks is decided by the form that shows it. Decoding is total: what
/// cannot be understood becomes a plainer value, never an error.
public indirect enum Value: Equatable, Sendable {
    /// A number that reads best in decimal.
    case signed(Int64)
    case unsigned(UInt64)
    /// A number that reads best in hexadecimal.
    case hexadecimal(UInt64)
    case octal(UInt64)
    /// File permission bits, as `open` and `chmod` take them: octal, three digits at least.
    case permissions(UInt64)
    /// File type and permission bits, as `stat` answers and `mknod` takes them.
    case fileMode(UInt64)
    /// A pointer that is not looked behind, or whose memory could not be read. 0 is NULL.
    case address(UInt64)
    /// A descriptor of the calling process.
    case descriptor(Int32)
    /// A descriptor that names a directory, or `AT_FDCWD`.
    case directory(Int32)
    /// A descriptor or directory together with what it stands for.
    case referring(Value, Referent)
    /// A process, thread or group.
    case process(Int32)
    /// A user or group id; all ones is "no change" and shows as -1.
    case user(UInt32)
    case group(UInt32)
    case signal(Int32)
    case signalSet(UInt64)
    /// A device number as the kernel packs it in a `dev_t`.
    case device(UInt64)
    /// One name out of a set of names.
    case symbol(SymbolSet, UInt64)
    /// Several names out of a set, and a remainder.
    case flags(SymbolSet, UInt64)
    case bytes(Bytes)
    /// Text at an address whose end cannot be read: what is there shows where no more of it would be shown.
    case unended(Bytes, at: UInt64)
    /// A path: bytes that end with NUL and name a file.
    case path(Bytes)
    /// A point in time or a span, in nanoseconds, for forms that want one number.
    case nanoseconds(Int64)
    case list([Value])
    /// A call inside a call: an entry of a queue, with what it asks for. Its arguments are the entry's fields.
    case message(Operation, [Argument])
    /// A list that was cut: what is there, and that more followed.
    case cutList([Value])
    /// A list of which a part cannot be read: the elements before it, and where it lies.
    case brokenList([Value], at: UInt64)
    case record([Field])
    /// A name applied to values: `htons(80)`, `makedev(0x8, 0x1)`.
    case call(String, [Value])
    /// Two values joined by the name of a bitwise or: `SIGCHLD` beside flags.
    case joined([Value])
    /// Values joined by an operator of C: `SKF_AD_OFF+0`, `1<<16`.
    case separated([Value], by: String)
    /// A value with a remark for people.
    case commented(Value, String)
    /// An argument shown with its name: `child_stack=NULL`.
    case named(String, Value)
    /// A short form for people, and the whole behind it (`-v`, JSON).
    case abbreviated(Value, Value)
    /// What went in and what came out.
    case change(Value, Value)
    /// A number that has a spelling of its own: `8192*1024`, `FUTEX_WAIT_PRIVATE`.
    case spelled(String, UInt64)
    /// A value as the kernel has it, and how programs write it: the bytes of a port as `htons(80)`, 0 as `SIG_DFL`.
    case written(Value, as: Value)
    /// Something with a fixed spelling: `...`, `NULL`, a word of the kernel's.
    case word(String)
    /// The bytes of a struct beyond what the spec knows of it, and where they start in it.
    case remainder(offset: UInt64, Bytes)
    /// Bytes that the spec does not look into: their length and a digest.
    case opaque(count: UInt64, digest: UInt64)
}
