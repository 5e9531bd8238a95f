// Watches one run with ptrace and with eBPF at once, and says where the two disagree.

import CBPF
import Messages
import Personalities

/// What is seen is ptrace's. When a call has returned, the kernel's program has told of it too: registers, result and
/// every region of memory are compared.
public struct WitnessInterceptor: LiveInterceptor {
    private var ptrace: PtraceInterceptor
    private let program: KernelProgram
    private let capture: Capture
    private let tellsObjects: Bool
    private var threads: [Int32: Witnessed] = [:]
    /// How many calls were compared, and how many of them differed, by name and difference.
    private let testimony: Testimony

    /// - Throws: `TraceError.kernelProgram`.
    public init(_ options: PtraceOptions, _ testimony: Testimony, ringBytes: Int = 1 << 23) throws(TraceError) {
        self.testimony = testimony
        ptrace = PtraceInterceptor(options)
        capture = options.capture
        tellsObjects = options.facts != .none
        program = try KernelProgram(options, ringBytes: ringBytes)
    }

    public var ending: ((Int32) -> Void)? {
        get { ptrace.ending }
        set { ptrace.ending = newValue }
    }
    public static var seesCallsLate: Bool { false }
    public var stopsByFilter: Bool { false }
    public var lostCalls: UInt64 { program.lost }

    public mutating func adopt(launched child: Int32, go: Int32) throws(TraceError) {
        let flags = ABITRACE_HIDDEN.rawValue | ABITRACE_LAUNCHING.rawValue | ABITRACE_BEGINS.rawValue
        try program.watch(child, process: child, flags: flags)
        try ptrace.adopt(launched: child, go: go)
    }

    /// Running processes are between calls that only one of the two has seen.
    public mutating func attach(process: Int32) throws(TraceError) -> Int {
        throw .kernelProgram("witnessing processes that run already", errno: 95)  // EOPNOTSUPP
    }

    public mutating func detachAll() {
        program.detach()
        ptrace.detachAll()
    }

    public func killAll() { ptrace.killAll() }
    public var taskCount: Int { ptrace.taskCount }
    public func forward(signal: Int32) { ptrace.forward(signal: signal) }
    public func areStopped(_ counts: (Int32) -> Bool) -> Bool { ptrace.areStopped(counts) }
    public func isAlive(process: Int32) -> Bool { ptrace.isAlive(process: process) }

    public mutating func next(
        _ event: inout Event, _ snapshot: inout Snapshot, interrupted: inout Bool
    ) throws(TraceError) -> Bool {
        guard try ptrace.next(&event, &snapshot, interrupted: &interrupted) else { return false }
        if !interrupted { witness(event, snapshot) }
        return true
    }

    public mutating func resume(_ event: borrowing Event, _ plan: Plan) throws(TraceError) {
        if plan == .letGo { program.unwatch(event.thread, process: event.process) }
        try ptrace.resume(event, plan)
    }

    // MARK: Comparing

    private mutating func witness(_ event: borrowing Event, _ snapshot: borrowing Snapshot) {
        switch event.happening {
        case .entry: witnessed(event.thread).entry = copy snapshot
        case .exit(let result):
            collect()
            let thread = witnessed(event.thread)
            guard let entry = thread.entry else { return }
            thread.entry = nil
            testimony.calls += 1
            thread.compare(entry, snapshot, result, capture, tellsObjects, testimony)
        case .executed(let former):
            collect()
            if former != event.thread, let caller = threads.removeValue(forKey: former) {
                // The leader ended without a word, and the caller goes on under its number.
                threads[event.thread]?.end(capture, testimony)
                threads[event.thread] = caller
            }
        case .exited, .killed:
            collect()
            threads.removeValue(forKey: event.thread)?.end(capture, testimony)
        default: break
        }
    }

    private mutating func witnessed(_ thread: Int32) -> Witnessed {
        if let known = threads[thread] { return known }
        let new = Witnessed()
        threads[thread] = new
        return new
    }

    /// Takes what the kernel's program has written.
    private mutating func collect() {
        while let record = program.ring.first() {
            let record = CallRecord(start: record)
            if !record.isEnd { witnessed(record.thread).records.append(record.copy) }
            program.ring.pass()
        }
    }
}

/// What the comparison came to.
public final class Testimony {
    /// Calls that were compared.
    public internal(set) var calls = 0
    /// How often each difference was seen: the call's name and what differs.
    public internal(set) var differences: [String: Int] = [:]

    public init() {}

    func note(_ difference: String) { differences[difference, default: 0] += 1 }
}

/// A thread as both saw it.
private final class Witnessed {
    /// The call as ptrace saw it made.
    var entry: Snapshot?
    /// The kernel's records that were not compared yet.
    var records: [[UInt8]] = []

