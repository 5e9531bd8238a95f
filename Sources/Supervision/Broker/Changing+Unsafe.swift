// Changes attributes of files for callers: modes, owners, times, sizes, extended attributes.

import CLinux
import Glibc
import Interception
import Messages

private let atSymlinkNoFollow: Int32 = 0x100

extension Work {
    mutating func change(_ call: SystemCall) throws(CallError) -> Answer {
        switch call {
        case .chmod: return try changeMode(named(AT_FDCWD, 0, 0), mode(1))
        case .fchmodat: return try changeMode(named(integer(0), 1, 0), mode(2))
        case .fchmodat2: return try changeMode(named(integer(0), 1, integer(3)), mode(2))
        case .fchmod: return try changeMode(held(0), mode(1))
        case .chown, .chown32: return try changeOwner(named(AT_FDCWD, 0, 0), user(1), user(2))
        case .lchown, .lchown32: return try changeOwner(named(AT_FDCWD, 0, atSymlinkNoFollow), user(1), user(2))
        case .fchown, .fchown32: return try changeOwner(held(0), user(1), user(2))
        case .fchownat: return try changeOwner(named(integer(0), 1, integer(4)), user(2), user(3))
        case .utime, .utimes, .futimesat, .utimensat, .utimensatTime64: return try changeTimes(call)
        case .truncate: return try resize(signedLong(1))
        case .truncate64:
            return try resize(
                Int(truncatingIfNeeded: stop.arguments[1] & 0xFFFF_FFFF | stop.arguments[2] << 32))
        default: throw CallError(ENOSYS)
        }
    }

    /// An object whose attributes change: by name, or by a descriptor that the caller holds.
    private mutating func named(_ base: Int32, _ argument: Int, _ flags: Int32) throws(CallError) -> Found {
        guard flags & ~(atSymlinkNoFollow | atEmptyPath) == 0 else { throw CallError(EINVAL) }
        // Only where attributes are looked at is a NULL as good as an empty name.
        guard address(argument) != 0 else { throw CallError(EFAULT) }
        return try object(base, argument, flags).0
    }

    private mutating func held(_ argument: Int) throws(CallError) -> Found {
        let object = try descriptor(integer(argument))
        // A descriptor opened with O_PATH changes nothing (open(2)).
        if fcntl(object.number, F_GETFL) & O_PATH != 0 { throw CallError(EBADF) }
        return try resolution.object(of: object)
    }

    /// An object without a place in the tree is the caller's own.
    private func requireChange(_ found: Found, _ right: Rights) throws(CallError) {
        if found.isNamed { try require(found, right) }
    }

    private func handle(_ found: Found) -> [UInt8] { Array("/proc/self/fd/\(found.object.number)".utf8) }

    private func signedLong(_ index: Int) -> Int {
        stop.personality == .i386
            ? Int(Int32(truncatingIfNeeded: stop.arguments[index])) : Int(bitPattern: UInt(stop.arguments[index]))
    }

    /// A user or group id; the 16-bit calls of i386 have their own "no change".
    private func user(_ index: Int) -> UInt32 {
        let raw = UInt32(truncatingIfNeeded: stop.arguments[index])
        guard stop.personality == .i386, let row = SpecTables.row(stop.personality, stop.number) else { return raw }
        switch row.call {
        case .chown, .lchown, .fchown: return raw & 0xFFFF == 0xFFFF ? UInt32.max : raw & 0xFFFF
        default: return raw
        }
    }

    // MARK: Each attribute

    private func changeMode(_ found: Found, _ mode: UInt32) throws(CallError) -> Answer {
        try requireChange(found, .modeSet)
        if found.isLink { throw CallError(EOPNOTSUPP) }
        try Kernel.withName(handle(found)) { name throws(CallError) in
            _ = try Kernel.call(Number.fchmodat, Int(AT_FDCWD), name, Int(mode & 0o7777))
        }
        return .value(0)
    }

