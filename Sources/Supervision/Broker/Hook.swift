// A program that answers questions in a person's place: it reads messages as JSON Lines and writes an answer for each.

import CLinux
import Glibc
import Messages
import Policy
import Synchronization

/// The program, running as long as we do.
public final class Hook: Sendable {
    private let input: Int32
    private let output: Int32
    /// What was read beyond the last answer.
    private let rest = Mutex<[UInt8]>([])
    /// Seconds after which silence is a no.
    private static let limit: Int32 = 30

    /// Starts the program.
    /// - Throws: `LaunchError` where it cannot be run.
    public init(_ program: String) throws(LaunchError) {
        var questions: [Int32] = [0, 0]
        var answers: [Int32] = [0, 0]
        let failures = [Self.pipe(&questions), Self.pipe(&answers)].filter { $0 != 0 }
        if let failure = failures.first { throw .exec(program, errno: failure) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, questions[0], 0)
        posix_spawn_file_actions_adddup2(&actions, answers[1], 1)
        var process: pid_t = 0
        var arguments: [UnsafeMutablePointer<CChar>?] = [strdup(program), nil]
        defer { free(arguments[0]) }
        let failure = posix_spawnp(&process, program, &actions, nil, &arguments, environ)
        close(questions[0])
        close(answers[1])
        (input, output) = (questions[1], answers[0])
        if failure != 0 { throw .exec(program, errno: failure) }
    }

    /// A pipe that no program inherits. Answers an errno, 0 for success.
    private static func pipe(_ ends: inout [Int32]) -> Int32 {
        // pipe2 is 293 in the x86_64 table (syscall_64.tbl).
        let answer = ends.withUnsafeMutableBytes {
            abitrace_call(293, UInt(bitPattern: $0.baseAddress), UInt(O_CLOEXEC), 0, 0, 0, 0)
        }
        return Int32(-answer)
    }

    /// The program's answer to a message, nil where it gives none in time.
    func ask(_ message: [UInt8]) -> HookAnswer? {
        rest.withLock { rest in
            // A program that is gone must not end us (signal(7), SIGPIPE).
            var sent = 0
            while sent < message.count {
                let count = message[sent...].withUnsafeBytes { writeQuietly(input, $0) }
                guard count > 0 else { return nil }
                sent += count
            }
            while true {
                if let end = rest.firstIndex(of: 10) {
                    let line = String(decoding: rest[..<end], as: UTF8.self)
                    rest.removeSubrange(...end)
                    return HookAnswer(line)
                }
                var wait = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
                var buffer = [UInt8](repeating: 0, count: 4096)
                guard rest.count < 1 << 16, poll(&wait, 1, Self.limit * 1000) == 1 else { return nil }
                let count = read(output, &buffer, buffer.count)
                guard count > 0 else { return nil }
                rest += buffer[..<count]
            }
        }
    }

    private func writeQuietly(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
        write(descriptor, bytes.baseAddress, bytes.count)
    }
}

/// What a hook answered: `allow`, `always`, `never`, `deny [ERRNO]`, `kill`, `stub`, or `reply` and `rewrite` with
/// `ITEM=VALUE` words.
enum HookAnswer: Equatable {
    case allow, always, never, kill, stub
    case deny(Int32)
    case reply([ItemChange])
    case rewrite([ItemChange])

    /// Nil for what is no answer.
    init?(_ line: String) {
        let words = line.split(separator: " ").map(String.init)
        let changes = words.dropFirst().compactMap { word -> ItemChange? in
            guard let equals = word.firstIndex(of: "=") else { return nil }
            return ItemChange(item: String(word[..<equals]), value: String(word[word.index(after: equals)...]))
        }
        switch (words.first, words.count) {
        case ("allow", 1): self = .allow
        case ("always", 1): self = .always
        case ("never", 1): self = .never
        case ("kill", 1): self = .kill
        case ("stub", 1): self = .stub
        case ("deny", 1): self = .deny(ErrnoName.EACCES)
        case ("deny", 2):
            guard let errno = ErrnoName.number(words[1]), errno > 0 else { return nil }
            self = .deny(errno)
        case ("reply", 2...) where changes.count == words.count - 1: self = .reply(changes)
        case ("rewrite", 2...) where changes.count == words.count - 1: self = .rewrite(changes)
        default: return nil
        }
    }
}
