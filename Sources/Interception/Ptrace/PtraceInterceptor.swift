// Sees calls through ptrace: two stops a call, every thread and child from its first instruction on.

import CLinux
import Glibc
import Messages
import Personalities

/// Kernel constants of linux/ptrace.h that Swift does not import (the two ptrace headers make them ambiguous).
enum PtraceEvent {
    static let fork: Int32 = 1, vfork: Int32 = 2, clone: Int32 = 3, exec: Int32 = 4, exit: Int32 = 6,
        seccomp: Int32 = 7, stop: Int32 = 128
    static let syscallStop = SIGTRAP | 0x80
}

/// Which facts are looked up: each costs a few calls of the supervisor.
public enum Facts: Sendable {
    /// None: plain lines need none.
    case none
    /// What descriptors stand for.
    case handles
    /// That, and what paths lead to: a recording is judged by them.
    case all
}

/// How a ptrace interceptor works.
public struct PtraceOptions: Sendable {
    /// How much of a tracee's memory is kept.
    public var capture: Capture
    /// Which facts snapshots get.
    public var facts: Facts
    /// Whether new images are kept from finding the vDSO, so that reading a clock becomes a call (vdso(7)).
    public var hidesVDSO: Bool
    /// Whether a tracee that runs alone shares the supervisor's processor.
    public var sharesProcessor: Bool
    /// Whether threads stop at their calls.
    public var watchesCalls = true
    /// The calls whose memory is read.
    public var interest = CallInterest.all
    /// Whether the threads and processes that a tracee makes are watched too. Those that are not may be traced by others.
    public var followsChildren = true
    /// Whether the launched program is to install a filter that stops the calls it is asked for, before it execs.
    public var awaitsFilter = false

    public init(capture: Capture, facts: Facts, hidesVDSO: Bool = false, sharesProcessor: Bool = true) {
        self.capture = capture
        self.facts = facts
        self.hidesVDSO = hidesVDSO
        self.sharesProcessor = sharesProcessor
    }
}

/// The ptrace interceptor.
public struct PtraceInterceptor: Interceptor {
    var tracees: [Int32: Tracee] = [:]
    var processes: [Int32: TracedProcess] = [:]
    /// Events that are known but not yet handed out: one stop may mean several.
    var queue: [Event] = []
    /// What the last look at all threads found, in its order: no thread is served twice while another waits.
    var ready = ReadyStops()
    private var collected: UInt8 = 0
    /// The tracee that stopped last, which is most likely to be asked for next.
    var current: Tracee?
    /// How many children stand still until their maker's event names it.
    var unannounced = 0
    /// Threads that stand still for a while.
    var delays = Delays()
    var nextID: UInt64 = 1
    var companion: CompanionProcessor
    /// Whether `next` waits for an event; else it is interrupted where there is none.
    var waits = true
    /// The snapshot's rules: how much of a buffer is kept.
    public var capture: Capture
    /// Looks up what descriptors refer to, where somebody wants to know.
    let facts: FactReader?
    let looksUpPaths: Bool
    let interest: CallInterest
    let awaitsFilter: Bool
    private let followsChildren: Bool
    /// A filter in the kernel chooses the calls that stop: none would be made without a tracer (seccomp(2), ENOSYS).
    public internal(set) var stopsByFilter = false
    let hidesVDSO: Bool
    public var ending: ((Int32) -> Void)?
    /// Threads outside a call that use processors.
    private var running = 0
    /// The child of a launch until its first exec, and the address of the path it will pass.
    var launched: Int32 = 0

    /// Whether threads stop at their calls. Without it only signals, new threads and execs are seen.
    private let watchesCalls: Bool

    public init(_ options: PtraceOptions) {
        capture = options.capture
        watchesCalls = options.watchesCalls
        facts = options.facts == .none ? nil : FactReader()
        looksUpPaths = options.facts == .all
        interest = options.interest
        awaitsFilter = options.awaitsFilter
        followsChildren = options.followsChildren
        hidesVDSO = options.hidesVDSO
        companion = CompanionProcessor(enabled: options.sharesProcessor && options.watchesCalls)
    }

