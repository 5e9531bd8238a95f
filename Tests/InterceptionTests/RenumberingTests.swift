// Renumbering harms nobody: a recording of a build whose tables gave every call another number still says the same.

import Glibc
import Interception
import Messages
import Personalities
import Recording
import Testing

@Suite struct RenumberingTests {
    private static let arguments = RawArguments(3, 0x5000, 7, 0x6000, 1, 2)

    private func stop(_ personality: Personality, _ number: UInt64) -> Stop {
        Stop(personality: personality, number: number, arguments: Self.arguments)
    }

    /// An entry and an exit of each call, under the number that `renumbered` gives it.
    private func write(
        _ numbers: [UInt64], _ personality: Personality, renumbered: (Int) -> UInt64, to path: String
    ) throws {
        let writer = try RecordingWriter(path: path, command: [Array("true".utf8)], machine: [("kernel", "6.1")])
        for (index, number) in numbers.enumerated() {
            let row = try #require(SpecTables.row(personality, number))
            let snapshot = Snapshot(stop: stop(personality, renumbered(index)))
            for happening in [Happening.entry, .exit(result: -2)] {
                try writer.append(
                    Event(thread: 9, process: 9, time: Int64(index), id: UInt64(index + 1), happening: happening),
                    snapshot: snapshot, call: row.name, operation: row.operation.name, topic: 0)
            }
        }
        try writer.close()
    }

    private func messages(of path: String) throws -> [Message] {
        var interceptor = ReplayInterceptor(try RecordingReader(path: path))
        var (event, snapshot) = (Event(thread: 0, process: 0, time: 0, happening: .detached), Snapshot())
        var messages: [Message] = []
        var interrupted = false
        while try interceptor.next(&event, &snapshot, interrupted: &interrupted) {
            if case .exit(let result) = event.happening {
                var message = messages.removeLast()
                Decoder().exit(&message, snapshot, result: result)
                messages.append(message)
            } else {
                messages.append(Decoder().entry(snapshot))
            }
        }
        return messages
    }

    @Test(arguments: Personality.allCases) func everyCallUnderAnotherNumber(personality: Personality) throws {
        let numbers = (UInt64(0)...600).filter { SpecTables.row(personality, $0) != nil }
        #expect(numbers.count > 380)
        let path = "/tmp/abitrace-renumbering-\(personality.name)-\(getpid())"
        defer { unlink(path) }
        try write(numbers, personality, renumbered: { numbers[$0] }, to: path)
        let expected = try messages(of: path)
        // Every call under the number of another one, and then under numbers that no table has.
        for renumbered in [{ numbers[($0 + 101) % numbers.count] }, { UInt64(2000 + $0) }] {
            try write(numbers, personality, renumbered: renumbered, to: path)
            let replayed = try messages(of: path)
            #expect(replayed.count == numbers.count)
            #expect(replayed == expected)
            #expect(replayed.map(\.name) == numbers.map { SpecTables.row(personality, $0)?.name })
        }
    }
}
