// Numbers that registers hold in parts: clock ids that the kernel makes, and the halves of 64 bits in i386.

import Messages

extension CallView {
    /// A number of 64 bits that i386 passes in two registers.
    static func offset(low: UInt64, high: UInt64) -> Int64 {
        Int64(bitPattern: low & 0xFFFF_FFFF | high << 32)
    }

    /// An owner's id inverted, above three bits that say what it is (linux/posix-timers.h of the kernel).
    static func dynamicClock(_ clock: Int32) -> Value {
        let kind = UInt64(UInt32(bitPattern: clock) & 3)
        let owner = Value.signed(Int64(~(clock >> 3)))
        let raw = Value.signed(Int64(clock))
        if kind == 3 { return .written(raw, as: .call("FD_TO_CLOCKID", [owner])) }
        let maker = clock & 4 != 0 ? "MAKE_THREAD_CPUCLOCK" : "MAKE_PROCESS_CPUCLOCK"
        return .written(raw, as: .call(maker, [owner, .symbol(.processorClock, kind)]))
    }
}
