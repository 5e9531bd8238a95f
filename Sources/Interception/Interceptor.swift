// The contract of an interceptor: one way to see calls, live or recorded.

import Messages

/// What to do with a thread that an event left waiting.
public enum Plan: Equatable, Sendable {
    /// Let it go on, with the signal that it was about to get.
    case proceed
    /// Let it go on without that signal.
    case suppressSignal
}

/// A source of events. The supervisor's loop is `next`, look, `resume`, over and over, whichever interceptor it is.
///
/// 1. `next` yields every event of every thread under watch, one at a time, in an order in which each thread's own
///    events keep theirs: `started` first, `exited`, `killed` or `detached` last.
/// 2. After `entry`, `exit`, `signal`, `stopped`, `created` and `executed` the thread stands still until `resume`.
///    The others end nothing that waits, and `resume` after them does nothing.
/// 3. At an `entry` the snapshot holds the registers and all memory that the call's row reads at entry; at an
///    `exit`, the registers as they were at entry and the memory that the row reads at exit. Memory is read once.
/// 4. Memory that cannot be read is a region with an errno. No interceptor makes up bytes.
/// 5. An `exit` carries the id of its `entry`. A call without a return has an entry only. A call that was under
///    way when the watch began has neither.
/// 6. A thread that vanishes between two events is not an error; its end is the next event of that thread.
/// 7. `next` answers false when no thread is left, and never again true.
/// 8. `next` answers with `interrupted` set, and no event, when a signal asks the supervisor to look up.
/// 9. Replay yields what was recorded: the same events, the same snapshots. It has no threads, so `resume` only
///    compares.
public protocol Interceptor {
    /// Waits for the next event. False when there is none and none will come.
    mutating func next(_ event: inout Event, _ snapshot: inout Snapshot, interrupted: inout Bool) throws(TraceError)
        -> Bool
    /// Lets the thread of the event go on.
    mutating func resume(_ event: borrowing Event, _ plan: Plan) throws(TraceError)
}
