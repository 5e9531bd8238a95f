// Signals that callers send: to groups and through descriptors, never to more than the processes under watch.

import CLinux
import Glibc
import Interception
import Messages

/// What is known of a process that a call is about.
enum Standing {
    /// It lives under the same supervisor, as a thread of this process or as that.
    case watched(Int32)
    /// It has ended, and its parent has not asked how yet.
    case ended
    case other
    /// There is no such process.
    case none

    /// What /proc says of a process or a thread (proc(5), the status file).
    init(of process: Int32) {
        self = .none
        if process <= 0 { return }
        let text: [UInt8]
        do throws(CallError) {
            text = try Kernel.contents("/proc/\(process)/status")
        } catch {
            // Of whom nobody can be asked now, nothing is known.
            if error.errno != ENOENT && error.errno != ESRCH { self = .other }
            return
        }
        self = .other
        var leader = process
        for line in text.split(separator: 10) {
            if line.starts(with: "Tgid:\t".utf8) {
                leader = Int32(String(decoding: line.dropFirst(6), as: UTF8.self)) ?? process
            }
            if line.starts(with: "State:\tZ".utf8) || line.starts(with: "State:\tX".utf8) {
                self = .ended
                return
            }
            guard line.starts(with: "TracerPid:".utf8) else { continue }
            if line.elementsEqual("TracerPid:\t\(getpid())".utf8) { self = .watched(leader) }
            return
        }
    }
}

extension Work {
    /// What a process is to the caller: one that may do more than it is nobody that it may act on as on its children.
    func standing(of process: Int32) -> Standing {
        let standing = Standing(of: process)
        guard case .watched(let leader) = standing,
            worker.broker.authority.isWider(leader, than: caller.process)
        else { return standing }
        return .other
    }

    private static let lastSignal: Int32 = 64
    /// CAP_KILL (linux/capability.h)
    private static let mayKillAny: UInt64 = 1 << 5

    mutating func signal(_ row: CallRow) throws(CallError) -> Answer {
        switch row.call {
        case .kill where integer(0) <= 0: return try signalGroup(integer(0), integer(1))
        case .pidfdSendSignal: return try signalThroughHandle()
        default: break
        }
        guard let argument = row.argumentRows.first(where: { $0.item == "who" }) else { throw CallError(ENOSYS) }
        // Nothing can be done to what is gone, and nothing is: the kernel's answers without the kernel.
        switch standing(of: integer(Int(argument.register))) {
        case .none: throw CallError(ESRCH)
        case .ended: return .value(0)
        case .watched, .other: return try pass(row)
        }
    }

    // MARK: Groups

    /// The kernel would reach whoever is in the group when it looks, the supervisor and its shell among them. So its
    /// members under watch are signalled one by one, again until there is no new one.
    private mutating func signalGroup(_ target: Int32, _ signal: Int32) throws(CallError) -> Answer {
        guard (0...Self.lastSignal).contains(signal) else { throw CallError(EINVAL) }
        // getpgid is 121 in the x86_64 table (syscall_64.tbl).
        let group = target == 0 ? Int32(try Kernel.call(121, Int(caller.process))) : target == -1 ? 0 : -target
        var reached: Set<Int32> = []
        var failure = ESRCH
        for _ in 0..<16 {
            let members = try self.members(of: group).subtracting(reached)
            if members.isEmpty { break }
            if reached.isEmpty { try require(.handles([child(members.first)])) }
            for member in members {
                reached.insert(member)
                guard maySignal(member, signal) else {
                    if failure != 0 { failure = EPERM }
                    continue
                }
                if abitrace_kill(member, signal) == 0 { failure = 0 }
            }
        }
        if reached.isEmpty && exists(group: target) {
            // Others only: theirs is what `procs` grants.
            try require(.handles([]))
            return .proceed
        }
        if failure != 0 { throw CallError(failure) }
        return .value(0)
    }

    private func exists(group target: Int32) -> Bool { abitrace_kill(target, 0) != -ESRCH }

    private func child(_ process: Int32?) -> Held {
        Held(number: process ?? 0, role: .who, path: Array("child".utf8), mode: 0)
    }

