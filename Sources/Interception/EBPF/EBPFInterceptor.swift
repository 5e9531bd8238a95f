// Sees calls through a program in the kernel, and lives through ptrace: no thread stops at its calls.

import CBPF
import CLinux
import Glibc
import Messages
import Personalities

/// The eBPF interceptor. What threads do besides calls (their beginnings, ends, execs and signals) is seen as with
/// ptrace, whose stops also say in which order the two belong: what a thread did before it stood still is in the ring
/// by then.
///
/// Of the contract it holds all but the second rule's waiting: after `entry` and `exit` the thread runs on, and
/// `resume` does nothing. What it saw of a call's memory is what the kernel's program could read without waiting for a
/// page; `Tests/EndToEnd/ebpf-differences.txt` lists what that leaves out.
public struct EBPFInterceptor: LiveInterceptor {
    private var life: PtraceInterceptor
    private let program: KernelProgram
    private let ring: CallRing
    private let capture: Capture
    /// The calls that are looked into.
    private let interest: CallInterest
    /// Somebody wants to know what descriptors stand for.
    private let tellsObjects: Bool
    private var threads: [Int32: CallingThread] = [:]
    /// The thread of the latest record: it is mostly the next one's too.
    private var latest: CallingThread?
    private var nextID: UInt64 = 1
    /// An exit whose entry was handed out first; its record is still the ring's first.
    private var returning: (record: CallRecord, thread: CallingThread)?
    /// The loss was told that the ring's first record tells of.
    private var hasToldLoss = false
    /// An event of a thread that stands still, for which the records before it are to be handed out.
    private var held: HeldEvent?
    private var sinceLook = 0
    private var livesOn = true
    private let clock = MonotonicClock.shared
    /// Threads that came from elsewhere: the kernel's program does not know their children by itself.
    private var hasAttached = false

    /// How many records may be handed out before stops are looked for.
    private static let recordsBetweenLooks = 256
    /// How long calls may lie in the ring before they are seen, in milliseconds.
    private static let patience: Int32 = 20

    /// - Parameter ringBytes: how much may wait to be seen; a power of two.
    /// - Throws: `TraceError.kernelProgram` where this kernel, or this user, cannot have the program.
    public init(_ options: PtraceOptions, ringBytes: Int = 1 << 23) throws(TraceError) {
        var options = options
        options.watchesCalls = false
        options.sharesProcessor = false
        life = PtraceInterceptor(options)
        life.waits = false
        capture = options.capture
        tellsObjects = options.facts != .none
        program = try KernelProgram(options, ringBytes: ringBytes)
        ring = program.ring
        interest = program.reading
    }

    public var ending: ((Int32) -> Void)? {
        get { life.ending }
        set { life.ending = newValue }
    }
    public static var seesCallsLate: Bool { true }
    public var stopsByFilter: Bool { false }
    public var lostCalls: UInt64 { program.lost }

