// Looks at files for callers: attributes, access, links, file systems.

import CLinux
import Glibc
import Interception
import Messages

// Flags of linux/fcntl.h.
let atEmptyPath: Int32 = 0x1000
private let atNoAutomount: Int32 = 0x800
private let atEffectiveIDs: Int32 = 0x200
private let atSymlinkNoFollow: Int32 = 0x100

extension Work {
    mutating func look(_ call: SystemCall) throws(CallError) -> Answer {
        switch call {
        case .stat, .stat64, .oldstat: return try attributes(AT_FDCWD, 0, 0, into: 1, call)
        case .lstat, .lstat64, .oldlstat: return try attributes(AT_FDCWD, 0, atSymlinkNoFollow, into: 1, call)
        case .newfstatat, .fstatat64: return try attributes(integer(0), 1, integer(3), into: 2, call)
        case .fstat, .fstat64, .oldfstat:
            if integer(0) < 0 { throw CallError(EBADF) }
            return try attributes(integer(0), -1, 0, into: 1, call)
        case .statx: return try extendedAttributes()
        case .access: return try access(AT_FDCWD, 0, integer(1), 0)
        case .faccessat: return try access(integer(0), 1, integer(2), 0)
        case .faccessat2: return try access(integer(0), 1, integer(2), integer(3))
        case .readlink: return try readLink(AT_FDCWD, 0, into: 1, integer(2))
        case .readlinkat: return try readLink(integer(0), 1, into: 2, integer(3))
        case .statfs, .fstatfs: return try fileSystem(into: 1, ofHeld: call == .fstatfs)
        case .statfs64, .fstatfs64: return try fileSystem(into: 2, ofHeld: call == .fstatfs64)
        default: throw CallError(ENOSYS)
        }
    }

    /// The object that a name, or with AT_EMPTY_PATH a descriptor, stands for.
    mutating func object(_ base: Int32, _ argument: Int, _ flags: Int32) throws(CallError) -> (Found, isHeld: Bool) {
        if flags & atEmptyPath != 0 {
            // A NULL is as good as an empty name (Linux 6.11).
            let text = address(argument) == 0 ? [] : try name(argument)
            if text.isEmpty { return try held(base) }
        }
        let found = try resolution.object(
            name(argument), from: base, followsLast: flags & atSymlinkNoFollow == 0)
        return (found, false)
    }

    /// The object of a descriptor, and whether it was opened for more than its name: that was decided on then.
    private func held(_ base: Int32) throws(CallError) -> (Found, isHeld: Bool) {
        let held = try place(base)
        return (try resolution.object(of: held), fcntl(held.number, F_GETFL) & O_PATH == 0)
    }

    /// To look at what one holds already, or at a thing without a name, needs no grant.
    func requireLook(_ found: Found, _ isHeld: Bool, _ rights: Rights) throws(CallError) {
        if isHeld || !found.isNamed { return }
        try require(found, rights)
    }

    // MARK: Attributes

    private mutating func attributes(
        _ base: Int32, _ argument: Int, _ flags: Int32, into target: Int, _ call: SystemCall
    ) throws(CallError) -> Answer {
        guard flags & ~(atSymlinkNoFollow | atNoAutomount | atEmptyPath) == 0 else { throw CallError(EINVAL) }
        let (found, isHeld) = try argument < 0 ? held(base) : object(base, argument, flags)
        try requireLook(found, isHeld, .stat)
        let form: StatForm =
            switch call {
            case .stat64, .lstat64, .fstat64, .fstatat64: .wide32
            case .oldstat, .oldlstat, .oldfstat: .old32
            default: stop.personality == .x86_64 ? .native : .narrow32
            }
        try write(form.bytes(Kernel.status(found.object.number)), to: address(target))
        return .value(0)
    }

    private mutating func extendedAttributes() throws(CallError) -> Answer {
        let flags = integer(2)
        // AT_STATX_SYNC_TYPE is 0x6000; both bits at once mean nothing (statx(2)).
        guard flags & ~(atSymlinkNoFollow | atNoAutomount | atEmptyPath | 0x6000) == 0, flags & 0x6000 != 0x6000,
            stop.arguments[3] & 0x8000_0000 == 0
        else { throw CallError(EINVAL) }
        let (found, isHeld) = try object(integer(0), 1, flags)
        try requireLook(found, isHeld, .stat)
        // struct statx has 256 bytes and one layout everywhere.
        var answer = [UInt8](repeating: 0, count: 256)
        try empty { empty throws(CallError) in
            try Kernel.withBytes(&answer) { answer throws(CallError) in
                try Kernel.call(
                    Number.statx, Int(found.object.number), empty, Int(flags & 0x6000 | atEmptyPath),
                    Int(UInt32(truncatingIfNeeded: stop.arguments[3])), answer)
            }
        }
        try write(answer, to: address(4))
        return .value(0)
    }

