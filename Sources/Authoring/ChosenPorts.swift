// Ports that the kernel chose for a program: they are others in every run, and a policy has to say so.

import Policy

extension Observations {
    /// The addresses connected to, as a policy is to name them. Where a program listens at a host and leaves the port to
    /// the kernel, who connects to that host at a port that the kernel may choose is granted all of those.
    var portableConnects: [String: Need] {
        let hosts = Set(listens.keys.filter { $0.hasSuffix(":0") }.map { $0.dropLast() })
        var connects: [String: Need] = [:]
        for (address, need) in self.connects {
            guard let (host, port) = Self.split(address), Self.chosen.contains(port),
                hosts.contains(host) || !hosts.isDisjoint(with: Self.wildcards(of: host))
            else {
                connects[address, default: need].take(need)
                continue
            }
            connects["\(host)\(Self.chosen.lowerBound)-\(Self.chosen.upperBound)", default: need].take(need)
        }
        return connects
    }

    /// What the kernel chooses from where nobody says otherwise (ip(7), ip_local_port_range).
    private static let chosen: ClosedRange<UInt16> = 32768...60999

    /// A host with its transport and the colon, and the port.
    private static func split(_ address: String) -> (host: Substring, port: UInt16)? {
        guard let colon = address.lastIndex(of: ":"), let port = UInt16(address[address.index(after: colon)...]) else {
            return nil
        }
        return (address[...colon], port)
    }

    /// Listening everywhere is listening at this machine's own addresses too; of those only loopback is known as such.
    private static func wildcards(of host: Substring) -> Set<Substring> {
        let (transport, place) = (host.prefix { $0 != " " }, host.drop { $0 != " " }.dropFirst())
        if place.hasPrefix("127.") { return ["\(transport) 0.0.0.0:", "\(transport) [::]:"] }
        return place == "[::1]:" ? ["\(transport) [::]:"] : []
    }
}

extension Observations.Need {
    fileprivate mutating func take(_ other: Observations.Need) {
        rights.formUnion(other.rights)
        recordings.formUnion(other.recordings)
        isAbsent = isAbsent && other.isAbsent
    }
}
