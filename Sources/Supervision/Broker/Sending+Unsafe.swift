// Sends for callers: data, address and descriptors from one copy.

import CLinux
import Glibc
import Interception
import Messages

/// A message to send, as it was when it was copied.
struct Outgoing {
    var name: [UInt8] = []
    /// Where the name lies in the caller, NULL for none.
    var hasName = false
    var data: [UInt8] = []
    var control: [UInt8] = []
    /// Descriptors that travel with the message: ours, copies of the caller's.
    var passed: [Descriptor] = []
    /// Who the sender says it is.
    var hasCredentials = false

    mutating func addControl(_ level: UInt32, _ type: UInt32, _ data: [UInt8]) {
        withUnsafeBytes(of: UInt64(16 + data.count)) { control += $0 }
        withUnsafeBytes(of: level) { control += $0 }
        withUnsafeBytes(of: type) { control += $0 }
        control += data
        control += [UInt8](repeating: 0, count: (8 - data.count % 8) % 8)
    }
}

private let sigpipeFlag: Int32 = 0x4000  // MSG_NOSIGNAL
private let fastOpenFlag: Int32 = 0x2000_0000  // MSG_FASTOPEN

extension Work {
    /// IOV_MAX and the longest control data that anybody sends (net.core.optmem_max is below it).
    private static let vectorLimit = 1024
    private static let controlLimit = 1 << 17

    mutating func send(_ call: SystemCall) throws(CallError) -> Answer {
        let socket = try descriptor(integer(0))
        switch call {
        case .sendto:
            var message = Outgoing()
            message.data = try payload(address(1), address(2), of: socket)
            if address(4) != 0 {
                message.hasName = true
                let other = try redirection(of: socket)
                if let other {
                    message.name = other
                } else {
                    message.name = try name(at: address(4), stop.arguments[5] & 0xFFFF_FFFF)
                }
            }
            return .value(Int64(try send(message, through: socket, integer(3))))
        case .sendmsg:
            let message = try message(at: address(1), of: socket)
            return .value(Int64(try send(message, through: socket, integer(2))))
        default: return try sendMany(through: socket)
        }
    }

