// Threads that come, run other images, stop, are signalled and go.

import CLinux
import Glibc
import Messages
import Personalities

extension PtraceInterceptor {
    // MARK: Signals and stops

    mutating func signalStop(
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
    mutating func eventStop(
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

    mutating func creation(
        _ parent: Tracee, _ kind: Int32, _ event: inout Event
    ) throws(TraceError) -> Bool {
        var message: UInt = 0
        guard try check("PTRACE_GETEVENTMSG", parent, abitrace_event_message(parent.thread, &message)) else {
            return false
        }
        let child = Int32(truncatingIfNeeded: message)
        let sharesProcess = parent.call.makesThread ?? (abitrace_belongs(parent.process.id, child) == 0)
        let known = tracees[child]
        let tracee = known ?? add(child, process: sharesProcess ? parent.process.id : child, parent: parent)
        if known != nil && sharesProcess { move(tracee, to: parent.process) }
        if !sharesProcess { tracee.process.rings = parent.process.rings }
        companion.adopt(tracee, of: parent)
        if parent.isHidden { tracee.isHidden = false }
        if !tracee.isStarted {
            tracee.isStarted = true
            queue.append(self.event(tracee, .started(parent: parent.thread, attached: false)))
        }
        event = self.event(parent, .created(child: child, how: Creation(rawValue: UInt8(kind)) ?? .clone))
        return true
    }

    /// A thread nobody has announced stands at its first stop until its parent's event comes, which tells too
    /// whether it is a process of its own.
    mutating func newcomer(_ thread: Int32) {
        let tracee = add(thread, process: thread, parent: nil)
        tracee.isStopped = true
        tracee.awaitsParent = true
        tracee.awaitsSince = Clock.now()
        unannounced += 1
    }

    /// A child whose parent was killed between making it and saying so would wait for ever.
    mutating func releaseOrphans() {
        let longAgo = Clock.now() - 50_000_000
        for tracee in Array(tracees.values) where tracee.awaitsParent && tracee.awaitsSince < longAgo {
            tracee.awaitsParent = false
            unannounced -= 1
            tracee.isStarted = true
            if let id = ProcessTable.process(of: tracee.thread), let process = processes[id] {
                move(tracee, to: process)
            }
            queue.append(event(tracee, .started(parent: 0, attached: false)))
            companion.adopt(tracee, of: nil)
            try? continueThread(tracee, signal: 0)
        }
    }

    private mutating func move(_ tracee: Tracee, to process: TracedProcess) {
        guard tracee.process !== process else { return }
        tracee.process.threads -= 1
        if tracee.process.threads <= 0 { processes[tracee.process.id] = nil }
        tracee.process = process
        process.threads += 1
    }

    mutating func execution(
        _ tracee: Tracee, _ event: inout Event, _ snapshot: inout Snapshot
    ) throws(TraceError) -> Bool {
        var message: UInt = 0
        guard try check("PTRACE_GETEVENTMSG", tracee, abitrace_event_message(tracee.thread, &message)) else {
            return false
        }
        let former = Int32(truncatingIfNeeded: message)
        if tracee.thread == launched {
            launched = 0
            tracee.isHidden = false
        }
        tracee.process.forgetImage()
        tracee.interruptions = Interruptions()
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
        if let stack = InitialStack(of: tracee) {
            if hidesVDSO { stack.hideVDSO() }
            stack.capture(into: &snapshot)
        }
        facts?.all(&snapshot, thread: tracee.thread)
        event = self.event(tracee, .executed(former: former))
        return true
    }

    mutating func end(_ thread: Int32, _ status: Int32, _ event: inout Event) -> Bool {
        guard let tracee = tracees[thread] else { return false }
        forget(tracee)
        let signal = status & 0x7F
        event = self.event(
            tracee,
            signal == 0
                ? .exited(status: (status >> 8) & 0xFF)
                : .killed(signal: signal, dumpedCore: status & 0x80 != 0))
        return true
    }
}

extension Stop {
    /// Whether the call makes a thread of its caller's process, where its registers tell: clone3 has its flags in memory.
    fileprivate var makesThread: Bool? {
        switch SpecTables.row(personality, number)?.call {
        case .fork, .vfork: false
        case .clone: arguments.a0 & 0x10000 != 0  // CLONE_THREAD (linux/sched.h)
        default: nil
        }
    }
}
