// The rows of the generated tables: what the spec says of a call, an argument, a struct and a set of names.

/// What a scalar is, or what lies behind a pointer.
public enum Kind: UInt8, Sendable {
    case signed, unsigned, hexadecimal, octal
    /// A resource limit: all ones is no limit.
    case limit
    case permissions, fileMode, address, descriptor, directory, process, user, group, signal, device
    /// One name, or several, of the set `table`.
    case symbol, flags
    /// The struct `table`.
    case structure
    /// A pointer to NUL-terminated bytes.
    case path, text
    /// A pointer to `count` bytes.
    case buffer
    /// Bytes that lie in the struct itself: up to the first NUL, or all.
    case characters, octets
    /// A pointer to a signal set of as many bytes as the argument after it says.
    case signalSet
    /// A signal set that lies in the struct itself.
    case signalMask
    /// Bytes that lie in the struct itself, each named by the set `table`.
    case indexed
    /// What another argument selects from the selection `table`; `count` is that argument.
    case selected
    /// Some bits of a number: in `table`, how far they are shifted, times 256, and how many they are.
    case bits
    /// What only code can say; `table` is the `CustomKind`.
    case custom
    /// Hexadecimal with leading zeros, as wide as the type.
    case padded
    /// Numbers in network byte order: a port, any other.
    case port, network
    /// Internet addresses, network interfaces, hardware addresses of `count` bytes.
    case inet4, inet6, interface, hardware
}

/// Whether a value is there itself, behind a pointer, or many of it.
///
/// In a struct, an array of a fixed number lies in the struct itself; one that another field counts lies behind a
/// pointer. A pointer with a count points to a struct that the kernel extends: the count is its size in bytes.
public enum Shape: UInt8, Sendable {
    case value, pointer, array
}

/// Where a length or number of elements is found.
public enum Count: Equatable, Sendable {
    case none
    case fixed(UInt32)
    /// The argument, or the struct's field, of this index.
    case argument(UInt8)
    /// The argument of this index, an `int`: what its register holds above is garbage.
    case narrow(UInt8)
    /// What the call returned.
    case result
    /// What the struct says itself in its first four bytes.
    case own
}

/// A type as the spec writes it.
public struct TypeRow: Sendable {
    public let shape: Shape
    public let kind: Kind
    /// Bytes of the scalar; 0 is the width of `long`.
    public let width: UInt8
    /// The symbol set, struct or custom kind.
    public let table: UInt16
    public let count: Count

    public init(_ shape: Shape, _ kind: Kind, _ width: UInt8, _ table: UInt16, _ count: Count) {
        self.shape = shape
        self.kind = kind
        self.width = width
        self.table = table
        self.count = count
    }
}

/// When something of a row applies: the argument, masked, equals one of `values`, or shares a bit with them.
public struct ConditionRow: Sendable {
    public let argument: UInt8
    public let mask: UInt64
    /// With `anyBit`, one value of bits that may be set.
    public let values: [UInt64]
    public let anyBit: Bool

    public init(_ argument: UInt8, _ mask: UInt64, _ values: [UInt64], anyBit: Bool) {
        self.argument = argument
        self.mask = mask
        self.values = values
        self.anyBit = anyBit
    }

    public func holds(_ arguments: RawArguments) -> Bool { holds(value: arguments[Int(argument)]) }

    /// Whether it holds for the argument's, or the field's, own value.
    public func holds(value raw: UInt64) -> Bool {
        let value = raw & mask
        return anyBit ? values.contains { value & $0 != 0 } : values.contains(value)
    }
}

/// One argument of a call, or one field of a struct.
public struct ArgumentRow: Sendable {
    public let name: String
    public let item: String
    public let direction: Direction
    public let type: TypeRow
    /// Index into the table of conditions, -1 for none. A field's condition is about another field.
    public let condition: Int16
    /// For an argument: its register; for a field: its slot. Of several that share one, the first whose condition
    /// holds is meant.
    public let register: UInt8
    /// For a field: its offset in bytes, per personality.
    public let offset64: UInt16
    public let offset32: UInt16
    /// For a field: shown only unabbreviated; never shown.
    public let isDetail: Bool
    public let isHidden: Bool
    /// For a field: left out where it is zero.
    public let isOptional: Bool
    /// For an array that another field counts: its elements lie in the struct itself.
    public let isInline: Bool

    public init(
        _ name: String, _ item: String, _ direction: Direction, _ type: TypeRow, condition: Int16 = -1,
        register: UInt8 = 0, offset64: UInt16 = 0, offset32: UInt16 = 0, isDetail: Bool = false, isHidden: Bool = false,
        isOptional: Bool = false, isInline: Bool = false
    ) {
        self.name = name
        self.item = item
        self.direction = direction
        self.type = type
        self.condition = condition
        self.register = register
        self.offset64 = offset64
        self.offset32 = offset32
        self.isDetail = isDetail
        self.isHidden = isHidden
        self.isOptional = isOptional
        self.isInline = isInline
    }
}

