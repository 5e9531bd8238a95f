// The time of events.

import Glibc

public enum Clock {
    /// Nanoseconds since 1970.
    @inline(__always)
    public static func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}

/// The kernel's monotonic clock as time of day: what it says of two moments never contradicts their order.
public struct MonotonicClock: Sendable {
    /// One for the whole process, so that times from different places can be compared.
    public static let shared = MonotonicClock()
    private let offset: Int64

    private init() { offset = Clock.now() - Int64(Self.reading()) }

    /// Nanoseconds since 1970 of what the clock read (bpf_ktime_get_ns, CLOCK_MONOTONIC).
    @inline(__always)
    public func time(_ monotonic: UInt64) -> Int64 { Int64(bitPattern: monotonic) + offset }

    /// Nanoseconds since 1970.
    public func now() -> Int64 { time(Self.reading()) }

    private static func reading() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
