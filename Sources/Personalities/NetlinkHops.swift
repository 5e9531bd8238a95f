// What attributes of routes, bridges and sockets hold that no struct says: hops, gateways, ports, lists of addresses.

import Messages

extension NetlinkReader {
    /// RTA_MULTIPATH: a list of struct rtnexthop (linux/rtnetlink.h), each with attributes of its own.
    func hops(_ address: UInt64, _ count: Int, _ context: AttributeContext) -> Value? {
        let head = 8
        guard count >= head, context.depth < Self.depthLimit else { return nil }
        var parts: [Value] = []
        var offset = 0
        while offset + head <= count, parts.count < 256 {
            let at = address &+ UInt64(offset)
            guard let record = view.structure(StructureID.rtnexthop.rawValue, at: at) else {
                return parts.isEmpty ? .address(address) : .brokenList(parts, at: at)
            }
            let length = min(Int(number(at, 2)), count - offset)
            if length > head {
                let rest = list(at &+ UInt64(head), length - head, inner(.routeAttribute, context))
                parts.append(.list([record, rest]))
            } else {
                parts.append(record)
            }
            guard length >= head else { break }
            offset += (length + 3) & ~3
        }
        if case .list? = parts.first, parts.count == 1 { return parts[0] }
        return .list(parts)
    }

    /// RTA_VIA: struct rtvia (linux/rtnetlink.h), a family and an address as long as it takes.
    func gateway(_ at: UInt64, _ count: Int) -> Value? {
        guard count >= 2 else { return nil }
        guard isThere(at, 2) else { return .address(at) }
        let family = number(at, 2)
        var fields = [Field("rtvia_family", .symbol(.socketFamily, family))]
        guard count > 2 else { return .record(fields) }
        guard let there = view.snapshot.bytes(at: at &+ 2, count: count - 2) else {
            return .record(fields + [Field("rtvia_addr", .address(at &+ 2))])
        }
        let value: Value
        if family == 2, count >= 6 {
            value = NetworkText.inet(there.prefix(4))
        } else if family == 10, let address = CallView.inet6(Array(there), member: "rtvia_addr") {
            value = address
        } else {
            value = bytes(at &+ 2, count - 2)
        }
        fields.append(Field("rtvia_addr", value))
        return .record(fields)
    }

    /// MDBA_ROUTER_PORT: an interface, and attributes that say how it was found (linux/if_bridge.h).
    func routerPort(_ at: UInt64, _ count: Int, _ context: AttributeContext) -> Value? {
        guard count >= 4 else { return nil }
        guard isThere(at, 4) else { return .address(at) }
        let port = CallView.interface(number(at, 4))
        guard count > 4, context.depth < Self.depthLimit else { return port }
        return .separated([port, list(at &+ 4, count - 4, inner(.multicastRouter, context))], by: ", ")
    }

    /// VETH_INFO_PEER: a link's message of its own, struct ifinfomsg and attributes (linux/veth.h).
    func linkPeer(_ at: UInt64, _ count: Int, _ context: AttributeContext) -> Value? {
        let head = 16
        guard count >= head, context.depth < Self.depthLimit else { return nil }
        guard let link = view.structure(StructureID.ifinfomsg.rawValue, at: at) else { return .address(at) }
        guard count > head else { return link }
        let rest = list(at &+ UInt64(head), count - head, inner(.linkAttribute, context))
        return .separated([link, rest], by: ", ")
    }

    /// INET_DIAG_LOCALS and INET_DIAG_PEERS: struct sockaddr_storage, one after the other (linux/inet_diag.h).
    func addresses(_ at: UInt64, _ count: Int) -> Value? {
        let size = SocketAddress.limit
        guard count >= size else { return nil }
        var values: [Value] = []
        for index in 0..<count / size {
            let place = at &+ UInt64(index * size)
            guard isThere(place, size) else {
                return values.isEmpty ? .address(at) : .brokenList(values, at: place)
            }
            values.append(view.socketAddress(place, Int32(size)))
        }
        return .list(values)
    }
}

extension CallView {
    /// The address in struct packet_diag_mclist, as long as the number before it says (linux/packet_diag.h).
    func multicastAddress(_ place: UInt64) -> Value? {
        guard let length = snapshot.number(at: place &- 2, width: 2) else { return nil }
        return snapshot.bytes(at: place, count: min(Int(length), 32)).map { .bytes(Bytes(Array($0), isBinary: true)) }
    }

    /// Two counters of a bridge: what came in, and what went out (linux/if_bridge.h, struct br_mcast_stats).
    func bridgeDirections(_ place: UInt64) -> Value? {
        guard let received = snapshot.number(at: place, width: 8),
            let sent = snapshot.number(at: place &+ 8, width: 8)
        else { return nil }
        return .list([
            .named("[BR_MCAST_DIR_RX]", .unsigned(received)), .named("[BR_MCAST_DIR_TX]", .unsigned(sent)),
        ])
    }

    /// The key in struct tcp_diag_md5sig, whose length stands 18 bytes before it (linux/tcp.h).
    func signatureKey(_ place: UInt64) -> Value? {
        guard let length = snapshot.number(at: place &- 18, width: 2) else { return nil }
        return snapshot.bytes(at: place, count: min(Int(length), 80)).map {
            .bytes(Bytes(Array($0), isBinary: true, isWhole: true))
        }
    }
}
