// A record: an event and its snapshot as a recording keeps them, with the names that give them meaning.

import Messages

/// One event as read from a recording.
public struct Record: Equatable, Sendable {
    public var event: Event
    /// The stop and the memory that was captured at it.
    public var snapshot: Snapshot
    /// The call's name, empty for what is not a call.
    public var call: String
    /// The operation's name, such as `file.open`, empty for what is not a call.
    public var operation: String

    public init(event: Event, snapshot: Snapshot, call: String, operation: String) {
        self.event = event
        self.snapshot = snapshot
        self.call = call
        self.operation = operation
    }

    /// Room for a record.
    public static var none: Record {
        Record(
            event: Event(thread: 0, process: 0, time: 0, happening: .detached), snapshot: Snapshot(), call: "",
            operation: "")
    }
}
