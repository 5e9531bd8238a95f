// Moves what is no directory, and nothing that a racing thread puts in its place.

import CLinux
import Glibc

/// A name is looked at and then moved, and a directory may have come there in between. Landlock alone looks at what the
/// kernel is about to move (current_check_refer_path in security/landlock/fs.c): a thread that may move no directory is
/// made for the one call, for there is no way out of a domain.
enum FileMover {
    private static let ruleset = SecondLine.movingFiles

    /// Whether the kernel can hold a move to files.
    static var isThere: Bool { ruleset != nil }

    /// Runs `body` where no directory can be moved, with the credentials of the calling thread.
    /// - Throws: what `body` throws; EACCES where it would have moved a directory.
    static func run(_ body: @escaping () throws(CallError) -> Void) throws(CallError) {
        guard let ruleset else { throw CallError(EACCES) }
        let job = Job(body)
        let failure = startThread { job.run(under: ruleset) }
        guard failure == 0 else { throw CallError(failure) }
        job.ended.wait()
        if let error = job.error { throw error }
    }

    /// What one thread does while another waits for it, so that both never look at it at once.
    private final class Job: @unchecked Sendable {
        private let body: () throws(CallError) -> Void
        let ended = Semaphore()
        private(set) var error: CallError?

        init(_ body: @escaping () throws(CallError) -> Void) { self.body = body }

        func run(under ruleset: Int32) {
            do throws(CallError) {
                // PR_SET_NO_NEW_PRIVS, without which only root may restrict itself (landlock_restrict_self(2)).
                try Kernel.call(Number.prctl, 38, 1)
                try Kernel.call(Number.landlockRestrictSelf, Int(ruleset), 0)
                try body()
            } catch {
                self.error = error
            }
            ended.signal()
        }
    }
}
