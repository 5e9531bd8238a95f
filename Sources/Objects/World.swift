// The reducer: events, messages and facts in, the table of every process out.

import Messages

/// What every thread under watch holds. It is a pure function of the events it saw: live and replayed runs agree.
///
/// Known limits: what enters a table without a call of its owner (seccomp's ADDFD) is known from the next exec or wait
/// for a ring on.
public final class World {
    public private(set) var threads: [Int32: ThreadObjects] = [:]
    /// Threads that ended and whose ids nobody has had since.
    public private(set) var ended: Set<Int32> = []
    /// Calls under way, by thread.
    private var pending: [Int32: Message] = [:]

    public init() {}

    // MARK: Questions

    /// The handle behind a thread's descriptor, nil where none is known.
    public func handle(_ descriptor: Int32, of thread: Int32) -> Handle? {
        threads[thread]?.table.handles[descriptor]
    }

    /// The processes that are alive, in order of their ids.
    public var processes: [Int32] { Set(threads.values.map(\.process)).sorted() }

    /// A thread of the process: its leader where that lives.
    public func thread(of process: Int32) -> ThreadObjects? {
        threads[process] ?? threads.filter { $0.value.process == process }.min { $0.key < $1.key }?.value
    }

    /// A path as the thread means it, made plain without following links; nil where its start is not known.
    public func absolute(_ path: [UInt8], from directory: Int32?, of thread: Int32) -> [UInt8]? {
        guard path.first != UInt8(ascii: "/") else { return Paths.join([], path) }
        let start: OpenFile?
        if let directory, directory != -100 {  // AT_FDCWD
            start = handle(directory, of: thread)?.file
        } else {
            start = threads[thread]?.context.workingDirectory
        }
        return start.map { Paths.join($0.name, path) }
    }

    /// Takes a close in whose message nobody needed.
    public func close(_ descriptor: Int32, of thread: Int32) { threads[thread]?.table.handles[descriptor] = nil }

    // MARK: Events

    /// Takes an event in. `message` is what an entry's call passes, nil at every other event.
    public func see(_ event: Event, _ snapshot: Snapshot, _ message: Message? = nil) {
        switch event.happening {
        case .started(let parent, let attached): start(event, parent: parent, attached, snapshot)
        case .created(let child, _): create(child, by: event)
        case .executed(let former): execute(event, former: former, snapshot)
        case .entry:
            if threads[event.thread] == nil { start(event, parent: 0, false, snapshot) }
            guard let message else { return }
            refresh(event.thread, snapshot)
            pending[event.thread] = message
            enter(event.thread, message, snapshot.stop.arguments)
        case .exit(let result):
            guard let call = pending.removeValue(forKey: event.thread) else { return }
            apply(facts: snapshot, event.thread, call)
            leave(event.thread, call, snapshot, result)
        case .exited, .killed, .detached:
            threads[event.thread] = nil
            ended.insert(event.thread)
            pending[event.thread] = nil
        case .lost: pending[event.thread] = nil
        case .signal, .stopped, .continued: break
        }
    }

    private func start(_ event: Event, parent: Int32, _ attached: Bool, _ snapshot: Snapshot) {
        ended.remove(event.thread)
        if threads[event.thread] == nil {
            // A thread that was there before the watch shares its process's table, as far as anybody can tell.
            let sibling = thread(of: event.process)
            threads[event.thread] = ThreadObjects(
                process: event.process, parent: parent, table: sibling?.table ?? DescriptorTable(),
                context: sibling?.context ?? FileSystemContext(), image: sibling?.image)
        }
        threads[event.thread]?.parent = parent
        threads[event.thread]?.process = event.process
        if !snapshot.facts.isEmpty { replace(event.thread, snapshot) }
    }

    /// clone(2): what is shared hangs on the flags of the call that the parent is in.
    private func create(_ child: Int32, by event: Event) {
        guard let parent = threads[event.thread] else { return }
        let flags = pending[event.thread]?.cloneFlags ?? 0
        let isThread = flags & CloneFlag.thread != 0
        ended.remove(child)
        threads[child] = ThreadObjects(
            process: isThread ? event.process : child, parent: event.thread,
            table: flags & CloneFlag.files != 0 ? parent.table : parent.table.copy(),
            context: flags & CloneFlag.fileSystem != 0 ? parent.context : parent.context.copy(), image: parent.image)
    }

