// The end of the time that a policy gives a program.

import Glibc
import Interception

/// A moment after which nothing of a launch may live on.
final class Deadline {
    private let seconds: UInt64
    private let end: UInt64
    private var isSaid = false

    init(seconds: UInt64) {
        self.seconds = seconds
        end = Self.now() &+ seconds.multipliedReportingOverflow(by: 1_000_000_000).partialValue
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
