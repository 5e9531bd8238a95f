// From a record of the kernel's program to an event and its snapshot.

import CBPF
import Messages
import Personalities

/// One record where it lies: in the ring, or in a copy.
struct CallRecord {
    let start: UnsafeRawPointer

    private var head: UnsafePointer<abitrace_record> { start.assumingMemoryBound(to: abitrace_record.self) }

    @inline(__always) var thread: Int32 { head.pointee.thread }
    @inline(__always) var process: Int32 { head.pointee.process }
    @inline(__always) var isEntry: Bool { UInt32(head.pointee.kind) == ABITRACE_ENTRY.rawValue }
    /// A thread's end, which tells of a loss.
    @inline(__always) var isEnd: Bool { UInt32(head.pointee.kind) == ABITRACE_END.rawValue }
    @inline(__always) var isImage: Bool { UInt32(head.pointee.kind) == ABITRACE_IMAGE.rawValue }
    /// Calls of its thread that are missing before it.
    @inline(__always) var lost: UInt32 { head.pointee.lost }
    @inline(__always) var isIncomplete: Bool { UInt32(head.pointee.flags) & ABITRACE_INCOMPLETE.rawValue != 0 }
    @inline(__always) var hasEntry: Bool { UInt32(head.pointee.flags) & ABITRACE_HAS_ENTRY.rawValue != 0 }
    @inline(__always) var result: Int64 { head.pointee.result }
    /// Of the monotonic clock.
    @inline(__always) var time: UInt64 { head.pointee.time }
    @inline(__always) var entryTime: UInt64 { head.pointee.entry_time }

    /// Its bytes, to be kept.
    var copy: [UInt8] {
        let size = MemoryLayout<abitrace_record>.size + Int(head.pointee.pieces)
        return Array(UnsafeRawBufferPointer(start: start, count: size))
    }

    /// The registers at the call.
    @inline(__always)
    var stop: Stop {
        let a = head.pointee.arguments
        return Stop(
            personality: head.pointee.personality == 0 ? .x86_64 : .i386,
            number: UInt64(bitPattern: Int64(head.pointee.number)),
            arguments: RawArguments(a.0, a.1, a.2, a.3, a.4, a.5),
            instructionPointer: head.pointee.instruction_pointer)
    }

    /// Fills the snapshot as it was when the call was made; `later` brings memory that was not there then.
    @inline(__always)
    func entry(_ snapshot: inout Snapshot, _ capture: Capture, later: CallRecord? = nil) {
        snapshot.reset(to: stop)
        capture.entry(
            &snapshot, memory: CapturedMemory(start, phase: ABITRACE_AT_ENTRY.rawValue, later: later?.start))
        BroughtObjects(start, later: later?.start).netlink(&snapshot)
    }

    /// Fills the snapshot as it was when the call returned that was made as `call` says.
    @inline(__always)
    func exit(_ snapshot: inout Snapshot, _ capture: Capture, of call: Stop, tellsObjects: Bool) {
        snapshot.reset(to: call)
        capture.exit(&snapshot, result: result, memory: CapturedMemory(start, phase: ABITRACE_AT_EXIT.rawValue))
        if tellsObjects { BroughtObjects(start).exit(&snapshot, result: result) }
    }
}

/// What is remembered of a thread between the records of a call.
final class CallingThread {
    var thread: Int32
    var call = Stop()
    var id: UInt64 = 0
    var isInCall = false
    var interruptions = Interruptions()
    /// An entry whose memory the exit completes.
    private var kept: [UInt8] = []
    /// What the kernel has of an exec that is under way.
    var image: [UInt8] = []

    init(_ thread: Int32) { self.thread = thread }

    func keep(_ record: CallRecord) { kept = record.copy }

    @inline(__always)
    func takeKept() -> [UInt8]? {
        if kept.isEmpty { return nil }
        defer { kept = [] }
        return kept
    }
}
