// What the broker asks before it performs a call, and who answers.

import Messages
import Policy

/// One object that a call is about.
public struct Need: Sendable {
    /// Where the object is, or would be.
    public private(set) var path: [UInt8]
    public let rights: Rights
    /// Which of the call's names it is.
    public let role: HandleRole
    /// The type bits of its `st_mode`, 0 where there is none.
    public var mode: UInt32 = 0
    public var exists = true
    /// The handle that it was reached through, where a name led from one.
    var way: Way?
    /// Where it lies in a procfs.
    var processFile: ProcessFile?

    /// An object that was found.
    init(_ found: Found, _ rights: Rights, role: HandleRole = .object) {
        self.init(found.path, rights, role: role, mode: UInt32(found.kind), way: found.way)
        processFile = found.processFile
    }

    init(
        _ path: [UInt8], _ rights: Rights, role: HandleRole = .object, mode: UInt32 = 0, exists: Bool = true,
        way: Way? = nil
    ) {
        self.path = path
        self.rights = rights
        self.role = role
        self.mode = mode
        self.exists = exists
        self.way = way
    }
}

/// How a name came by its object other than from the root or the working directory.
enum Way: Sendable {
    /// From a directory that the caller holds, by the directory's path.
    case below([UInt8])
    /// Through `/proc/PID/fd/N`: the object that the descriptor stands for, and the descriptor's access mode.
    case again(device: UInt64, inode: UInt64, mode: Int32)
}

extension Need {
    /// A process sees what /proc says of it under its own number, a policy under "self".
    func seen(by process: Int32) -> Need {
        guard let file = processFile, file.process == process, path.suffix(file.name.count) == file.name[...] else {
            return self
        }
        var other = self
        let rest = file.name.drop { $0 != slash }
        other.path = path.dropLast(file.name.count) + Array("self".utf8) + rest
        return other
    }

    /// What a decision asks of it.
    func fact(_ initial: InitialHandles) -> DecisionFact {
        var fact = DecisionFact(.object, role: role, path: path)
        (fact.mode, fact.exists, fact.rights) = (mode, exists, rights)
        fact.derived = initial.derived(self)
        return fact
    }
}

/// A descriptor that a call names, as it was when it was looked up.
public struct Held: Sendable {
    public let number: Int32
    public let role: HandleRole
    /// The path of what it refers to, or the kernel's word for it.
    public private(set) var path: [UInt8]
    public let mode: UInt32
    /// Which object it is, 0 for what is no file.
    var device: UInt64 = 0
    var inode: UInt64 = 0
    /// A socket's address, where listening sockets were given.
    var socketName: [UInt8] = []

    /// As a policy names it for a process, whose own entries in /proc are under `self`.
    func named(for process: Int32) -> Held {
        let own = Array("/proc/\(process)/".utf8)
        guard path.starts(with: own) else { return self }
        var other = self
        other.path = Array("/proc/self/".utf8) + path.dropFirst(own.count)
        return other
    }
}

extension Held {
    /// What a decision asks of it.
    func fact(_ initial: InitialHandles) -> DecisionFact {
        var fact = DecisionFact(.handle, role: role, path: path)
        (fact.number, fact.mode) = (number, mode)
        fact.derived = initial.derived(self)
        return fact
    }
}

/// What a call is about, as far as only the world can tell.
public enum Subject: Sendable {
    case objects([Need])
    case handles([Held])
    /// An object that a queue is to tell of.
    case watch(Need, on: Held)
    /// A program to run: the file, and the interpreters that the kernel loads for it.
    case programs([PathFact])
    /// A socket address to connect or send to, or to bind.
    case address(SocketAddress)
    /// Nothing that a policy can name; the reason is for people.
    case unnameable(String)
}

/// Who makes a call, and its registers.
public struct Calling: Sendable {
    /// Tells this call from the thread's other ones.
    public let id: UInt64
    /// The call as it is to be decided on: rules may have changed its registers.
    public let stop: Stop
    /// The call as it was made.
    public let made: Stop
    public let thread: Int32
    public let process: Int32
}

/// What becomes of a call.
public enum Ruling: Equatable, Sendable {
    case allow
    case refuse(Int32)
    /// It succeeds, and nothing happens.
    case stub
    /// It is answered with these items, and nothing happens.
    case reply([Change])
    /// It is performed with these items in place of its own.
    case rewrite([Change])
    /// The whole tree ends.
    case kill
}

