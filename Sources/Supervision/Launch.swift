// Starts a program so that it can be watched from its first call on.

import CLinux
import Glibc

/// A program to start.
public struct Launch: Sendable {
    /// The path that exec gets.
    public let path: String
    public let arguments: [String]
    public let environment: [String]
    public let identity: Identity?

    /// Finds the program as a shell does.
    /// - Throws: `LaunchError` where there is none, or none that can be run.
    public init(_ command: [String], environment: [String], identity: Identity? = nil) throws(LaunchError) {
        arguments = command
        self.environment = environment
        self.identity = identity
        path = try Self.find(command[0], in: environment)
    }

    private static func find(_ name: String, in environment: [String]) throws(LaunchError) -> String {
        if name.contains("/") {
            try check(name)
            return name
        }
        guard !name.isEmpty else { throw .notFound("''") }
        let variable = environment.last { $0.hasPrefix("PATH=") }?.dropFirst(5) ?? "/usr/local/bin:/bin:/usr/bin"
        var refusal: LaunchError?
        for directory in variable.split(separator: ":", omittingEmptySubsequences: false) {
            let path = directory.isEmpty ? name : "\(directory)/\(name)"
            do {
                try check(path)
                return path
            } catch .notFound {
                continue
            } catch {
                refusal = error
            }
        }
        throw refusal ?? .notFound(name)
    }

    private static func check(_ path: String) throws(LaunchError) {
        var info = stat()
        guard stat(path, &info) == 0 else {
            let failure = errno
            throw failure == ENOENT || failure == ENOTDIR
                ? .notFound(path) : .notExecutable(path, errno: failure)
        }
        if info.st_mode & S_IFMT == S_IFDIR { throw .isDirectory(path) }
        guard access(path, X_OK) == 0 else { throw .notExecutable(path, errno: errno) }
    }
}

/// A child that waits for its start.
struct LaunchedChild {
    let process: Int32
    /// Write a byte here to let it go.
    let go: Int32
    /// Yields an errno where its exec failed.
    let failure: Int32

    /// - Throws: a negative errno's positive form in `TraceError.spawn`.
    init?(_ launch: Launch, error: inout Int32) {
        var go: Int32 = -1
        var failure: Int32 = -1
        let child = withPointers(launch.arguments) { arguments in
            withPointers(launch.environment) { environment in
                (launch.identity?.groups ?? []).withUnsafeBufferPointer { groups in
                    var identity = abitrace_identity(
                        change: launch.identity == nil ? 0 : 1, uid: launch.identity?.user ?? 0,
                        gid: launch.identity?.group ?? 0, group_count: groups.count, groups: groups.baseAddress)
                    return abitrace_spawn(launch.path, arguments, environment, &identity, &go, &failure)
                }
            }
        }
        guard child > 0 else {
            error = -child
            return nil
        }
        process = child
        self.go = go
        self.failure = failure
    }

    /// The errno of a failed exec, nil where the program ran. Blocks until one of the two is known.
    func execFailure() -> Int32? {
        var code: Int32 = 0
        var got: Int
        repeat { got = read(failure, &code, MemoryLayout<Int32>.size) } while got < 0 && errno == EINTR
        close(failure)
        close(go)
        return got == MemoryLayout<Int32>.size ? code : nil
    }
}

/// Calls `body` with a NULL-ended array of C strings.
private func withPointers<Result>(
    _ texts: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
) -> Result {
    var pointers: [UnsafeMutablePointer<CChar>?] = texts.map { strdup($0) }
    pointers.append(nil)
    defer { pointers.forEach { free($0) } }
    return pointers.withUnsafeBufferPointer { body($0.baseAddress!) }
}
