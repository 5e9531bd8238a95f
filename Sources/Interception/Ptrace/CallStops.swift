// What a thread that stands still at a call, or at its return, is about to do or has done.

import CLinux
import Glibc
import Messages
import Personalities

extension PtraceInterceptor {
    mutating func callStop(
        _ tracee: Tracee, _ event: inout Event, _ snapshot: inout Snapshot
    ) throws(TraceError) -> Bool {
        var info = abitrace_syscall_info()
        guard try check("PTRACE_GET_SYSCALL_INFO", tracee, abitrace_syscall_info(tracee.thread, &info)) else {
            return false
        }
        // Another thread's exec took the id meanwhile; its stop is still to be reported.
        if info.op == 0 { return false }
        if info.op == 1 || info.op == 3 { return try entry(tracee, info, &event, &snapshot) }
        guard info.op == 2, tracee.isInCall else {
            try continueThread(tracee, signal: 0)
            return false
        }
        tracee.isInCall = false
        if tracee.isHidden {
            // The launching code makes no seccomp call but the one that installs the filter (syscall_64.tbl).
            if awaitsFilter, tracee.thread == launched, tracee.call.number == 317, info.result == 0 {
                stopsByFilter = true
            }
            try continueThread(tracee, signal: 0)
            return false
        }
        if tracee.thread == launched {
            // The launch's exec came back: the child now reports why and ends, which is not the program's doing.
            launched = 0
            tracee.isHidden = true
        }
        let injected = tracee.injected
        if let injected {
            tracee.injected = nil
            guard try check("PTRACE_POKEUSER", tracee, abitrace_set_result(tracee.thread, Int(injected))) else {
                return false
            }
            info.result = injected
        }
        tracee.interruptions.exit(tracee.call, id: tracee.callID, result: info.result)
        snapshot.reset(to: tracee.call)
        if injected != nil { snapshot.decisions = [.injected] }
        if tracee.isDelayed {
            tracee.isDelayed = false
            snapshot.decisions.append(.delayed)
        }
        event = Event(
            thread: tracee.thread, process: tracee.process.id, time: Clock.now(), id: tracee.callID,
            happening: .exit(result: info.result))
        guard interest.contains(tracee.call) else { return true }
        capture.exit(&snapshot, result: info.result, memory: tracee.process, rings: tracee.process.rings)
        tracee.process.rings.learn(snapshot, result: info.result)
        facts?.exit(&snapshot, thread: tracee.thread, result: info.result)
        return true
    }

    private mutating func entry(
        _ tracee: Tracee, _ info: abitrace_syscall_info, _ event: inout Event, _ snapshot: inout Snapshot
    ) throws(TraceError) -> Bool {
        let a = info.arguments
        tracee.call = Stop(
            personality: Personality(auditArchitecture: info.arch) ?? .x86_64, number: info.number,
            arguments: RawArguments(a.0, a.1, a.2, a.3, a.4, a.5), instructionPointer: info.instruction_pointer)
        if tracee.call.isSignalReturn { tracee.call.arguments.a0 = info.stack_pointer }
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
        if tracee.call.concernsAffinity { showAffinities(tracee) }
        snapshot.reset(to: tracee.call)
        event = Event(
            thread: tracee.thread, process: tracee.process.id, time: 0, id: tracee.callID, happening: .entry)
        event.restarts = tracee.interruptions.entry(tracee.call)
        if interest.contains(tracee.call) {
            capture.entry(&snapshot, memory: tracee.process, rings: tracee.process.rings)
            FactReader().netlink(&snapshot, thread: tracee.thread)
            if looksUpPaths {
                facts?.entry(&snapshot, thread: tracee.thread)
            } else {
                facts?.changedNames(&snapshot, thread: tracee.thread)
            }
        }
        event.time = Clock.now()
        return true
    }

    /// The call shows or changes an affinity: its own, or that of whoever it names.
    private mutating func showAffinities(_ tracee: Tracee) {
        companion.release(tracee)
        guard tracee.call.arguments.a0 & 0xFFFF_FFFF != 0 else { return }
        for other in tracees.values { companion.release(other) }
    }
}

extension Stop {
    /// sched_setaffinity and sched_getaffinity, in either table: they would show or change a narrowed affinity.
    public var concernsAffinity: Bool {
        personality == .x86_64 ? number == 203 || number == 204 : number == 241 || number == 242
    }

    /// rt_sigreturn: what it restores lies where the stack pointer points, which no argument says.
    var isSignalReturn: Bool { number == (personality == .x86_64 ? 15 : 173) }
}
