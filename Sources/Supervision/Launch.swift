// Starts a program so that it can be watched from its first call on.

import CLinux
import Glibc

/// A program to start.
public struct Launch: Sendable {
    /// The path that exec gets, as people read it.
    public let path: String
    /// What exec gets: bytes with their NUL, which need not be UTF-8.
    let file: [CChar]
    let arguments: [[CChar]]
    let environment: [[CChar]]
    public let identity: Identity?

    /// Finds the program as a shell does. `environment` holds each variable with its NUL.
    /// - Throws: `LaunchError` where there is none, or none that can be run.
    public init(_ command: [String], environment: [[CChar]], identity: Identity? = nil) throws(LaunchError) {
        let exact = Self.exact(command)
        arguments = exact
        self.environment = environment
        self.identity = identity
        if command[0].contains("/") {
            try Self.check(exact[0])
            path = command[0]
            file = exact[0]
        } else {
            path = try Self.find(
                command[0],
                in: environment.map { String(decoding: $0.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self) })
            file = Array(path.utf8CString)
        }
    }

    /// The command's words as they were passed to this process: a `String` would repair what is no UTF-8. They are
    /// the last ones of the command line; where these are others, the words are what they say.
    private static func exact(_ command: [String]) -> [[CChar]] {
        let first = Int(CommandLine.argc) - command.count
        return command.enumerated().map { index, word in
            guard first >= 0, let pointer = CommandLine.unsafeArgv[first + index], String(cString: pointer) == word
            else {
                return Array(word.utf8CString)
            }
            return Array(UnsafeBufferPointer(start: pointer, count: strlen(pointer) + 1))
        }
    }

    /// Where a program is that we run ourselves, found as a shell finds it.
    /// - Throws: `LaunchError` where there is none, or none that can be run.
    public static func program(named name: String) throws(LaunchError) -> String {
        guard name.contains("/") else {
            return try find(name, in: getenv("PATH").map { ["PATH=" + String(cString: $0)] } ?? [])
        }
        try check(Array(name.utf8CString))
        return name
    }

    private static func find(_ name: String, in environment: [String]) throws(LaunchError) -> String {
        guard !name.isEmpty else { throw .notFound("''") }
        let variable = environment.last { $0.hasPrefix("PATH=") }?.dropFirst(5) ?? "/usr/local/bin:/bin:/usr/bin"
        var refusal: LaunchError?
        for directory in variable.split(separator: ":", omittingEmptySubsequences: false) {
            let path = directory.isEmpty ? name : "\(directory)/\(name)"
            do {
                try check(Array(path.utf8CString))
                return path
            } catch .notFound {
                continue
            } catch {
                refusal = error
            }
        }
        throw refusal ?? .notFound(name)
    }

    private static func check(_ file: [CChar]) throws(LaunchError) {
        var info = stat()
        let path = String(decoding: file.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        guard stat(file, &info) == 0 else {
            let failure = errno
            throw failure == ENOENT || failure == ENOTDIR
                ? .notFound(path) : .notExecutable(path, errno: failure)
        }
        if info.st_mode & S_IFMT == S_IFDIR { throw .isDirectory(path) }
        guard access(file, X_OK) == 0 else { throw .notExecutable(path, errno: errno) }
    }
}

/// A child that waits for its start.
struct LaunchedChild {
    let process: Int32
    /// Write a byte here to let it go.
    let go: Int32
    /// Yields an errno where its exec failed.
    let failure: Int32

    /// The listener of the confinement's filter, -1 without one.
    let listener: Int32

    /// Answers nil, and the errno in `error`, where no child could be made or confined.
    init?(
        _ launch: Launch, daemon: SessionOptions.Daemon? = nil, confinement: Confinement? = nil, error: inout Int32
    ) {
        var go: Int32 = -1
        var failure: Int32 = -1
        var listener: Int32 = -1
        let child = withPointers(launch.arguments) { arguments in
            withPointers(launch.environment) { environment in
                (launch.identity?.groups ?? []).withUnsafeBufferPointer { groups in
                    var identity = abitrace_identity(
                        change: launch.identity == nil ? 0 : 1, uid: launch.identity?.user ?? 0,
                        gid: launch.identity?.group ?? 0, group_count: groups.count, groups: groups.baseAddress)
                    func spawn(_ confinement: UnsafePointer<abitrace_confinement>?) -> Int32 {
                        abitrace_spawn(
                            launch.file, arguments, environment, &identity, daemon?.rawValue ?? 0, confinement, &go,
                            &failure, &listener)
                    }
                    guard let confinement else { return spawn(nil) }
                    return confinement.withRaw { spawn($0) }
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
        self.listener = listener
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

extension Confinement {
    /// Calls `body` with this as C sees it.
    fileprivate func withRaw(_ body: (UnsafePointer<abitrace_confinement>) -> Int32) -> Int32 {
        let limits = limits.map { abitrace_limit(resource: $0.resource, value: $0.value) }
        let given = descriptors.list.map { abitrace_given(ours: $0.ours, number: $0.number) }
        return filter.withUnsafeBufferPointer { filter in
            given.withUnsafeBufferPointer { given in
                limits.withUnsafeBufferPointer { limits in
                    rulesets.withUnsafeBufferPointer { rulesets in
                        var raw = abitrace_confinement(
                            only_stops: onlyStops ? 1 : 0, filter: filter.baseAddress,
                            filter_length: UInt16(clamping: filter.count),
                            filter_flags: Self.filterFlags, given: given.baseAddress, given_count: given.count,
                            limits: limits.baseAddress, limit_count: limits.count, rulesets: rulesets.baseAddress,
                            ruleset_count: rulesets.count)
                        return body(&raw)
                    }
                }
            }
        }
    }
}

/// Calls `body` with a NULL-ended array of C strings.
private func withPointers<Result>(
    _ texts: [[CChar]], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
) -> Result {
    var pointers: [UnsafeMutablePointer<CChar>?] = texts.map { strdup($0) }
    pointers.append(nil)
    defer { pointers.forEach { free($0) } }
    return pointers.withUnsafeBufferPointer { body($0.baseAddress!) }
}
