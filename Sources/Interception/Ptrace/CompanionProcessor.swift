// Keeps supervisor and tracee on one processor while one waits for the other, and apart when several run.

import CLinux

/// Each stop hands the processor from the tracee to the supervisor and back. Across processors every hand-over wakes a
/// halted one, which on a virtual machine costs ten times the call itself. A tracee that makes calls in quick succession
/// therefore shares the supervisor's processor, and so do its children to begin with; one that computes for longer
/// than a wake takes gets back the processors it had, so that it runs beside the others.
///
/// A narrowed affinity is visible to the tracee, so that it is undone before any call that could show or change it.
struct CompanionProcessor {
    private var original = [UInt64](repeating: 0, count: 16)
    private var companion = [UInt64](repeating: 0, count: 16)
    /// Room for a tracee's own mask: pinning is no reason to allocate.
    private var mask = [UInt64](repeating: 0, count: 16)
    private(set) var isEnabled: Bool
    private var supervisorIsPinned = false

    /// How many short runs in a row make it likely that the next is short too: moving costs as much as a stop.
    private static let patience = 3
    /// Runs between two calls, in nanoseconds: up to here a wake of another processor would cost more.
    private static let short: Int64 = 100_000
    /// From here on it is worth a processor of its own where others run too, and where none does: then the scheduler
    /// may want to move it away from other work.
    private static let long: Int64 = 250_000, veryLong: Int64 = 1_000_000
    /// When tracees that have not stopped for long were looked for.
    private var lastLook: Int64 = 0

    init(enabled: Bool) {
        isEnabled = enabled && abitrace_get_affinity(0, &original) == 0 && abitrace_processor_count(original) > 1
        guard isEnabled else { return }
        let processor = abitrace_current_processor()
        guard processor >= 0, processor < 1024 else {
            isEnabled = false
            return
        }
        companion[Int(processor) / 64] = 1 << UInt64(processor % 64)
    }

    /// Called for a stopped thread, before it runs again. `othersRun`: other threads use processors.
    @inline(__always)
    mutating func settle(_ tracee: Tracee, othersRun: Bool) {
        guard isEnabled, tracee.lastRun >= 0 else { return }
        if tracee.isPinned {
            if tracee.lastRun > (othersRun ? Self.long : Self.veryLong) { release(tracee) }
        } else if tracee.lastRun < Self.short {
            tracee.shortRuns += 1
            if tracee.shortRuns >= Self.patience { pin(tracee) }
        } else if tracee.shortRuns > 0 {
            tracee.shortRuns = 0
        }
    }

    /// Gives tracees that have run for long without a stop their processors back; they need not stand still for it.
    @inline(__always)
    mutating func look(at tracees: [Int32: Tracee], now: Int64) {
        guard isEnabled, supervisorIsPinned, now - lastLook > Self.veryLong else { return }
        lastLook = now
        for tracee in tracees.values
        where tracee.isPinned && tracee.runsUserCode && now - tracee.resumed > Self.veryLong {
            release(tracee)
        }
    }

    private mutating func pin(_ tracee: Tracee) {
        if !supervisorIsPinned {
            guard abitrace_set_affinity(0, companion) == 0 else {
                isEnabled = false
                return
            }
            supervisorIsPinned = true
        }
        // A tracee that was given an affinity of its own keeps it.
        guard abitrace_get_affinity(tracee.thread, &mask) == 0, mask == original,
            abitrace_set_affinity(tracee.thread, companion) == 0
        else {
            tracee.shortRuns = Int.min / 2
            return
        }
        tracee.isPinned = true
    }

    /// Gives a thread its processors back.
    mutating func release(_ tracee: Tracee) {
        guard tracee.isPinned else { return }
        _ = abitrace_set_affinity(tracee.thread, original)
        tracee.isPinned = false
        tracee.shortRuns = 0
    }

    /// A child inherits its maker's narrowed affinity (sched_setaffinity(2)), and keeps it as its maker does. Of one
    /// whose maker is gone nobody knows.
    mutating func adopt(_ child: Tracee, of parent: Tracee?) {
        child.isPinned = parent?.isPinned ?? supervisorIsPinned
        if parent == nil { release(child) }
    }
}
