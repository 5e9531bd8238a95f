// What replay must hold to: the events and snapshots that were recorded, told by today's numbers.

import Glibc
import Interception
import Messages
import Personalities
import Recording
import Testing

/// The path of a temporary file, gone with this object.
private final class ScratchFile {
    let path: String

    init() {
        var template = Array("/tmp/abitrace-replay-XXXXXX".utf8CString)
        close(mkstemp(&template))
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { unlink(path) }
}

private func snapshot(
    _ number: UInt64, _ arguments: RawArguments, _ personality: Personality = .x86_64
) -> Snapshot {
    Snapshot(
        stop: Stop(personality: personality, number: number, arguments: arguments, instructionPointer: 0x40_1000))
}

private func record(
    _ happening: Happening, thread: Int32 = 100, id: UInt64 = 0, snapshot: Snapshot = Snapshot(), call: String = ""
) -> Record {
    Record(
        event: Event(thread: thread, process: 100, time: 1_700_000_000_000_000_000, id: id, happening: happening),
        snapshot: snapshot, call: call, operation: call.isEmpty ? "" : "file.open")
}

private func write(_ records: [Record], to file: ScratchFile) throws {
    let writer = try RecordingWriter(path: file.path, command: [Array("true".utf8)], machine: [("kernel", "6.1")])
    for (index, record) in records.enumerated() {
        var event = record.event
        event.time += Int64(index)
        try writer.append(event, snapshot: record.snapshot, call: record.call, operation: record.operation, topic: 0)
    }
    try writer.close()
}

/// Everything that a replay of the records yields.
private func replay(_ records: [Record]) throws -> [(event: Event, snapshot: Snapshot)] {
    let file = ScratchFile()
    try write(records, to: file)
    var interceptor = ReplayInterceptor(try RecordingReader(path: file.path))
    var (event, snapshot) = (Event(thread: -1, process: -1, time: -1, happening: .detached), Snapshot())
    snapshot.add(address: 1, bytes: [1, 2, 3], wanted: 3)
    var yielded: [(event: Event, snapshot: Snapshot)] = []
    var interrupted = true
    while try interceptor.next(&event, &snapshot, interrupted: &interrupted) {
        #expect(!interrupted)
        yielded.append((event, snapshot))
        interceptor.resume(event, .proceed)
    }
    for _ in 0..<3 {
        let isMore = try interceptor.next(&event, &snapshot, interrupted: &interrupted)
        #expect(!isMore, "nothing follows the end")
    }
    #expect(interceptor.incompleteness == nil)
    return yielded
}

/// The life of a process: it starts, opens a file, gets a signal, runs another image and ends.
private func lifeOfAProcess() -> [Record] {
    let openat = RawArguments(0xFFFF_FF9C, 0x7FFF_0000, 0, 0)
    var opening = snapshot(257, openat)
    opening.add(address: 0x7FFF_0000, bytes: Array("/etc/passwd".utf8), wanted: 11)
    let read = RawArguments(3, 0x6000, 4096)
    var reading = snapshot(0, read)
    reading.add(address: 0x6000, bytes: Array("root".utf8), wanted: 2000)
    reading.add(address: 0x9000, bytes: [], wanted: 8, errno: EFAULT)
    let execve = RawArguments(0x7000, 0x7100, 0x7200)
    return [
        record(.started(parent: 0, attached: false)),
        record(.entry, id: 1, snapshot: opening, call: "openat"),
        record(.exit(result: 3), id: 1, snapshot: snapshot(257, openat), call: "openat"),
        record(.created(child: 101, how: .clone)),
        record(.started(parent: 100, attached: false), thread: 101),
        record(.entry, id: 2, snapshot: snapshot(0, read), call: "read"),
        record(.entry, thread: 101, id: 3, snapshot: snapshot(59, execve), call: "execve"),
        record(.exit(result: 2000), id: 2, snapshot: reading, call: "read"),
        record(.signal(SignalInfo(number: 17, code: 1, rest: Array(0..<112)))),
        record(.stopped(signal: 19)), record(.continued),
        record(.executed(former: 101)),
        record(.exit(result: 0), id: 3, snapshot: snapshot(59, execve), call: "execve"),
        record(.entry, id: 4, snapshot: snapshot(231, RawArguments(7)), call: "exit_group"),
        record(.exited(status: 7)),
    ]
}

@Suite struct ReplayTests {
    @Test func everythingComesAsItWasRecorded() throws {
        let records = lifeOfAProcess()
        let yielded = try replay(records)
        try #require(yielded.count == records.count)
        for (index, record) in records.enumerated() {
            var event = record.event
            event.time += Int64(index)
            #expect(yielded[index].event == event)
            #expect(yielded[index].snapshot == record.snapshot)
        }
    }