    /// The processes under watch in a group; of group 0, all but the caller (kill(2), pid -1).
    private func members(of group: Int32) throws(CallError) -> Set<Int32> {
        guard let list = opendir("/proc") else { throw CallError(errno) }
        defer { closedir(list) }
        var members: Set<Int32> = []
        while let entry = readdir(list) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard let process = Int32(name), process != getpid() else { continue }
            if group == 0 ? process == caller.process : getpgid(process) != group { continue }
            if case .watched = standing(of: process) { members.insert(process) }
        }
        return members
    }

    /// The kernel's own question (kill_ok_by_cred in kernel/signal.c): this thread may send more than its caller.
    private func maySignal(_ process: Int32, _ signal: Int32) -> Bool {
        guard let mine = try? caller.currentCredentials() else { return false }
        if mine.effective & Self.mayKillAny != 0 || process == caller.process { return true }
        guard let theirs = try? ThreadStatus(of: process).credentials else { return false }
        if signal == SIGCONT && getsid(process) == getsid(caller.process) { return true }
        return [mine.users[0], mine.users[1]].contains { $0 == theirs.users[0] || $0 == theirs.users[2] }
    }

    // MARK: Owners

    /// F_SETOWN and its like name who gets a descriptor's signals, of any number that F_SETSIG says: that is decided on
    /// as sending one.
    mutating func own(_ row: CallRow) throws(CallError) -> Answer {
        let answer = try pass(row)
        let handle = try descriptor(integer(0))
        switch (row.call, stop.arguments[1] & 0xFFFF_FFFF) {
        case (.ioctl, 0x8901), (.ioctl, 0x8902):
            var bytes = try caller.bytes(address(2), 4)
            try requireOwner(bytes.withUnsafeBytes { $0.loadUnaligned(as: Int32.self) })
            let request = Int(stop.arguments[1] & 0xFFFF_FFFF)
            // SYS_ioctl of the x86_64 table.
            _ = try Kernel.withBytes(&bytes) { place throws(CallError) in
                try Kernel.call(16, Int(handle.number), request, place)
            }
            return .value(0)
        case (.ioctl, _): return answer
        // What the register says is what the kernel takes.
        case (_, 8):
            try requireOwner(integer(2))
            return answer
        case (_, 15):
            // struct f_owner_ex: type and id; F_OWNER_PGRP is 2.
            var bytes = try caller.bytes(address(2), 8)
            let (type, id) = bytes.withUnsafeBytes {
                ($0.loadUnaligned(as: Int32.self), $0.loadUnaligned(fromByteOffset: 4, as: Int32.self))
            }
            try requireOwner(type == 2 ? -id : id)
            // SYS_fcntl of the x86_64 table.
            _ = try Kernel.withBytes(&bytes) { place throws(CallError) in
                try Kernel.call(72, Int(handle.number), 15, place)
            }
            return .value(0)
        default: return answer
        }
    }

    private func requireOwner(_ process: Int32) throws(CallError) {
        if process == 0 || process == caller.process || process == caller.thread { return }
        if case .watched = standing(of: process) { return }
        if worker.broker.authority.may(.signal, toOthers: caller.process) { return }
        throw CallError(refused(.unnameable("a process outside the policy would get its signals")))
    }

    // MARK: Handles

    /// Through a copy of the descriptor: what is decided on is what is signalled.
    private mutating func signalThroughHandle() throws(CallError) -> Answer {
        let handle = try descriptor(integer(0))
        let process = try Kernel.contents("/proc/self/fdinfo/\(handle.number)").split(separator: 10)
            .first { $0.starts(with: "Pid:\t".utf8) }
            .flatMap { Int32(String(decoding: $0.dropFirst(5), as: UTF8.self)) }
        // PIDFD_SIGNAL_PROCESS_GROUP (linux/pidfd.h): the group whose number is the process's (pidfd_send_signal(2)).
        if stop.arguments[3] & 4 != 0 {
            guard let process, process > 0, address(2) == 0, stop.arguments[3] & 0xFFFF_FFFF == 4 else {
                throw CallError(EINVAL)
            }
            return try signalGroup(-process, integer(1))
        }
        var information = address(2) == 0 ? [] : try caller.bytes(address(2), 128)
        if !information.isEmpty && stop.personality == .i386 { throw CallError(EINVAL) }
        if let process, process > 0, case .watched = standing(of: process) {
            try require(.handles([child(process)]))
            guard maySignal(process, integer(1)) else { throw CallError(EPERM) }
        } else if process != -1 {
            try require(.handles([]))
        }
        try Kernel.withBytes(&information) { [isThere = !information.isEmpty] place throws(CallError) in
            _ = try Kernel.call(
                Number.pidfdSendSignal, Int(handle.number), Int(integer(1)), isThere ? place : 0,
                Int(UInt32(truncatingIfNeeded: stop.arguments[3])))
        }
        return .value(0)
    }
}
