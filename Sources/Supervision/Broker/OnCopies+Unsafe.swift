// Performs calls on descriptors from copies of them: what was decided on is what is used, whatever a thread makes the
// number stand for meanwhile.

import CLinux
import Glibc
import Interception
import Messages

/// What an ioctl takes from the caller's memory and puts there, in bytes (the headers named beside each).
private struct RequestShape {
    let taken: Int
    let given: Int

    /// Requests that mean the same whoever makes them, on an argument without pointers.
    static let known: [UInt32: RequestShape] = [
        // asm-generic/ioctls.h: TCGETS, TIOCGWINSZ, TIOCSWINSZ, TIOCOUTQ, FIONREAD, FIONBIO, FIOQSIZE.
        0x5401: .init(taken: 0, given: 36), 0x5413: .init(taken: 0, given: 8), 0x5414: .init(taken: 8, given: 0),
        0x5411: .init(taken: 0, given: 4), 0x541B: .init(taken: 0, given: 4), 0x5421: .init(taken: 4, given: 0),
        0x5460: .init(taken: 0, given: 8),
        // linux/fs.h: FIGETBSZ, FS_IOC_GETFLAGS, FS_IOC_SETFLAGS, FS_IOC_GETVERSION, FS_IOC_SETVERSION,
        // FS_IOC_FSGETXATTR, FS_IOC_FSSETXATTR.
        2: .init(taken: 0, given: 4), 0x8008_6601: .init(taken: 0, given: 4), 0x4008_6602: .init(taken: 4, given: 0),
        0x8008_7601: .init(taken: 0, given: 4), 0x4008_7602: .init(taken: 4, given: 0),
        0x801C_581F: .init(taken: 0, given: 28), 0x401C_5820: .init(taken: 28, given: 0),
        // linux/fs.h: BLKGETSIZE, BLKSSZGET, BLKBSZGET, BLKGETSIZE64; linux/random.h: RNDGETENTCNT.
        0x1260: .init(taken: 0, given: 8), 0x1268: .init(taken: 0, given: 4), 0x8008_1270: .init(taken: 0, given: 4),
        0x8008_1272: .init(taken: 0, given: 8), 0x8004_5200: .init(taken: 0, given: 4),
    ]
}

extension Work {
    /// Whether another thread can change what the caller's numbers stand for while the caller waits. The kernel's own
    /// count: a caller that is alone and waits cannot be joined.
    func sharesDescriptors() throws(CallError) -> Bool {
        if worker.broker.callers.haveSharedTables { return true }
        return try worker.asSupervisor { () throws(CallError) in try caller.hasCompany() }
    }

    /// Performs a call on copies of its descriptors, by argument. Nil where only the caller itself can make it.
    mutating func performOnCopies(_ row: CallRow, _ copies: [Int: Descriptor]) throws(CallError) -> Answer? {
        guard let copy = copies[0]?.number else { return nil }
        switch row.call {
        case .accept: return try accept(copy, 0)
        case .accept4: return try accept(copy, integer(3))
        case .ioctl: return try control(copy)
        case .fcntl, .fcntl64: return try changeFlags(copy)
        case .fsync, .fdatasync, .syncfs, .flock, .listen, .shutdown:
            // A disk, or whoever holds the lock, decides how long it takes.
            return try simple(copy)
        case .ftruncate, .ftruncate64, .fallocate: return try simple(copy)
        case .lseek, .syncFileRange, .fadvise64, .readahead:
            return stop.personality == .x86_64 ? try simple(copy) : nil
        case .getsockname, .getpeername: return try name(of: copy)
        case .pread64, .pwrite64, .preadv, .pwritev, .preadv2, .pwritev2: return try transfer(on: copy, row)
        case .getdents64: return try list(copy)
        default: return nil
        }
    }

    /// The same call, with our number in the caller's number's place.
    private func simple(_ copy: Int32) throws(CallError) -> Answer {
        // A call's number in our own table: both are x86_64's, or named there.
        guard let row = SpecTables.row(stop.personality, stop.number),
            let number = SpecTables.number(of: row.call == .ftruncate64 ? "ftruncate" : row.name, .x86_64)
        else { throw CallError(ENOSYS) }
        let arguments = nativeArguments(row) + [0, 0, 0]
        switch row.call {
        case .ftruncate, .ftruncate64:
            try requireRoom(for: Int(bitPattern: UInt(arguments[1])), over: Kernel.status(copy))
        // FALLOC_FL_KEEP_SIZE (linux/falloc.h) leaves the size alone.
        case .fallocate where arguments[1] & 1 == 0:
            let (end, overflows) = Int(bitPattern: UInt(arguments[2])).addingReportingOverflow(
                Int(bitPattern: UInt(arguments[3])))
            if !overflows { try requireRoom(for: end, over: Kernel.status(copy)) }
        default: break
        }
        let result = try waiting(true) { () throws(CallError) in
            try Kernel.checked(
                abitrace_call(
                    Int(number), UInt(copy), UInt(arguments[1]), UInt(arguments[2]), UInt(arguments[3]), 0, 0))
        }
        return .value(Int64(result))
    }

