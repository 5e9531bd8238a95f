// A fact: something about the world outside the tracee's memory, looked up once at a stop and recorded with it.

/// What a fact is about.
public enum FactKind: UInt8, Sendable {
    /// What the descriptor `number` refers to.
    case descriptor = 1
    /// The working directory of the thread.
    case workingDirectory = 2
    /// The root directory of the thread.
    case root = 3
    /// The file whose image the process runs.
    case image = 4
    /// What the path in the argument `number` led to when the call was made: its name is absolute, with links
    /// followed as the call would. The mode is 0 for what did not exist, whose name is its directory's and the last
    /// part of the path.
    case path = 5
    /// What the descriptor `number` refers to, told with every other of its table: one that is not told is not there.
    case tableEntry = 6
    /// The same, of a descriptor that closes on exec.
    case closingTableEntry = 7
}

extension Fact {
    /// Whether it is one of a whole table.
    public var tellsTable: Bool { kind == .tableEntry || kind == .closingTableEntry }
}

/// A stretch of a snapshot's arena.
public struct ArenaRange: Equatable, Sendable {
    public var offset: Int
    public var count: Int

    public init(offset: Int = 0, count: Int = 0) {
        self.offset = offset
        self.count = count
    }
}

/// The socket behind a descriptor: what socket(7)'s `SO_DOMAIN`, `SO_TYPE` and `SO_PROTOCOL`, getsockname(2) and
/// getpeername(2) answer about it.
public struct SocketFact: Equatable, Sendable {
    public var family: Int32
    public var type: Int32
    public var protocolNumber: Int32
    /// The bytes of a `sockaddr`, none where the socket has no such end.
    public var local: ArenaRange
    public var peer: ArenaRange
    /// The inode of a unix socket's other end, 0 where it is not known.
    public var peerInode: UInt32

    public init(
        family: Int32 = 0, type: Int32 = 0, protocolNumber: Int32 = 0, local: ArenaRange = ArenaRange(),
        peer: ArenaRange = ArenaRange(), peerInode: UInt32 = 0
    ) {
        self.family = family
        self.type = type
        self.protocolNumber = protocolNumber
        self.local = local
        self.peer = peer
        self.peerInode = peerInode
    }
}

/// One fact. Facts are looked up while the thread stands still, so they hold for the moment of the stop.
public struct Fact: Equatable, Sendable {
    public var kind: FactKind
    /// The descriptor, for a fact about one.
    public var number: Int32
    /// Its name as `/proc/PID/fd`, `cwd`, `root` or `exe` shows it (proc(5)).
    public var name: ArenaRange
    /// `st_mode`, `st_dev`, `st_ino` and `st_rdev` of stat(2); the mode is 0 where stat failed.
    public var mode: UInt32
    public var device: UInt64
    public var inode: UInt64
    public var specialDevice: UInt64
    public var socket: SocketFact?

    public init(
        kind: FactKind, number: Int32 = 0, name: ArenaRange = ArenaRange(), mode: UInt32 = 0, device: UInt64 = 0,
        inode: UInt64 = 0, specialDevice: UInt64 = 0, socket: SocketFact? = nil
    ) {
        self.kind = kind
        self.number = number
        self.name = name
        self.mode = mode
        self.device = device
        self.inode = inode
        self.specialDevice = specialDevice
        self.socket = socket
    }
}