    /// execve(2): the caller goes on under the leader's id with a table of its own, without what closes on exec.
    private func execute(_ event: Event, former: Int32, _ snapshot: Snapshot) {
        if former != event.thread {
            if let caller = threads.removeValue(forKey: former) { threads[event.thread] = caller }
            if let call = pending.removeValue(forKey: former) { pending[event.thread] = call }
        }
        for (thread, objects) in threads where objects.process == event.process && thread != event.thread {
            threads[thread] = nil
            pending[thread] = nil
        }
        guard let objects = threads[event.thread] else { return }
        let table = objects.table.copy()
        table.handles = table.handles.filter { !$0.value.closeOnExec }
        threads[event.thread]?.table = table
        threads[event.thread]?.context = objects.context.copy()
        threads[event.thread]?.process = event.process
        if !snapshot.facts.isEmpty { replace(event.thread, snapshot) }
    }

    // MARK: Facts

    /// Facts about everything: what they do not name is not there. An object that is known already stays the one
    /// that others share.
    private func replace(_ thread: Int32, _ snapshot: Snapshot) {
        guard let objects = threads[thread] else { return }
        var handles: [Int32: Handle] = [:]
        for fact in snapshot.facts {
            switch fact.kind {
            case .descriptor, .tableEntry, .closingTableEntry:
                let known = objects.table.handles[fact.number].flatMap { $0.file.isSame(as: fact) ? $0 : nil }
                let closes = fact.kind == .closingTableEntry
                handles[fact.number] = Handle(
                    file: known?.file ?? OpenFile(fact, snapshot),
                    closeOnExec: fact.kind == .descriptor ? known?.closeOnExec ?? false : closes)
            case .workingDirectory: objects.context.workingDirectory = OpenFile(fact, snapshot)
            case .root: objects.context.root = OpenFile(fact, snapshot)
            case .image: threads[thread]?.image = OpenFile(fact, snapshot)
            case .path: break
            }
        }
        objects.table.handles = handles
    }

    /// Facts about what a call made or changed.
    private func apply(facts snapshot: Snapshot, _ thread: Int32, _ call: Message) {
        guard !snapshot.facts.isEmpty, let objects = threads[thread] else { return }
        if snapshot.facts.contains(where: \.tellsTable) { return replace(thread, snapshot) }
        let source = call.duplicates.flatMap { objects.table.handles[$0] }
        for fact in snapshot.facts {
            switch fact.kind {
            case .descriptor:
                if call.changesSocket, let known = objects.table.handles[fact.number], known.file.isSame(as: fact) {
                    known.file.socket = fact.socket.map { SocketEnds($0, snapshot) }
                    introduce(known.file)
                    continue
                }
                let file = source.map(\.file) ?? OpenFile(fact, snapshot)
                file.detail = file.detail ?? call.detail(snapshot)
                introduce(file)
                objects.table.handles[fact.number] = Handle(file: file, closeOnExec: call.closesOnExec)
            case .workingDirectory: objects.context.workingDirectory = OpenFile(fact, snapshot)
            case .root: objects.context.root = OpenFile(fact, snapshot)
            case .image: threads[thread]?.image = OpenFile(fact, snapshot)
            case .path, .tableEntry, .closingTableEntry: break
            }
        }
    }

    /// A netlink socket gets its port when it is first used; each of its calls tells it again.
    private func refresh(_ thread: Int32, _ snapshot: Snapshot) {
        for fact in snapshot.facts where fact.kind == .descriptor {
            guard let known = threads[thread]?.table.handles[fact.number], known.file.isSame(as: fact) else { continue }
            known.file.socket = fact.socket.map { SocketEnds($0, snapshot) } ?? known.file.socket
        }
    }

    /// A unix socket that connects does not know its peer's inode before that is accepted; the peer knows both.
    private func introduce(_ file: OpenFile) {
        guard let peer = file.socket?.peerInode, peer != 0 else { return }
        everyFile { other in
            if other.kind == .socket, other.inode == UInt64(peer), other.socket?.peerInode == 0 {
                other.socket?.peerInode = UInt32(truncatingIfNeeded: file.inode)
            }
        }
    }

