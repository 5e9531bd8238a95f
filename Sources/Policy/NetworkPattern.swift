// Patterns for addresses: `tcp 10.0.0.0/8:5432`, `udp [::1]:53`, `unix /run/postgresql/*`, `unix @bus-*`.

/// What an entry under `network` covers.
public struct NetworkPattern: Hashable, Sendable {
    public enum Place: Hashable, Sendable {
        case anywhere
        /// An address block: the leading `length` bits count.
        case block(InternetAddress, length: Int)
        case path(PathPattern)
        /// Everything in a directory and in those below it.
        case below(PathPattern)
        case abstract(Glob)
    }

    /// Nil covers every transport that has a name here.
    public let transport: Transport?
    public let place: Place
    /// Nil covers every port.
    public let ports: ClosedRange<UInt16>?

    public init(transport: Transport?, place: Place, ports: ClosedRange<UInt16>?) {
        self.transport = transport
        self.place = place
        self.ports = ports
    }

    /// Whether it covers an address. `asPeer` reads the unspecified address as this machine.
    public func covers(_ transport: Transport, _ address: Address, asPeer: Bool) -> Bool {
        guard transport != .other, self.transport == nil || self.transport == transport else { return false }
        switch (address, place) {
        case (.other, _): return false
        case (.unspecified, _): return false
        case (_, .anywhere) where self.transport == nil: return true
        case (.internet(_, let port), .anywhere): return ports.map { $0.contains(port) } ?? true
        case (.internet(let given, let port), .block(let base, let length)):
            let host = asPeer ? given.asPeer : given
            guard host.isIPv4 == base.isIPv4, ports.map({ $0.contains(port) }) ?? true else { return false }
            let width = host.isIPv4 ? 32 : 128
            let drop = UInt128(width - length)
            return drop >= 128 || host.bits >> drop == base.bits >> drop
        case (.unixPath(let path), .path(let pattern)):
            let components = pathComponents(path)
            return pattern.depth(in: components) == components.count
        case (.unixPath(let path), .below(let pattern)):
            let components = pathComponents(path)
            return pattern.depth(in: components).map { $0 < components.count } ?? false
        case (.unixAbstract(let name), .abstract(let glob)): return glob.matches(name[...])
        case (_, .anywhere): return true
        default: return false
        }
    }

    /// Sockets of this transport may be made at all.
    func admits(_ transport: Transport) -> Bool {
        transport != .other && (self.transport == nil || self.transport == transport)
    }
}
