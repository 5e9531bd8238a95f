// Recordings as commands take them: files, directories of files, standard input; and how far a long one has got.

import Glibc
import Interception
import Messages
import Objects
import Recording

enum RecordingFiles {
    /// The recordings that the arguments name: a directory stands for the .mcap files in it, in the order of names.
    /// - Throws: `Failure` where a directory has none.
    static func all(_ arguments: [String]) throws -> [String] {
        try arguments.flatMap { argument -> [String] in
            var info = stat()
            guard stat(argument, &info) == 0, info.st_mode & S_IFMT == S_IFDIR else { return [argument] }
            guard let directory = opendir(argument) else {
                throw Failure(description: "\(argument): \(String(cString: strerror(errno)))")
            }
            defer { closedir(directory) }
            var names: [String] = []
            while let entry = readdir(directory) {
                let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                    String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
                }
                if name.hasSuffix(".mcap") { names.append("\(argument)/\(name)") }
            }
            if names.isEmpty { throw Failure(description: "\(argument): no recording (.mcap) in it") }
            return names.sorted()
        }
    }

    /// Where the first program of a recording began, nil where it does not say.
    static func start(of recording: String) throws -> String? {
        var source = ReplayInterceptor(try RecordingReader(path: recording))
        var event = Event(thread: 0, process: 0, time: 0, happening: .detached)
        var snapshot = Snapshot()
        var interrupted = false
        let world = World()
        for _ in 0..<16 {
            guard try source.next(&event, &snapshot, interrupted: &interrupted) else { return nil }
            world.see(event, snapshot)
            if let start = world.threads[event.thread]?.context.workingDirectory {
                return String(decoding: start.name, as: UTF8.self)
            }
        }
        return nil
    }

    /// Goes through a recording's events, after `head` has seen what the recording says of itself. What is missing at
    /// its end is said on standard error.
    /// - Parameter isEvidence: something is to follow from what is in the recording, and from what is not.
    /// - Throws: `Failure` where nothing can follow, for the recording has no call.
    static func eachEvent(
        of recording: String, isEvidence: Bool = false, head: (RecordingReader) -> Void = { _ in },
        _ body: (Event, Snapshot) throws -> Void
    ) throws {
        let reader = try RecordingReader(path: recording)
        head(reader)
        var source = ReplayInterceptor(reader)
        var event = Event(thread: 0, process: 0, time: 0, happening: .detached)
        var snapshot = Snapshot()
        var interrupted = false
        var hasCall = false
        while try source.next(&event, &snapshot, interrupted: &interrupted) {
            if event.happening == .entry { hasCall = true }
            try body(event, snapshot)
        }
        if let remark = source.incompleteness {
            complain("\(recording): \(remark)\(isEvidence && hasCall ? "; what is missing is not considered" : "")")
        }
        if isEvidence, !hasCall {
            throw Failure(description: "\(recording): there is no call in it, so nothing follows from it")
        }
    }
}

/// Says on a terminal how far long work has got.
struct Progress {
    private let title: String
    private let isShown = isatty(STDERR_FILENO) == 1
    private var isOpen = false
    private var next = 100_000

    init(_ title: String) { self.title = title }

    mutating func step(_ count: Int) {
        guard isShown, count >= next else { return }
        next = count + 100_000
        isOpen = true
        say("\r\(title): \(count) calls")
    }

    mutating func end() {
        if isOpen { say("\r\u{1B}[K") }
        isOpen = false
    }

    private func say(_ text: String) {
        let bytes = Array(text.utf8)
        _ = write(STDERR_FILENO, bytes, bytes.count)
    }
}
