// An event: one thing that happened to a thread under watch, live or replayed.

/// How a process came to be.
public enum Creation: UInt8, Sendable, Equatable {
    case fork = 1
    case vfork = 2
    case clone = 3
}

/// What happened. Every interceptor yields these and nothing else.
public enum Happening: Equatable, Sendable {
    /// A thread came under watch. `parent` is the thread that made it, 0 for the first and for attached ones.
    case started(parent: Int32, attached: Bool)
    /// A call was made; the snapshot holds its registers and what it points to.
    case entry
    /// A call returned; the snapshot holds its registers as at entry and what the kernel wrote. `result` is
    /// what the kernel left in the result register.
    case exit(result: Int64)
    /// A thread made another.
    case created(child: Int32, how: Creation)
    /// A new image runs. `former` is the id of the thread that called exec; threads other than it are gone.
    case executed(former: Int32)
    /// A signal is about to be delivered.
    case signal(SignalInfo)
    /// The process was stopped by a signal (job control), or runs again.
    case stopped(signal: Int32)
    case continued
    /// The thread ended.
    case exited(status: Int32)
    case killed(signal: Int32, dumpedCore: Bool)
    /// The supervisor let go of it.
    case detached
    /// So many of the thread's calls were seen and could not be kept; its other events go on.
    case lost(calls: UInt64)
}

/// The parts of `siginfo_t` that say where a signal came from (sigaction(2)).
public struct SignalInfo: Equatable, Sendable {
    public var number: Int32
    public var code: Int32
    public var errno: Int32
    /// The 112 bytes after the three leading numbers, whose meaning depends on number and code.
    public var rest: [UInt8]

    public init(number: Int32, code: Int32 = 0, errno: Int32 = 0, rest: [UInt8] = []) {
        self.number = number
        self.code = code
        self.errno = errno
        self.rest = rest
    }
}

/// An event with its place and time.
public struct Event: Equatable, Sendable {
    /// The thread's id.
    public var thread: Int32
    /// The id of the process it belongs to.
    public var process: Int32
    /// Nanoseconds since 1970.
    public var time: Int64
    /// Joins an exit to its entry: the same number on both, 0 for what is not a call.
    public var id: UInt64
    /// At an entry: the id of the interrupted call that this one takes up again, 0 for none.
    public var restarts: UInt64 = 0
    public var happening: Happening

    public init(thread: Int32, process: Int32, time: Int64, id: UInt64 = 0, happening: Happening) {
        self.thread = thread
        self.process = process
        self.time = time
        self.id = id
        self.happening = happening
    }
}
