// The kernel's calls as the broker makes them: on the calling thread alone, with bytes for names, errnos as errors.

import CLinux
import Glibc
import Interception
import Policy

// Flags of asm-generic/fcntl.h that glibc shows to GNU sources alone.
let O_PATH: Int32 = 0o10000000
let O_TMPFILE: Int32 = 0o20200000
let O_DIRECT: Int32 = 0o40000
let O_NOATIME: Int32 = 0o1000000

/// A call that failed, with the errno that the caller gets.
struct CallError: Error, Equatable {
    let errno: Int32
    /// What the caller gets instead of an errno.
    private(set) var answer: Answer?
    /// The call is to be performed with these items in place of its own.
    private(set) var changes: [Change] = []
    /// Where the object is that the errno tells something of, nil where the name alone does.
    private(set) var about: [UInt8]?
    /// Why no policy that is in force allows it, where that is the reason.
    private(set) var reason: String?

    init(_ errno: Int32) { self.errno = errno }

    init(_ errno: Int32, about path: [UInt8]) {
        self.errno = errno
        about = path
    }

    init(_ errno: Int32, because reason: String) {
        self.errno = errno
        self.reason = reason
    }

    /// The same, where it is an errno, as one that tells of an object.
    func about(_ path: [UInt8]?) -> CallError {
        guard answer == nil, changes.isEmpty, let path else { return self }
        return CallError(errno, about: path)
    }

    init(answering answer: Answer) {
        errno = 0
        self.answer = answer
    }

    init(rewriting changes: [Change]) {
        errno = EACCES
        self.changes = changes
    }
}

/// A descriptor of ours, closed when it is no longer held.
final class Descriptor: Sendable {
    let number: Int32

    init(_ number: Int32) { self.number = number }

    deinit { close(number) }
}

/// Numbers of the x86_64 table (arch/x86/entry/syscalls/syscall_64.tbl), for calls that must not go through glibc.
enum Number {
    static let sendmsg = 46, fsync = 74, truncate = 76, setfsuid = 122, setfsgid = 123, setgroups = 116
    static let setresuid = 117, setresgid = 119, capset = 126, mknodat = 259, mkdirat = 258, fchownat = 260
    static let newfstatat = 262
    static let unlinkat = 263, linkat = 265, symlinkat = 266, readlinkat = 267, fchmodat = 268, unshare = 272
    static let utimensat = 280, openat = 257, renameat2 = 316, statx = 332, openat2 = 437, pidfdOpen = 434
    static let pidfdGetfd = 438, faccessat2 = 439, fchmodat2 = 452, setxattr = 188, getxattr = 191
    static let listxattr = 194, removexattr = 197, lsetxattr = 189, lgetxattr = 192, llistxattr = 195
    static let lremovexattr = 198, statfs = 137, fstatfs = 138, inotifyAddWatch = 254, processVMWritev = 311
    static let read = 0, write = 1, preadv2 = 327, pwritev2 = 328, socket = 41
    static let connect = 42, bind = 49, sendto = 44, fsetxattr = 190, fgetxattr = 193, flistxattr = 196
    static let fremovexattr = 199, fchmod = 91, fchown = 93, umask = 95, tgkill = 234, gettid = 186
    static let pidfdSendSignal = 424, listen = 50, prlimit64 = 302
    static let accept4 = 288, getsockname = 51, getpeername = 52, ioctl = 16, fcntl = 72
    static let getdents64 = 217, prctl = 157, landlockRestrictSelf = 446
}

/// The kernel's calls.
enum Kernel {
    /// The answer of a call, where a negative one is an errno.
    @inline(__always)
    static func checked(_ answer: Int) throws(CallError) -> Int {
        if answer < 0 { throw CallError(Int32(-answer)) }
        return answer
    }

    @discardableResult
    @inline(__always)
    static func call(
        _ number: Int, _ a: Int = 0, _ b: Int = 0, _ c: Int = 0, _ d: Int = 0, _ e: Int = 0, _ f: Int = 0
    ) throws(CallError) -> Int {
        try checked(
            abitrace_call(
                number, UInt(bitPattern: a), UInt(bitPattern: b), UInt(bitPattern: c), UInt(bitPattern: d),
                UInt(bitPattern: e), UInt(bitPattern: f)))
    }

    /// Calls `body` with the address of the name, ended by a NUL.
    @inline(__always)
    static func withName<Result>(
        _ name: [UInt8], _ body: (Int) throws(CallError) -> Result
    ) throws(CallError) -> Result {
        var ended = name
        ended.append(0)
        return try withBytes(&ended, body)
    }

