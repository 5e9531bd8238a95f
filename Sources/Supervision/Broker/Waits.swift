// Ends a call that the broker performs when its caller no longer waits for it, or has a signal to take first.

import CLinux
import Glibc
import Interception
import Synchronization

/// The calls under way that may wait for somebody else. A caller that waits in the kernel for its answer wakes for
/// nothing but its death, so that what would wake it must be looked for.
final class Waits: Sendable {
    private struct Wait {
        let id: UInt64
        let caller: Int32
        let worker: Int32
        /// How often a signal was seen that only the whole process could have been meant by.
        var sightings = 0
        var ending: Ending?
    }
    private enum Ending {
        case gone, signal
    }
    private struct Table {
        var waits: [Int32: Wait] = [:]
    }
    private let table = Mutex(Table())
    private let listener: Listener

    /// A real-time signal that nothing else here uses.
    static let wakeSignal: Int32 = 40
    private static let interval: UInt32 = 20_000
    /// ERESTARTSYS (linux/errno.h): the kernel makes it EINTR or starts the call again, as the signal's handler says.
    static let restart: Int32 = 512

    init(listener: Listener) { self.listener = listener }

    func start() -> Int32 {
        abitrace_catch(Self.wakeSignal)
        return startThread { [self] in
            while true {
                usleep(Self.interval)
                look()
            }
        }
    }

    /// Runs a call of this thread's that may wait.
    func during<Result>(
        _ id: UInt64, _ caller: CallingThread, _ body: () throws(CallError) -> Result
    ) throws(CallError) -> Result {
        let worker = Kernel.thread()
        table.withLock { $0.waits[worker] = Wait(id: id, caller: caller.thread, worker: worker) }
        defer { table.withLock { _ = $0.waits.removeValue(forKey: worker) } }
        while true {
            do throws(CallError) {
                return try body()
            } catch {
                guard error.errno == EINTR, !caller.isGone else { throw error }
                guard let ending = table.withLock({ $0.waits[worker]?.ending }) else { continue }
                throw CallError(ending == .signal ? Self.restart : EINTR)
            }
        }
    }

    private func look() {
        let waits = table.withLock { Array($0.waits.values) }
        for wait in waits {
            var wait = wait
            if wait.ending == nil { examine(&wait) }
            table.withLock { table in
                guard table.waits[wait.worker]?.id == wait.id else { return }
                table.waits[wait.worker] = wait
                // Sent again and again until the call has ended: one that came just before the call began is lost.
                if wait.ending != nil {
                    _ = abitrace_call(
                        Number.tgkill, UInt(getpid()), UInt(wait.worker), UInt(Self.wakeSignal), 0, 0, 0)
                }
            }
        }
    }

    private func examine(_ wait: inout Wait) {
        guard listener.isWaiting(wait.id), let status = try? ThreadStatus(of: wait.caller) else {
            wait.ending = .gone
            return
        }
        if status.wakes(status.pending) { wait.ending = .signal }
        // A signal to a process goes to any of its threads; one that stays has found no other.
        if status.wakes(status.pendingForProcess) {
            wait.sightings += 1
            if wait.sightings > 1 || status.threads == 1 { wait.ending = .signal }
        } else {
            wait.sightings = 0
        }
    }
}

extension ThreadStatus {
    /// SIGCHLD, SIGCONT, SIGURG and SIGWINCH, which wake nobody who has not asked for them (signal(7)).
    private static let harmless: UInt64 = 1 << 16 | 1 << 17 | 1 << 22 | 1 << 27

    /// Whether one of these signals would end the thread's wait.
    func wakes(_ signals: UInt64) -> Bool {
        signals & ~blocked & ~ignored & (caught | ~Self.harmless) != 0
    }
}
