// The recorder: every event goes into the recording as it is.

import CLinux
import Glibc
import Messages
import Personalities
import Recording

/// Writes what it sees into a recording.
public final class RecordingObserver: Observer {
    private let writer: RecordingWriter
    private var lastHandOver: Int64 = 0
    /// Records have gathered since then.
    private var isWaiting = false

    /// A killed supervisor loses at most what is younger than twice this: what was handed over at one time is in the
    /// file at the next.
    private static let interval: Int64 = 100_000_000

    /// How much the recording's file held the program up.
    public var backpressure: Backpressure { writer.backpressure }

    /// - Parameter policy: what the command is held to, in parts with names.
    /// - Throws: `RecordingError` where the file cannot be written.
    /// - Parameter interceptor: how calls are seen, which the recording says.
    public init(
        path: String, command: [String], policy: [(name: String, text: [UInt8])] = [], interceptor: String = "ptrace"
    ) throws {
        // The thread that writes goes where we may go, not where we happen to be pinned when it is made.
        var processors = [UInt64](repeating: 0, count: 16)
        let isKnown = abitrace_get_affinity(0, &processors) == 0
        writer = try RecordingWriter(
            path: path, command: command.map { Array($0.utf8) },
            machine: Self.machine() + [("interceptor", interceptor)], spec: "1", policy: policy,
            topics: ["/life"] + OperationClass.allCases.map { "/" + $0.name },
            onThread: { [processors] in if isKnown { _ = abitrace_set_affinity(0, processors) } })
    }

    private static func machine() -> [(String, String)] {
        var name = utsname()
        guard uname(&name) == 0 else { return [] }
        return [
            ("kernel", Self.text(&name.release)), ("version", Self.text(&name.version)),
            ("machine", Self.text(&name.machine)),
        ]
    }

    private static func text<Tuple>(_ tuple: inout Tuple) -> String {
        withUnsafeBytes(of: &tuple) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }

    public func see(_ event: borrowing Event, _ snapshot: borrowing Snapshot) throws {
        let time = event.time
        switch event.happening {
        case .entry, .exit:
            let stop = snapshot.stop
            if let row = SpecTables.row(stop.personality, stop.number) {
                let operation = row.operation(stop.arguments)
                try writer.append(
                    event, snapshot: snapshot, call: row.name, operation: operation.name,
                    topic: 1 + Int(operation.operationClass.rawValue))
            } else {
                try writer.append(
                    event, snapshot: snapshot, call: stop.name, operation: Operation.voidCall.name,
                    topic: 1 + Int(Operation.voidCall.operationClass.rawValue))
            }
        default:
            try writer.append(event, snapshot: snapshot, call: "", operation: "", topic: 0)
        }
        if time - lastHandOver > Self.interval { try handOver(time) } else { isWaiting = true }
    }

    private func handOver(_ time: Int64) throws {
        lastHandOver = time
        isWaiting = false
        try writer.handOver()
    }

    public func tick() throws {
        if isWaiting { try handOver(lastHandOver) }
    }

    public func finish() throws { try writer.close() }
}
