// From a message to a request: the objects behind its handles, the paths it names, the addresses it reaches.

import Messages
import Objects
import Policy

/// Builds the requests of one thread at one moment.
struct RequestBuilder {
    let world: World
    let event: Event
    /// What a process may do to others under the same policy.
    let rightsToChildren: () -> Rights

    func request(_ snapshot: Snapshot, _ message: Message) -> Request {
        let program = world.threads[event.thread]?.image?.name ?? []
        return Request(
            snapshot.stop, message,
            caller: Caller(process: event.process, thread: event.thread, program: program),
            handles: handles(message), paths: paths(message), addresses: addresses(snapshot, message))
    }

    // MARK: Paths

    private func paths(_ message: Message) -> [PathFact] {
        var facts: [PathFact] = []
        var directory: Int32?
        for argument in message.arguments {
            switch argument.value {
            case .directory(let number): directory = number
            case .path(let bytes):
                defer { directory = nil }
                guard let role = role(of: argument.item, message) else { continue }
                if let known = message.resolved.first(where: { $0.argument == argument.name }) {
                    facts.append(
                        PathFact(
                            role, path: OwnProcess.named(known.path, event.process), kind: FileKind(mode: known.mode),
                            device: known.device,
                            exists: known.mode != 0))
                } else if !bytes.bytes.isEmpty, bytes.total == UInt64(bytes.bytes.count),
                    let path = world.absolute(bytes.bytes, from: directory, of: event.thread)
                {
                    facts.append(PathFact(role, path: OwnProcess.named(path, event.process), kind: .unknown))
                }
            default: break
            }
        }
        return facts
    }

    private func role(of item: String, _ message: Message) -> HandleRole? {
        switch item {
        case "path": message.operation.needs.contains { $0.role == .target } ? .target : .object
        case "from_path": .from
        case "to_path": .to
        default: nil
        }
    }

    // MARK: Handles

    private func handles(_ message: Message) -> [HandleFact] {
        var facts: [HandleFact] = []
        let hasPath = message.arguments.contains { argument in
            if case .path(let bytes) = argument.value { !bytes.bytes.isEmpty } else { false }
        }
        for argument in message.arguments {
            switch argument.value {
            case .descriptor(let number):
                if let role = role(ofHandle: argument.item, message) { facts.append(fact(role, number)) }
            case .directory(let number) where !hasPath:
                facts.append(fact(.object, number))
            case .process(let number) where argument.item == "who":
                if isUnderPolicy(number, message) {
                    let name = Array(Ambient.child.name.utf8)
                    facts.append(HandleFact(.who, number: number, rights: rightsToChildren(), name: name))
                }
            case .list, .record:
                // Descriptors in memory are what is waited for.
                argument.value.descriptors { facts.append(fact(.target, $0)) }
            default: break
            }
        }
        if message.operation.needs.contains(where: { $0.role == .backing }) {
            // Which file lies behind an address is not recorded: adding execution is held when it is mapped.
            facts.append(HandleFact(.backing, rights: .all))
        }
        return facts
    }

    /// Whether a process is one that is watched. What has ended can be signalled to no effect, and a group is named by
    /// its leader's number, 0 being the caller's own (kill(2)).
    private func isUnderPolicy(_ number: Int32, _ message: Message) -> Bool {
        if world.threads[number] != nil { return true }
        guard message.operation == .signalSend, number > Int32.min else { return false }
        if number > 0 { return world.ended.contains(number) }
        return number == 0 || number == -1 || world.threads[-number] != nil || world.ended.contains(-number)
    }

    private func role(ofHandle item: String, _ message: Message) -> HandleRole? {
        switch item {
        case "fd", "timer": message.operation == .eventChange ? .target : .object
        case "in_fd": .input
        case "out_fd": .output
        case "queue", "ring": .queue
        case "who": .who
        default: nil
        }
    }

    private func fact(_ role: HandleRole, _ number: Int32) -> HandleFact {
        let file: OpenFile?
        if number == -100 {  // AT_FDCWD
            file = world.threads[event.thread]?.context.workingDirectory
        } else {
            file = world.handle(number, of: event.thread)?.file
        }
        guard let file else {
            // A descriptor that is not there fails by itself; one that is not known was made unseen.
            return HandleFact(role, number: number, rights: .all)
        }
        return HandleFact(
            role, number: number, rights: file.rights ?? .all, name: OwnProcess.named(file.name, event.process),
            kind: file.kind.fileKind)
    }

    // MARK: Addresses

    private func addresses(_ snapshot: Snapshot, _ message: Message) -> [AddressFact] {
        let arguments = snapshot.stop.arguments
        let place: (address: UInt64, length: UInt64)?
        switch message.call {
        case .connect, .bind: place = (arguments.a1, arguments.a2)
        case .sendto: place = (arguments.a4, arguments.a5)
        case .sendmsg: place = name(in: arguments.a1, snapshot)
        default: place = nil
        }
        let ends = message.arguments.first.flatMap { argument -> SocketEnds? in
            guard case .descriptor(let number) = argument.value else { return nil }
            return world.handle(number, of: event.thread)?.file.socket
        }
        let transport = ends.map {
            Transport(
                family: UInt64($0.family), type: UInt64($0.type),
                protocol: UInt64(UInt32(bitPattern: $0.protocolNumber)))
        }
        if message.operation == .sockListen {
            guard let ends else { return [] }
            let address = Address(sockaddr: ends.local)
            // What is bound was decided on then; without a port the kernel binds it now.
            switch address {
            case .internet(_, let port) where port != 0: return []
            case .unixPath, .unixAbstract: return []
            default: return [AddressFact(.local, transport ?? .other, address)]
            }
        }
        guard let place, place.address != 0,
            let bytes = snapshot.bytes(at: place.address, count: Int(min(place.length & 0xFFFF_FFFF, 128)))
        else { return [] }
        let role: AddressFact.Role = message.operation == .sockBind ? .local : .peer
        return [AddressFact(role, transport ?? .other, resolved(Address(sockaddr: Array(bytes))))]
    }

    /// A unix socket's path as the thread means it.
    private func resolved(_ address: Address) -> Address {
        guard case .unixPath(let path) = address else { return address }
        return .unixPath(world.absolute(path, from: nil, of: event.thread) ?? path)
    }

    /// struct msghdr begins with the name and its length (recvmsg(2)).
    private func name(in header: UInt64, _ snapshot: Snapshot) -> (UInt64, UInt64)? {
        let word = snapshot.stop.personality.wordSize
        guard let address = snapshot.number(at: header, width: word),
            let length = snapshot.number(at: header &+ UInt64(word), width: 4)
        else { return nil }
        return (address, length)
    }
}

extension Value {
    fileprivate func descriptors(_ body: (Int32) -> Void) {
        if case .descriptor(let number) = self { body(number) }
        for part in parts { part.descriptors(body) }
    }
}

/// A process sees itself in /proc under its own number, a policy under `self`.
enum OwnProcess {
    static func named(_ path: [UInt8], _ process: Int32) -> [UInt8] {
        guard path.starts(with: "/proc/".utf8) else { return path }
        let own = Array("/proc/\(process)".utf8)
        guard path.starts(with: own), path.count == own.count || path[own.count] == UInt8(ascii: "/") else {
            return path
        }
        return Array("/proc/self".utf8) + path.dropFirst(own.count)
    }
}
