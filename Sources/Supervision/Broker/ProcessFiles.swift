// What /proc says of processes: the supervisor's is nobody's to see, and that of processes outside the policy takes a right.

import Glibc
import Messages

extension Resolution {
    /// The mode of the descriptor that a name in a directory `/proc/PID/fd` stands for; nil for other magic links, and
    /// where the number stands for another object by now.
    static func accessMode(
        of name: [UInt8], in path: [UInt8], as object: Descriptor
    ) throws(CallError) -> Int32? {
        guard path.suffix(3).elementsEqual("/fd".utf8), name.allSatisfy({ $0 >= 48 && $0 <= 57 }) else { return nil }
        let text = try Kernel.contents(String(decoding: path + Array("info/".utf8) + name, as: UTF8.self))
        func number(_ word: String, radix: UInt64) -> UInt64? {
            text.split(separator: 10).first { $0.starts(with: (word + ":").utf8) }.map { line in
                line.filter { $0 >= 48 && $0 <= 57 }.reduce(0) { $0 &* radix &+ UInt64($1 - 48) }
            }
        }
        // proc(5), /proc/pid/fdinfo: one reading shows one open file.
        guard let inode = number("ino", radix: 10), let mount = number("mnt_id", radix: 10),
            try inode == UInt64(Kernel.status(object.number).st_ino), try mount == Kernel.mount(of: object.number)
        else { return nil }
        return number("flags", radix: 8).map { Int32(truncatingIfNeeded: $0) & O_ACCMODE }
    }

    /// What /proc says of a process is that one's: of one outside the policy, or one that may do more, it takes the
    /// right to look into others. Memory is reached by calls too (process_vm_readv(2)), and takes what those do.
    func requireWatched(_ path: [UInt8], _ rights: Rights) throws(CallError) {
        guard path.starts(with: Self.processes) else { return }
        if !rights.isDisjoint(with: [.read, .write]) { try requireMachine(path) }
        let parts = path.dropFirst(Self.processes.count).split(separator: slash)
        guard let digits = parts.first, let other = Int32(String(decoding: digits, as: UTF8.self)),
            other != caller.process
        else { return }
        let authority = worker.broker.authority
        var isOutside = true
        switch Standing(of: other) {
        case .ended, .none: return
        case .watched(caller.process): return
        case .watched(let process): isOutside = authority.isWider(process, than: caller.process)
        case .other: break
        }
        if isOutside && !authority.may(.inspect, toOthers: caller.process) {
            throw CallError(ENOENT, because: "what /proc says of a process outside the policy")
        }
        let isMemory = parts.last.map { $0.elementsEqual("mem".utf8) } ?? false
        if isMemory && !rights.isDisjoint(with: [.read, .write])
            && !authority.mayUseMemory(ofOthers: isOutside, caller.process)
        {
            throw CallError(EACCES, because: "the memory of another process, which takes `debug.inspect`")
        }
    }

    /// What /proc says of the whole machine and calls take a right for: its log (syslog(2), which takes messages away for
    /// others), and its memory with everybody's in it (proc(5)).
    private func requireMachine(_ path: [UInt8]) throws(CallError) {
        let authority = worker.broker.authority
        if path.elementsEqual("/proc/kmsg".utf8), !authority.mayReadLog(caller.process) {
            throw CallError(EACCES, because: "the kernel's log, which takes `host`")
        }
        if path.elementsEqual("/proc/kcore".utf8), !authority.mayUseMemory(ofOthers: true, caller.process) {
            throw CallError(EACCES, because: "everybody's memory, which takes `procs` and `debug.inspect`")
        }
    }

    private static let processes = Array("/proc/".utf8)

    /// What /proc says of the supervisor's own threads is nobody's business.
    func refuseOurs(_ component: [UInt8], _ directory: Descriptor) throws(CallError) {
        guard let first = component.first, first >= 48 && first <= 57,
            try Kernel.fileSystem(directory.number) == Self.procMagic
        else { return }
        if ProcessFiles.isOurs(component) { throw CallError(ENOENT) }
    }
}

enum ProcessFiles {
    /// Whether a component is the number of one of our threads. Most paths have no number in them.
    static func nameUs(_ path: [UInt8]) -> Bool {
        var hasNumber = false
        for index in path.indices.dropLast() where path[index] == slash {
            hasNumber = hasNumber || (48...57).contains(path[index + 1])
        }
        return hasNumber && path.split(separator: slash).contains { isOurs($0) }
    }

    fileprivate static func isOurs(_ component: some Collection<UInt8>) -> Bool {
        guard component.allSatisfy({ $0 >= 48 && $0 <= 57 }) else { return false }
        return access("/proc/self/task/" + String(decoding: component, as: UTF8.self), F_OK) == 0
    }
}
