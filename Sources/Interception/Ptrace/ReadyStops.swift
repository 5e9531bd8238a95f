// The threads that have something to report, in turns: the kernel names the oldest thread first, each time it is asked.

import CLinux
import Glibc

/// Wait statuses that were collected and not yet looked at. wait4 walks its threads from the first on: whoever answers
/// after each takes the first that is ready, and busy threads at the front starve the others.
struct ReadyStops {
    private var stops: [(thread: Int32, status: Int32)] = []
    private var position = 0

    var isEmpty: Bool { position == stops.count }
    var rest: ArraySlice<(thread: Int32, status: Int32)> { stops[position...] }

    mutating func next() -> (thread: Int32, status: Int32)? {
        guard position < stops.count else { return nil }
        defer { position += 1 }
        return stops[position]
    }

    /// Waits for one thread, and with `all` takes whoever else is ready too. Answers 0 or a negative errno: -EAGAIN
    /// where nobody is ready and `waits` is false.
    mutating func collect(all: Bool, waits: Bool = true) -> Int32 {
        stops.removeAll(keepingCapacity: true)
        position = 0
        var status: Int32 = 0
        var thread = abitrace_wait(&status, waits ? 1 : 0)
        guard thread > 0 else { return thread == 0 ? -EAGAIN : thread }
        repeat {
            stops.append((thread, status))
            guard all else { break }
            thread = abitrace_wait(&status, 0)
        } while thread > 0
        return 0
    }
}
