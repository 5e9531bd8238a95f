// What an interceptor of living threads can do besides the contract: take them under watch and let them go.

/// An interceptor of living threads.
public protocol LiveInterceptor: Interceptor {
    /// Told of each thread that is about to end, while it has all that it had and nobody can see that it ends; nil, as
    /// it is at first: nobody wants to know. To be set before a thread is under watch.
    var ending: ((Int32) -> Void)? { get set }
    /// Takes a launched child under watch; a byte written to `go` lets it run. Its calls are shown from its exec on.
    mutating func adopt(launched child: Int32, go: Int32) throws(TraceError)
    /// Takes a running process with all its threads under watch, and answers how many they are.
    mutating func attach(process: Int32) throws(TraceError) -> Int
    /// Lets every thread go and leaves it as it would be without us. Events go to `next`.
    mutating func detachAll()
    /// Kills every process under watch.
    func killAll()
    /// How many processes and threads are watched.
    var taskCount: Int { get }
    /// Sends a signal to every process under watch, as its sender meant it.
    func forward(signal: Int32)
    /// Whether job control has stopped every thread of the processes that count, and there are any.
    func areStopped(_ counts: (Int32) -> Bool) -> Bool
    func isAlive(process: Int32) -> Bool
    /// Whether calls are seen some time after they ended, their threads running on meanwhile.
    static var seesCallsLate: Bool { get }
    /// Whether calls stop that a filter in the kernel chose: without a tracer they would fail (seccomp(2)).
    var stopsByFilter: Bool { get }
    /// How many calls were seen and could not be kept.
    var lostCalls: UInt64 { get }
}

extension PtraceInterceptor: LiveInterceptor {
    public static var seesCallsLate: Bool { false }
    /// A thread stands still until its call is kept.
    public var lostCalls: UInt64 { 0 }
}
