// How many processes and threads live under a policy: the kernel's own limit counts whatever else the user runs, and
// does not hold root.

import Synchronization

/// The tasks that the supervisor watches, with those that are being made.
final class Tasks: Sendable {
    private struct Count {
        var living = 1
        /// Threads that may be making a task now.
        var makers: Set<Int32> = []
    }
    private let count = Mutex(Count())
    private let limit: UInt64?

    init(limit: UInt64?) { self.limit = limit }

    /// Whether a thread may make a task. It can make no second one before the first is counted.
    func mayMake(_ thread: Int32) -> Bool {
        guard let limit else { return true }
        return count.withLock { count in
            count.makers.remove(thread)
            guard UInt64(count.living + count.makers.count) < limit else { return false }
            count.makers.insert(thread)
            return true
        }
    }

    /// What a thread was making is there, or will never be.
    func settled(_ thread: Int32) {
        guard limit != nil else { return }
        count.withLock { _ = $0.makers.remove(thread) }
    }

    func count(living: Int) {
        guard limit != nil else { return }
        count.withLock { $0.living = living }
    }
}