    /// The name counts: an entry by another number gets today's, and its exit too.
    @Test(arguments: [(Personality.x86_64, UInt64(257)), (.i386, 295)])
    func wrongNumbersAreMapped(personality: Personality, number: UInt64) throws {
        let arguments = RawArguments(1, 2, 3, 4, 5, 6)
        let recorded = snapshot(999, arguments, personality)
        let yielded = try replay([
            record(.entry, id: 1, snapshot: recorded, call: "openat"),
            record(.exit(result: 3), id: 1, snapshot: recorded, call: "openat"),
            // A number of another call, and once more for what was remembered.
            record(.entry, id: 2, snapshot: snapshot(1, arguments, personality), call: "openat"),
            record(.exit(result: 4), id: 2, snapshot: snapshot(1, arguments, personality), call: "openat"),
        ])
        #expect(yielded.map(\.snapshot.stop.number) == [number, number, number, number])
        #expect(yielded.allSatisfy { $0.snapshot.stop.name == "openat" })
        #expect(yielded.allSatisfy { $0.snapshot.stop.arguments == arguments })
        #expect(yielded.allSatisfy { $0.snapshot.stop.personality == personality })
    }

    /// Each personality has its own numbers, also for a name that was looked up for the other one.
    @Test func numbersAreMappedInTheirPersonality() throws {
        let yielded = try replay([
            record(.entry, id: 1, snapshot: snapshot(999, RawArguments(), .i386), call: "read"),
            record(.entry, id: 2, snapshot: snapshot(999, RawArguments(), .x86_64), call: "read"),
            record(.entry, id: 3, snapshot: snapshot(998, RawArguments(), .i386), call: "read"),
        ])
        #expect(yielded.map(\.snapshot.stop.number) == [3, 0, 3])
    }

    /// A name that no table has, and none, leave the number as it was.
    @Test(arguments: ["", "no_such_call", "syscall_0x3e7"]) func otherNumbersStay(name: String) throws {
        let yielded = try replay([
            record(.entry, id: 1, snapshot: snapshot(999, RawArguments(1)), call: name),
            record(.exit(result: -38), id: 1, snapshot: snapshot(999, RawArguments(1)), call: name),
        ])
        #expect(yielded.map(\.snapshot.stop.number) == [999, 999])
    }

    /// An exit whose entry came before the recording is told by its own name.
    @Test func exitWithoutEntryIsMapped() throws {
        var left = snapshot(999, RawArguments(3, 0x6000, 10))
        left.add(address: 0x6000, bytes: [65], wanted: 1)
        let yielded = try replay([record(.exit(result: 1), id: 9, snapshot: left, call: "read")])
        var expected = left
        expected.stop.number = 0
        #expect(yielded.map(\.snapshot) == [expected])
    }

    /// An exit has the registers of its entry even where it was recorded with others, but its own memory.
    @Test func exitHasTheRegistersOfItsEntry() throws {
        var left = snapshot(0, RawArguments())
        left.add(address: 0x6000, bytes: [65], wanted: 1)
        let made = snapshot(0, RawArguments(3, 0x6000, 10))
        let yielded = try replay([
            record(.entry, thread: 101, id: 1, snapshot: made, call: "read"),
            record(.entry, id: 2, snapshot: snapshot(3, RawArguments(8)), call: "close"),
            record(.exit(result: 1), thread: 101, id: 1, snapshot: left, call: "read"),
            record(.exit(result: 0), id: 7, snapshot: snapshot(3, RawArguments(9)), call: "close"),
        ])
        try #require(yielded.count == 4)
        #expect(yielded[2].snapshot.stop == made.stop)
        #expect(yielded[2].snapshot.bytes(at: 0x6000, count: 1) == [65])
        #expect(yielded[3].snapshot.stop.arguments == RawArguments(9), "of another call nothing is taken")
    }

    /// A thread that runs another image takes the leader's id, and its call comes back under that.
    @Test func exitAfterExecutionBelongsToTheFormerThread() throws {
        let made = snapshot(59, RawArguments(0x7000, 0x7100, 0x7200))
        let yielded = try replay([
            record(.entry, thread: 101, id: 5, snapshot: made, call: "execve"),
            record(.executed(former: 101)),
            record(.exit(result: 0), id: 5, snapshot: snapshot(59, RawArguments()), call: "execve"),
        ])
        #expect(yielded.last?.snapshot.stop == made.stop)
    }

    /// The end of a thread ends its call: a later thread of the same id begins anew.
    @Test(arguments: [Happening.exited(status: 0), .killed(signal: 9, dumpedCore: false), .detached])
    func endOfAThreadEndsItsCall(end: Happening) throws {
        let yielded = try replay([
            record(.entry, id: 1, snapshot: snapshot(0, RawArguments(3)), call: "read"),
            record(end),
            record(.exit(result: 0), id: 1, snapshot: snapshot(3, RawArguments(4)), call: "close"),
        ])
        #expect(yielded.last?.snapshot.stop == snapshot(3, RawArguments(4)).stop)
    }

    @Test func aCutRecordingSaysSo() throws {
        let file = ScratchFile()
        try write(lifeOfAProcess(), to: file)
        let descriptor = open(file.path, O_RDWR | O_CLOEXEC)
        defer { close(descriptor) }
        var status = stat()
        fstat(descriptor, &status)
        #expect(ftruncate(descriptor, status.st_size / 2) == 0)
        var interceptor = ReplayInterceptor(try RecordingReader(path: file.path))
        var (event, snapshot) = (Event(thread: 0, process: 0, time: 0, happening: .entry), Snapshot())
        var interrupted = false
        var count = 0
        while try interceptor.next(&event, &snapshot, interrupted: &interrupted) { count += 1 }
        #expect(count < lifeOfAProcess().count)
        #expect(interceptor.incompleteness != nil)
    }
}
