// What can go wrong between the supervisor and a tracee.

import Glibc

/// An effect on a tracee that failed. A tracee that has vanished is an event, not one of these.
public enum TraceError: Error, Equatable, CustomStringConvertible {
    /// A child could not be made.
    case spawn(errno: Int32)
    /// The thread may not be traced: it is another user's, or another tracer has it.
    case attach(thread: Int32, errno: Int32)
    case noSuchProcess(Int32)
    /// A ptrace request or a wait failed for a reason that is not the tracee's death.
    case request(String, thread: Int32, errno: Int32)
    /// The program that watches in the kernel cannot be had: not this user, not this kernel.
    case kernelProgram(String, errno: Int32)
    /// A recording that is replayed cannot be read further.
    case recording(String)

    public var description: String {
        switch self {
        case .spawn(let errno): "cannot start a child: \(message(errno))"
        case .attach(let thread, let errno) where errno == EPERM:
            "cannot attach to process \(thread): \(message(errno)) (it belongs to another user, or is traced already)"
        case .attach(let thread, let errno): "cannot attach to process \(thread): \(message(errno))"
        case .noSuchProcess(let process): "no process \(process)"
        case .request(let request, let thread, let errno): "\(request) of thread \(thread): \(message(errno))"
        case .kernelProgram(let what, let errno) where errno == EPERM || errno == EACCES:
            "eBPF: \(what): \(message(errno)) (programs in the kernel are for root; --interceptor ptrace needs nothing)"
        case .kernelProgram(let what, let errno): "eBPF: \(what): \(message(errno))"
        case .recording(let what): what
        }
    }

    private func message(_ errno: Int32) -> String { String(cString: strerror(errno)) }
}