/// What the arguments after a command are, by the command: cases sorted by their values, then those with a mask.
public struct SelectionRow: Sendable {
    /// How far the command is shifted right before it is looked up.
    public let shift: UInt8
    public let firstCase: UInt16
    public let exactCount: UInt16
    public let maskedCount: UInt16
    /// The case for commands that have none.
    public let otherwise: SelectionCase

    public init(shift: UInt8, cases: (UInt16, UInt16, UInt16), otherwise: SelectionCase) {
        self.shift = shift
        (firstCase, exactCount, maskedCount) = cases
        self.otherwise = otherwise
    }
}

/// The types of the arguments that follow one command.
public struct SelectionCase: Sendable {
    public let value: UInt64
    public let mask: UInt64
    /// A range of the table of selected types.
    public let first: UInt16
    public let count: UInt8

    public init(_ value: UInt64, _ mask: UInt64, _ first: UInt16, _ count: UInt8) {
        self.value = value
        self.mask = mask
        self.first = first
        self.count = count
    }
}

/// One selected type, and when its memory is read.
public struct SelectedRow: Sendable {
    public let direction: Direction
    public let type: TypeRow

    public init(_ direction: Direction, _ type: TypeRow) {
        self.direction = direction
        self.type = type
    }
}

/// An operation, or a constant item, that holds under a condition.
public struct ChoiceRow: Sendable {
    public let condition: Int16
    public let operation: Operation
    public let item: String
    public let value: String

    public init(condition: Int16, operation: Operation = .voidCall, item: String = "", value: String = "") {
        self.condition = condition
        self.operation = operation
        self.item = item
        self.value = value
    }
}

/// A call in one personality.
public struct CallRow: Sendable {
    public let call: SystemCall
    public let name: String
    public let operation: Operation
    /// Arguments, then choices of operation, then constant items: ranges in the generated tables.
    public let firstArgument: UInt16
    public let argumentCount: UInt8
    public let firstChoice: UInt16
    public let choiceCount: UInt8
    public let firstConstant: UInt16
    public let constantCount: UInt8
    public let result: TypeRow
    public let resultItem: String
    /// The kernel version that brought it, as text.
    public let since: String

    public init(
        _ call: SystemCall, _ name: String, _ operation: Operation, arguments: (UInt16, UInt8),
        choices: (UInt16, UInt8), constants: (UInt16, UInt8), result: TypeRow, resultItem: String, since: String
    ) {
        self.call = call
        self.name = name
        self.operation = operation
        (firstArgument, argumentCount) = arguments
        (firstChoice, choiceCount) = choices
        (firstConstant, constantCount) = constants
        self.result = result
        self.resultItem = resultItem
        self.since = since
    }
}

/// A struct: its fields in the order they are shown.
public struct StructureRow: Sendable {
    public let name: String
    public let firstField: UInt16
    public let fieldCount: UInt8
    /// Size in bytes, per personality.
    public let size64: UInt16
    public let size32: UInt16
    /// Pointers in it take eight bytes in every personality.
    public let isWide: Bool
    /// What the kernel answers in it shows beside what went in: `{offset=5} => {name="a"}`.
    public let isApart: Bool
    /// The size of its first version; a caller that passes less passes nothing.
    public let minimum: UInt16
    /// A range of the choices: the operations that it asks for, where it is a message itself.
    public let firstChoice: UInt16
    public let choiceCount: UInt8

    public init(
        _ name: String, fields: (UInt16, UInt8), size64: UInt16, size32: UInt16, isWide: Bool = false,
        isApart: Bool = false, minimum: UInt16 = 0, choices: (UInt16, UInt8) = (0, 0)
    ) {
        (firstChoice, choiceCount) = choices
        self.minimum = minimum
        self.isApart = isApart
        self.isWide = isWide
        self.name = name
        (firstField, fieldCount) = fields
        self.size64 = size64
        self.size32 = size32
    }
}

/// A set of names: where its symbols are, and what stands for a value without one.
public struct SymbolSetRow: Sendable {
    public let name: String
    public let firstSymbol: UInt16
    public let count: UInt16
    /// What people see beside a number that has no name: `O_???`.
    public let unknown: String
    /// Sorted by value; several names of one value all stand for it.
    public let isAlternative: Bool

    public init(
        _ name: String, _ firstSymbol: UInt16, _ count: UInt16, unknown: String, isAlternative: Bool = false
    ) {
        self.isAlternative = isAlternative
        self.name = name
        self.firstSymbol = firstSymbol
        self.count = count
        self.unknown = unknown
    }
}

/// A name for a value; with a mask, for a value of the bits under it.
public struct SymbolRow: Sendable {
    public let name: String
    public let value: UInt64
    public let mask: UInt64
    /// Index into the table of what symbols select (an option's value, an attribute's payload), -1 for nothing.
    public let type: Int16

    public init(_ name: String, _ value: UInt64, _ mask: UInt64 = 0, type: Int16 = -1) {
        self.name = name
        self.value = value
        self.mask = mask
        self.type = type
    }
}
