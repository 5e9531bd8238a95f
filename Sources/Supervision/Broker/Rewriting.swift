// Calls whose items a rule changes: what is performed is the rule's, and the original never reaches the kernel.

import CLinux
import Glibc
import Interception
import Messages
import Personalities
import Policy

extension Work {
    /// Performs the call; where a rule says so, the call that the rule makes of it.
    mutating func performRewriting() throws(CallError) -> Answer {
        do throws(CallError) {
            return try perform()
        } catch {
            guard !error.changes.isEmpty, let row = SpecTables.row(stop.personality, stop.number) else {
                throw disclosed(error)
            }
            do throws(CallError) {
                return try performRewritten(row, error.changes)
            } catch {
                throw disclosed(error)
            }
        }
    }

    private mutating func performRewritten(_ row: CallRow, _ changes: [Change]) throws(CallError) -> Answer {
        self.changes = changes
        // What cannot be done as the policy says is not done at all.
        guard changes.allSatisfy({ RewrittenItem($0.item, of: row) != nil }) else { throw CallError(EACCES) }
        do throws(EncodingFault) {
            set(
                try Encoder(stop.personality).rewritten(
                    stop, changes.map { ItemChange(item: $0.item, value: $0.value) }))
        } catch {
            throw CallError(EACCES)
        }
        resolution = Resolution(for: caller, by: worker)
        var answer = try perform()
        // The kernel would perform the caller's own call.
        if answer == .proceed { answer = try performOnDescriptor(row) }
        guard case .value(let value) = answer, value >= 0,
            let change = changes.first(where: { $0.item == row.resultItem })
        else { return answer }
        do throws(EncodingFault) {
            return .value(
                Int64(bitPattern: try Encoder(stop.personality).number(change.value, of: row.result)))
        } catch {
            throw CallError(EACCES)
        }
    }

    /// What stands for a name that is an argument, where a rule says so.
    func replacement(of index: Int) -> [UInt8]? {
        guard !changes.isEmpty, let row = SpecTables.row(stop.personality, stop.number),
            let argument = row.argumentRows.first(where: { Int($0.register) == index }),
            let change = changes.first(where: { $0.item == argument.item })
        else { return nil }
        return Array(change.value.utf8)
    }

    /// Calls on one descriptor that the kernel performs as well on a copy of it.
    private mutating func performOnDescriptor(_ row: CallRow) throws(CallError) -> Answer {
        switch row.call {
        case .read, .write: return try transfer(row.call == .read)
        case .pread64, .pwrite64:
            if let answer = try transfer(on: descriptor(integer(0)).number, row) { return answer }
        case .socket:
            let made = try Kernel.call(
                Number.socket, Int(integer(0)), Int(integer(1) | SOCK_CLOEXEC_FLAG), Int(integer(2)))
            return hand(
                over: Descriptor(Int32(made)), closesOnExec: integer(1) & SOCK_CLOEXEC_FLAG != 0)
        default: break
        }
        guard stop.personality == .x86_64, RewrittenItem.onDescriptor.contains(row.call) else {
            throw CallError(EACCES)
        }
        let held = try descriptor(integer(0))
        let stop = stop
        let answer = try waiting(true) { () throws(CallError) in
            try Kernel.call(
                Int(stop.number), Int(held.number), Int(bitPattern: UInt(stop.arguments.a1)),
                Int(bitPattern: UInt(stop.arguments.a2)), Int(bitPattern: UInt(stop.arguments.a3)))
        }
        return .value(Int64(answer))
    }

    /// Reads and writes with another size: through our memory, on the caller's own open file.
    private func transfer(_ isRead: Bool) throws(CallError) -> Answer {
        let held = try descriptor(integer(0))
        let count = Int(clamping: min(address(2), UInt64(Self.payloadLimit)))
        var bytes = isRead ? [UInt8](repeating: 0, count: count) : try caller.bytes(address(1), count)
        let got = try Kernel.withBytes(&bytes) { buffer throws(CallError) in
            try waiting(true) { () throws(CallError) in
                try Kernel.call(isRead ? Number.read : Number.write, Int(held.number), buffer, count)
            }
        }
        if isRead && got > 0 { try write(Array(bytes.prefix(got)), to: address(1)) }
        return .value(Int64(got))
    }
}

/// SOCK_CLOEXEC (linux/net.h): O_CLOEXEC.
private let SOCK_CLOEXEC_FLAG = O_CLOEXEC

/// An item of a call that can be changed before the call is made.
public enum RewrittenItem {
    /// A name that the call is performed with.
    case name
    /// A socket's address.
    case address
    case register(Int, TypeRow)
    /// What the call came back with.
    case result

    /// Calls on a descriptor, all of whose arguments are in registers, and that make nothing in the caller.
    static let onDescriptor: Set<SystemCall> = [
        .ftruncate, .fallocate, .lseek, .listen, .shutdown, .fadvise64, .fsync, .fdatasync, .syncFileRange,
        .readahead, .syncfs,
    ]
    private static let transfers: Set<SystemCall> = [.read, .pread64, .write, .pwrite64, .socket]
    /// Calls that the broker performs whole, with names that it looks up itself.
    private static let performed: Set<SystemCall> = [
        .open, .creat, .openat, .stat, .lstat, .newfstatat, .stat64, .lstat64, .fstatat64, .statx, .access,
        .faccessat, .faccessat2, .readlink, .readlinkat, .statfs, .statfs64, .mkdir, .mkdirat, .mknod, .mknodat,
        .rmdir, .unlink, .unlinkat, .rename, .renameat, .renameat2, .symlink, .symlinkat, .link, .linkat, .chmod,
        .fchmod, .fchmodat, .fchmodat2, .chown, .chown32, .lchown, .lchown32, .fchown, .fchown32, .fchownat,
        .truncate, .truncate64, .setxattr, .lsetxattr, .removexattr, .lremovexattr, .getxattr, .lgetxattr,
    ]
    private static let addressed: Set<SystemCall> = [.connect, .sendto]

    /// Nil where the call cannot be made with another value of the item.
    public init?(_ item: String, of row: CallRow) {
        let isPerformed = Self.performed.contains(row.call)
        let isOnDescriptor = Self.onDescriptor.contains(row.call) || Self.transfers.contains(row.call)
        if item == "address" {
            guard Self.addressed.contains(row.call) else { return nil }
            self = .address
            return
        }
        guard isPerformed || isOnDescriptor else { return nil }
        if item == row.resultItem, !item.isEmpty, row.result.kind != .descriptor {
            self = .result
            return
        }
        guard
            let argument = row.argumentRows.first(where: {
                ($0.item == item || $0.name == item) && $0.direction == .entry
            })
        else {
            return nil
        }
        if argument.type.isPlain {
            self = .register(Int(argument.register), argument.type)
        } else if argument.type.shape == .value, argument.type.kind == .path, isPerformed {
            self = .name
        } else {
            return nil
        }
    }
}