    func compare(
        _ entry: Snapshot, _ exit: borrowing Snapshot, _ result: Int64, _ capture: Capture, _ tellsObjects: Bool,
        _ testimony: Testimony
    ) {
        let name = entry.stop.name
        guard let last = records.firstIndex(where: { !Self.isEntry($0) }) else {
            testimony.note("\(name): eBPF did not see it")
            return
        }
        let call = records[...last]
        records.removeFirst(last + 1)
        var theirs = Snapshot()
        Self.with(call[0]) { first in
            Self.with(call[last]) { returned in
                let isWhole = last == 0
                first.entry(&theirs, capture, later: isWhole ? nil : returned)
                Self.compare(entry, theirs, "\(name) when made", testimony)
                if returned.result != result { testimony.note("\(name): result") }
                returned.exit(&theirs, capture, of: first.stop, tellsObjects: tellsObjects)
            }
        }
        Self.compare(exit, theirs, "\(name) when it returned", testimony)
    }

    /// The thread is no more: a call that it was in has an entry alone.
    func end(_ capture: Capture, _ testimony: Testimony) {
        if let entry {
            testimony.calls += 1
            guard let record = records.first else { return testimony.note("\(entry.stop.name): eBPF did not see it") }
            var theirs = Snapshot()
            Self.with(record) { $0.entry(&theirs, capture) }
            Self.compare(entry, theirs, "\(entry.stop.name) when made", testimony)
            passCall()
        }
        // SIGKILL, which an exit_group or exec of another thread is too, ends a stop before its tracer hears of it; the
        // kernel's program is called all the same.
        passCall()
        for record in records { testimony.note("\(Self.with(record) { $0.stop.name }): ptrace did not see it") }
    }

    /// Drops what was written of the first call.
    private func passCall() {
        records.removeFirst(records.firstIndex { !Self.isEntry($0) }.map { $0 + 1 } ?? records.count)
    }

    private static func compare(
        _ ours: borrowing Snapshot, _ theirs: borrowing Snapshot, _ place: String, _ testimony: Testimony
    ) {
        if ours.stop != theirs.stop { testimony.note("\(place): registers") }
        guard ours.regions.count == theirs.regions.count else { return testimony.note("\(place): number of regions") }
        for (our, their) in zip(ours.regions, theirs.regions) {
            if their.errno == 61 && our.errno != 61 {  // ENODATA
                testimony.note("\(place): memory not brought along")
            } else if (our.address, our.wanted, our.errno) != (their.address, their.wanted, their.errno) {
                testimony.note("\(place): region")
            } else if ours.arena[our.offset..<our.offset + our.count]
                != theirs.arena[their.offset..<their.offset + their.count]
            {
                testimony.note("\(place): bytes")
            }
        }
        compareFacts(ours, theirs, place, testimony)
    }

    private static func compareFacts(
        _ ours: borrowing Snapshot, _ theirs: borrowing Snapshot, _ place: String, _ testimony: Testimony
    ) {
        for our in ours.facts {
            guard let their = theirs.facts.first(where: { $0.kind == our.kind && $0.number == our.number }) else {
                testimony.note("\(place): \(our.kind) not told")
                continue
            }
            if ours.bytes(our.name) != theirs.bytes(their.name) { testimony.note("\(place): \(our.kind)'s name") }
            if (our.mode, our.device, our.inode, our.specialDevice)
                != (their.mode, their.device, their.inode, their.specialDevice)
            {
                testimony.note("\(place): \(our.kind)'s identity")
            }
            let ourEnds = our.socket.map { ($0.family, $0.type, $0.protocolNumber, $0.peerInode) }
            let theirEnds = their.socket.map { ($0.family, $0.type, $0.protocolNumber, $0.peerInode) }
            if let ourEnds, let theirEnds {
                if ourEnds != theirEnds { testimony.note("\(place): \(our.kind)'s socket") }
            } else if (ourEnds == nil) != (theirEnds == nil) {
                testimony.note("\(place): \(our.kind)'s socket is known to one")
            }
            guard let one = our.socket, let other = their.socket else { continue }
            if ours.bytes(one.local) != theirs.bytes(other.local) || ours.bytes(one.peer) != theirs.bytes(other.peer) {
                testimony.note("\(place): \(our.kind)'s addresses")
            }
        }
    }

    private static func isEntry(_ record: [UInt8]) -> Bool { with(record) { $0.isEntry } }

    private static func with<Result>(_ record: [UInt8], _ body: (CallRecord) -> Result) -> Result {
        record.withUnsafeBytes { body(CallRecord(start: $0.baseAddress!)) }
    }
}