    /// Calls `body` with the address of the bytes.
    @inline(__always)
    static func withBytes<Result>(
        _ bytes: inout [UInt8], _ body: (Int) throws(CallError) -> Result
    ) throws(CallError) -> Result {
        let outcome: Swift.Result<Result, CallError> = bytes.withUnsafeMutableBytes { buffer in
            do throws(CallError) {
                return .success(try body(Int(bitPattern: buffer.baseAddress)))
            } catch {
                return .failure(error)
            }
        }
        return try outcome.get()
    }

    // MARK: Opening

    /// openat2(2) with these resolve flags; EAGAIN asks to try again after a rename elsewhere.
    static func open(
        _ directory: Int32, _ name: [UInt8], flags: Int32, mode: UInt32 = 0, resolve: UInt64 = 0
    ) throws(CallError) -> Descriptor {
        // struct open_how: flags, mode, resolve.
        var how = (UInt64(UInt32(bitPattern: flags | O_CLOEXEC)), UInt64(mode), resolve)
        let number = try withName(name) { name throws(CallError) in
            try checked(
                withUnsafeMutablePointer(to: &how) {
                    abitrace_call(
                        Number.openat2, UInt(bitPattern: Int(directory)), UInt(bitPattern: name),
                        UInt(bitPattern: $0), 24, 0, 0)
                })
        }
        return Descriptor(Int32(number))
    }

    /// openat(2), which forgives flags and modes that openat2(2) refuses.
    static func openPlainly(
        _ directory: Int32, _ name: [UInt8], flags: Int32, mode: UInt32 = 0
    ) throws(CallError) -> Descriptor {
        let number = try withName(name) { name throws(CallError) in
            try call(Number.openat, Int(directory), name, Int(flags | O_CLOEXEC), Int(mode))
        }
        return Descriptor(Int32(number))
    }

    /// Our own descriptors by their numbers: half of what it costs to open or to name an object again is the way through
    /// /proc/self/fd to it (proc_pid_fd(5)).
    private static let ownDescriptors = Glibc.open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC)

    /// Opens the object of a descriptor of ours again.
    static func reopen(_ object: Descriptor, flags: Int32, mode: UInt32 = 0) throws(CallError) -> Descriptor {
        try openPlainly(ownDescriptors, Array("\(object.number)".utf8), flags: flags, mode: mode)
    }

    /// What the kernel calls the object of a descriptor of ours now.
    static func name(of object: Descriptor) throws(CallError) -> [UInt8] {
        try readLink(ownDescriptors, Array("\(object.number)".utf8))
    }

    // MARK: Looking

    /// The text of a symbolic link: of `name` in the directory, or of the link that the descriptor itself is.
    static func readLink(_ directory: Int32, _ name: [UInt8] = []) throws(CallError) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = try withName(name) { name throws(CallError) in
            try withBytes(&buffer) { place throws(CallError) in
                try call(Number.readlinkat, Int(directory), name, place, 4096)
            }
        }
        buffer.removeLast(4096 - count)
        return buffer
    }

    static func status(_ descriptor: Int32) throws(CallError) -> stat {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw CallError(errno) }
        return status
    }

    /// The magic number of the file system that the object lies on (statfs(2)).
    static func fileSystem(_ descriptor: Int32) throws(CallError) -> Int {
        Int(try fileSystemStatus(descriptor)[0])
    }

    /// The fifteen words of struct statfs (asm-generic/statfs.h).
    static func fileSystemStatus(_ descriptor: Int32) throws(CallError) -> [UInt64] {
        var words = [UInt64](repeating: 0, count: 15)
        let answer = words.withUnsafeMutableBytes {
            abitrace_call(Number.fstatfs, UInt(descriptor), UInt(bitPattern: $0.baseAddress), 0, 0, 0, 0)
        }
        _ = try checked(answer)
        return words
    }

    /// The id of the mount that the object was reached through.
    static func mount(of descriptor: Int32) throws(CallError) -> UInt64 {
        // struct statx has 256 bytes; stx_mnt_id lies at 144, STATX_MNT_ID asks for it (linux/stat.h).
        var answer = [UInt8](repeating: 0, count: 256)
        try withName([]) { empty throws(CallError) in
            try withBytes(&answer) { answer throws(CallError) in
                _ = try call(Number.statx, Int(descriptor), empty, Int(atEmptyPath), 0x1000, answer)
            }
        }
        return answer.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: 144, as: UInt64.self) }
    }

    /// The calling thread's own id.
    static func thread() -> Int32 { Int32(abitrace_call(Number.gettid, 0, 0, 0, 0, 0, 0)) }

    /// The whole of a small file, as those of /proc are.
    static func contents(_ path: String) throws(CallError) -> [UInt8] {
        let file = try openPlainly(AT_FDCWD, Array(path.utf8), flags: O_RDONLY)
        var contents: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let got = read(file.number, &buffer, buffer.count)
            if got < 0 { throw CallError(errno) }
            if got == 0 { return contents }
            contents += buffer[..<got]
        }
    }
}
