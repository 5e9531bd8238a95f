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
    /// Names that are known to be today's, by personality and number.
    private var confirmed = [[String]](repeating: [], count: Personality.allCases.count)
    private var record = Record.none

    /// Whether an event is beyond what is wanted: none is handed out from there on.
    public var isBeyond: ((borrowing Event) -> Bool)?

    public init(_ reader: RecordingReader) { self.reader = reader }

    /// What of the recording was not handed out, nil where that is nothing. Known at its end.
    public var incompleteness: String? {
        let unknown = reader.unknownRecords
        let passed = unknown > 0 ? "\(unknown) records were passed over: this version has no word for them" : nil
        let remarks = [passed, reader.truncation].compactMap { $0 }
        return remarks.isEmpty ? nil : remarks.joined(separator: "; ")
    }

    public mutating func next(
        _ event: inout Event, _ snapshot: inout Snapshot, interrupted: inout Bool
    ) throws(TraceError) -> Bool {
        interrupted = false
        do {
            guard try reader.next(into: &record) else { return false }
        } catch {
            throw .recording(error.description)
        }
        if isBeyond?(record.event) ?? false { return false }
        event = record.event
        swap(&snapshot, &record.snapshot)
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
        if name.isEmpty || isConfirmed(stop, name) { return }
        let key = stop.personality.name + " " + name
        if let number = renumbered[key] {
            stop.number = number
            return
        }
        guard let number = SpecTables.number(of: name, stop.personality) else { return }
        renumbered[key] = number
        stop.number = number
    }

    private mutating func isConfirmed(_ stop: Stop, _ name: String) -> Bool {
        guard stop.number < 1024 else { return stop.name == name }
        let (table, number) = (Int(stop.personality.rawValue), Int(stop.number))
        if number < confirmed[table].count, confirmed[table][number] == name { return true }
        guard stop.name == name else { return false }
        while confirmed[table].count <= number { confirmed[table].append("") }
        confirmed[table][number] = name
        return true
    }
}