/// Decides calls that depend on memory. It is asked from several threads at once.
public protocol Authority: AnyObject, Sendable {
    /// What becomes of a call. `message` is the call as the caller made it.
    func judge(_ subject: Subject, _ call: Calling, _ message: @autoclosure () -> Message) -> Ruling

    /// What becomes of a call, where its registers alone say that it has no effect; nil where more is to be asked.
    func settle(_ call: Calling, _ message: @autoclosure () -> Message) -> Ruling?

    /// Whether an object is there for the program, whatever it may do with it.
    func shows(_ path: [UInt8], _ call: Calling) -> Bool

    /// Whether a policy says of an object that it is not there.
    func hides(_ path: [UInt8], _ call: Calling) -> Bool

    /// Whether entries are about what lies below a path.
    func reaches(below path: [UInt8], _ call: Calling) -> Bool

    /// Whether what a thread could still change after the decision is refused.
    var isStrict: Bool { get }

    /// Whether a process has rights to those that do not live under the policy.
    func may(_ rights: Rights, toOthers process: Int32) -> Bool

    /// What may be done through a handle.
    func rights(of held: Held, _ call: Calling) -> Rights

    /// Whether what was allowed once is allowed again, and nobody wants to be told of it.
    var remembers: Bool { get }

    /// Whether directories were given that names can lead from.
    var givesDirectories: Bool { get }
    /// Whether listening sockets were given, which make others.
    var givesListeners: Bool { get }

    /// The first process is there.
    func begins(_ process: Int32)

    /// A process was made, or runs another image.
    func created(_ child: Int32, by process: Int32)
    /// - Parameter files: all that was loaded, and the script that it was loaded for.
    func executed(_ process: Int32, _ program: [UInt8], with files: [[UInt8]])

    /// Whether another process may do what this one may not.
    func isWider(_ other: Int32, than process: Int32) -> Bool

    /// Whether the filter leaves a call to the broker.
    func isAsked(_ stop: Stop) -> Bool

    /// Whether a call of a process would be one of those that are refused unless named.
    func refuses(caseOf stop: Stop, _ process: Int32) -> Bool

    /// Whether a process may read and write the memory of its children, or of others.
    func mayUseMemory(ofOthers: Bool, _ process: Int32) -> Bool

    /// Whether a process may read the kernel's log.
    func mayReadLog(_ process: Int32) -> Bool

    /// A process has ended.
    func forget(_ process: Int32)

    /// Whether running a file asks for its digest.
    func wantsDigest(of path: [UInt8], _ process: Int32) -> Bool

    /// What was decided about the call that the event ends, or about the image that begins.
    func decisions(_ event: Event, _ stop: Stop) -> [RecordedDecision]
    /// What is to be said to people, once, where somebody asks for it.
    func remarks() -> [String]
    /// Keeps decisions for the end of the thread's call.
    func keep(_ decisions: [RecordedDecision], thread: Int32)
}

extension Subject {
    /// With the handles named as a policy names them for a process.
    func named(for process: Int32) -> Subject {
        switch self {
        case .handles(let handles): .handles(handles.map { $0.named(for: process) })
        case .watch(let need, on: let queue): .watch(need, on: queue.named(for: process))
        default: self
        }
    }

    /// What a decision asks of it.
    func facts(_ initial: InitialHandles) -> [DecisionFact] {
        switch self {
        case .objects(let needs): return needs.map { $0.fact(initial) }
        case .handles(let handles): return handles.map { $0.fact(initial) }
        case .watch(let need, on: let queue): return [need.fact(initial), queue.fact(initial)]
        case .programs(let files):
            return files.map { file in
                var fact = DecisionFact(.program, role: file.role, path: file.path)
                (fact.mode, fact.digest) = (file.kind.modeBits, file.digest)
                return fact
            }
        case .address(let address):
            var fact = DecisionFact(.address, path: address.path ?? [])
            fact.address = address.bytes
            (fact.family, fact.type, fact.protocolNumber) = (address.family, address.type, address.protocol)
            fact.isLocal = address.isLocal
            return [fact]
        case .unnameable(let reason): return [DecisionFact(.unnameable, path: Array(reason.utf8))]
        }
    }
}
