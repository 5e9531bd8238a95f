// A socket that is made for a program before it starts, so that it needs no right to make one.

import Glibc
import Messages
import Policy

/// A socket by its address.
struct GivenSocket {
    private let family: Int32
    private let type: Int32
    /// A `sockaddr`.
    private let bytes: [UInt8]
    private let path: [UInt8]?

    init(_ transport: Transport, _ address: Address) throws(CallError) {
        type = Int32(transport == .udp ? SOCK_DGRAM.rawValue : SOCK_STREAM.rawValue)
        var path: [UInt8]?
        switch address {
        case .internet(let host, let port) where host.isIPv4:
            family = AF_INET
            bytes = Self.head(AF_INET) + Self.big(UInt128(port), 2) + Self.big(host.bits, 4) + Self.zeros(8)
        case .internet(let host, let port):
            family = AF_INET6
            // struct sockaddr_in6: port, flow, address, scope.
            bytes =
                Self.head(AF_INET6) + Self.big(UInt128(port), 2) + Self.zeros(4) + Self.big(host.bits, 16)
                + Self.zeros(4)
        case .unixPath(let name):
            family = AF_UNIX
            path = name
            guard name.count < 108 else { throw CallError(ENAMETOOLONG) }
            bytes = Self.head(AF_UNIX) + name + [0]
        case .unixAbstract(let name):
            family = AF_UNIX
            bytes = Self.head(AF_UNIX) + [0] + name
        default: throw CallError(EAFNOSUPPORT)
        }
        self.path = path
    }

    private static func head(_ family: Int32) -> [UInt8] { [UInt8(family), 0] }
    private static func zeros(_ count: Int) -> [UInt8] { [UInt8](repeating: 0, count: count) }
    private static func big(_ value: UInt128, _ width: Int) -> [UInt8] {
        (0..<width).map { UInt8(truncatingIfNeeded: value >> UInt128(8 * (width - 1 - $0))) }
    }

    private func socket() throws(CallError) -> Int32 {
        let number = Glibc.socket(family, type | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard number >= 0 else { throw CallError(errno) }
        return number
    }

    private func call(_ number: Int, on socket: Int32) throws(CallError) {
        var bytes = bytes
        let count = bytes.count
        _ = try Kernel.withBytes(&bytes) { place throws(CallError) in
            try Kernel.call(number, Int(socket), place, count)
        }
    }

    /// Bound, and where others connect to it, ready for them.
    func listening() throws(CallError) -> Int32 {
        let socket = try socket()
        do throws(CallError) {
            var one: Int32 = 1
            if family != AF_UNIX { setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &one, 4) }
            try bind(socket)
            if type != Int32(SOCK_DGRAM.rawValue), listen(socket, SOMAXCONN) < 0 { throw CallError(errno) }
            return socket
        } catch {
            close(socket)
            throw error
        }
    }

    private func bind(_ socket: Int32) throws(CallError) {
        do throws(CallError) {
            return try call(Number.bind, on: socket)
        } catch {
            // The name of a socket that nobody listens on any more is in the way (unix(7)).
            guard let path, error.errno == EADDRINUSE, isDeserted() else { throw error }
            unlink(String(decoding: path, as: UTF8.self))
        }
        try call(Number.bind, on: socket)
    }

    private func isDeserted() -> Bool {
        guard let probe = try? socket() else { return false }
        defer { close(probe) }
        do throws(CallError) {
            try call(Number.connect, on: probe)
            return false
        } catch {
            return error.errno == ECONNREFUSED
        }
    }

    /// Connected. A direction that the rights do not have is shut: nobody else shares the socket.
    func connected(_ rights: Rights) throws(CallError) -> Int32 {
        let socket = try socket()
        do throws(CallError) {
            try call(Number.connect, on: socket)
            if !rights.contains(Right.write) { shutdown(socket, Int32(SHUT_WR)) }
            if !rights.contains(Right.read) { shutdown(socket, Int32(SHUT_RD)) }
            return socket
        } catch {
            close(socket)
            throw error
        }
    }
}
