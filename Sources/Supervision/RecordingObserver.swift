// The recorder: every event goes into the recording as it is.

import Glibc
import Messages
import Personalities
import Recording

/// Writes what it sees into a recording.
public final class RecordingObserver: Observer {
    private let writer: RecordingWriter
    private var lastFlush: Int64 = 0
    private var sinceFlush = 0

    /// A killed supervisor loses at most what is younger than this.
    private static let flushInterval: Int64 = 200_000_000

    /// - Throws: `RecordingError` where the file cannot be written.
    public init(path: String, command: [String]) throws {
        writer = try RecordingWriter(
            path: path, command: command.map { Array($0.utf8) }, machine: Self.machine(), spec: "1",
            topics: ["/life"] + OperationClass.allCases.map { "/" + $0.name })
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
                    copy event, snapshot: copy snapshot, call: row.name, operation: operation.name,
                    topic: 1 + Int(operation.operationClass.rawValue))
            } else {
                try writer.append(
                    copy event, snapshot: copy snapshot, call: stop.name, operation: Operation.voidCall.name,
                    topic: 1 + Int(Operation.voidCall.operationClass.rawValue))
            }
        default:
            try writer.append(copy event, snapshot: Snapshot(), call: "", operation: "", topic: 0)
        }
        sinceFlush += 1
        if time - lastFlush > Self.flushInterval { try flush(time) }
    }

    private func flush(_ time: Int64) throws {
        lastFlush = time
        sinceFlush = 0
        try writer.flush()
    }

    public func tick() throws {
        if sinceFlush > 0 { try flush(lastFlush) }
    }

    public func finish() throws { try writer.close() }
}