    /// How many processes and threads are watched.
    public var taskCount: Int { tracees.count }

    // MARK: Beginning

    /// Takes a launched child under watch; `go` lets it run. Its calls are shown from its exec on.
    public mutating func adopt(launched child: Int32, go: Int32) throws(TraceError) {
        let answer = seize(child, ABITRACE_SEIZE_KILL | (awaitsFilter ? ABITRACE_SEIZE_FILTERED : 0))
        guard answer == 0 else { throw .attach(thread: child, errno: Int32(-answer)) }
        let tracee = add(child, process: child, parent: nil)
        tracee.isHidden = true
        tracee.isStarted = true
        launched = child
        queue.append(event(tracee, .started(parent: 0, attached: false)))
        // It waits in read(2). The interrupt makes it stop, so that it can be resumed up to its next call.
        guard abitrace_interrupt(child) == 0 else { throw .noSuchProcess(child) }
        var status: Int32 = 0
        guard abitrace_wait_for(child, &status, 1) == child else { throw .noSuchProcess(child) }
        var byte: UInt8 = 1
        guard write(go, &byte, 1) == 1 else { throw .noSuchProcess(child) }
        try continueThread(tracee, signal: 0)
    }

    private func seize(_ thread: Int32, _ how: Int) -> Int {
        let ends = ending == nil ? 0 : ABITRACE_SEIZE_ENDS
        return abitrace_seize(thread, Int32(how | (followsChildren ? ABITRACE_SEIZE_CHILDREN : 0) | ends))
    }

    /// Takes a running process with all its threads under watch, and answers how many they are.
    public mutating func attach(process: Int32) throws(TraceError) -> Int {
        var seen: Set<Int32> = []
        var foundNew = true
        while foundNew {
            foundNew = false
            let threads = ProcessTable.threads(of: process)
            guard !threads.isEmpty else { throw .noSuchProcess(process) }
            for thread in threads where seen.insert(thread).inserted {
                guard tracees[thread] == nil else { continue }
                let answer = seize(thread, 0)
                if answer == -Int(ESRCH) && thread != process { continue }
                // A leader that ended before its threads remains without a life of its own (pthread_exit(3)).
                if answer == -Int(EPERM) && ProcessTable.isDead(thread) && threads.count > 1 { continue }
                guard answer == 0 else {
                    throw answer == -Int(ESRCH)
                        ? .noSuchProcess(process) : .attach(thread: thread, errno: Int32(-answer))
                }
                foundNew = true
                let tracee = add(thread, process: ProcessTable.process(of: thread) ?? process, parent: nil)
                tracee.isStarted = true
                queue.append(event(tracee, .started(parent: 0, attached: true)))
                _ = abitrace_interrupt(thread)
            }
        }
        return seen.count
    }

    // MARK: The loop

    /// What a process that is there all at once holds: one that was attached to, or that a process of several threads
    /// made. What another of these was about to open then may be in the child's table or not, and no return tells
    /// (dup_fd in fs/file.c).
    private func lookAtNewProcess(_ event: Event, _ snapshot: inout Snapshot) {
        guard case .started(let parent, let attached) = event.happening, event.thread == event.process else { return }
        if attached {
            facts?.all(&snapshot, thread: event.thread)
        } else if let maker = tracees[parent], maker.process.threads > 1 {
            facts?.table(&snapshot, thread: event.thread)
        }
    }

