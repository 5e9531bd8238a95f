// A message: a call as what it does, with named arguments, whichever personality and number it came by.

/// Where an argument's memory is read.
public enum Direction: UInt8, Sendable {
    /// Known when the call is made.
    case entry = 0
    /// Written by the kernel: known when the call has returned.
    case exit = 1
    /// Read and written by the kernel.
    case both = 2
}

/// One argument of a call.
public struct Argument: Equatable, Sendable {
    /// The kernel's name for the parameter.
    public var name: String
    /// The item of the message that it is.
    public var item: String
    public var value: Value
    public var direction: Direction
    /// Not an argument but what one leads to: lines show it as a remark.
    public var isRemark: Bool

    public init(
        name: String, item: String, value: Value, direction: Direction = .entry, isRemark: Bool = false
    ) {
        self.isRemark = isRemark
        self.name = name
        self.item = item
        self.value = value
        self.direction = direction
    }
}

/// What a path of a message led to when the call was made.
public struct ResolvedPath: Equatable, Sendable {
    /// The kernel's name for the argument, and the item that it is.
    public var argument: String
    public var item: String
    /// Absolute, with links followed as the call would.
    public var path: [UInt8]
    /// `st_mode`, 0 for what did not exist.
    public var mode: UInt32
    public var device: UInt64

    public init(argument: String, item: String, path: [UInt8], mode: UInt32, device: UInt64) {
        self.argument = argument
        self.item = item
        self.path = path
        self.mode = mode
        self.device = device
    }
}

/// What a call came back with.
public struct Reply: Equatable, Sendable {
    /// What the kernel left in the result register; between -4095 and -1 it is an errno (syscall(2)).
    public var raw: Int64
    public var value: Value
    /// The item of the message that the result is, empty for a bare success.
    public var item: String
    /// What the result means in more words: the descriptors that are ready, the flags that are set.
    public var auxiliary: Value?

    public init(raw: Int64, value: Value, item: String = "", auxiliary: Value? = nil) {
        self.raw = raw
        self.value = value
        self.item = item
        self.auxiliary = auxiliary
    }

    /// The errno, nil where the call succeeded.
    public var errno: Int32? { Reply.errno(of: raw) }

    /// The errno in a raw result: the kernel's `IS_ERR_VALUE` range (linux/err.h).
    public static func errno(of raw: Int64) -> Int32? {
        raw < 0 && raw >= -4095 ? Int32(-raw) : nil
    }

    /// Whether a signal interrupted the call and the kernel may make it again: -ERESTARTSYS, -ERESTARTNOINTR,
    /// -ERESTARTNOHAND or -ERESTART_RESTARTBLOCK (linux/errno.h). No program sees these.
    public static func isRestart(_ raw: Int64) -> Bool { raw <= -512 && raw >= -516 && raw != -515 }
}

/// A call as a message.
public struct Message: Equatable, Sendable {
    public var personality: Personality
    /// The call's name in its table, `syscall_0x1f4` for a number without one.
    public var name: String
    public var call: SystemCall
    public var operation: Operation
    /// In the order of the call's parameters.
    public var arguments: [Argument]
    /// Items that the call says by being the call it is: `kind=pipe`.
    public var constants: [(name: String, value: String)]
    public var reply: Reply?
    /// For restart_syscall: the name of the call that it takes up again, empty where that is not known.
    public var interrupted: String?
    /// What the message's paths led to, where that was looked up.
    public var resolved: [ResolvedPath] = []
    /// The protocol of the netlink socket that the call is about, where that was looked up.
    public var netlinkProtocol: Int32?
    /// The struct that tells of the object that bpf is asked about, where that was looked up.
    public var information: StructureID?
    /// What a policy said of the call, the first answer first; empty where none was asked.
    public var decisions: [RecordedDecision] = []

    public init(
        personality: Personality, name: String, call: SystemCall, operation: Operation,
        arguments: [Argument] = [], constants: [(name: String, value: String)] = [], reply: Reply? = nil
    ) {
        self.personality = personality
        self.name = name
        self.call = call
        self.operation = operation
        self.arguments = arguments
        self.constants = constants
        self.reply = reply
    }

    public static func == (left: Message, right: Message) -> Bool {
        left.personality == right.personality && left.name == right.name
            && left.operation == right.operation && left.arguments == right.arguments
            && left.constants.elementsEqual(right.constants, by: ==) && left.reply == right.reply
            && left.resolved == right.resolved
    }
}

extension Message {
    /// The call that an image came by: execve is 59 in the x86_64 table (syscall_64.tbl).
    public static let ofImage = Message(
        personality: .x86_64, name: "execve", call: .execve, operation: .procExec)
}
