// What /proc says of processes and threads.

import Glibc

enum ProcessTable {
    /// The threads of a process, empty where there is none.
    static func threads(of process: Int32) -> [Int32] { numbers(in: "/proc/\(process)/task") }

    /// The descriptors of a thread, empty where there is none.
    static func descriptors(of thread: Int32) -> [Int32] { numbers(in: "/proc/\(thread)/fd").sorted() }

    /// Every process that /proc has.
    static func processes() -> [Int32] { numbers(in: "/proc") }

    /// A thread's ids from /proc's namespace to its own (proc(5), NSpid); none where there is no such thread.
    static func ids(of thread: String, _ name: String) -> [Int32] {
        guard let line = status(of: thread, name) else { return [] }
        return line.split { $0 == 9 || $0 == 32 }.compactMap { Int32(String(decoding: $0, as: UTF8.self)) }
    }

    /// What a thread's command is called (proc(5), comm).
    static func name(of thread: Int32) -> [UInt8] {
        let descriptor = open("/proc/\(thread)/comm", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return [] }
        defer { close(descriptor) }
        var buffer = [UInt8](repeating: 0, count: 64)
        let count = read(descriptor, &buffer, buffer.count)
        return Array(buffer[..<max(0, count)].prefix { $0 != UInt8(ascii: "\n") })
    }

    private static func numbers(in path: String) -> [Int32] {
        guard let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var numbers: [Int32] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if let number = Int32(name) { numbers.append(number) }
        }
        return numbers
    }

    /// The process a thread belongs to.
    static func process(of thread: Int32) -> Int32? {
        status(of: "\(thread)", "Tgid:").flatMap { Int32(String(decoding: $0, as: UTF8.self)) }
    }

    /// Whether a thread has ended, and only its name is left.
    static func isDead(_ thread: Int32) -> Bool {
        guard let state = status(of: "\(thread)", "State:")?.first else { return true }
        return state == UInt8(ascii: "Z") || state == UInt8(ascii: "X")
    }

    /// Whether we trace it.
    static func isTraced(_ thread: Int32) -> Bool {
        status(of: "\(thread)", "TracerPid:").flatMap { Int32(String(decoding: $0, as: UTF8.self)) } == getpid()
    }

    /// A line of a thread's status (proc(5)).
    private static func status(of thread: String, _ name: String) -> ArraySlice<UInt8>? {
        let descriptor = open("/proc/\(thread)/status", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var buffer = [UInt8](repeating: 0, count: 1024)
        let count = read(descriptor, &buffer, buffer.count)
        guard count > 0 else { return nil }
        for line in buffer[..<count].split(separator: UInt8(ascii: "\n")) where line.starts(with: name.utf8) {
            return line.dropFirst(name.utf8.count).drop { $0 == 9 || $0 == 32 }
        }
        return nil
    }
}