    private func changeOwner(_ found: Found, _ user: UInt32, _ group: UInt32) throws(CallError) -> Answer {
        try requireChange(found, .ownerSet)
        try empty { empty throws(CallError) in
            _ = try Kernel.call(
                Number.fchownat, Int(found.object.number), empty, Int(user), Int(group), Int(atEmptyPath))
        }
        return .value(0)
    }

    private mutating func resize(_ size: Int) throws(CallError) -> Answer {
        guard size >= 0 else { throw CallError(EINVAL) }
        let found = try resolution.object(name(0), from: AT_FDCWD)
        if found.kind == S_IFDIR { throw CallError(EISDIR, about: found.path) }
        if found.isNamed {
            try require(found, [.write, .resize])
        } else {
            try requireHandle(found, OpenRequest(base: AT_FDCWD, name: [], flags: O_WRONLY | O_TRUNC, mode: 0))
        }
        try requireRoom(for: size, over: found.status)
        try Kernel.withName(handle(found)) { name throws(CallError) in
            _ = try Kernel.call(Number.truncate, name, size)
        }
        return .value(0)
    }

    // MARK: Times

    private mutating func changeTimes(_ call: SystemCall) throws(CallError) -> Answer {
        let found: Found
        var times: [Int64]?
        switch call {
        case .utime:
            found = try named(AT_FDCWD, 0, 0)
            times = try numbers(1, 2).map { [$0[0], 0, $0[1], 0] }
        case .utimes, .futimesat:
            let first = call == .utimes ? 0 : 1
            found =
                try call == .futimesat && address(1) == 0
                ? held(0) : named(call == .utimes ? AT_FDCWD : integer(0), first, 0)
            times = try numbers(first + 1, 4).map { $0 }
            if let parts = times {
                guard (0..<1_000_000).contains(parts[1]), (0..<1_000_000).contains(parts[3]) else {
                    throw CallError(EINVAL)
                }
                times = [parts[0], parts[1] * 1000, parts[2], parts[3] * 1000]
            }
        default:
            times = try numbers(2, 4, wide: call == .utimensatTime64)
            // UTIME_OMIT for both: there is nothing to do, and no name is looked at (utimensat(2)).
            if let times, times[1] == 0x3FFF_FFFE && times[3] == 0x3FFF_FFFE { return .value(0) }
            // A NULL name means the descriptor itself, and takes no flags (utimensat(2); do_utimes_fd in fs/utimes.c).
            let isHeld = address(1) == 0 && integer(0) != AT_FDCWD
            if isHeld && integer(3) != 0 { throw CallError(EINVAL) }
            found = try isHeld ? held(0) : named(integer(0), 1, integer(3))
        }
        try requireChange(found, .timesSet)
        try setTimes(found, times)
        return .value(0)
    }

    private func setTimes(_ found: Found, _ times: [Int64]?) throws(CallError) {
        var bytes: [UInt8] = []
        for time in times ?? [] { withUnsafeBytes(of: time) { bytes += $0 } }
        let isNow = times == nil
        try Kernel.withBytes(&bytes) { times throws(CallError) in
            if found.isLink {
                // AT_EMPTY_PATH here is from Linux 5.8.
                try empty { empty throws(CallError) in
                    _ = try Kernel.call(
                        Number.utimensat, Int(found.object.number), empty, isNow ? 0 : times, Int(atEmptyPath))
                }
            } else {
                try Kernel.withName(handle(found)) { name throws(CallError) in
                    _ = try Kernel.call(Number.utimensat, Int(AT_FDCWD), name, isNow ? 0 : times, 0)
                }
            }
        }
    }

    /// Signed words that an argument points to, nil for NULL.
    private func numbers(_ argument: Int, _ count: Int, wide: Bool = false) throws(CallError) -> [Int64]? {
        guard address(argument) != 0 else { return nil }
        let width = stop.personality == .x86_64 || wide ? 8 : 4
        let bytes = try caller.bytes(address(argument), count * width)
        return (0..<count).map { index in
            let raw = bytes[index * width..<(index + 1) * width].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            return width == 8 ? Int64(bitPattern: raw) : Int64(Int32(truncatingIfNeeded: raw))
        }
    }
}
