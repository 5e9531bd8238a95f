// Replays a recording: the recorded stops and snapshots, as if they happened now.

import Messages
import Personalities
import Recording

/// An interceptor whose tracees are records.
public struct ReplayInterceptor: Interceptor {
    private var reader: RecordingReader
    /// Entries whose call has not come back, by thread: an exit's registers are those of its entry.
    private var pending: [Int32: (id: UInt64, stop: Stop)] = [:]
    /// Numbers by name, for tables that have changed since the recording.
    private var renumbered: [String: UInt64] = [:]

    public init(_ reader: RecordingReader) { self.reader = reader }

    /// What is missing at the recording's end, nil where it is whole.
    public var truncation: String? { reader.truncation }

    public mutating func next(
        _ event: inout Event, _ snapshot: inout Snapshot, interrupted: inout Bool
    ) throws(TraceError) -> Bool {
        interrupted = false
        let record: Record?
        do {
            record = try reader.next()
        } catch {
            throw .recording(error.description)
        }
        guard let record else { return false }
        event = record.event
        snapshot = record.snapshot
        switch event.happening {
        case .entry:
            renumber(&snapshot.stop, as: record.call)
            pending[event.thread] = (event.id, snapshot.stop)
        case .exit:
            if let entry = pending.removeValue(forKey: event.thread), entry.id == event.id {
                snapshot.stop = entry.stop
            } else {
                renumber(&snapshot.stop, as: record.call)
            }
        case .executed(let former):
            if former != event.thread, let entry = pending.removeValue(forKey: former) {
                pending[event.thread] = entry
            }
        case .exited, .killed, .detached: pending[event.thread] = nil
        default: break
        }
        return true
    }

    public mutating func resume(_ event: borrowing Event, _ plan: Plan) {}

    /// A recording's meaning is in its names: where today's table gives the name another number, that number counts.
    private mutating func renumber(_ stop: inout Stop, as name: String) {
        guard !name.isEmpty, stop.name != name else { return }
        let key = stop.personality.name + " " + name
        if let number = renumbered[key] {
            stop.number = number
            return
        }
        guard let number = SpecTables.number(of: name, stop.personality) else { return }
        renumbered[key] = number
        stop.number = number
    }
}
