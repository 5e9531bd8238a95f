// What /proc says of processes: the supervisor's is nobody's to see, and that of processes outside the policy takes a right.

import Glibc
import Messages

extension Resolution {
    /// The mode of the descriptor that a name in a directory `/proc/PID/fd` stands for; nil for other magic links, and
    /// where the number stands for another object by now.
    static func accessMode(
        of name: [UInt8], in directory: ProcessFile, as object: Descriptor
    ) throws(CallError) -> Int32? {
        guard directory.isOurs, directory.name.suffix(3).elementsEqual("/fd".utf8),
            name.allSatisfy({ $0 >= 48 && $0 <= 57 })
        else { return nil }
        let path = directory.name + Array("info/".utf8) + name
        let text = try Kernel.contents("/proc/" + String(decoding: path, as: UTF8.self))
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
    func requireWatched(_ file: ProcessFile?, _ rights: Rights) throws(CallError) {
        guard let file else { return }
        if !rights.isDisjoint(with: [.read, .write]) { try requireMachine(file) }
        guard let other = file.process, other != caller.process else { return }
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
        if file.name.suffix(4).elementsEqual("/mem".utf8) && !rights.isDisjoint(with: [.read, .write])
            && !authority.mayUseMemory(ofOthers: isOutside, caller.process)
        {
            throw CallError(EACCES, because: "the memory of another process, which takes `debug.inspect`")
        }
    }

    /// What /proc says of the whole machine and calls take a right for: its log (syslog(2), which takes messages away for
    /// others), and its memory with everybody's in it (proc(5)).
    private func requireMachine(_ file: ProcessFile) throws(CallError) {
        let authority = worker.broker.authority
        if file.name.elementsEqual("kmsg".utf8), !authority.mayReadLog(caller.process) {
            throw CallError(EACCES, because: "the kernel's log, which takes `host`")
        }
        if file.name.elementsEqual("kcore".utf8), !authority.mayUseMemory(ofOthers: true, caller.process) {
            throw CallError(EACCES, because: "everybody's memory, which takes `procs` and `debug.inspect`")
        }
    }
}
