// Requests about network interfaces: struct ifreq, whose union the request chooses, and lists of them (linux/if.h).

import Messages

/// What a request finds in the union of struct ifreq.
private enum InterfaceMember {
    case address(String)
    case number(String)
    case name(String)
    case flags
    case tunnelFlags
    case hardware
    case map

    /// By the requests of linux/sockios.h and linux/if_tun.h.
    init?(_ request: UInt64) {
        switch request {
        case 0x8915, 0x8916: self = .address("ifr_addr")
        case 0x8917, 0x8918: self = .address("ifr_dstaddr")
        case 0x8919, 0x891A: self = .address("ifr_broadaddr")
        case 0x891B, 0x891C: self = .address("ifr_netmask")
        case 0x8913, 0x8914: self = .flags
        case 0x8924, 0x8927, 0x8931, 0x8932, 0x8937: self = .hardware
        case 0x8933: self = .number("ifr_ifindex")
        case 0x891D, 0x891E: self = .number("ifr_metric")
        case 0x8921, 0x8922: self = .number("ifr_mtu")
        case 0x8942, 0x8943: self = .number("ifr_qlen")
        case 0x8929, 0x8930: self = .name("ifr_slave")
        case 0x8923: self = .name("ifr_newname")
        case 0x8970, 0x8971: self = .map
        case 0x4004_54CA, 0x8004_54D2: self = .tunnelFlags
        default: return nil
        }
    }
}

extension CallView {
    /// The request that asks for a name by its index: SIOCGIFNAME.
    private static let nameByIndex: UInt64 = 0x8910

    /// struct ifreq: at the entry what the request goes by, at the exit what was found.
    func interface(_ address: UInt64) -> Value {
        guard snapshot.bytes(at: address, count: word == 8 ? 40 : 32) != nil else { return .address(address) }
        let request = stop.arguments.a1 & 0xFFFF_FFFF
        let name = Field("ifr_name", fixedText(address, 16))
        let member = address &+ 16
        if request == Self.nameByIndex {
            return .record([result == nil ? Field("ifr_ifindex", signed(member)) : name])
        }
        let isGet = Self.answers(request)
        if isGet && result == nil { return .record([name]) }
        guard let field = InterfaceMember(request).map({ self.member($0, member) }) else { return .record([name]) }
        return .record(isGet ? [field] : [name, field])
    }

    /// Requests that only ask.
    private static func answers(_ request: UInt64) -> Bool {
        switch request {
        case 0x8913, 0x8915, 0x8917, 0x8919, 0x891B, 0x891D, 0x8921, 0x8927, 0x8929, 0x8933, 0x8942, 0x8970,
            0x8004_54D2:
            true
        default: false
        }
    }

    private func member(_ member: InterfaceMember, _ address: UInt64) -> Field {
        switch member {
        case .address(let name): return Field(name, socketAddress(address, 16))
        case .number(let name): return Field(name, signed(address))
        case .name(let name): return Field(name, fixedText(address, 16))
        case .flags: return Field("ifr_flags", .flags(.interface, snapshot.number(at: address, width: 2) ?? 0))
        case .tunnelFlags: return Field("ifr_flags", .flags(.tunnel, snapshot.number(at: address, width: 2) ?? 0))
        case .hardware:
            let family = snapshot.number(at: address, width: 2) ?? 0
            // Ethernet and loopback have six bytes (linux/if_arp.h).
            let length = family == 1 || family == 772 ? 6 : 14
            let room = snapshot.bytes(at: address &+ 2, count: 14) ?? []
            let digits = room.prefix(length).map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }
            return Field(
                "ifr_hwaddr",
                .record([
                    Field("sa_family", .symbol(.hardwareType, family)),
                    Field("sa_data", .written(NetworkText.bytes(room), as: .word(digits.joined(separator: ":")))),
                ]))
        case .map:
            let parts: [(String, UInt64, Int)] = [
                ("mem_start", 0, word), ("mem_end", UInt64(word), word), ("base_addr", UInt64(2 * word), 2),
                ("irq", UInt64(2 * word + 2), 1), ("dma", UInt64(2 * word + 3), 1), ("port", UInt64(2 * word + 4), 1),
            ]
            return Field(
                "ifr_map",
                .record(
                    parts.map { name, offset, width in
                        Field(name, .hexadecimal(snapshot.number(at: address &+ offset, width: width) ?? 0))
                    }))
        }
    }

    private func signed(_ address: UInt64) -> Value {
        .signed(Self.extend(snapshot.number(at: address, width: 4) ?? 0, 4))
    }

    private func fixedText(_ address: UInt64, _ count: Int) -> Value {
        Self.characters(snapshot.bytes(at: address, count: count) ?? [])
    }

    /// struct ifconf: room for a list of interfaces, then the list.
    func interfaceList(_ address: UInt64) -> Value {
        guard let length = snapshot.number(at: address, width: 4),
            let list = snapshot.number(at: address &+ UInt64(word), width: word)
        else { return .address(address) }
        let size: UInt64 = word == 8 ? 40 : 32
        let number = Value.signed(Self.extend(length, 4))
        let isWhole = length > 0 && length < 0x8000_0000 && length % size == 0
        let room = isWhole ? .commented(number, "\(length / size) * sizeof(struct ifreq)") : number
        guard result != nil else {
            let buffer = Field("ifc_buf", .address(list))
            return .record(list == 0 ? [buffer] : [Field("ifc_len", room), buffer])
        }
        guard list != 0 else { return .record([Field("ifc_len", room), Field("ifc_buf", .address(0))]) }
        var entries: [Value] = []
        for index in 0..<min(length / size, 1024) {
            let at = list &+ index &* size
            guard snapshot.bytes(at: at, count: Int(size)) != nil else { break }
            entries.append(
                .record([Field("ifr_name", fixedText(at, 16)), Field("ifr_addr", socketAddress(at &+ 16, 16))]))
        }
        let isCut = UInt64(entries.count) < length / size
        return .record([Field("ifc_len", room), Field("ifc_buf", isCut ? .cutList(entries) : .list(entries))])
    }
}
