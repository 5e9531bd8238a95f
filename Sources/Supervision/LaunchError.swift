// Why a program could not be started, in the words and exit codes of a shell.

import Glibc

/// A launch that failed before the program ran.
public enum LaunchError: Error, Equatable, CustomStringConvertible {
    case notFound(String)
    case isDirectory(String)
    case notExecutable(String, errno: Int32)
    case exec(String, errno: Int32)
    case noSuchUser(String)

    /// 127 where there is no such program, 126 where it cannot be run (POSIX, exec and sh).
    public var exitCode: Int32 {
        switch self {
        case .notFound: 127
        case .exec(_, let errno): errno == ENOENT ? 127 : 126
        default: 126
        }
    }

    public var description: String {
        switch self {
        case .notFound(let name): "\(name): command not found"
        case .isDirectory(let path): "\(path): is a directory"
        case .notExecutable(let path, let errno): "\(path): \(String(cString: strerror(errno)))"
        case .exec(let path, let errno) where errno == ENOEXEC:
            "\(path): not a program this machine can run (\(String(cString: strerror(errno))))"
        case .exec(let path, let errno) where errno == ENOENT:
            "\(path): its interpreter or dynamic loader does not exist"
        case .exec(let path, let errno): "\(path): \(String(cString: strerror(errno)))"
        case .noSuchUser(let name): "no such user: \(name)"
        }
    }
}
