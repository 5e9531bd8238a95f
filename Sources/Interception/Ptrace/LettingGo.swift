// How threads are let go, so that they run on as if nobody had watched.

import CLinux
import Glibc

extension PtraceInterceptor {
    /// How long a thread that cannot be interrupted is waited for, in milliseconds.
    private static var patience: Int { 2000 }

    /// Detaches from every thread and leaves it as it would be without us. Events go to `next`.
    ///
    /// All are interrupted before any is waited for: one that waits in vfork stops only after its child was let go.
    public mutating func detachAll() {
        while let (thread, status) = ready.next() { part(thread, status) }
        for tracee in Array(tracees.values) {
            if tracee.isStopped {
                letGo(tracee, signal: tracee.signal)
            } else {
                _ = abitrace_interrupt(tracee.thread)
            }
        }
        var patience = Self.patience
        while !tracees.isEmpty {
            var status: Int32 = 0
            let thread = abitrace_wait(&status, 0)
            if thread > 0 {
                part(thread, status)
            } else if thread == 0 && patience > 0 && !tracees.values.allSatisfy({ ProcessTable.isDead($0.thread) }) {
                usleep(1000)
                patience -= 1
            } else if thread != -EINTR {
                break
            }
        }
        loseAll()
    }

    /// Lets a thread go from whatever stop it came to, with the signal that it was to get.
    private mutating func part(_ thread: Int32, _ status: Int32) {
        let isStop = status & 0x7F == 0x7F
        guard let tracee = tracees[thread] else {
            if isStop { _ = abitrace_detach(thread, 0) }
            return
        }
        guard isStop else {
            var event = event(tracee, .detached)
            if end(thread, status, &event) { queue.append(event) }
            return
        }
        let signal = (status >> 8) & 0xFF
        let kind = status >> 16
        var message: UInt = 0
        switch kind {
        case PtraceEvent.fork, PtraceEvent.vfork, PtraceEvent.clone:
            // The child is watched from its first instruction on, and is let go at its first stop.
            guard abitrace_event_message(thread, &message) == 0 else { break }
            let child = Int32(truncatingIfNeeded: message)
            // One that reported itself before was let go then.
            if tracees[child] == nil, ProcessTable.isTraced(child) {
                companion.adopt(add(child, process: child, parent: tracee), of: tracee)
            }
        case PtraceEvent.exec:
            if abitrace_event_message(thread, &message) == 0, Int32(truncatingIfNeeded: message) != thread,
                let former = tracees[Int32(truncatingIfNeeded: message)]
            {
                forget(former)
            }
        default: break
        }
        letGo(tracee, signal: kind == 0 && signal != PtraceEvent.syscallStop ? signal : 0)
    }

    private mutating func letGo(_ tracee: Tracee, signal: Int32) {
        companion.release(tracee)
        _ = abitrace_detach(tracee.thread, signal)
        forget(tracee)
        queue.append(event(tracee, .detached))
    }

    /// Forgets threads that no wait will name again.
    mutating func loseAll() {
        for tracee in tracees.values { queue.append(event(tracee, .detached)) }
        current = nil
        tracees.removeAll()
        processes.removeAll()
        unannounced = 0
    }
}
