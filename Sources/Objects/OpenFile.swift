// What a descriptor refers to: an open file description, shared by every descriptor that was made from it.

import Messages

/// The kinds of object that a descriptor can stand for.
public enum ObjectKind: UInt8, Sendable, CaseIterable {
    case file, directory, symlink, character, block, fifo, pipe, socket
    case epoll, eventfd, timerfd, signalfd, inotify, fanotify, memfd, pidfd, uring, userfaultfd, perf, bpf, namespace
    /// An anonymous inode of a kind that has no word here; its name says which.
    case other

    /// The word for it in output: the case's name.
    public var name: String { "\(self)" }

    /// From the name that `/proc/PID/fd` shows and the mode that stat(2) answers (proc(5)).
    init(name: [UInt8], mode: UInt32) {
        for (prefix, kind) in Self.prefixes where name.starts(with: prefix.utf8) {
            self = kind
            return
        }
        switch mode & 0o170000 {
        case 0o100000: self = .file
        case 0o040000: self = .directory
        case 0o120000: self = .symlink
        case 0o020000: self = .character
        case 0o060000: self = .block
        case 0o010000: self = .fifo
        case 0o140000: self = .socket
        default: self = .other
        }
    }

    private static let prefixes: [(String, ObjectKind)] = [
        ("pipe:[", .pipe), ("socket:[", .socket), ("anon_inode:[eventpoll]", .epoll),
        ("anon_inode:[eventfd", .eventfd), ("anon_inode:[timerfd]", .timerfd),
        ("anon_inode:[signalfd]", .signalfd), ("anon_inode:inotify", .inotify),
        ("anon_inode:[fanotify]", .fanotify), ("/memfd:", .memfd), ("anon_inode:[pidfd]", .pidfd),
        ("pidfd:[", .pidfd), ("anon_inode:[io_uring]", .uring), ("anon_inode:[userfaultfd]", .userfaultfd),
        ("anon_inode:[perf_event]", .perf), ("anon_inode:bpf", .bpf), ("mnt:[", .namespace), ("net:[", .namespace),
        ("pid:[", .namespace), ("user:[", .namespace), ("uts:[", .namespace), ("ipc:[", .namespace),
        ("cgroup:[", .namespace), ("time:[", .namespace),
    ]
}

/// A socket's ends, as they were when last looked at.
public struct SocketEnds: Equatable, Sendable {
    public var family: Int32
    public var type: Int32
    public var protocolNumber: Int32
    /// The bytes of a `sockaddr`, none where there is no such end.
    public var local: [UInt8]
    public var peer: [UInt8]
    /// The inode of a unix socket's other end, 0 where it is not known.
    public var peerInode: UInt32
}

/// An open file description (open(2)): dup, fork and passing share it.
public final class OpenFile {
    public let kind: ObjectKind
    /// The path, or what `/proc/PID/fd` shows for what has none, without the remark that it was deleted.
    public internal(set) var name: [UInt8]
    /// Its last name was removed.
    public internal(set) var isDeleted: Bool
    /// What makes two files the same one: `st_dev` and `st_ino`.
    public let device: UInt64
    public let inode: UInt64
    /// The device number of a device file.
    public let specialDevice: UInt64
    public internal(set) var socket: SocketEnds?
    /// What a pidfd or signalfd stands for.
    public internal(set) var detail: Detail?

    /// What may be done through it, nil until somebody has decided.
    public var rights: Rights?

    /// What only the call that made a descriptor tells.
    public enum Detail: Equatable, Sendable {
        case process(Int32)
        case signals(UInt64)
    }

    init(_ fact: Fact, _ snapshot: Snapshot) {
        let name = Array(snapshot.bytes(fact.name))
        let remark = Array(" (deleted)".utf8)
        isDeleted = name.count > remark.count && name.suffix(remark.count).elementsEqual(remark)
        self.name = isDeleted ? Array(name.dropLast(remark.count)) : name
        kind = ObjectKind(name: name, mode: fact.mode)
        device = fact.device
        inode = fact.inode
        specialDevice = fact.specialDevice
        socket = fact.socket.map { SocketEnds($0, snapshot) }
    }

    /// Whether a fact speaks of this same object.
    func isSame(as fact: Fact) -> Bool { inode == fact.inode && device == fact.device }
}

extension SocketEnds {
    init(_ fact: SocketFact, _ snapshot: Snapshot) {
        self.init(
            family: fact.family, type: fact.type, protocolNumber: fact.protocolNumber,
            local: Array(snapshot.bytes(fact.local)), peer: Array(snapshot.bytes(fact.peer)),
            peerInode: fact.peerInode)
    }
}
