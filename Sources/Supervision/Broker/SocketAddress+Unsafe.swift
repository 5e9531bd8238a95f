// Socket addresses on their way from a caller to the kernel: copied once, decided on, used as they were decided.

import CLinux
import Glibc
import Interception
import Messages
import Policy

/// Where a caller connects, sends or binds to.
public struct SocketAddress: Sendable {
    /// What the socket was made as (socket(2)): SO_DOMAIN, SO_TYPE, SO_PROTOCOL.
    public var family: Int32
    public var type: Int32
    public var `protocol`: Int32
    /// The caller's bytes, a `sockaddr`.
    public var bytes: [UInt8]
    /// For a unix socket with a path: where it lies, as the kernel resolved it.
    public var path: [UInt8]?
    /// An address to bind, not to reach.
    public var isLocal: Bool

    var addressFamily: UInt16 { bytes.count >= 2 ? UInt16(bytes[0]) | UInt16(bytes[1]) << 8 : 0 }

    /// The path in a unix address that has one (unix(7)).
    var unixPath: [UInt8]? {
        guard addressFamily == UInt16(AF_UNIX), bytes.count > 2, bytes[2] != 0 else { return nil }
        return Array(bytes[2...].prefix(108).prefix { $0 != 0 })
    }

    /// An internet address without a port (ip(7)): nobody has bound it.
    var isUnbound: Bool {
        (addressFamily == UInt16(AF_INET) || addressFamily == UInt16(AF_INET6)) && bytes.count >= 4
            && bytes[2] == 0 && bytes[3] == 0
    }

    /// The same address by another path.
    func with(path: [UInt8]) -> [UInt8] { Array(bytes[..<2]) + path + [0] }
}

extension Kernel {
    /// An integer option of a socket.
    static func option(_ socket: Int32, _ name: Int32) throws(CallError) -> Int32 {
        var value: Int32 = 0
        var size = socklen_t(4)
        guard getsockopt(socket, SOL_SOCKET, name, &value, &size) == 0 else { throw CallError(errno) }
        return value
    }
}

/// SO_PROTOCOL and SO_DOMAIN (asm-generic/socket.h).
private let socketProtocol: Int32 = 38
private let socketDomain: Int32 = 39

extension Work {
    /// MAX_UDP and unix datagrams are far below; a stream takes what it can.
    static var payloadLimit: Int { 1 << 20 }

    func address(_ socket: Descriptor, at place: UInt64, _ length: UInt64, isLocal: Bool) throws(CallError)
        -> SocketAddress
    {
        let length = Int32(truncatingIfNeeded: length)
        // sizeof(struct sockaddr_storage): the kernel takes no longer one.
        guard length >= 0, length <= 128 else { throw CallError(EINVAL) }
        return SocketAddress(
            family: try Kernel.option(socket.number, socketDomain), type: try Kernel.option(socket.number, SO_TYPE),
            protocol: try Kernel.option(socket.number, socketProtocol),
            bytes: try caller.bytes(place, Int(length)), path: nil, isLocal: isLocal)
    }

    // MARK: Connecting

    mutating func connect() throws(CallError) -> Answer {
        var socket = try descriptor(integer(0))
        var address = try address(socket, at: address(1), stop.arguments[2] & 0xFFFF_FFFF, isLocal: false)
        let other = try redirect(&address, of: socket)
        if let other { socket = other }
        var held: Descriptor?
        var bytes = try reach(&address, &held)
        // AF_UNSPEC lets go of a peer and reaches nobody.
        if address.addressFamily != 0 { try require(address) }
        if address.family == AF_UNIX { try worker.showEffective() }
        do throws(CallError) {
            try waiting(true) { () throws(CallError) in
                _ = try Kernel.withBytes(&bytes) { [count = bytes.count] place throws(CallError) in
                    try Kernel.call(Number.connect, Int(socket.number), place, count)
                }
            }
        } catch {
            // A connection under way is the other socket's as well.
            guard let other, error.errno == EINPROGRESS else { throw error }
            return try replace(integer(0), by: other, result: Int64(-EINPROGRESS))
        }
        _ = held
        return try other.map { other throws(CallError) in try replace(integer(0), by: other, result: 0) } ?? .value(0)
    }

    /// The refusal of an address with a path tells that there is something.
    private func require(_ address: SocketAddress) throws(CallError) {
        do throws(CallError) {
            try require(.address(address))
        } catch {
            throw error.about(address.path)
        }
    }

