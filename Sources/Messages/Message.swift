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

    public init(name: String, item: String, value: Value, direction: Direction = .entry) {
        self.name = name
        self.item = item
        self.value = value
        self.direction = direction
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
    }
}
