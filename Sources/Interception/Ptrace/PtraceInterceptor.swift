// Sees calls through ptrace: two stops a call, every thread and child from its first instruction on.

import CLinux
import Glibc
import Messages
import Personalities

/// Kernel constants of linux/ptrace.h that Swift does not import (the two ptrace headers make them ambiguous).
enum PtraceEvent {
    static let fork: Int32 = 1, vfork: Int32 = 2, clone: Int32 = 3, exec: Int32 = 4, stop: Int32 = 128
    static let syscallStop = SIGTRAP | 0x80
}

/// The ptrace interceptor.
public struct PtraceInterceptor: Interceptor {
    var tracees: [Int32: Tracee] = [:]
    private var processes: [Int32: TracedProcess] = [:]
    /// Events that are known but not yet handed out: one stop may mean several.
    private var queue: [Event] = []
    private var nextID: UInt64 = 1
    var companion: CompanionProcessor
    /// The snapshot's rules: how much of a buffer is kept.
    public var capture: Capture
    /// Threads outside a call that use processors.
    private var running = 0
    /// The child of a launch until its first exec, and the address of the path it will pass.
    private var launched: Int32 = 0

    public init(capture: Capture, sharesProcessor: Bool = true) {
        self.capture = capture
        companion = CompanionProcessor(enabled: sharesProcessor)
    }

    // MARK: Beginning