    /// Puts a rule's address in place of the caller's. Answers another socket where the caller's cannot reach it: one
    /// of the address's own family, as blocking as the caller's.
    private func redirect(_ address: inout SocketAddress, of socket: Descriptor) throws(CallError) -> Descriptor? {
        guard let change = changes.first(where: { $0.item == "address" }) else { return nil }
        guard let target = Address(written: change.value) else { throw CallError(EACCES) }
        if let bytes = target.sockaddr(family: UInt16(clamping: address.family)) {
            address.bytes = bytes
            return nil
        }
        guard let bytes = target.sockaddr() else { throw CallError(EACCES) }
        let flags = fcntl(socket.number, F_GETFL)
        // SOCK_NONBLOCK is O_NONBLOCK, SOCK_CLOEXEC is O_CLOEXEC (linux/net.h).
        let kind = address.type | (flags & O_NONBLOCK) | O_CLOEXEC
        let made = try Kernel.call(Number.socket, Int(bytes[0]), Int(kind), 0)
        (address.family, address.protocol, address.bytes) = (Int32(bytes[0]), 0, bytes)
        return Descriptor(Int32(made))
    }

    /// The bytes of a rule's address for a socket, nil where no rule has one.
    func redirection(of socket: Descriptor) throws(CallError) -> [UInt8]? {
        guard let change = changes.first(where: { $0.item == "address" }) else { return nil }
        let family = UInt16(clamping: try Kernel.option(socket.number, socketDomain))
        guard let bytes = Address(written: change.value)?.sockaddr(family: family) else { throw CallError(EACCES) }
        return bytes
    }

    /// Resolves a path in the address. Answers the bytes that reach the very object that was found, which `held`
    /// keeps.
    mutating func reach(_ address: inout SocketAddress, _ held: inout Descriptor?) throws(CallError) -> [UInt8] {
        guard let path = address.unixPath else { return address.bytes }
        let found = try resolution.object(path, from: AT_FDCWD)
        address.path = found.path
        held = found.object
        return address.with(path: Array("/proc/self/fd/\(found.object.number)".utf8))
    }

    // MARK: Binding

    mutating func bind() throws(CallError) -> Answer {
        let socket = try descriptor(integer(0))
        var address = try address(socket, at: address(1), stop.arguments[2] & 0xFFFF_FFFF, isLocal: true)
        var bytes = address.bytes
        if let path = address.unixPath {
            let place = try resolution.place(path, from: AT_FDCWD)
            address.path = place.path
            try require(address)
            // The name is made where it was decided on: this thread goes there for it, and the address holds the
            // bare name.
            guard fchdir(place.directory.number) == 0 else { throw CallError(errno) }
            try wearUmask()
            bytes = address.with(path: place.name)
        } else {
            // AF_UNSPEC is read as AF_INET by the sockets that take it (net/ipv4/af_inet.c).
            if address.addressFamily == 0 && address.family == AF_INET && address.bytes.count >= 2 {
                address.bytes[0] = UInt8(AF_INET)
                bytes = address.bytes
            }
            try require(.address(address))
        }
        _ = try Kernel.withBytes(&bytes) { [count = bytes.count] place throws(CallError) in
            try Kernel.call(Number.bind, Int(socket.number), place, count)
        }
        return .value(0)
    }

    // MARK: Listening

    /// As what a number of the caller's stands for; of a socket its address tells where it came from.
    func held(_ found: Found, as number: Int32, _ role: HandleRole) throws(CallError) -> Held {
        var held = found.held(as: number, role)
        if found.kind == S_IFSOCK && worker.broker.authority.givesListeners {
            held.socketName = try SocketAddress.name(of: found.object.number)
        }
        return held
    }

    /// A socket that nobody has bound gets an address of the kernel's choice by this call (inet_autobind): that is
    /// decided on as its binding. One that is bound was decided on then.
    mutating func listen() throws(CallError) -> Answer {
        let socket = try descriptor(integer(0))
        let address = SocketAddress(
            family: try Kernel.option(socket.number, socketDomain), type: try Kernel.option(socket.number, SO_TYPE),
            protocol: try Kernel.option(socket.number, socketProtocol),
            bytes: try SocketAddress.name(of: socket.number), path: nil, isLocal: true)
        try require(.handles([Found(socket).held(as: integer(0), .object)]))
        if address.isUnbound { try require(.address(address)) }
        if address.family == AF_UNIX { try worker.showEffective() }
        try Kernel.call(Number.listen, Int(socket.number), Int(integer(1)))
        return .value(0)
    }
}

extension SocketAddress {
    /// The address that a socket is bound to (getsockname(2)).
    static func name(of socket: Int32) throws(CallError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 128)
        var size = socklen_t(bytes.count)
        try Kernel.withBytes(&bytes) { place throws(CallError) in
            _ = try Kernel.checked(
                withUnsafeMutablePointer(to: &size) {
                    abitrace_call(
                        Number.getsockname, UInt(socket), UInt(bitPattern: place), UInt(bitPattern: $0), 0, 0, 0)
                })
        }
        return Array(bytes.prefix(Int(size)))
    }
}
