// What the kernel's program says of descriptors and directories, as facts.

import CBPF
import Glibc
import Messages
import Personalities

/// The objects in one or two records. They are told as `FactReader` tells them of a thread that stands still.
struct BroughtObjects {
    private let records: CapturedMemory.Pieces
    private let later: CapturedMemory.Pieces?

    @inline(__always)
    init(_ record: UnsafeRawPointer, later: UnsafeRawPointer? = nil) {
        records = CapturedMemory.Pieces(of: record)
        self.later = later.map { CapturedMemory.Pieces(of: $0) }
    }

    /// The object without which the message means nothing: the socket of a netlink message, what bpf is asked about.
    @inline(__always)
    func netlink(_ snapshot: inout Snapshot) {
        if let descriptor = snapshot.meaningDescriptor { add(descriptor: descriptor, &snapshot) }
    }

    /// What the return of a call asks for.
    @inline(__always)
    func exit(_ snapshot: inout Snapshot, result: Int64) {
        var needs = Few<FactNeed>()
        snapshot.factNeeds(result: result) { needs.add($0) }
        needs.forEach { need in
            switch need {
            case .descriptor(let number): add(descriptor: number, &snapshot)
            case .workingDirectory: add(ABITRACE_THE_WORKING_DIRECTORY, 0, as: .workingDirectory, &snapshot)
            case .root: add(ABITRACE_THE_ROOT, 0, as: .root, &snapshot)
            // Nobody reads a whole table in the kernel.
            case .table: break
            }
        }
    }

    private func add(descriptor: Int32, _ snapshot: inout Snapshot) {
        add(ABITRACE_A_DESCRIPTOR, descriptor, as: .descriptor, &snapshot)
    }

    private func add(
        _ relation: abitrace_relation, _ number: Int32, as kind: FactKind, _ snapshot: inout Snapshot
    ) {
        let what = UInt64(relation.rawValue) << 32 | UInt64(UInt32(bitPattern: number))
        guard let place = find(what, ABITRACE_OF_OBJECT) else { return }
        let object = place.load(as: abitrace_kernel_object.self)
        let parts = UnsafeRawBufferPointer(
            start: place + MemoryLayout<abitrace_kernel_object>.size, count: Int(object.name_bytes))
        guard object.is_named != 0, let name = Self.name(object, parts, &snapshot) else { return }
        var fact = Fact(
            kind: kind, number: number, name: name, mode: Self.mode(object), device: Self.device(object.device),
            inode: object.inode, specialDevice: Self.device(object.special_device))
        if object.mode & S_IFMT == S_IFSOCK { fact.socket = socket(what, &snapshot) }
        snapshot.add(fact)
    }

    private func find(_ what: UInt64, _ phase: abitrace_phase) -> UnsafeRawPointer? {
        records.first(what, phase) ?? later?.first(what, phase)
    }

    /// `st_mode` as stat(2) has it: of anonymous inodes and pidfds the kernel keeps a type that it does not tell.
    private static func mode(_ object: abitrace_kernel_object) -> UInt32 {
        switch object.file_system {
        case anonymous, processes: object.mode & ~S_IFMT
        default: object.mode
        }
    }

    /// ANON_INODE_FS_MAGIC and PID_FS_MAGIC (linux/magic.h).
    private static let anonymous: UInt32 = 0x0904_1934, processes: UInt32 = 0x5049_4446

    /// `st_dev` as stat(2) has it (new_encode_dev, linux/kdev_t.h).
    private static func device(_ number: UInt32) -> UInt64 {
        let major = number >> 20, minor = number & 0xF_FFFF
        return UInt64(minor & 0xFF | major << 8 | (minor & ~0xFF) << 12)
    }

    // MARK: Names

    /// As /proc/PID/fd shows it (proc(5)).
    private static func name(
        _ object: abitrace_kernel_object, _ parts: UnsafeRawBufferPointer, _ snapshot: inout Snapshot
    ) -> ArenaRange? {
        if object.names_itself != 0 { return ownName(object, parts, &snapshot) }
        let remark = object.is_deleted != 0 ? " (deleted)" : ""
        // Each part's length becomes its slash; the root has a slash alone.
        let size = max(1, parts.count) + remark.utf8.count
        return snapshot.addBytes(room: size) { room in
            var end = parts.count
            if end == 0 { room[0] = UInt8(ascii: "/") }
            var at = 0
            while at < parts.count {
                let length = Int(parts[at])
                guard at + 1 + length <= parts.count else { return 0 }
                end -= length + 1
                room[end] = UInt8(ascii: "/")
                UnsafeMutableRawBufferPointer(rebasing: room[(end + 1)..<(end + 1 + length)])
                    .copyMemory(from: UnsafeRawBufferPointer(rebasing: parts[(at + 1)..<(at + 1 + length)]))
                at += length + 1
            }
            for (index, byte) in remark.utf8.enumerated() { room[size - remark.utf8.count + index] = byte }
            return size
        }
    }

    /// What no directory has: the file system says what it is (linux/magic.h).
    private static func ownName(
        _ object: abitrace_kernel_object, _ parts: UnsafeRawBufferPointer, _ snapshot: inout Snapshot
    ) -> ArenaRange? {
        let part = String(decoding: parts.dropFirst(), as: UTF8.self)
        let name: String
        switch object.file_system {
        case 0x534F_434B: name = "socket:[\(object.inode)]"  // SOCKFS_MAGIC
        case 0x5049_5045: name = "pipe:[\(object.inode)]"  // PIPEFS_MAGIC
        case anonymous: name = "anon_inode:\(part)"
        case 0x6E73_6673: name = "\(part):[\(object.inode)]"  // NSFS_MAGIC
        case processes: name = "anon_inode:[pidfd]"
        case 0x444D_4142: name = "/dmabuf:\(part)"  // DMA_BUF_MAGIC
        case 0x0102_1994, 0x9584_58F6: name = "/\(part) (deleted)"  // TMPFS_MAGIC, HUGETLBFS_MAGIC: memfd_create(2)
        default: return nil
        }
        return snapshot.addBytes(room: name.utf8.count) { room in
            for (index, byte) in name.utf8.enumerated() { room[index] = byte }
            return room.count
        }
    }

    // MARK: Sockets

    private func socket(_ what: UInt64, _ snapshot: inout Snapshot) -> SocketFact? {
        guard let place = find(what, ABITRACE_OF_SOCKET) else { return nil }
        var ends = place.load(as: abitrace_ends.self)
        let local = withUnsafeBytes(of: &ends.local) { Self.keep($0, ends.local_length, &snapshot) }
        let peer = withUnsafeBytes(of: &ends.peer) { Self.keep($0, ends.peer_length, &snapshot) }
        return SocketFact(
            family: Int32(ends.family), type: Int32(ends.type), protocolNumber: Int32(ends.protocol_number),
            local: local, peer: peer, peerInode: ends.peer_inode)
    }

    private static func keep(
        _ bytes: UnsafeRawBufferPointer, _ length: UInt16, _ snapshot: inout Snapshot
    ) -> ArenaRange {
        let count = min(bytes.count, Int(length))
        return snapshot.addBytes(room: count) { room in
            room.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<count]))
            return count
        }
    }
}
