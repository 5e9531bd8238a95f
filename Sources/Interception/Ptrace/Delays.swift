// Threads that stand still for a while because somebody asked for it (strace's delay_enter= and delay_exit=).

import CLinux
import Glibc

/// Who waits, until when, and with which signal each runs on. The others are served meanwhile.
struct Delays {
    private struct Delay {
        let due: Int64
        let thread: Int32
        let signal: Int32
    }
    private var list: [Delay] = []

    var isEmpty: Bool { list.isEmpty }

    mutating func add(_ thread: Int32, signal: Int32, nanoseconds: Int64) {
        let (due, isLate) = Self.now().addingReportingOverflow(nanoseconds)
        list.append(Delay(due: isLate ? .max : due, thread: thread, signal: signal))
        arm()
    }

    /// The next thread whose time has come.
    mutating func next() -> (thread: Int32, signal: Int32)? {
        let now = Self.now()
        guard let place = list.firstIndex(where: { $0.due <= now }) else { return nil }
        let delay = list.remove(at: place)
        arm()
        return (delay.thread, delay.signal)
    }

    /// Makes the wait for stops return when the first is due.
    private func arm() {
        abitrace_wake_in(list.map(\.due).min().map { Int(max(1, $0 - Self.now())) } ?? 0)
    }

    private static func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}

extension PtraceInterceptor {
    /// Lets a thread go on, after a while where one is asked for.
    mutating func continueThread(_ tracee: Tracee, signal: Int32, after nanoseconds: Int64) throws(TraceError) {
        guard nanoseconds > 0 else { return try continueThread(tracee, signal: signal) }
        // It gets the signal too where it is let go meanwhile.
        tracee.signal = signal
        delays.add(tracee.thread, signal: signal, nanoseconds: nanoseconds)
    }

    /// Lets those go on whose time has come; one that was killed meanwhile has its end reported.
    mutating func endDelays() throws(TraceError) {
        while let (thread, signal) = delays.next() {
            guard let tracee = tracees[thread], tracee.isStopped else { continue }
            tracee.signal = 0
            try continueThread(tracee, signal: signal)
        }
    }
}
