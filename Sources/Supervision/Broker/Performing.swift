// Which call is performed how.

import Glibc
import Interception
import Messages

extension Work {
    /// Performs the call, or refuses it. What is not here depends on memory in a way that nobody performs yet, so
    /// that it is refused.
    mutating func perform() throws(CallError) -> Answer {
        guard let row = SpecTables.row(stop.personality, stop.number) else { throw CallError(ENOSYS) }
        switch row.call {
        case .open: return try open(OpenRequest(base: AT_FDCWD, name: name(0), flags: integer(1), mode: mode(2)))
        case .creat:
            return try open(
                OpenRequest(base: AT_FDCWD, name: name(0), flags: O_CREAT | O_WRONLY | O_TRUNC, mode: mode(1)))
        case .openat:
            return try open(OpenRequest(base: integer(0), name: name(1), flags: integer(2), mode: mode(3)))
        case .openat2: return try openWithHow()
        case .stat, .lstat, .fstat, .fstat64, .oldfstat, .newfstatat, .stat64, .lstat64, .fstatat64, .oldstat,
            .oldlstat, .statx, .access,
            .faccessat, .faccessat2, .readlink, .readlinkat, .statfs, .statfs64, .fstatfs, .fstatfs64:
            return try look(row.call)
        case .mkdir, .mkdirat, .mknod, .mknodat, .rmdir, .unlink, .unlinkat, .rename, .renameat, .renameat2, .symlink,
            .symlinkat, .link, .linkat:
            return try rename(row.call)
        case .chmod, .fchmod, .fchmodat, .fchmodat2, .chown, .chown32, .lchown, .lchown32, .fchown, .fchown32,
            .fchownat, .utime, .utimes, .futimesat, .utimensat, .utimensatTime64, .truncate, .truncate64:
            return try change(row.call)
        case .setxattr, .lsetxattr, .fsetxattr, .getxattr, .lgetxattr, .fgetxattr, .listxattr, .llistxattr,
            .flistxattr, .removexattr, .lremovexattr, .fremovexattr:
            return try extendedAttribute(row.call)
        case .connect: return try connect()
        case .listen: return try listen()
        case .bind: return try bind()
        case .sendto, .sendmsg, .sendmmsg: return try send(row.call)
        case .chdir: return try enter()
        case .inotifyAddWatch: return try watch()
        case .execve: return try run(AT_FDCWD, 0, 0)
        case .execveat: return try run(integer(0), 1, integer(4))
        case .setuid, .setgid, .setreuid, .setregid, .setresuid, .setresgid, .setfsuid, .setfsgid, .setgroups,
            .capset, .setuid32, .setgid32, .setreuid32, .setregid32, .setresuid32, .setresgid32, .setfsuid32,
            .setfsgid32, .setgroups32, .unshare, .setns:
            // Nothing here is decided on memory: the kernel judges, and what it made of it is asked at the next call.
            let answer = try pass(row)
            caller.changesCredentials()
            return answer
        case .fcntl, .fcntl64, .ioctl: return try own(row)
        case .kill, .tkill, .tgkill, .rtSigqueueinfo, .rtTgsigqueueinfo, .pidfdSendSignal: return try signal(row)
        // What its flags are only memory tells; programs fall back on clone.
        case .clone3: throw CallError(ENOSYS)
        default: return try pass(row)
        }
    }

    /// A directory is no more than the start of names, and each of them is decided on as what it leads to: what a
    /// racing thread makes of this one gives it nothing.
    private mutating func enter() throws(CallError) -> Answer {
        let found = try resolution.object(name(0), from: AT_FDCWD)
        if found.kind != S_IFDIR { throw CallError(ENOTDIR, about: found.path) }
        try require(found, .chdir)
        return .proceed
    }

    private mutating func watch() throws(CallError) -> Answer {
        // IN_ALL_EVENTS with IN_UNMOUNT, IN_Q_OVERFLOW and IN_IGNORED; IN_DONT_FOLLOW (linux/inotify.h)
        guard stop.arguments[2] & 0xEFFF != 0 else { throw CallError(EINVAL) }
        let queue = try descriptor(integer(0))
        let found = try resolution.object(name(1), from: AT_FDCWD, followsLast: stop.arguments[2] & 0x0200_0000 == 0)
        let teller = try Found(queue)
        try require(
            .watch(
                watched(Need(found, .watch, role: .target)),
                on: teller.held(as: integer(0), .queue)))
        let name = Array("/proc/self/fd/\(found.object.number)".utf8)
        let watch = try Kernel.withName(name) { name throws(CallError) in
            try Kernel.call(
                Number.inotifyAddWatch, Int(queue.number), name, Int(stop.arguments[2] & ~0x0200_0000 & 0xFFFF_FFFF))
        }
        return .value(Int64(watch))
    }

    private mutating func openWithHow() throws(CallError) -> Answer {
        // struct open_how is 24 bytes; what a newer one adds must be zero here (openat2(2)).
        let size = address(3)
        guard size >= 24 else { throw CallError(EINVAL) }
        guard size <= 4096 else { throw CallError(E2BIG) }
        let how = try caller.bytes(address(2), Int(size))
        guard how[24...].allSatisfy({ $0 == 0 }) else { throw CallError(E2BIG) }
        // Rules are asked about the snapshot: what is performed must be what it holds.
        guard let region = snapshot.region(at: stop.arguments[2]), region.errno == 0,
            how[..<24] == snapshot.arena[region.offset..<region.offset + min(24, region.count)]
        else { throw CallError(EACCES) }
        let (flags, mode, resolve) = (how.number(0, 8), how.number(8, 8), how.number(16, 8))
        // Only flags and modes that mean something together are let through, as the kernel lets them
        // (build_open_flags in fs/open.c).
        let isPathOnly = flags & UInt64(O_PATH) != 0
        if isPathOnly && flags & ~UInt64(O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) != 0 {
            throw CallError(EINVAL)
        }
        let takesMode = flags & UInt64(O_CREAT) != 0 || flags & UInt64(O_TMPFILE) == UInt64(O_TMPFILE)
        guard flags & ~Self.openFlags == 0, resolve & ~0x3F == 0, mode & ~0o7777 == 0, takesMode || mode == 0,
            resolve & 0x18 != 0x18
        else { throw CallError(EINVAL) }
        return try open(
            OpenRequest(
                base: integer(0), name: name(1), flags: Int32(truncatingIfNeeded: flags), mode: UInt32(mode),
                resolve: resolve, hasFlagsInMemory: true))
    }

    /// VALID_OPEN_FLAGS (linux/fcntl.h).
    private static let openFlags = UInt64(
        O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK | O_SYNC | O_DSYNC | FASYNC | O_DIRECT
            | 0o100000 | O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC | O_PATH | O_TMPFILE)

    func mode(_ index: Int) -> UInt32 { UInt32(truncatingIfNeeded: stop.arguments[index]) & 0o177777 }
}