    /// Calls `body` with the address of an empty name.
    @discardableResult
    func empty<Result>(_ body: (Int) throws(CallError) -> Result) throws(CallError) -> Result {
        try Kernel.withName([], body)
    }

    // MARK: Access, links, file systems

    private mutating func access(
        _ base: Int32, _ argument: Int, _ mode: Int32, _ flags: Int32
    ) throws(CallError) -> Answer {
        guard mode & ~7 == 0, flags & ~(atSymlinkNoFollow | atEffectiveIDs | atEmptyPath) == 0 else {
            throw CallError(EINVAL)
        }
        if flags & atEffectiveIDs == 0 { try worker.wear(caller.currentCredentials().asReal) }
        let (found, isHeld) = try object(base, argument, flags)
        try requireLook(found, isHeld, .stat)
        try empty { empty throws(CallError) in
            try Kernel.call(
                Number.faccessat2, Int(found.object.number), empty, Int(mode), Int(atEmptyPath | atEffectiveIDs))
        }
        return .value(0)
    }

    private mutating func readLink(
        _ base: Int32, _ argument: Int, into target: Int, _ size: Int32
    ) throws(CallError) -> Answer {
        guard size > 0 else { throw CallError(EINVAL) }
        let name = try name(argument)
        let found: Found
        if name.isEmpty {
            // An empty name means the link that the descriptor itself is (readlinkat(2)).
            found = try resolution.object(of: place(base))
        } else {
            found = try resolution.object(name, from: base, followsLast: false)
        }
        guard found.isLink else { throw CallError(name.isEmpty ? ENOENT : EINVAL, about: found.path) }
        try requireLook(found, false, .readlink)
        let text: [UInt8] =
            switch found.processFile?.name {
            case Array("self".utf8): Array("\(caller.process)".utf8)
            case Array("thread-self".utf8): Array("\(caller.process)/task/\(caller.thread)".utf8)
            default: try Kernel.readLink(found.object.number)
            }
        let kept = Array(text.prefix(Int(size)))
        try write(kept, to: address(target))
        return .value(Int64(kept.count))
    }

    private mutating func fileSystem(into target: Int, ofHeld: Bool) throws(CallError) -> Answer {
        if target == 2 && stop.arguments[1] != 84 { throw CallError(EINVAL) }
        if ofHeld && integer(0) < 0 { throw CallError(EBADF) }
        let (found, isHeld) =
            try ofHeld ? held(integer(0)) : (resolution.object(name(0), from: AT_FDCWD), isHeld: false)
        try requireLook(found, isHeld, .stat)
        let answer = try Kernel.fileSystemStatus(found.object.number)
        let bytes: [UInt8]
        switch (stop.personality, target) {
        case (.x86_64, _): bytes = answer.withUnsafeBytes { Array($0) }
        case (_, 2): bytes = Layout.fileSystem64(answer)
        default: bytes = try Layout.fileSystem32(answer)
        }
        try write(bytes, to: address(target))
        return .value(0)
    }
}

/// The struct that a call of the stat family fills.
enum StatForm {
    case native, narrow32, wide32, old32

    func bytes(_ status: stat) throws(CallError) -> [UInt8] {
        var status = status
        switch self {
        case .native: return withUnsafeBytes(of: &status) { Array($0) }
        case .narrow32: return try narrow(status)
        case .wide32: return wide(status)
        case .old32: return try old(status)
        }
    }

    /// struct compat_stat (arch/x86/include/asm/compat.h).
    private func narrow(_ status: stat) throws(CallError) -> [UInt8] {
        guard status.st_size <= Int(Int32.max) else { throw CallError(EOVERFLOW) }
        var layout = Layout(count: 64)
        layout.put(UInt64(status.st_dev), 0, 4)
        layout.put(UInt64(status.st_ino), 4, 4)
        layout.put(UInt64(status.st_mode), 8, 2)
        layout.put(UInt64(status.st_nlink), 10, 2)
        layout.put(UInt64(status.st_uid), 12, 2)
        layout.put(UInt64(status.st_gid), 14, 2)
        layout.put(UInt64(status.st_rdev), 16, 4)
        layout.put(UInt64(status.st_size), 20, 4)
        layout.put(UInt64(status.st_blksize), 24, 4)
        layout.put(UInt64(status.st_blocks), 28, 4)
        for (index, time) in [status.st_atim, status.st_mtim, status.st_ctim].enumerated() {
            layout.put(UInt64(bitPattern: Int64(time.tv_sec)), 32 + 8 * index, 4)
            layout.put(UInt64(time.tv_nsec), 36 + 8 * index, 4)
        }
        return layout.bytes
    }

