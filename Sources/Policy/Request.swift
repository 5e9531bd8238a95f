// A request: a call, and what the supervisor knows about the things it names. Facts are looked up once and recorded;
// a decision asks nothing else, so that it can be made again over a recording.

import Messages

/// What kind of file an object is, as its mode says (inode(7)).
public enum FileKind: UInt8, Sendable, CaseIterable {
    case unknown, file, directory, symlink, character, block, fifo, socket

    /// From the bits of `st_mode`.
    public init(mode: UInt32) {
        switch mode & 0o170000 {
        case 0o100000: self = .file
        case 0o040000: self = .directory
        case 0o120000: self = .symlink
        case 0o020000: self = .character
        case 0o060000: self = .block
        case 0o010000: self = .fifo
        case 0o140000: self = .socket
        default: self = .unknown
        }
    }

    public var name: String { "\(self)" }

    /// The type's bits of an `st_mode`.
    public var modeBits: UInt32 {
        switch self {
        case .unknown: 0
        case .file: 0o100000
        case .directory: 0o040000
        case .symlink: 0o120000
        case .character: 0o020000
        case .block: 0o060000
        case .fifo: 0o010000
        case .socket: 0o140000
        }
    }
}

/// The object that a path of the message led to.
public struct PathFact: Hashable, Sendable {
    /// `.object` for the one path of a message, `.from` and `.to` where there are two, `.target` for what a watch is
    /// put on.
    public var role: HandleRole
    /// The object's absolute path as the kernel resolved it, links followed as the call would. For an object that
    /// does not exist: its directory's path and the last name.
    public var path: [UInt8]
    public var kind: FileKind
    public var device: UInt64
    public var exists: Bool
    /// SHA-256 of the file, where a policy asked for it (`programs`).
    public var digest: [UInt8]
    /// What the handle that it is reached through may hand on, whatever its place.
    public var derived: Rights

    public init(
        _ role: HandleRole = .object, path: [UInt8], kind: FileKind = .file, device: UInt64 = 0, exists: Bool = true,
        digest: [UInt8] = [], derived: Rights = []
    ) {
        self.role = role
        self.path = path
        self.kind = kind
        self.device = device
        self.exists = exists
        self.digest = digest
        self.derived = derived
    }
}

/// An address that a message names, or that its socket has.
public struct AddressFact: Equatable, Sendable {
    public enum Role: UInt8, Sendable {
        /// Where a call connects or sends to.
        case peer
        /// Where a call binds, or where a socket that is to listen is bound already.
        case local
    }

    public var role: Role
    public var transport: Transport
    public var address: Address

    public init(_ role: Role, _ transport: Transport, _ address: Address) {
        self.role = role
        self.transport = transport
        self.address = address
    }
}

extension AddressFact {
    /// As an entry under `network` writes it.
    public var entry: String { entry(isASCII: false) }

    public func entry(isASCII: Bool) -> String { "\(transport.name) \(address.text(isASCII: isASCII))" }
}

extension Request {
    /// How an entry under `network` would begin for a socket that is being made: what it is to reach nobody knows yet.
    public var unknownPeer: String {
        let given = stop.arguments
        let isSocket = message.call == .socket || message.call == .socketpair
        switch isSocket ? Transport(family: given.a0, type: given.a1, protocol: given.a2) : .tcp {
        case .udp: return "udp HOST:PORT"
        case .unix: return "unix PATH"
        case .netlink: return "netlink"
        case .tcp, .other: return "tcp HOST:PORT"
        }
    }
}

/// A descriptor, or another handle, that the message names.
public struct HandleFact: Equatable, Sendable {
    public var role: HandleRole
    /// The number in the caller's table, -1 for what is no descriptor.
    public var number: Int32
    /// What may be done through it.
    public var rights: Rights
    /// The path of what it refers to, or the kernel's word for it: `pipe:[17]`.
    public var name: [UInt8]
    public var kind: FileKind

    public init(
        _ role: HandleRole = .object, number: Int32 = -1, rights: Rights, name: [UInt8] = [],
        kind: FileKind = .unknown
    ) {
        self.role = role
        self.number = number
        self.rights = rights
        self.name = name
        self.kind = kind
    }
}

/// Who makes the call.
public struct Caller: Equatable, Sendable {
    public var process: Int32
    public var thread: Int32
    /// The absolute path of the image that runs.
    public var program: [UInt8]

    public init(process: Int32 = 0, thread: Int32 = 0, program: [UInt8] = []) {
        self.process = process
        self.thread = thread
        self.program = program
    }
}

/// Everything that a decision may know.
public struct Request: Sendable {
    /// The registers: items that they hold are read from here, at the width that the kernel reads them.
    public var stop: Stop
    /// The decoded call: items that lie in memory are read from here.
    public var message: Message
    public var caller: Caller
    public var handles: [HandleFact]
    public var paths: [PathFact]
    public var addresses: [AddressFact]

    public init(
        _ stop: Stop, _ message: Message, caller: Caller = Caller(), handles: [HandleFact] = [],
        paths: [PathFact] = [], addresses: [AddressFact] = []
    ) {
        self.stop = stop
        self.message = message
        self.caller = caller
        self.handles = handles
        self.paths = paths
        self.addresses = addresses
    }

    public var operation: Operation { message.operation }

    /// The path in a role, nil where the message has none.
    public func path(_ role: HandleRole) -> PathFact? { paths.first { $0.role == role } }
    public func handle(_ role: HandleRole) -> HandleFact? { handles.first { $0.role == role } }
}