    /// Whether this user may have a program in this kernel, and the kernel tells how it is made. Root in a container
    /// often may not: a program that does nothing is tried.
    public static var isAvailable: Bool {
        guard geteuid() == 0, access("/sys/kernel/btf/vmlinux", R_OK) == 0 else { return false }
        libbpf_set_print(nil)
        return libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_RAW_TRACEPOINT, nil) == 1
    }

    // MARK: Beginning and end

    public mutating func adopt(launched child: Int32, go: Int32) throws(TraceError) {
        Self.hearOfStops()
        Self.hurry()
        let flags = ABITRACE_HIDDEN.rawValue | ABITRACE_LAUNCHING.rawValue | ABITRACE_BEGINS.rawValue
        try program.watch(child, process: child, flags: flags)
        try life.adopt(launched: child, go: go)
    }

    public mutating func attach(process: Int32) throws(TraceError) -> Int {
        if !hasAttached { Self.hurry() }
        Self.hearOfStops()
        let count = try life.attach(process: process)
        hasAttached = true
        for tracee in life.tracees.values {
            try program.watch(tracee.thread, process: tracee.process.id, flags: ABITRACE_BEGINS.rawValue)
        }
        return count
    }

    /// A reader that waits for a processor loses calls. A user who may not have more than others goes without.
    private static func hurry() {
        let own = __priority_which_t(PRIO_PROCESS.rawValue)
        _ = setpriority(own, 0, max(-20, getpriority(own, 0) - 10))
    }

    /// Stops are told by SIGCHLD, which ends our waiting for records and nothing else.
    private static func hearOfStops() {
        abitrace_catch(SIGCHLD)
        abitrace_hold(SIGCHLD)
    }

    public mutating func detachAll() {
        program.detach()
        life.detachAll()
    }

    public func killAll() { life.killAll() }
    public var taskCount: Int { life.taskCount }
    public func forward(signal: Int32) { life.forward(signal: signal) }
    public func areStopped(_ counts: (Int32) -> Bool) -> Bool { life.areStopped(counts) }
    public func isAlive(process: Int32) -> Bool { life.isAlive(process: process) }

    // MARK: The loop

    public mutating func next(
        _ event: inout Event, _ snapshot: inout Snapshot, interrupted: inout Bool
    ) throws(TraceError) -> Bool {
        interrupted = false
        if let (record, thread) = returning {
            returning = nil
            exit(record, thread, &event, &snapshot)
            ring.pass()
            return true
        }
        var hasWaited = false
        while true {
            sinceLook += 1
            if held == nil && sinceLook > Self.recordsBetweenLooks {
                // A busy thread never lets the ring be empty.
                if abitrace_signal_is_pending() != 0 {
                    interrupted = true
                    return true
                }
                try look()
            }
            if let record = ring.first(before: held?.position ?? .max) {
                if try call(CallRecord(start: record), &event, &snapshot) { return true }
                continue
            }
            if held != nil {
                hand(&event, &snapshot)
                return true
            }
            if abitrace_signal_is_pending() != 0 {
                interrupted = true
                return true
            }
            try look()
            if held != nil { continue }
            if !livesOn {
                // Whoever ended left its last records behind.
                if ring.first() != nil { continue }
                program.detach()
                return false
            }
            if hasWaited {
                interrupted = true
                return true
            }
            hasWaited = wait()
        }
    }

    public mutating func resume(_ event: borrowing Event, _ plan: Plan) throws(TraceError) {
        switch event.happening {
        case .entry, .exit, .lost: return
        default: break
        }
        if plan == .letGo { program.unwatch(event.thread, process: event.process) }
        try life.resume(event, plan)
    }

    /// Looks whether a thread stands still, ended or began.
    private mutating func look() throws(TraceError) {
        sinceLook = 0
        guard livesOn else { return }
        var found = HeldEvent()
        var interrupted = false
        livesOn = try life.next(&found.event, &found.snapshot, interrupted: &interrupted)
        guard livesOn, !interrupted else { return }
        found.position = ring.end
        if hasAttached, case .created(let child, _) = found.event.happening, let made = life.tracees[child] {
            do throws(TraceError) {
                try program.watch(child, process: made.process.id, flags: ABITRACE_BEGINS.rawValue)
            } catch {
                // A child that is gone makes no calls; one that lives and cannot be watched would make them unseen.
                guard case .noSuchProcess = error else { throw error }
            }
        }
        held = found
    }

    /// Hands out the event of a thread that stands still.
    private mutating func hand(_ event: inout Event, _ snapshot: inout Snapshot) {
        guard let held else { return }
        switch held.event.happening {
        case .started: threads[held.event.thread] = CallingThread(held.event.thread)
        case .executed(let former):
            if let caller = threads[former], let record = caller.takeKept() {
                let later = ExecutedImage(caller.image).completing(record)
                caller.image = []
                record.withUnsafeBytes { kept in
                    later.withUnsafeBytes {
                        entry(
                            CallRecord(start: kept.baseAddress!), caller, &event, &snapshot,
                            later: CallRecord(start: $0.baseAddress!))
                    }
                }
                return
            }
            // The thread that called exec goes on under its leader's number.
            if former != held.event.thread, let caller = threads.removeValue(forKey: former) {
                threads[held.event.thread] = caller
                caller.thread = held.event.thread
            }
            threads[held.event.thread]?.interruptions = Interruptions()
            latest = nil
        case .exited, .killed, .detached:
            if let thread = threads[held.event.thread], let record = thread.takeKept() {
                // It ended within the call, whose memory is what it is.
                record.withUnsafeBytes { entry(CallRecord(start: $0.baseAddress!), thread, &event, &snapshot) }
                return
            }
            if program.lost > 0, threads[held.event.thread] != nil {
                let calls = program.takeRemainder(of: held.event.thread)
                if calls > 0 {
                    snapshot.reset(to: Stop())
                    event = Event(
                        thread: held.event.thread, process: held.event.process, time: held.event.time,
                        happening: .lost(calls: calls))
                    return
                }
            }
            threads[held.event.thread] = nil
            latest = nil
        default: break
        }
        event = held.event
        snapshot = held.snapshot
        self.held = nil
    }

    /// Waits for records, a stop or a signal. True where a signal came or the time was up.
    private func wait() -> Bool {
        program.setReaderSleeps(true)
        defer { program.setReaderSleeps(false) }
        return abitrace_wait_input(ring.descriptor, Self.patience, SIGCHLD) == 0
    }

    // MARK: Calls

    /// Makes the ring's first record an event. False where it is none: its entry is not complete, or it is nobody's.
    @inline(__always)
    private mutating func call(
        _ record: CallRecord, _ event: inout Event, _ snapshot: inout Snapshot
    ) throws(TraceError) -> Bool {
        guard let thread = thread(record.thread) else {
            // Its announcement comes first; whoever was let go has none.
            if held == nil { try look() }
            guard held != nil else {
                ring.pass()
                return false
            }
            hand(&event, &snapshot)
            return true
        }
        if record.lost > 0 && !hasToldLoss {
            hasToldLoss = true
            tellLoss(record, thread, &event, &snapshot)
            return true
        }
        hasToldLoss = false
        if record.isImage {
            thread.image = record.copy
            ring.pass()
            return false
        }
        if record.isEnd {
            ring.pass()
            return false
        }
        if record.isEntry {
            defer { ring.pass() }
            if record.isIncomplete {
                thread.keep(record)
                return false
            }
            entry(record, thread, &event, &snapshot)
            return true
        }
        if let kept = thread.takeKept() {
            kept.withUnsafeBytes {
                entry(CallRecord(start: $0.baseAddress!), thread, &event, &snapshot, later: record)
            }
        } else if thread.isInCall && record.hasEntry {
            exit(record, thread, &event, &snapshot)
            ring.pass()
            return true
        } else {
            entry(record, thread, &event, &snapshot)
        }
        returning = (record, thread)
        return true
    }

    private func tellLoss(
        _ record: CallRecord, _ thread: CallingThread, _ event: inout Event, _ snapshot: inout Snapshot
    ) {
        thread.isInCall = false
        _ = thread.takeKept()
        snapshot.reset(to: Stop())
        event = Event(
            thread: thread.thread, process: record.process, time: clock.time(record.entryTime),
            happening: .lost(calls: UInt64(record.lost)))
    }

    @inline(__always)
    private mutating func thread(_ number: Int32) -> CallingThread? {
        if let latest, latest.thread == number { return latest }
        latest = threads[number]
        return latest
    }

    @inline(__always)
    private mutating func entry(
        _ record: CallRecord, _ thread: CallingThread, _ event: inout Event, _ snapshot: inout Snapshot,
        later: CallRecord? = nil
    ) {
        thread.call = record.stop
        if interest.contains(thread.call) {
            record.entry(&snapshot, capture, later: later)
        } else {
            snapshot.reset(to: thread.call)
        }
        thread.isInCall = true
        thread.id = nextID
        nextID += 1
        event = Event(
            thread: thread.thread, process: record.process, time: clock.time(record.entryTime), id: thread.id,
            happening: .entry)
        event.restarts = thread.interruptions.entry(thread.call)
    }

    @inline(__always)
    private func exit(
        _ record: CallRecord, _ thread: CallingThread, _ event: inout Event, _ snapshot: inout Snapshot
    ) {
        let result = record.result
        thread.isInCall = false
        thread.interruptions.exit(thread.call, id: thread.id, result: result)
        if interest.contains(thread.call) {
            record.exit(&snapshot, capture, of: thread.call, tellsObjects: tellsObjects)
        } else {
            snapshot.reset(to: thread.call)
        }
        event = Event(
            thread: thread.thread, process: record.process, time: clock.time(record.time), id: thread.id,
            happening: .exit(result: result))
    }
}

/// An event of a thread that stands still, and how far the ring was by then.
private struct HeldEvent {
    var event = Event(thread: 0, process: 0, time: 0, happening: .detached)
    var snapshot = Snapshot()
    var position: UInt = 0
}
