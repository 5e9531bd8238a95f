// How large a caller may make files (setrlimit(2), RLIMIT_FSIZE): the kernel asks that of whoever makes the call, and here
// that is not the caller.

import CLinux
import Glibc
import Interception

extension Work {
    /// As the kernel decides when a size is set (inode_newsize_ok in fs/attr.c).
    func requireRoom(for size: Int, over status: stat) throws(CallError) {
        guard size > status.st_size, UInt64(size) > (try largestFile()) else { return }
        throw fileTooLarge()
    }

    /// How much may be written from a place on (generic_write_check_limits in fs/read_write.c).
    func room(from place: Int) throws(CallError) -> Int {
        let limit = try largestFile()
        guard limit <= UInt64(Int64.max) else { return .max }
        if place >= Int(limit) { throw fileTooLarge() }
        return Int(limit) - place
    }

    private func largestFile() throws(CallError) -> UInt64 {
        var limit = rlimit()
        try withUnsafeMutablePointer(to: &limit) { limit throws(CallError) in
            // RLIMIT_FSIZE is 1 (asm-generic/resource.h).
            _ = try Kernel.call(Number.prlimit64, Int(caller.process), 1, 0, Int(bitPattern: limit))
        }
        return UInt64(limit.rlim_cur)
    }

    /// The errno comes with a signal.
    private func fileTooLarge() -> CallError {
        _ = abitrace_call(Number.tgkill, UInt(caller.process), UInt(caller.thread), UInt(SIGXFSZ), 0, 0, 0)
        return CallError(EFBIG)
    }
}
