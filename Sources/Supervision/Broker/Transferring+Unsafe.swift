// Reads and writes at a place of a file on copies of the caller's descriptors: what may only be added to stays whole,
// whatever a thread makes the number stand for meanwhile.

import CLinux
import Glibc
import Interception
import Messages

extension Work {
    /// The call's arguments as the x86_64 table has them: a 32-bit program hands over a place in a file in two registers
    /// (arch/x86/kernel/sys_ia32.c), and a number with its sign in one.
    func nativeArguments(_ row: CallRow) -> [UInt64] {
        let raw = stop.arguments
        guard stop.personality == .i386 else { return (0..<6).map { raw[$0] } }
        var list: [UInt64] = []
        var next = 0
        for argument in row.argumentRows where Int(argument.register) >= next {
            let register = Int(argument.register)
            let low = raw[register] & 0xFFFF_FFFF
            next = register + 1
            if argument.type.kind == .custom, CustomKind(rawValue: argument.type.table) == .offsetPair {
                list.append(low | raw[next] << 32)
                next += 1
            } else if argument.type.kind == .signed {
                list.append(UInt64(bitPattern: Int64(Int32(truncatingIfNeeded: low))))
            } else {
                list.append(low)
            }
        }
        return list
    }

    /// A stretch of the caller's memory.
    typealias Part = (base: UInt64, count: Int)

    /// An array of struct iovec (readv(2)).
    func parts(at place: UInt64, _ count: UInt64) throws(CallError) -> [Part] {
        // IOV_MAX (linux/uio.h)
        guard count <= 1024 else { throw CallError(EINVAL) }
        let word = stop.personality.wordSize
        let bytes = try caller.bytes(place, Int(count) * 2 * word)
        var list: [Part] = []
        for index in 0..<Int(count) {
            let count = bytes.number((2 * index + 1) * word, word)
            guard count <= UInt64(Int64.max) else { throw CallError(EINVAL) }
            list.append((bytes.number(2 * index * word, word), Int(count)))
        }
        return list
    }

    /// Nil for what has no places and is asked for none.
    func transfer(on copy: Int32, _ row: CallRow) throws(CallError) -> Answer? {
        let arguments = nativeArguments(row)
        let place = Int64(bitPattern: arguments[3])
        var flags: UInt64 = 0
        switch row.call {
        // -1 is the place where the descriptor is (readv(2)).
        case .preadv2, .pwritev2: flags = (arguments.last ?? 0) & 0xFFFF_FFFF
        default: if place < 0 { throw CallError(EINVAL) }
        }
        let status = try Kernel.status(copy)
        let kind = status.st_mode & S_IFMT
        if kind == S_IFIFO || kind == S_IFSOCK {
            if place != -1 { throw CallError(ESPIPE) }
            // RWF_NOAPPEND (linux/fs.h) says something of files alone.
            if flags & 0x20 != 0 { throw CallError(EOPNOTSUPP) }
            return nil
        }
        let isWhole = row.call == .pread64 || row.call == .pwrite64
        var parts =
            try isWhole
            ? [(arguments[1], Int(clamping: arguments[2]))] : self.parts(at: address(1), arguments[2])
        let writes = row.operation == .fdWrite
        // Who reads or writes less goes on (read(2), write(2)).
        let limit =
            try writes && kind == S_IFREG
            ? min(Self.payloadLimit, room(from: Self.start(of: copy, place, flags, status))) : Self.payloadLimit
        var room = limit
        for index in parts.indices {
            parts[index].count = min(parts[index].count, room)
            room -= parts[index].count
        }
        var data: [UInt8] = []
        for part in parts where writes { data += try caller.bytes(part.base, part.count) }
        if !writes { data = [UInt8](repeating: 0, count: limit - room) }
        let count = data.count
        data.append(0)
        let done = try waiting(kind != S_IFREG) { () throws(CallError) in
            try Kernel.withBytes(&data) { bytes throws(CallError) in
                var part = iovec(iov_base: UnsafeMutableRawPointer(bitPattern: bytes), iov_len: count)
                return try Kernel.checked(
                    withUnsafeMutablePointer(to: &part) {
                        abitrace_call(
                            writes ? Number.pwritev2 : Number.preadv2, UInt(copy), UInt(bitPattern: $0), 1,
                            UInt(bitPattern: Int(place)), 0, UInt(flags))
                    })
            }
        }
        if !writes { try scatter(data[..<done], into: parts) }
        return .value(Int64(done))
    }

    /// Where a write begins: at the end of what is only added to (pwrite(2), RWF_APPEND and RWF_NOAPPEND of linux/fs.h).
    private static func start(of copy: Int32, _ place: Int64, _ flags: UInt64, _ status: stat) -> Int {
        let appends = flags & 0x10 != 0 || flags & 0x20 == 0 && fcntl(copy, F_GETFL) & O_APPEND != 0
        return appends ? Int(status.st_size) : place < 0 ? lseek(copy, 0, SEEK_CUR) : Int(place)
    }

    private func scatter(_ data: ArraySlice<UInt8>, into parts: [Part]) throws(CallError) {
        var rest = data
        for part in parts {
            try write(Array(rest.prefix(part.count)), to: part.base)
            rest = rest.dropFirst(part.count)
        }
    }
}
