// What /proc says of processes and threads.

import Glibc

enum ProcessTable {
    /// The threads of a process, empty where there is none.
    static func threads(of process: Int32) -> [Int32] {
        guard let directory = opendir("/proc/\(process)/task") else { return [] }
        defer { closedir(directory) }
        var threads: [Int32] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if let thread = Int32(name) { threads.append(thread) }
        }
        return threads
    }

    /// The process a thread belongs to: the `Tgid` line of its status (proc(5)).
    static func process(of thread: Int32) -> Int32? {
        let descriptor = open("/proc/\(thread)/status", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var buffer = [UInt8](repeating: 0, count: 1024)
        let count = read(descriptor, &buffer, buffer.count)
        guard count > 0 else { return nil }
        for line in buffer[..<count].split(separator: UInt8(ascii: "\n")) where line.starts(with: "Tgid:".utf8) {
            let digits = line.dropFirst(5).drop { $0 == 9 || $0 == 32 }
            return Int32(String(decoding: digits, as: UTF8.self))
        }
        return nil
    }
}