    /// struct stat64 of i386 (arch/x86/include/uapi/asm/stat.h), packed.
    private func wide(_ status: stat) -> [UInt8] {
        var layout = Layout(count: 96)
        layout.put(UInt64(status.st_dev), 0, 8)
        layout.put(UInt64(status.st_ino), 12, 4)
        layout.put(UInt64(status.st_mode), 16, 4)
        layout.put(UInt64(status.st_nlink), 20, 4)
        layout.put(UInt64(status.st_uid), 24, 4)
        layout.put(UInt64(status.st_gid), 28, 4)
        layout.put(UInt64(status.st_rdev), 32, 8)
        layout.put(UInt64(bitPattern: Int64(status.st_size)), 44, 8)
        layout.put(UInt64(status.st_blksize), 52, 4)
        layout.put(UInt64(status.st_blocks), 56, 8)
        for (index, time) in [status.st_atim, status.st_mtim, status.st_ctim].enumerated() {
            layout.put(UInt64(bitPattern: Int64(time.tv_sec)), 64 + 8 * index, 4)
            layout.put(UInt64(time.tv_nsec), 68 + 8 * index, 4)
        }
        layout.put(UInt64(status.st_ino), 88, 8)
        return layout.bytes
    }

    /// struct __old_kernel_stat.
    private func old(_ status: stat) throws(CallError) -> [UInt8] {
        guard status.st_size <= Int(Int32.max) else { throw CallError(EOVERFLOW) }
        var layout = Layout(count: 32)
        layout.put(UInt64(status.st_dev), 0, 2)
        layout.put(UInt64(status.st_ino), 2, 2)
        layout.put(UInt64(status.st_mode), 4, 2)
        layout.put(UInt64(status.st_nlink), 6, 2)
        layout.put(UInt64(status.st_uid), 8, 2)
        layout.put(UInt64(status.st_gid), 10, 2)
        layout.put(UInt64(status.st_rdev), 12, 2)
        layout.put(UInt64(status.st_size), 16, 4)
        for (index, time) in [status.st_atim, status.st_mtim, status.st_ctim].enumerated() {
            layout.put(UInt64(bitPattern: Int64(time.tv_sec)), 20 + 4 * index, 4)
        }
        return layout.bytes
    }
}

/// A struct of another personality while it is filled.
struct Layout {
    private(set) var bytes: [UInt8]

    init(count: Int) { bytes = [UInt8](repeating: 0, count: count) }

    mutating func put(_ value: UInt64, _ offset: Int, _ width: Int) {
        for index in 0..<width { bytes[offset + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index)) }
    }

    /// struct compat_statfs64, from the words of struct statfs: type, block size, five counts, id, name length,
    /// fragment size, flags.
    static func fileSystem64(_ words: [UInt64]) -> [UInt8] {
        var layout = Layout(count: 84)
        layout.put(words[0], 0, 4)
        layout.put(words[1], 4, 4)
        for index in 0..<5 { layout.put(words[2 + index], 8 + 8 * index, 8) }
        layout.tail(words, 48)
        return layout.bytes
    }

    /// struct compat_statfs, whose counts have 32 bits.
    static func fileSystem32(_ words: [UInt64]) throws(CallError) -> [UInt8] {
        var layout = Layout(count: 64)
        layout.put(words[0], 0, 4)
        layout.put(words[1], 4, 4)
        for index in 0..<5 {
            guard words[2 + index] <= UInt64(UInt32.max) else { throw CallError(EOVERFLOW) }
            layout.put(words[2 + index], 8 + 4 * index, 4)
        }
        layout.tail(words, 28)
        return layout.bytes
    }

    private mutating func tail(_ words: [UInt64], _ offset: Int) {
        put(words[7], offset, 8)
        for index in 0..<3 { put(words[8 + index], offset + 8 + 4 * index, 4) }
    }
}
