// Decisions on their way from the broker's threads to whoever watches: each waits for the end of its call.

import Interception
import Messages
import Synchronization

/// What was decided about the calls of each thread. Threads of the broker write, the supervisor's loop reads: a call is
/// decided before its answer lets it end.
public final class DecisionLog: Sendable {
    fileprivate struct Entry {
        /// The call that it is about, nil for the next that ends.
        let stop: Stop?
        let decision: RecordedDecision
        /// When it was made, where calls are seen late.
        var time: Int64 = .min
    }

    private let pending = Mutex<[Int32: [Entry]]>([:])
    /// Calls are seen some time after they ended, and others of the same thread may have been decided meanwhile.
    private let isLate: Bool

    public init(isLate: Bool = false) { self.isLate = isLate }

    func add(_ decision: RecordedDecision, thread: Int32, stop: Stop) {
        let time = isLate ? MonotonicClock.shared.now() : .min
        pending.withLock { $0[thread, default: []].append(Entry(stop: stop, decision: decision, time: time)) }
    }

    /// What was decided about the call that the event ends, once.
    func take(_ event: Event, _ stop: Stop) -> [RecordedDecision] {
        pending.withLock { pending in
            guard isLate, let entries = pending[event.thread] else {
                return (pending.removeValue(forKey: event.thread) ?? []).map(\.decision)
            }
            switch event.happening {
            case .entry: return []
            case .exit:
                // What is decided later is about a later call, which may have the same registers.
                let end = entries.firstIndex { $0.time > event.time } ?? entries.endIndex
                pending[event.thread] = end == entries.endIndex ? nil : Array(entries[end...])
                // The others belong to calls whose end nobody saw.
                return entries[..<end].filter { $0.isAbout(stop) }.map(\.decision)
            default: return (pending.removeValue(forKey: event.thread) ?? []).map(\.decision)
            }
        }
    }

    func put(_ decisions: [RecordedDecision], thread: Int32) {
        guard !decisions.isEmpty else { return }
        pending.withLock { $0[thread] = decisions.map { Entry(stop: nil, decision: $0) } }
    }
}

extension DecisionLog.Entry {
    /// The filter's own words for a call are the kernel's: number and registers.
    fileprivate func isAbout(_ other: Stop) -> Bool {
        guard let stop else { return true }
        return stop.personality == other.personality && stop.number == other.number
            && stop.arguments == other.arguments
    }
}
