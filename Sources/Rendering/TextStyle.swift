// How values look: the switches that strace's options set.

/// How strings are quoted.
public enum Quoting: Sendable {
    /// C escapes for what is not printable ASCII.
    case escaped
    /// The same with `\\x1b` in place of `\\33` (`--strings-in-hex=non-ascii-chars`).
    case escapedInHexadecimal
    /// Whole strings in hexadecimal where one byte is not printable ASCII (`-x`).
    case hexadecimalWhereNeeded
    /// All strings in hexadecimal (`-xx`).
    case hexadecimal
}

/// How names stand for numbers (`-X`).
public enum Naming: Sendable {
    case names, numbers, both
}

/// The look of text output.
public struct TextStyle: Sendable {
    /// Leaves out the members of structs that are marked as detail, and everything after enough elements.
    public var abbreviates = true
    /// How many bytes of a string are shown. Paths are always whole.
    public var stringLimit = 32
    public var quoting = Quoting.escaped
    public var naming = Naming.names
    /// Results stand at this column.
    public var column = 40
    public var hasColour = false
    /// The name of a network interface by its index, where lines tell of this machine.
    public var interfaceName: (@Sendable (UInt32) -> String?)?
    /// Says before the entry of a queue what it does.
    var namesOperations = false

    public init() {}
}
