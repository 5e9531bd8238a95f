// Keeps supervisor and tracee on one processor while one waits for the other, and apart when several run.

import CLinux

/// Where a single tracee is traced, each stop hands the processor from one to the other and back. Across processors
/// every hand-over wakes a halted one, which on a virtual machine costs ten times the call itself. While exactly one
/// tracee runs, supervisor and tracee therefore share a processor; as soon as another runs too, both get back
/// the processors they had.
///
/// A narrowed affinity is visible to the tracee, so that it is undone before any call that could show or change it.
struct CompanionProcessor {
    private var original = [UInt64](repeating: 0, count: 16)
    private var companion = [UInt64](repeating: 0, count: 16)
    private(set) var isEnabled: Bool
    private var supervisorIsPinned = false

    /// How many stops alone make it likely that the next is alone too: moving costs as much as a stop.
    private static let patience = 3

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
        guard isEnabled else { return }
        if othersRun {
            tracee.stopsAlone = 0
            if tracee.isPinned { release(tracee) }
        } else if !tracee.isPinned {
            tracee.stopsAlone += 1
            if tracee.stopsAlone >= Self.patience { pin(tracee) }
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
        var mask = [UInt64](repeating: 0, count: 16)
        // A tracee that was given an affinity of its own keeps it.
        guard abitrace_get_affinity(tracee.thread, &mask) == 0, mask == original,
            abitrace_set_affinity(tracee.thread, companion) == 0
        else {
            tracee.stopsAlone = Int.min / 2
            return
        }
        tracee.isPinned = true
    }

    /// Gives a stopped thread its processors back.
    mutating func release(_ tracee: Tracee) {
        guard tracee.isPinned else { return }
        _ = abitrace_set_affinity(tracee.thread, original)
        tracee.isPinned = false
        tracee.stopsAlone = 0
    }

    /// A child inherits its maker's narrowed affinity (sched_setaffinity(2)).
    mutating func adopt(_ child: Tracee, of parent: Tracee?) {
        child.isPinned = parent?.isPinned ?? false
        release(child)
    }
}
