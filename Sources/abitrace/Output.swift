// Where text goes: standard error, a file, a file a thread, a command's input.

import Glibc

/// A destination of text that gathers bytes and writes them out.
final class Output {
    private var descriptor: Int32
    private var buffer: [UInt8] = []
    private let isLive: Bool
    private let splitPrefix: SplitPrefix?
    /// Files keep what they hold already.
    private let appends: Bool
    private var files: [Int32: Output] = [:]
    private var pipe: UnsafeMutablePointer<FILE>?
    let isTerminal: Bool

    /// Text for people: every part goes out at once where somebody may be waiting for it.
    init(descriptor: Int32, isLive: Bool) {
        self.descriptor = descriptor
        self.isLive = isLive
        splitPrefix = nil
        appends = false
        isTerminal = isatty(descriptor) == 1
    }

    /// - Throws: `Failure` where the file cannot be written.
    convenience init(path: String?, split: Bool, appends: Bool = false) throws(Failure) {
        guard let path else {
            self.init(descriptor: STDERR_FILENO, isLive: true)
            return
        }
        if path == "-" {
            self.init(descriptor: STDOUT_FILENO, isLive: true)
            return
        }
        if path.hasPrefix("|") || path.hasPrefix("!") {
            try self.init(command: String(path.dropFirst()))
            return
        }
        if split {
            self.init(splitPrefix: try SplitPrefix(path), appends: appends)
            return
        }
        self.init(descriptor: try Self.open(path, appends: appends), isLive: false)
    }

    private init(splitPrefix: SplitPrefix, appends: Bool) {
        self.appends = appends
        descriptor = -1
        isLive = false
        isTerminal = false
        self.splitPrefix = splitPrefix
    }

    private init(command: String) throws(Failure) {
        guard let pipe = popen(command, "we") else {
            throw Failure(description: "cannot run '\(command)': \(String(cString: strerror(errno)))")
        }
        self.pipe = pipe
        descriptor = fileno(pipe)
        isLive = true
        isTerminal = false
        splitPrefix = nil
        appends = false
    }

    /// How files are opened.
    fileprivate static func how(appends: Bool) -> Int32 {
        O_WRONLY | O_CREAT | O_CLOEXEC | (appends ? O_APPEND : O_TRUNC)
    }

    private static func open(_ path: String, appends: Bool) throws(Failure) -> Int32 {
        let descriptor = Glibc.open(path, how(appends: appends), 0o666)
        guard descriptor >= 0 else {
            throw Failure(description: "cannot write \(path): \(String(cString: strerror(errno)))")
        }
        return descriptor
    }

    /// Appends text of a thread.
    func write(_ bytes: [UInt8], thread: Int32) {
        if let splitPrefix {
            let file: Output
            if let known = files[thread] {
                file = known
            } else {
                let descriptor = splitPrefix.open(thread, appends: appends)
                if descriptor < 0 { return complainOnce(errno) }
                file = Output(descriptor: descriptor, isLive: false)
                files[thread] = file
            }
            file.write(bytes, thread: thread)
            return
        }
        buffer += bytes
        if isLive || buffer.count >= 1 << 16 { flush() }
    }

    func flush() {
        for file in files.values { file.flush() }
        var rest = buffer[...]
        while !rest.isEmpty && descriptor >= 0 {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 {
                if errno == EINTR { continue }
                complainOnce(errno)
                break
            }
            rest = rest.dropFirst(count)
        }
        buffer.removeAll(keepingCapacity: true)
    }

    private var hasComplained = false
    private func complainOnce(_ code: Int32) {
        descriptor = -1
        // Who reads a pipe may stop when there is enough.
        guard !hasComplained, code != EPIPE else { return }
        hasComplained = true
        complain("output is lost: \(String(cString: strerror(code)))")
    }

    /// Writes everything out and waits for a command that reads it.
    func close() {
        flush()
        if let pipe { pclose(pipe) }
        pipe = nil
    }

    var failed: Bool { hasComplained }
}

/// Where files of threads go. They are opened while the program runs, which may have put something else there meanwhile.
private struct SplitPrefix {
    private let folder: Int32
    private let name: String

    /// - Throws: `Failure` where there is no such directory.
    init(_ path: String) throws(Failure) {
        let slash = path.lastIndex(of: "/")
        let folder = slash.map { String(path[...$0]) } ?? "."
        name = slash.map { String(path[path.index(after: $0)...]) } ?? path
        self.folder = Glibc.open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard self.folder >= 0 else {
            throw Failure(description: "cannot write in \(folder): \(String(cString: strerror(errno)))")
        }
    }

    /// The file of a thread; negative, with the reason in `errno`, where there is none. No link is followed, and a FIFO
    /// holds nobody up.
    func open(_ thread: Int32, appends: Bool) -> Int32 {
        openat(folder, "\(name).\(thread)", Output.how(appends: appends) | O_NOFOLLOW | O_NONBLOCK, 0o666)
    }
}