    // MARK: Sockets

    private mutating func accept(_ copy: Int32, _ flags: Int32) throws(CallError) -> Answer {
        let closesOnExec = Int32(SOCK_CLOEXEC.rawValue)
        guard flags & ~(closesOnExec | Int32(SOCK_NONBLOCK.rawValue)) == 0 else { throw CallError(EINVAL) }
        var address = [UInt8](repeating: 0, count: 128)
        var length = socklen_t(address.count)
        let accepted = try waiting(true) { () throws(CallError) in
            try Kernel.withBytes(&address) { place throws(CallError) in
                let number = withUnsafeMutablePointer(to: &length) {
                    abitrace_call(
                        Number.accept4, UInt(copy), UInt(bitPattern: place), UInt(bitPattern: $0),
                        UInt(flags | closesOnExec), 0, 0)
                }
                return Descriptor(Int32(try Kernel.checked(number)))
            }
        }
        if self.address(1) != 0 { try tell(address, length, at: self.address(1), self.address(2)) }
        return hand(over: accepted, closesOnExec: flags & closesOnExec != 0)
    }

    /// An address for the caller: as much of it as its buffer takes, and how long it is (accept(2)).
    private func tell(
        _ address: [UInt8], _ length: socklen_t, at place: UInt64, _ lengthPlace: UInt64
    ) throws(CallError) {
        let room = try caller.bytes(lengthPlace, 4).reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        guard Int32(bitPattern: room) >= 0 else { throw CallError(EINVAL) }
        try write(Array(address.prefix(min(Int(room), Int(length)))), to: place)
        try write((0..<4).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) }, to: lengthPlace)
    }

    private func name(of copy: Int32) throws(CallError) -> Answer {
        var address = [UInt8](repeating: 0, count: 128)
        var length = socklen_t(address.count)
        let isPeer = SpecTables.row(stop.personality, stop.number)?.call == .getpeername
        let number = isPeer ? Number.getpeername : Number.getsockname
        try Kernel.withBytes(&address) { place throws(CallError) in
            _ = try Kernel.checked(
                withUnsafeMutablePointer(to: &length) {
                    abitrace_call(number, UInt(copy), UInt(bitPattern: place), UInt(bitPattern: $0), 0, 0, 0)
                })
        }
        try tell(address, length, at: self.address(1), self.address(2))
        return .value(0)
    }

    // MARK: Requests

    private func control(_ copy: Int32) throws(CallError) -> Answer? {
        let request = UInt32(truncatingIfNeeded: stop.arguments[1])
        guard let shape = RequestShape.known[request] else { return nil }
        // Words of 8 bytes in a request that a 32-bit program spells otherwise are not among these.
        var argument =
            try shape.taken > 0
            ? caller.bytes(address(2), shape.taken) : [UInt8](repeating: 0, count: max(shape.given, 8))
        let result = try Kernel.withBytes(&argument) { place throws(CallError) in
            try Kernel.call(Number.ioctl, Int(copy), Int(request), place)
        }
        if shape.given > 0 { try write(Array(argument.prefix(shape.given)), to: address(2)) }
        return .value(Int64(result))
    }

    private func changeFlags(_ copy: Int32) throws(CallError) -> Answer? {
        let value = Int(truncatingIfNeeded: stop.arguments[2])
        // F_SETSIG, F_GETSIG, F_SETPIPE_SZ, F_GETPIPE_SZ, F_ADD_SEALS, F_GET_SEALS (linux/fcntl.h).
        switch integer(1) {
        case F_SETFL:
            // Signals for O_ASYNC carry the number that the caller knows.
            let now = fcntl(copy, F_GETFL)
            guard now >= 0 else { throw CallError(EBADF) }
            if (now ^ Int32(truncatingIfNeeded: value)) & FASYNC != 0 {
                throw CallError(refused(.unnameable("O_ASYNC where a thread could change what gets it")))
            }
        case F_GETFL, 10, 11, 1031, 1032, 1033, 1034: break
        default: return nil
        }
        return .value(Int64(try Kernel.call(Number.fcntl, Int(copy), Int(integer(1)), value)))
    }

    // MARK: Data

    private func list(_ copy: Int32) throws(CallError) -> Answer {
        let room = Int(min(UInt64(UInt32(truncatingIfNeeded: stop.arguments[2])), UInt64(Self.payloadLimit)))
        var entries = [UInt8](repeating: 0, count: max(room, 1))
        let got = try Kernel.withBytes(&entries) { place throws(CallError) in
            try Kernel.call(Number.getdents64, Int(copy), place, room)
        }
        try write(Array(entries.prefix(got)), to: address(1))
        return .value(Int64(got))
    }
}
