// Calls that a signal interrupts before the broker has taken them up: for the program the signal came before the call.

import CLinux
import Glibc
import Interception
import Messages
import Synchronization

/// Knows of each thread whether its latest call that was handed over has come here.
final class Interrupted: Sendable {
    /// Calls that came here and that a signal may end all the same: we said so, or the kernel makes them.
    private let made = Mutex<[Int32: UInt64]>([:])

    /// A thread's call is here: from now on only a signal that kills ends its wait (WAIT_KILLABLE_RECV).
    func takes(_ thread: Int32) { made.withLock { $0[thread] = nil } }

    /// The call is answered. To be said before the answer is given.
    func answers(_ thread: Int32, _ stop: Stop, _ answer: Answer) {
        let mayWait: Bool =
            switch answer {
            case .refuse(Waits.restart): true
            // Of the calls that the kernel makes only those on descriptors wait for somebody else, and no open that is
            // left to it.
            case .proceed:
                SpecTables.row(stop.personality, stop.number).map { row in
                    row.operation != .fileOpen && row.argumentRows.contains { $0.type.kind == .descriptor }
                } ?? true
            default: false
            }
        if mayWait { made.withLock { $0[thread] = stop.number } }
    }

    func forget(_ thread: Int32) { takes(thread) }

    /// At the stop of a signal: a call that nobody has taken up is made again after the handler, whatever the handler's
    /// flags say. The kernel's own answer would be EINTR, from calls that have no such error.
    func repeats(_ thread: Int32, ifBrokered: (Stop) -> Bool) {
        var info = abitrace_syscall_info()
        guard abitrace_interrupted_call(thread, &info) == 1 else { return }
        let words = info.arguments
        let stop = Stop(
            personality: Personality(auditArchitecture: info.arch) ?? .x86_64, number: info.number,
            arguments: RawArguments(words.0, words.1, words.2, words.3, words.4, words.5))
        if made.withLock({ $0[thread] }) == stop.number || !ifBrokered(stop) { return }
        // ERESTARTNOINTR (linux/errno.h)
        _ = abitrace_set_result(thread, -513)
    }
}