    /// Visits every file that anything under watch holds, each once.
    private func everyFile(_ body: (OpenFile) -> Void) {
        var seen: Set<ObjectIdentifier> = []
        func visit(_ file: OpenFile?) {
            if let file, seen.insert(ObjectIdentifier(file)).inserted { body(file) }
        }
        for thread in threads.values {
            for handle in thread.table.handles.values { visit(handle.file) }
            visit(thread.context.workingDirectory)
            visit(thread.context.root)
            visit(thread.image)
        }
    }

    // MARK: Calls

    /// A close frees its number before it returns, and another thread may get it: it counts from its entry on.
    private func enter(_ thread: Int32, _ message: Message, _ arguments: RawArguments) {
        guard let objects = threads[thread] else { return }
        switch message.call {
        case .close: objects.table.handles[Int32(truncatingIfNeeded: arguments.a0)] = nil
        case .closeRange: closeRange(thread, arguments)
        default: break
        }
    }

    private func closeRange(_ thread: Int32, _ arguments: RawArguments) {
        let first = UInt32(truncatingIfNeeded: arguments.a0)
        let last = UInt32(truncatingIfNeeded: arguments.a1)
        let flags = UInt32(truncatingIfNeeded: arguments.a2)
        // CLOSE_RANGE_UNSHARE and CLOSE_RANGE_CLOEXEC (linux/close_range.h); others make the call fail.
        guard first <= last, flags & ~6 == 0, let objects = threads[thread] else { return }
        var table = objects.table
        if flags & 2 != 0 {
            table = table.copy()
            threads[thread]?.table = table
        }
        for number in table.handles.keys where number >= 0 && UInt32(number) >= first && UInt32(number) <= last {
            if flags & 4 != 0 { table.handles[number]?.closeOnExec = true } else { table.handles[number] = nil }
        }
    }

    private func leave(_ thread: Int32, _ message: Message, _ snapshot: Snapshot, _ result: Int64) {
        guard result >= 0, let objects = threads[thread] else { return }
        let arguments = snapshot.stop.arguments
        let first = Int32(truncatingIfNeeded: arguments.a0)
        switch message.call {
        case .dup, .dup2, .dup3: duplicate(first, to: Int32(truncatingIfNeeded: result), objects, message)
        case .fcntl, .fcntl64: fcntl(first, arguments, result, objects, message)
        case .ioctl: ioctl(first, UInt32(truncatingIfNeeded: arguments.a1), objects)
        case .unshare: unshare(thread, arguments.a0)
        case .umask: objects.context.mask = UInt32(truncatingIfNeeded: arguments.a0) & 0o777
        default: rename(message, objects)
        }
    }

    private func duplicate(_ old: Int32, to new: Int32, _ objects: ThreadObjects, _ message: Message) {
        guard old != new, let source = objects.table.handles[old] else { return }
        objects.table.handles[new] = Handle(file: source.file, closeOnExec: message.closesOnExec)
    }

    /// fcntl(2): F_DUPFD, F_DUPFD_CLOEXEC, F_SETFD.
    private func fcntl(
        _ descriptor: Int32, _ arguments: RawArguments, _ result: Int64, _ objects: ThreadObjects, _ message: Message
    ) {
        switch UInt32(truncatingIfNeeded: arguments.a1) {
        case 0, 1030: duplicate(descriptor, to: Int32(truncatingIfNeeded: result), objects, message)
        case 2: objects.table.handles[descriptor]?.closeOnExec = arguments.a2 & 1 != 0
        default: break
        }
    }

    /// FIOCLEX and FIONCLEX (ioctl(2)).
    private func ioctl(_ descriptor: Int32, _ request: UInt32, _ objects: ThreadObjects) {
        switch request {
        case 0x5451: objects.table.handles[descriptor]?.closeOnExec = true
        case 0x5450: objects.table.handles[descriptor]?.closeOnExec = false
        default: break
        }
    }

    private func unshare(_ thread: Int32, _ flags: UInt64) {
        guard let objects = threads[thread] else { return }
        if flags & CloneFlag.files != 0 { threads[thread]?.table = objects.table.copy() }
        // A new mount or user namespace unshares the file system context too (unshare(2)).
        if flags & (CloneFlag.fileSystem | CloneFlag.mounts | CloneFlag.users) != 0 {
            threads[thread]?.context = objects.context.copy()
        }
    }

    // MARK: Names that change

    private func rename(_ message: Message, _ objects: ThreadObjects) {
        guard let change = NameChange(message, objects) else { return }
        everyFile { change.apply(to: $0) }
    }
}
