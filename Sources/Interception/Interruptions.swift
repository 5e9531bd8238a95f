// Which interrupted call a call takes up again: what the kernel restarts is one message in several calls.

import Messages

/// The calls of a thread that a signal interrupted and that the kernel may make again, innermost last.
///
/// A call that answers -ERESTART* inside the kernel (linux/errno.h) is made again with the same registers at the same
/// place, or through restart_syscall, unless a handler runs first. After a handler, the register that rt_sigreturn
/// restores tells: the call's number where it is made again, -EINTR where the program is told (arch/x86 signal.c).
struct Interruptions {
    private struct Call {
        let id: UInt64
        let stop: Stop
        /// No handler runs: the thread's next call may be this one again.
        var isNext: Bool
    }
    private var calls: [Call] = []

    /// Handlers that never return leave their calls behind.
    private static let most = 16

    /// The id of the call that this one takes up again, 0 for none.
    @inline(__always)
    mutating func entry(_ stop: Stop) -> UInt64 {
        calls.isEmpty ? 0 : match(stop)
    }

    @inline(__always)
    mutating func exit(_ stop: Stop, id: UInt64, result: Int64) {
        if !calls.isEmpty && stop.returnsFromHandler { leaveHandler(result) }
        if Reply.isRestart(result) { add(Call(id: id, stop: stop, isNext: true)) }
    }

    private mutating func match(_ stop: Stop) -> UInt64 {
        guard let last = calls.last, last.isNext else { return 0 }
        guard stop.restartsBlock || stop == last.stop else {
            calls[calls.count - 1].isNext = false
            return 0
        }
        calls.removeLast()
        return last.id
    }

    private mutating func leaveHandler(_ restored: Int64) {
        guard let last = calls.last, !last.isNext else { return }
        if restored == Int64(truncatingIfNeeded: last.stop.number) {
            calls[calls.count - 1].isNext = true
        } else {
            calls.removeLast()
        }
    }

    private mutating func add(_ call: Call) {
        if calls.count == Self.most { calls.removeFirst() }
        calls.append(call)
    }
}

extension Stop {
    /// restart_syscall: the kernel takes up a sleep where it was (restart_syscall(2)).
    fileprivate var restartsBlock: Bool { number == (personality == .x86_64 ? 219 : 0) }
    /// rt_sigreturn, or i386's older sigreturn.
    fileprivate var returnsFromHandler: Bool {
        personality == .x86_64 ? number == 15 : number == 173 || number == 119
    }
}