    public mutating func next(
        _ event: inout Event, _ snapshot: inout Snapshot, interrupted: inout Bool
    ) throws(TraceError) -> Bool {
        interrupted = false
        snapshot.reset(to: Stop())
        while true {
            if !queue.isEmpty {
                event = queue.removeFirst()
                lookAtNewProcess(event, &snapshot)
                return true
            }
            if tracees.isEmpty { return false }
            // A busy tracee never lets the wait block, so that no signal would interrupt it.
            if abitrace_signal_is_pending() != 0 {
                interrupted = true
                return true
            }
            if unannounced > 0 { releaseOrphans() }
            if !delays.isEmpty { try endDelays() }
            if ready.isEmpty {
                let failure = collect(waits: waits)
                if failure == -EINTR || failure == -EAGAIN {
                    companion.look(at: tracees, now: Clock.now())
                    interrupted = true
                    return true
                }
                if failure == -ECHILD {
                    // Nobody to wait for, yet some are remembered: they were taken away without a last word.
                    loseAll()
                    continue
                }
                guard failure == 0 else { throw .request("wait4", thread: 0, errno: -failure) }
            }
            guard let (thread, status) = ready.next() else { continue }
            if try interpret(thread, status, &event, &snapshot) { return true }
        }
    }

    /// Waits for threads. Where several run all that are ready are taken, so that none is served twice while another
    /// waits; where one runs the others are looked for now and then, for the look costs a call.
    private mutating func collect(waits: Bool) -> Int32 {
        collected &+= 1
        let all = running > 1 || (tracees.count > 1 && collected % 8 == 0)
        let failure = ready.collect(all: all, waits: waits)
        if failure == 0 && all { for stop in ready.rest { tracees[stop.thread]?.isStopped = true } }
        return failure
    }

    public mutating func resume(_ event: borrowing Event, _ plan: Plan) throws(TraceError) {
        guard let tracee = current?.thread == event.thread ? current : tracees[event.thread] else { return }
        if plan == .letGo {
            // An exec has ended all other threads: this one is the whole process.
            companion.release(tracee)
            _ = abitrace_detach(tracee.thread, 0)
            forget(tracee)
            queue.append(self.event(tracee, .detached))
            return
        }
        switch event.happening {
        case .created(let child, _):
            // A child that came first waited until somebody was told of it.
            if let made = tracees[child], made.awaitsParent {
                made.awaitsParent = false
                unannounced -= 1
                try continueThread(made, signal: 0)
            }
            try continueThread(tracee, signal: 0)
        case .entry:
            guard case .inject(let injection) = plan else { return try continueThread(tracee, signal: 0) }
            if let result = injection.result {
                guard try check("PTRACE_POKEUSER", tracee, abitrace_set_call(tracee.thread, injection.substitute))
                else { return }
                tracee.injected = result
            }
            tracee.isDelayed = injection.delayBefore > 0 || injection.delayAfter > 0
            tracee.delayAfter = injection.delayAfter
            try continueThread(tracee, signal: injection.signal, after: injection.delayBefore)
        case .exit:
            let delay = tracee.delayAfter
            tracee.delayAfter = 0
            try continueThread(tracee, signal: 0, after: delay)
        case .executed, .continued:
            try continueThread(tracee, signal: 0)
        case .signal:
            let signal = plan == .suppressSignal ? 0 : tracee.signal
            tracee.signal = 0
            try continueThread(tracee, signal: signal)
        case .stopped:
            // The stop lasts until SIGCONT; the thread reports that it runs again (ptrace(2), PTRACE_LISTEN).
            tracee.isStopped = false
            try check("PTRACE_LISTEN", tracee, abitrace_listen(tracee.thread))
        case .started, .exited, .killed, .detached, .lost:
            break
        }
    }

