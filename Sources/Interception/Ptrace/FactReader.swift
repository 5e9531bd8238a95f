// Looks facts up in /proc and puts them into snapshots.

import CLinux
import Glibc
import Messages
import Personalities

/// Where facts come from. The thread that is asked about stands still.
struct FactReader {
    /// PATH_MAX (linux/limits.h) and the " (deleted)" that may follow.
    private static let nameRoom = 4096 + 16

    /// The object without which the message means nothing: the socket of a netlink message, what bpf is asked about.
    func netlink(_ snapshot: inout Snapshot, thread: Int32) {
        guard let descriptor = snapshot.meaningDescriptor else { return }
        add(descriptor: descriptor, &snapshot, thread)
    }

    /// What the paths of a call lead to.
    @inline(__always)
    func entry(_ snapshot: inout Snapshot, thread: Int32) {
        look(&snapshot, thread)
    }

    /// What the names that a call changes lead to: those of open files change with them.
    @inline(__always)
    func changedNames(_ snapshot: inout Snapshot, thread: Int32) {
        if snapshot.changesNames { look(&snapshot, thread) }
    }

    private func look(_ snapshot: inout Snapshot, _ thread: Int32) {
        var needs = Few<PathNeed>()
        snapshot.pathNeeds { needs.add($0) }
        needs.forEach { resolve($0, &snapshot, thread) }
    }

    private func resolve(_ need: PathNeed, _ snapshot: inout Snapshot, _ thread: Int32) {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: need.bytes.count + 1) { path in
            // A copy of its own: the snapshot's bytes move while it grows.
            snapshot.bytes(need.bytes).withUnsafeBytes { UnsafeMutableRawBufferPointer(path).copyMemory(from: $0) }
            path[need.bytes.count] = 0
            guard let start = path.baseAddress else { return }
            // The magic links of /proc mean whoever asks: we are not the one.
            if strncmp(start, "/proc/self", 10) == 0 || strncmp(start, "/proc/thread-self", 17) == 0 { return }
            var object = abitrace_object()
            let name = snapshot.addBytes(room: Self.nameRoom) { room in
                abitrace_resolve(
                    thread, need.directory, start, need.followsLast ? 1 : 0, room.baseAddress, room.count,
                    &object)
            }
            if name.count > 0 { snapshot.add(Self.fact(.path, need.argument, name, object)) }
        }
    }

    /// What the return of a call asks for.
    @inline(__always)
    func exit(_ snapshot: inout Snapshot, thread: Int32, result: Int64) {
        // The needs are read from the snapshot before facts are added to it: most calls have none, few have many.
        var needs = Few<FactNeed>()
        snapshot.factNeeds(result: result) { needs.add($0) }
        needs.forEach { answer($0, &snapshot, thread) }
    }

    /// Everything about a process: its image, its directories, each of its descriptors.
    func all(_ snapshot: inout Snapshot, thread: Int32) {
        add(.image, "exe", &snapshot, thread)
        add(.workingDirectory, "cwd", &snapshot, thread)
        add(.root, "root", &snapshot, thread)
        table(&snapshot, thread: thread)
    }

    /// Each of a process's descriptors.
    func table(_ snapshot: inout Snapshot, thread: Int32) {
        for descriptor in ProcessTable.descriptors(of: thread) {
            let closes = abitrace_closes_on_exec(thread, descriptor) == 1
            add(descriptor: descriptor, as: closes ? .closingTableEntry : .tableEntry, &snapshot, thread)
        }
    }

    private func answer(_ need: FactNeed, _ snapshot: inout Snapshot, _ thread: Int32) {
        switch need {
        case .descriptor(let number): add(descriptor: number, &snapshot, thread)
        case .workingDirectory: add(.workingDirectory, "cwd", &snapshot, thread)
        case .root: add(.root, "root", &snapshot, thread)
        case .table: table(&snapshot, thread: thread)
        }
    }

    private func add(_ kind: FactKind, _ entry: String, _ snapshot: inout Snapshot, _ thread: Int32) {
        var object = abitrace_object()
        let name = snapshot.addBytes(room: Self.nameRoom) { room in
            abitrace_look_up(thread, entry, -1, room.baseAddress, room.count, &object)
        }
        guard name.count > 0 else { return }
        snapshot.add(Self.fact(kind, 0, name, object))
    }

    private func add(
        descriptor: Int32, as kind: FactKind = .descriptor, _ snapshot: inout Snapshot, _ thread: Int32
    ) {
        var object = abitrace_object()
        let name = snapshot.addBytes(room: Self.nameRoom) { room in
            abitrace_look_up(thread, nil, descriptor, room.baseAddress, room.count, &object)
        }
        guard name.count > 0 else { return }
        var fact = Self.fact(kind, descriptor, name, object)
        if object.mode & S_IFMT == S_IFSOCK { fact.socket = socket(descriptor, object, &snapshot, thread) }
        snapshot.add(fact)
    }

    private static func fact(_ kind: FactKind, _ number: Int32, _ name: ArenaRange, _ object: abitrace_object) -> Fact {
        Fact(
            kind: kind, number: number, name: name, mode: object.mode, device: object.device, inode: object.inode,
            specialDevice: object.special_device)
    }

    private func socket(
        _ descriptor: Int32, _ object: abitrace_object, _ snapshot: inout Snapshot, _ thread: Int32
    ) -> SocketFact? {
        var info = abitrace_socket()
        let inode = UInt32(truncatingIfNeeded: object.inode)
        guard abitrace_look_up_socket(thread, descriptor, inode, &info) == 0 else { return nil }
        let local = withUnsafeBytes(of: &info.local) { Self.keep($0, info.local_length, &snapshot) }
        let peer = withUnsafeBytes(of: &info.peer) { Self.keep($0, info.peer_length, &snapshot) }
        return SocketFact(
            family: info.family, type: info.type, protocolNumber: info.`protocol`, local: local, peer: peer,
            peerInode: info.peer_inode)
    }

    private static func keep(_ bytes: UnsafeRawBufferPointer, _ length: UInt32, _ snapshot: inout Snapshot)
        -> ArenaRange
    {
        let count = min(bytes.count, Int(length))
        return snapshot.addBytes(room: count) { room in
            room.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<count]))
            return count
        }
    }
}