    /// Takes a launched child under watch; `go` lets it run. Its calls are shown from its exec on.
    public mutating func adopt(launched child: Int32, go: Int32) throws(TraceError) {
        let answer = abitrace_seize(child, 1)
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

    /// Takes a running process with all its threads under watch.
    public mutating func attach(process: Int32) throws(TraceError) {
        var seen: Set<Int32> = []
        var foundNew = true
        while foundNew {
            foundNew = false
            let threads = ProcessTable.threads(of: process)
            guard !threads.isEmpty else { throw .noSuchProcess(process) }
            for thread in threads where seen.insert(thread).inserted {
                guard tracees[thread] == nil else { continue }
                let answer = abitrace_seize(thread, 0)
                if answer == -Int(ESRCH) && thread != process { continue }
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
    }

    // MARK: The loop

    public mutating func next(
        _ event: inout Event, _ snapshot: inout Snapshot, interrupted: inout Bool
    ) throws(TraceError) -> Bool {
        interrupted = false
        while true {
            if !queue.isEmpty {
                event = queue.removeFirst()
                return true
            }
            if tracees.isEmpty { return false }
            // A busy tracee never lets the wait block, so that no signal would interrupt it.
            if abitrace_signal_is_pending() != 0 {
                interrupted = true
                return true
            }
            var status: Int32 = 0
            let thread = abitrace_wait(&status, 1)
            if thread == -EINTR {
                interrupted = true
                return true
            }
            if thread == -ECHILD {
                // Nobody to wait for, yet some are remembered: they were taken away without a last word.
                loseAll()
                continue
            }
            guard thread > 0 else { throw .request("wait4", thread: 0, errno: -thread) }
            if try interpret(thread, status, &event, &snapshot) { return true }
        }
    }

    public mutating func resume(_ event: borrowing Event, _ plan: Plan) throws(TraceError) {
        guard let tracee = tracees[event.thread] else { return }
        switch event.happening {
        case .entry, .exit, .created, .executed, .continued:
            try continueThread(tracee, signal: 0)
        case .signal:
            let signal = plan == .suppressSignal ? 0 : tracee.signal
            tracee.signal = 0
            try continueThread(tracee, signal: signal)
        case .stopped:
            // The stop lasts until SIGCONT; the thread reports that it runs again (ptrace(2), PTRACE_LISTEN).
            try check("PTRACE_LISTEN", tracee, abitrace_listen(tracee.thread))
        case .started, .exited, .killed, .detached:
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
        guard let tracee = tracees[thread] else {
            // A child may stop before its parent's event says that there is one.
            newcomer(thread)
            return false
        }
        leaveUserCode(tracee)
        if signal == PtraceEvent.syscallStop { return try callStop(tracee, &event, &snapshot) }
        switch kind {
        case 0: return try signalStop(tracee, signal, &event)
        case PtraceEvent.fork, PtraceEvent.vfork, PtraceEvent.clone:
            return try creation(tracee, kind, &event)
        case PtraceEvent.exec: return try execution(tracee, &event)
        case PtraceEvent.stop: return try eventStop(tracee, signal, &event)
        default:
            try continueThread(tracee, signal: 0)
            return false
        }
    }

    // MARK: Calls

    private mutating func callStop(
        _ tracee: Tracee, _ event: inout Event, _ snapshot: inout Snapshot
    ) throws(TraceError) -> Bool {
        var info = abitrace_syscall_info()
        guard try check("PTRACE_GET_SYSCALL_INFO", tracee, abitrace_syscall_info(tracee.thread, &info)) else {
            return false
        }
        if info.op == 1 { return try entry(tracee, info, &event, &snapshot) }
        guard info.op == 2, tracee.isInCall else {
            try continueThread(tracee, signal: 0)
            return false
        }
        tracee.isInCall = false
        if tracee.isHidden {
            try continueThread(tracee, signal: 0)
            return false
        }
        if tracee.thread == launched {
            // The launch's exec came back: the child now reports why and ends, which is not the program's doing.
            launched = 0
            tracee.isHidden = true
        }
        snapshot.reset(to: tracee.call)
        capture.exit(&snapshot, result: info.result, memory: tracee.process)
        event = Event(
            thread: tracee.thread, process: tracee.process.id, time: Clock.now(), id: tracee.callID,
            happening: .exit(result: info.result))
        return true
    }

    private mutating func entry(
        _ tracee: Tracee, _ info: abitrace_syscall_info, _ event: inout Event, _ snapshot: inout Snapshot
    ) throws(TraceError) -> Bool {
        let a = info.arguments
        tracee.call = Stop(
            personality: Personality(auditArchitecture: info.arch) ?? .x86_64, number: info.number,
            arguments: RawArguments(a.0, a.1, a.2, a.3, a.4, a.5), instructionPointer: info.instruction_pointer)
        tracee.isInCall = true
        if tracee.isHidden {
            // execve is 59 in the table of the launching code, which is our own (arch/x86 syscall_64.tbl).
            guard tracee.thread == launched, info.number == 59 else {
                try continueThread(tracee, signal: 0)
                return false
            }
            tracee.isHidden = false
        }
        tracee.callID = nextID
        nextID += 1
        if tracee.isPinned, tracee.call.concernsAffinity { companion.release(tracee) }
        snapshot.reset(to: tracee.call)
        capture.entry(&snapshot, memory: tracee.process)
        event = Event(
            thread: tracee.thread, process: tracee.process.id, time: Clock.now(), id: tracee.callID,
            happening: .entry)
        return true
    }

    // MARK: Signals and stops

    private mutating func signalStop(
        _ tracee: Tracee, _ signal: Int32, _ event: inout Event
    ) throws(TraceError) -> Bool {
        var raw = [UInt8](repeating: 0, count: 128)
        let answer = raw.withUnsafeMutableBytes { abitrace_signal_info(tracee.thread, $0.baseAddress) }
        guard try check("PTRACE_GETSIGINFO", tracee, answer) else { return false }
        tracee.signal = signal
        func number(_ at: Int) -> Int32 {
            raw.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: at, as: Int32.self) }
        }
        if tracee.isHidden {
            tracee.signal = 0
            try continueThread(tracee, signal: signal)
            return false
        }
        event = self.event(
            tracee,
            .signal(SignalInfo(number: signal, code: number(8), errno: number(4), rest: Array(raw[12...]))))
        return true
    }

    /// PTRACE_EVENT_STOP: a new child's first stop, an interrupt, or job control.
    private mutating func eventStop(
        _ tracee: Tracee, _ signal: Int32, _ event: inout Event
    ) throws(TraceError) -> Bool {
        if signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU {
            tracee.isGroupStopped = true
            event = self.event(tracee, .stopped(signal: signal))
            return true
        }
        if tracee.isGroupStopped {
            tracee.isGroupStopped = false
            event = self.event(tracee, .continued)
            return true
        }
        try continueThread(tracee, signal: 0)
        return false
    }

    // MARK: Threads that come and go

    private mutating func creation(
        _ parent: Tracee, _ kind: Int32, _ event: inout Event
    ) throws(TraceError) -> Bool {
        var message: UInt = 0
        guard try check("PTRACE_GETEVENTMSG", parent, abitrace_event_message(parent.thread, &message)) else {
            return false
        }
        let child = Int32(truncatingIfNeeded: message)
        let sharesProcess = abitrace_belongs(parent.process.id, child) == 0
        let known = tracees[child]
        let tracee = known ?? add(child, process: sharesProcess ? parent.process.id : child, parent: parent)
        if known != nil && sharesProcess { move(tracee, to: parent.process) }
        companion.adopt(tracee, of: parent)
        if parent.isHidden { tracee.isHidden = false }
        if !tracee.isStarted {
            tracee.isStarted = true
            queue.append(self.event(tracee, .started(parent: parent.thread, attached: false)))
        }
        if tracee.awaitsParent {
            tracee.awaitsParent = false
            try continueThread(tracee, signal: 0)
        }
        event = self.event(parent, .created(child: child, how: Creation(rawValue: UInt8(kind)) ?? .clone))
        return true
    }

    /// A thread nobody has announced stands at its first stop until its parent's event comes, which tells too
    /// whether it is a process of its own.
    private mutating func newcomer(_ thread: Int32) {
        let tracee = add(thread, process: thread, parent: nil)
        tracee.awaitsParent = true
    }

    private mutating func move(_ tracee: Tracee, to process: TracedProcess) {
        guard tracee.process !== process else { return }
        tracee.process.threads -= 1
        if tracee.process.threads <= 0 { processes[tracee.process.id] = nil }
        tracee.process = process
        process.threads += 1
    }

    private mutating func execution(_ tracee: Tracee, _ event: inout Event) throws(TraceError) -> Bool {
        var message: UInt = 0
        guard try check("PTRACE_GETEVENTMSG", tracee, abitrace_event_message(tracee.thread, &message)) else {
            return false
        }
        let former = Int32(truncatingIfNeeded: message)
        if tracee.thread == launched { launched = 0 }
        tracee.process.forgetImage()
        if former != tracee.thread, let caller = tracees[former] {
            // The caller goes on under the leader's id; the leader it was is gone without a word (ptrace(2)).
            tracee.call = caller.call
            tracee.callID = caller.callID
            tracee.isInCall = caller.isInCall
            tracee.isHidden = caller.isHidden
            tracee.isPinned = caller.isPinned
            tracee.isGroupStopped = false
            forget(caller)
        }
        event = self.event(tracee, .executed(former: former))
        return true
    }

    private mutating func end(_ thread: Int32, _ status: Int32, _ event: inout Event) -> Bool {
        guard let tracee = tracees[thread] else { return false }
        forget(tracee)
        releaseOrphans()
        let signal = status & 0x7F
        event = self.event(
            tracee,
            signal == 0
                ? .exited(status: (status >> 8) & 0xFF)
                : .killed(signal: signal, dumpedCore: status & 0x80 != 0))
        return true
    }

    /// A child whose parent was killed between making it and saying so would wait for ever.
    private mutating func releaseOrphans() {
        for tracee in tracees.values where tracee.awaitsParent {
            tracee.awaitsParent = false
            tracee.isStarted = true
            if let id = ProcessTable.process(of: tracee.thread), let process = processes[id] {
                move(tracee, to: process)
            }
            queue.append(event(tracee, .started(parent: 0, attached: false)))
            companion.adopt(tracee, of: nil)
            try? continueThread(tracee, signal: 0)
        }
    }

    private mutating func loseAll() {
        for tracee in tracees.values { queue.append(event(tracee, .detached)) }
        tracees.removeAll()
        processes.removeAll()
    }

    // MARK: Letting go

    /// Detaches from every thread and leaves it as it would be without us. Events go to `next`.
    public mutating func detachAll() {
        for tracee in Array(tracees.values) {
            detach(tracee)
            forget(tracee)
            queue.append(event(tracee, .detached))
        }
    }

    private mutating func detach(_ tracee: Tracee) {
        guard abitrace_interrupt(tracee.thread) == 0 else { return }
        // Whatever stop comes next serves: the thread is let go from it, with the signal it was to get.
        var status: Int32 = 0
        var thread: Int32
        repeat { thread = abitrace_wait_for(tracee.thread, &status, 1) } while thread == -EINTR
        guard thread == tracee.thread, status & 0x7F == 0x7F else { return }
        let signal = (status >> 8) & 0xFF
        let isSignal = status >> 16 == 0 && signal != PtraceEvent.syscallStop
        companion.release(tracee)
        _ = abitrace_detach(tracee.thread, isSignal ? signal : 0)
    }

    /// Kills every process under watch.
    public func killAll() {
        for process in Set(tracees.values.map(\.process.id)) { _ = abitrace_kill(process, SIGKILL) }
    }

    /// Sends a signal to every process under watch, as its sender meant it.
    public func forward(signal: Int32) {
        for process in Set(tracees.values.map(\.process.id)) { _ = abitrace_kill(process, signal) }
    }

    /// The processes that are all stopped by job control.
    public var allAreStopped: Bool {
        !tracees.isEmpty && tracees.values.allSatisfy { $0.isGroupStopped }
    }

    public func isAlive(process: Int32) -> Bool { processes[process] != nil }

    // MARK: Small parts

    private mutating func add(_ thread: Int32, process id: Int32, parent: Tracee?) -> Tracee {
        let process = processes[id] ?? TracedProcess(id: id)
        processes[id] = process
        process.threads += 1
        let tracee = Tracee(thread: thread, process: process)
        tracees[thread] = tracee
        return tracee
    }

    private mutating func forget(_ tracee: Tracee) {
        leaveUserCode(tracee)
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

    private mutating func continueThread(_ tracee: Tracee, signal: Int32) throws(TraceError) {
        if !(tracee.isInCall && tracee.call.concernsAffinity) {
            companion.settle(tracee, othersRun: running > 0)
        }
        if !tracee.isInCall {
            tracee.runsUserCode = true
            running += 1
        }
        try check("PTRACE_SYSCALL", tracee, abitrace_resume_to_call(tracee.thread, signal))
    }

    /// False where the thread has vanished: its end is an event to come.
    @discardableResult
    private func check(_ request: String, _ tracee: Tracee, _ answer: Int) throws(TraceError) -> Bool {
        if answer >= 0 { return true }
        if answer == -Int(ESRCH) { return false }
        throw .request(request, thread: tracee.thread, errno: Int32(-answer))
    }

    private func event(_ tracee: Tracee, _ happening: Happening) -> Event {
        Event(thread: tracee.thread, process: tracee.process.id, time: Clock.now(), happening: happening)
    }
}

extension TracedProcess: TraceeMemory {}

extension Stop {
    /// sched_setaffinity and sched_getaffinity, in either table: they would show or change a narrowed affinity.
    var concernsAffinity: Bool {
        personality == .x86_64 ? number == 203 || number == 204 : number == 241 || number == 242
    }
}
