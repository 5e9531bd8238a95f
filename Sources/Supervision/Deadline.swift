// The end of the time that a policy gives a program.

import Glibc
import Interception

/// A moment after which nothing of a launch may live on.
final class Deadline {
    private let seconds: UInt64
    private let end: UInt64
    private var isSaid = false
    /// Seconds in which everything is ended. A supervisor that has not done so by then is stopped, or gets no processor:
    /// the kernel ends it, and the tracees with it (PTRACE_O_EXITKILL).
    private static let patience: UInt64 = 5

    /// - Throws: `TraceError.spawn` where there can be no timer.
    init(seconds: UInt64) throws(TraceError) {
        self.seconds = seconds
        end = Self.now() &+ seconds.multipliedReportingOverflow(by: 1_000_000_000).partialValue
        var event = sigevent()
        event.sigev_notify = Int32(SIGEV_SIGNAL)
        event.sigev_signo = SIGKILL
        var timer: timer_t?
        guard timer_create(CLOCK_MONOTONIC, &event, &timer) == 0 else { throw .spawn(errno: errno) }
        var times = itimerspec()
        times.it_value.tv_sec = Int(clamping: seconds.addingReportingOverflow(Self.patience).partialValue)
        // The first timer has the number 0, which reads as NULL.
        guard timer_settime(timer, 0, &times, nil) == 0 else { throw .spawn(errno: errno) }
    }

    private static func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    /// Says so the first time that it is.
    var isOver: Bool {
        guard Self.now() >= end else { return false }
        if !isSaid {
            isSaid = true
            let line = Array("abitrace: the program's time of \(seconds) s is over\n".utf8)
            _ = write(STDERR_FILENO, line, line.count)
        }
        return true
    }
}