    private mutating func sendMany(through socket: Descriptor) throws(CallError) -> Answer {
        let count = min(UInt64(UInt32(truncatingIfNeeded: stop.arguments[2])), UInt64(Self.vectorLimit))
        // struct mmsghdr: a header, the length that was sent, padding.
        let size: UInt64 = stop.personality == .x86_64 ? 64 : 32
        let lengthOffset: UInt64 = stop.personality == .x86_64 ? 56 : 28
        var sent: Int64 = 0
        while sent < Int64(count) {
            let header = address(1) &+ UInt64(sent) &* size
            do throws(CallError) {
                let length = try send(message(at: header, of: socket), through: socket, integer(3))
                let bytes = (0..<4).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) }
                try write(bytes, to: header &+ lengthOffset)
            } catch {
                // What was sent before counts; the error comes with the next call (sendmmsg(2)).
                if sent == 0 { throw error }
                break
            }
            sent += 1
        }
        return .value(sent)
    }

    // MARK: Copying

    private func name(at place: UInt64, _ length: UInt64) throws(CallError) -> [UInt8] {
        guard length <= 128 else { throw CallError(EINVAL) }
        return try caller.bytes(place, Int(length))
    }

    private func payload(_ place: UInt64, _ length: UInt64, of socket: Descriptor) throws(CallError) -> [UInt8] {
        var length = length
        if length > UInt64(Self.payloadLimit) {
            // A stream may take less than it is offered, a datagram is whole or not at all.
            guard try Kernel.option(socket.number, SO_TYPE) == 1 else { throw CallError(EMSGSIZE) }
            length = UInt64(Self.payloadLimit)
        }
        return try caller.bytes(place, Int(length))
    }

    /// struct msghdr with all that it points to.
    private func message(at header: UInt64, of socket: Descriptor) throws(CallError) -> Outgoing {
        let word = stop.personality.wordSize
        let bytes = try caller.bytes(header, word == 8 ? 56 : 28)
        // name, name length (32 bits, padded to a word), vectors, their number, control, its length.
        func field(_ index: Int) -> UInt64 { bytes.number(index * word, index == 1 ? 4 : word) }
        var message = Outgoing()
        if field(0) != 0 && field(1) != 0 {
            message.hasName = true
            message.name = try name(at: field(0), min(field(1), 128))
        }
        guard field(3) <= UInt64(Self.vectorLimit) else { throw CallError(EMSGSIZE) }
        for part in try parts(at: field(2), field(3)) {
            let room = Self.payloadLimit - message.data.count
            if part.count > room {
                guard try Kernel.option(socket.number, SO_TYPE) == 1 else { throw CallError(EMSGSIZE) }
                message.data += try caller.bytes(part.base, room)
                break
            }
            message.data += try caller.bytes(part.base, part.count)
        }
        if field(4) != 0 && field(5) > 0 {
            guard field(5) <= UInt64(Self.controlLimit) else { throw CallError(ENOBUFS) }
            try readControl(caller.bytes(field(4), Int(field(5))), into: &message)
        }
        return message
    }

    /// Control data in the layout of our own personality, with our copies of the descriptors in it (cmsg(3)).
    private func readControl(_ bytes: [UInt8], into message: inout Outgoing) throws(CallError) {
        let word = stop.personality.wordSize
        let head = word + 8
        var offset = 0
        while offset + head <= bytes.count {
            let length = bytes.number(offset, word)
            guard length >= UInt64(head), length <= UInt64(bytes.count - offset) else { throw CallError(EINVAL) }
            let level = UInt32(bytes.number(offset + word, 4))
            let type = UInt32(bytes.number(offset + word + 4, 4))
            var data = Array(bytes[offset + head..<offset + Int(length)])
            // SOL_SOCKET, SCM_RIGHTS
            if level == 1 && type == 1 {
                for index in 0..<data.count / 4 {
                    let held = try descriptor(Int32(truncatingIfNeeded: data.number(index * 4, 4)))
                    try requirePassable(held)
                    message.passed.append(held)
                    for part in 0..<4 {
                        data[index * 4 + part] = UInt8(truncatingIfNeeded: held.number >> Int32(8 * part))
                    }
                }
            } else if level == 1 && type == 2 {
                data = try credentials(data)
                message.hasCredentials = true
            } else if word == 4 {
                // What else a 32-bit program may send has layouts that nobody has described here.
                throw CallError(EINVAL)
            } else {
                try requireOption(level, type, data)
            }
            message.addControl(level, type, data)
            offset += (Int(length) + word - 1) / word * word
        }
    }

    /// What control data says for one message, setsockopt says for all of them (ip(7), ipv6(7)).
    private func requireOption(_ level: UInt32, _ type: UInt32, _ data: [UInt8]) throws(CallError) {
        let option: UInt32
        switch (level, type) {
        // IP_RETOPTS carries what IP_OPTIONS sets (ip_cmsg_send in net/ipv4/ip_sockglue.c).
        case (0, 7): option = 4
        // IP_PKTINFO and IPV6_PKTINFO, also of RFC 2292: the device that IP_UNICAST_IF and IPV6_UNICAST_IF set, 0 for none.
        case (0, 8) where data.number(0, 4) != 0: option = 50
        case (41, 2) where data.number(16, 4) != 0, (41, 50) where data.number(16, 4) != 0: option = 76
        default: option = type
        }
        // SYS_setsockopt of the x86_64 table.
        let setting = Stop(number: 54, arguments: RawArguments(0, UInt64(level), UInt64(option), 0, 0, 0))
        guard worker.broker.authority.refuses(caseOf: setting, caller.process) else { return }
        _ = refused(.unnameable("control data that says what a refused option does"))
        throw CallError(EPERM)
    }

    private func requirePassable(_ held: Descriptor) throws(CallError) {
        let handle = try self.held(Found(held), as: -1, .passed)
        if worker.broker.authority.rights(of: handle, calling).contains(Right.pass) { return }
        _ = refused(.unnameable("to pass on a descriptor that lacks pass"))
        throw CallError(EACCES)
    }

    /// Who the caller says it is (unix(7), SCM_CREDENTIALS) is held against the caller, as the kernel would: it asks this
    /// thread (scm_check_creds in net/core/scm.c).
    private func credentials(_ claimed: [UInt8]) throws(CallError) -> [UInt8] {
        guard claimed.count == 12 else { throw CallError(EINVAL) }
        let own = try caller.currentCredentials()
        // CAP_SYS_ADMIN, CAP_SETUID, CAP_SETGID (linux/capability.h).
        func may(_ capability: UInt64) -> Bool { own.effective & 1 << capability != 0 }
        let process = Int32(truncatingIfNeeded: claimed.number(0, 4))
        guard process == caller.process || may(21),
            own.users[..<3].contains(UInt32(claimed.number(4, 4))) || may(7),
            own.groups[..<3].contains(UInt32(claimed.number(8, 4))) || may(6)
        else { throw CallError(EPERM) }
        if worker.mayClaim || process != caller.process { return claimed }
        // Nobody but root speaks for another process: peers see the supervisor's number.
        return withUnsafeBytes(of: getpid()) { Array($0) } + claimed[4...]
    }

    /// What the kernel says of a sender that says nothing of itself, were the caller that.
    private func ownCredentials() throws(CallError) -> [UInt8] {
        let own = try caller.currentCredentials()
        return [UInt32(bitPattern: caller.process), own.users[0], own.groups[0]].flatMap { word in
            withUnsafeBytes(of: word) { Array($0) }
        }
    }

    // MARK: Sending

    private mutating func send(
        _ message: Outgoing, through socket: Descriptor, _ flags: Int32
    ) throws(CallError) -> Int {
        var held: Descriptor?
        var name = message.name
        if message.hasName {
            var address = SocketAddress(
                family: try Kernel.option(socket.number, 39), type: try Kernel.option(socket.number, SO_TYPE),
                protocol: try Kernel.option(socket.number, 38), bytes: message.name, path: nil, isLocal: false)
            // AF_UNSPEC is read as AF_INET or as no address at all, as the socket likes: nobody needs it here.
            if address.addressFamily == 0 && address.family != AF_UNIX { throw CallError(EAFNOSUPPORT) }
            name = try reach(&address, &held)
            try require(.address(address))
        } else if flags & fastOpenFlag != 0 {
            throw CallError(EINVAL)
        }
        if flags & ~0x7FFF_FFFF != 0 { throw CallError(EINVAL) }
        var message = message
        let isLocal = try Kernel.option(socket.number, 39) == AF_UNIX
        if isLocal && worker.mayClaim && !message.hasCredentials { message.addControl(1, 2, try ownCredentials()) }
        do throws(CallError) {
            let count = try worker.claiming(isLocal) { () throws(CallError) in
                try transmit(message, name, through: socket, flags | sigpipeFlag)
            }
            _ = held
            return count
        } catch {
            if error.errno == EPIPE && flags & sigpipeFlag == 0 && !caller.isGone && isStream(socket) {
                // The signal belongs to the caller (send(2)).
                _ = abitrace_call(Number.tgkill, UInt(caller.process), UInt(caller.thread), UInt(SIGPIPE), 0, 0, 0)
            }
            throw error
        }
    }

    private func isStream(_ socket: Descriptor) -> Bool { (try? Kernel.option(socket.number, SO_TYPE)) == 1 }

    private func transmit(
        _ message: Outgoing, _ name: [UInt8], through socket: Descriptor, _ flags: Int32
    ) throws(CallError) -> Int {
        var name = name
        var data = message.data
        var control = message.control
        let counts = (name.count, data.count, control.count)
        return try Kernel.withBytes(&name) { name throws(CallError) in
            try Kernel.withBytes(&data) { data throws(CallError) in
                try Kernel.withBytes(&control) { control throws(CallError) in
                    var vector = iovec(iov_base: UnsafeMutableRawPointer(bitPattern: data), iov_len: counts.1)
                    return try waiting(true) { () throws(CallError) in
                        try Kernel.checked(
                            withUnsafeMutablePointer(to: &vector) { vector in
                                var header = msghdr()
                                header.msg_name = counts.0 == 0 ? nil : UnsafeMutableRawPointer(bitPattern: name)
                                header.msg_namelen = socklen_t(counts.0)
                                header.msg_iov = vector
                                header.msg_iovlen = 1
                                header.msg_control =
                                    counts.2 == 0 ? nil : UnsafeMutableRawPointer(bitPattern: control)
                                header.msg_controllen = counts.2
                                return withUnsafeMutablePointer(to: &header) {
                                    abitrace_call(
                                        Number.sendmsg, UInt(socket.number), UInt(bitPattern: $0),
                                        UInt(UInt32(bitPattern: flags)), 0, 0, 0)
                                }
                            })
                    }
                }
            }
        }
    }
}