    /// Makes a wait status an event. False where it is none.
    private mutating func interpret(
        _ thread: Int32, _ status: Int32, _ event: inout Event, _ snapshot: inout Snapshot
    ) throws(TraceError) -> Bool {
        if status & 0x7F != 0x7F { return end(thread, status, &event) }
        let signal = (status >> 8) & 0xFF
        let kind = status >> 16
        guard let tracee = current?.thread == thread ? current : tracees[thread] else {
            // A child may stop before its parent's event says that there is one. Where none are followed, it asked for a
            // tracer itself (clone(2), CLONE_PTRACE).
            if followsChildren { newcomer(thread) } else { _ = abitrace_detach(thread, 0) }
            return false
        }
        current = tracee
        tracee.isStopped = true
        tracee.process.stopped = thread
        if tracee.runsUserCode {
            let now = Clock.now()
            tracee.lastRun = now - tracee.resumed
            if running > 1 { companion.look(at: tracees, now: now) }
        } else {
            tracee.lastRun = -1
        }
        leaveUserCode(tracee)
        if signal == PtraceEvent.syscallStop { return try callStop(tracee, &event, &snapshot) }
        switch kind {
        case PtraceEvent.seccomp where !tracee.isInCall: return try callStop(tracee, &event, &snapshot)
        case 0: return try signalStop(tracee, signal, &event)
        case PtraceEvent.fork, PtraceEvent.vfork, PtraceEvent.clone:
            return try creation(tracee, kind, &event)
        case PtraceEvent.exec: return try execution(tracee, &event, &snapshot)
        case PtraceEvent.stop: return try eventStop(tracee, signal, &event)
        case PtraceEvent.exit:
            ending?(thread)
            try continueThread(tracee, signal: 0)
            return false
        default:
            try continueThread(tracee, signal: 0)
            return false
        }
    }

    // MARK: All of them

    /// Kills every process under watch.
    public func killAll() {
        for process in Set(tracees.values.map(\.process.id)) { _ = abitrace_kill(process, SIGKILL) }
    }

    /// Sends a signal to every process under watch, as its sender meant it.
    public func forward(signal: Int32) {
        for process in Set(tracees.values.map(\.process.id)) { _ = abitrace_kill(process, signal) }
    }

    /// Whether job control has stopped every thread of the processes that count, and there are any.
    public func areStopped(_ counts: (Int32) -> Bool) -> Bool {
        let counted = tracees.values.filter { counts($0.process.id) }
        return !counted.isEmpty && counted.allSatisfy { $0.isGroupStopped }
    }

    public func isAlive(process: Int32) -> Bool { processes[process] != nil }

    // MARK: Small parts

    mutating func add(_ thread: Int32, process id: Int32, parent: Tracee?) -> Tracee {
        let process = processes[id] ?? TracedProcess(id: id)
        processes[id] = process
        process.threads += 1
        let tracee = Tracee(thread: thread, process: process)
        tracees[thread] = tracee
        return tracee
    }

    mutating func forget(_ tracee: Tracee) {
        leaveUserCode(tracee)
        if tracee.awaitsParent { unannounced -= 1 }
        if current === tracee { current = nil }
        tracees[tracee.thread] = nil
        tracee.process.threads -= 1
        if tracee.process.threads <= 0 { processes[tracee.process.id] = nil }
    }

    @inline(__always)
    private mutating func leaveUserCode(_ tracee: Tracee) {
        guard tracee.runsUserCode else { return }
        tracee.runsUserCode = false
        running -= 1
    }

    mutating func continueThread(_ tracee: Tracee, signal: Int32) throws(TraceError) {
        if !(tracee.isInCall && tracee.call.concernsAffinity) {
            companion.settle(tracee, othersRun: running > 0)
        }
        if !tracee.isInCall {
            tracee.runsUserCode = true
            tracee.resumed = Clock.now()
            running += 1
        }
        tracee.isStopped = false
        // With a filter a call's own stop comes from there, and only its return is asked for.
        let asksForCalls = watchesCalls && (!stopsByFilter || tracee.isInCall)
        let answer =
            asksForCalls ? abitrace_resume_to_call(tracee.thread, signal) : abitrace_resume(tracee.thread, signal)
        try check(asksForCalls ? "PTRACE_SYSCALL" : "PTRACE_CONT", tracee, answer)
    }

    /// False where the thread has vanished: its end is an event to come.
    @discardableResult
    func check(_ request: String, _ tracee: Tracee, _ answer: Int) throws(TraceError) -> Bool {
        if answer >= 0 { return true }
        if answer == -Int(ESRCH) { return false }
        throw .request(request, thread: tracee.thread, errno: Int32(-answer))
    }

    func event(_ tracee: Tracee, _ happening: Happening) -> Event {
        Event(thread: tracee.thread, process: tracee.process.id, time: Clock.now(), happening: happening)
    }
}

extension TracedProcess: TraceeMemory {}
