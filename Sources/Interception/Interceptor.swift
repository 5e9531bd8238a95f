// The contract of an interceptor: one way to see calls, live or recorded.

import Messages

/// What to do with a thread that an event left waiting.
public enum Plan: Equatable, Sendable {
    /// Let it go on, with the signal that it was about to get.
    case proceed
    /// Let it go on without that signal.
    case suppressSignal
    /// After `executed`: let it go on unwatched.
    case letGo
    /// After `entry`: answer the call in the kernel's place, or send a signal with it.
    case inject(Injection)
}

/// What is done to a call from outside.
public struct Injection: Equatable, Sendable {
    /// The call is not made, and this is left in the result register: -4095 to -1 for an errno. Nil: it is made.
    public var result: Int64?
    /// Sent to the thread as it makes the call, 0 for none.
    public var signal: Int32
    /// With a result: the number of the call that is made instead; -1 for none at all.
    public var substitute = -1
    /// How long the thread stands still before the call and after it, in nanoseconds.
    public var delayBefore: Int64 = 0
    public var delayAfter: Int64 = 0

    public init(result: Int64? = nil, signal: Int32 = 0) {
        self.result = result
        self.signal = signal
    }
}

/// A source of events. The supervisor's loop is `next`, look, `resume`, over and over, whichever interceptor it is.
///
/// 1. `next` yields every event of every thread under watch, one at a time, in an order in which each thread's own
///    events keep theirs: `started` first, `exited`, `killed` or `detached` last.
/// 2. After `entry`, `exit`, `signal`, `stopped`, `created` and `executed` the thread stands still until `resume`.
///    The others end nothing that waits, and `resume` after them does nothing. An interceptor that sees calls late
///    (`LiveInterceptor.seesCallsLate`) lets the thread run on at `entry` and `exit`, and holds the rest.
/// 3. At an `entry` the snapshot holds the registers and all memory that the call's row reads at entry; at an
///    `exit`, the registers as they were at entry and the memory that the row reads at exit. Memory is read once.
///    Of a call that nobody asked for (`CallInterest`) there may be registers alone.
/// 4. Memory that cannot be read is a region with an errno. No interceptor makes up bytes.
/// 5. An `exit` carries the id of its `entry`. A call without a return has an entry only. A call that was under
///    way when the watch began has neither.
/// 6. A thread that vanishes between two events is not an error; its end is the next event of that thread.
/// 7. `next` answers false when no thread is left, and never again true.
/// 8. `next` answers with `interrupted` set, and no event, when a signal asks the supervisor to look up.
///    `lost` says that calls of the thread are missing at that place, and how many: nothing is lost in silence.
/// 9. Replay yields what was recorded: the same events, the same snapshots. It has no threads, so `resume` only
///    compares.
public protocol Interceptor {
    /// Waits for the next event. False when there is none and none will come.
    mutating func next(_ event: inout Event, _ snapshot: inout Snapshot, interrupted: inout Bool) throws(TraceError)
        -> Bool
    /// Lets the thread of the event go on.
    mutating func resume(_ event: borrowing Event, _ plan: Plan) throws(TraceError)
}
