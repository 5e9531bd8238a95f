// Netlink attributes: what they are called in their set, what their values are, and what nests in them.

import Messages

extension NetlinkReader {
    /// What the attributes of a list have in common.
    struct AttributeContext {
        /// Their names; without them they are counted.
        var set: SymbolSet?
        /// The address family of the message.
        var family: UInt64
        var depth: Int
        /// What every one of them holds, where their numbers only count them.
        var element: TypeRow?
        /// The set of the lists that each of them counts.
        var counts: SymbolSet?
        /// The kinds of the link and of its master (IFLA_INFO_KIND), which say what their data is.
        var linkKind = ""
        var masterKind = ""
        /// The commands of the family that generic netlink's controller tells of.
        var commands: SymbolSet?
    }

    func attributes(_ address: UInt64, _ count: Int, _ set: SymbolSet?, _ family: UInt64, _ depth: Int) -> Value {
        list(address, count, AttributeContext(set: set, family: family, depth: depth))
    }

    func list(_ address: UInt64, _ count: Int, _ given: AttributeContext) -> Value {
        var context = given
        var parts: [Value] = []
        var offset = 0
        while offset < count, parts.count < 1024 {
            let at = address &+ UInt64(offset)
            guard count - offset >= Self.attributeHead else {
                parts.append(bytes(at, count - offset))
                break
            }
            guard isThere(at, Self.attributeHead) else {
                return parts.isEmpty ? .address(address) : .brokenList(parts, at: at)
            }
            let length = Int(number(at, 2))
            parts.append(attribute(at, min(length, count - offset), &context))
            guard length >= Self.attributeHead else { break }
            offset += (length + 3) & ~3
        }
        return parts.count == 1 ? parts[0] : .list(parts)
    }

    private func attribute(_ at: UInt64, _ count: Int, _ context: inout AttributeContext) -> Value {
        let raw = number(at &+ 2, 2)
        let type = raw & 0x3FFF
        var names: [Value] = []
        if raw & 0x8000 != 0 { names.append(.word("NLA_F_NESTED")) }
        if raw & 0x4000 != 0 { names.append(.word("NLA_F_NET_BYTEORDER")) }
        names.append(context.set.map { .symbol($0, type) } ?? .hexadecimal(type))
        let header = Value.record([
            Field("nla_len", .unsigned(number(at, 2))), Field("nla_type", names.count == 1 ? names[0] : .joined(names)),
        ])
        let length = count - Self.attributeHead
        guard length > 0 else { return header }
        let data = at &+ UInt64(Self.attributeHead)
        notice(type, data, length, &context)
        if let set = nested(type, context), context.depth < Self.depthLimit {
            return .list([header, list(data, length, inner(set, context))])
        }
        if let set = context.counts {
            return .list([header, counted(data, length, set, context) ?? bytes(data, length)])
        }
        let row = context.set.flatMap { SpecTables.selection(of: type, in: $0) } ?? context.element
        return .list([header, row.flatMap { value($0, data, length, context) } ?? bytes(data, length)])
    }

    func inner(_ set: SymbolSet?, _ context: AttributeContext) -> AttributeContext {
        AttributeContext(set: set, family: context.family, depth: context.depth + 1, commands: context.commands)
    }

    // MARK: What one attribute says of the next

    /// Remembers the kind of a link (linux/if_link.h).
    private func notice(_ type: UInt64, _ at: UInt64, _ count: Int, _ context: inout AttributeContext) {
        if context.set == .genericAttribute, type == 2 {
            context.commands = familyCommands(at, count)
            return
        }
        guard context.set == .linkInfo, type == 1 || type == 4, count <= 32,
            let bytes = view.snapshot.bytes(at: at, count: count)
        else { return }
        let kind = String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        if type == 1 { context.linkKind = kind } else { context.masterKind = kind }
    }

    /// The commands of a generic netlink family by its name; ethtool's answers have numbers of their own.
    private func familyCommands(_ at: UInt64, _ count: Int) -> SymbolSet? {
        guard count <= 16, let bytes = view.snapshot.bytes(at: at, count: count) else { return nil }
        switch String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self) {
        case "nlctrl": return .genericCommand
        case "devlink": return .devlinkCommand
        case "ethtool": return view.result == nil ? .ethtoolRequest : .ethtoolAnswer
        case "IOAM6": return .ioam6Command
        case "mptcp_pm": return .mptcpCommand
        case "netdev": return .netdevCommand
        case "nl80211": return .nl80211Command
        case "SEG6": return .seg6Command
        case "TASKSTATS": return .taskstatsCommand
        case "tcp_metrics": return .tcpMetricsCommand
        case "thermal": return .thermalCommand
        default: return nil
        }
    }

    /// What IFLA_INFO_DATA holds, by IFLA_INFO_KIND.
    private static let linkKinds: [String: SymbolSet] = [
        "bond": .linkBond, "bridge": .bridgeInfo, "gre": .linkGre, "gretap": .linkGre, "ipip": .linkIpTunnel,
        "ipvlan": .linkIpvlan, "ipvtap": .linkIpvlan, "macvlan": .linkMacvlan, "macvtap": .linkMacvlan,
        "sit": .linkIpTunnel, "tun": .tunnelInfo, "veth": .linkVeth, "vlan": .linkVlan, "vrf": .linkVrf,
        "vxlan": .linkVxlan,
    ]

    /// The names of what nests in attributes whose meaning hangs on what stands before them.
    private func nested(_ type: UInt64, _ context: AttributeContext) -> SymbolSet? {
        switch (context.set, type) {
        case (.linkInfo, 2): Self.linkKinds[context.linkKind]
        case (.linkInfo, 5): context.masterKind == "bridge" ? .bridgePort : nil
        // IFLA_PROTINFO of AF_BRIDGE and AF_INET6
        case (.linkAttribute, 12): context.family == 7 ? .bridgePort : context.family == 10 ? .linkInet6 : nil
        case (.linkAttribute, 26): context.family == 7 ? .linkBridge : nil  // IFLA_AF_SPEC
        default: nil
        }
    }

    // MARK: Values

    /// What follows these in their attribute is shown too, as strace does for them alone.
    private static let continued: Set<StructureID> = [
        .bridgeVlanInfo, .bridgeVlanXstats, .bridgeStpXstats, .brMcastStats, .mplsLinkStats,
    ]

    /// An attribute's value; nil where it is too short for its type.
    private func value(_ row: TypeRow, _ at: UInt64, _ count: Int, _ context: AttributeContext) -> Value? {
        switch (row.shape, row.kind) {
        case (.array, .symbol):
            guard context.depth < Self.depthLimit, let set = SymbolSet(rawValue: row.table) else { return nil }
            return list(at, count, inner(set, context))
        case (.array, _):
            let size = row.elementSize(view.personality)
            guard size > 0, count >= size else { return nil }
            return view.many(row, at, UInt64(count / size))
        case (.value, .custom):
            return CustomKind(rawValue: row.table).flatMap { special($0, at, count, context) }
        case (.value, .text): return text(at, count)
        case (.value, .structure):
            let least = Int(SpecTables.structure(row.table, view.personality).minimum)
            guard count >= (least > 0 ? least : row.elementSize(view.personality)) else { return nil }
            let known = min(count, row.elementSize(view.personality))
            guard let value = view.structure(row.table, at: at, size: UInt64(known)) else { return .address(at) }
            if count > known, row.table == StructureID.brMdbEntry.rawValue, context.depth < Self.depthLimit {
                let more = list(at &+ UInt64(known), count - known, inner(.multicastEntryMore, context))
                return .separated([value, more], by: ", ")
            }
            guard count > known, let id = StructureID(rawValue: row.table), Self.continued.contains(id) else {
                return value
            }
            return .separated([value, bytes(at &+ UInt64(known), count - known)], by: ", ")
        case (.value, .inet6): return inet6(at, count)
        case (.value, .path), (.value, .buffer), (.pointer, _): return nil
        default:
            let width = row.elementSize(view.personality)
            guard count >= width, width <= 8 else { return nil }
            return isThere(at, width) ? view.scalar(row, number(at, width)) : .address(at)
        }
    }

    private func text(_ at: UInt64, _ count: Int) -> Value? {
        guard let bytes = view.snapshot.bytes(at: at, count: count) else { return .address(at) }
        let isWhole = bytes.last == 0
        return .bytes(
            Bytes(
                Array(isWhole ? bytes.dropLast() : bytes), total: UInt64(isWhole ? count - 1 : count + 1), isText: true)
        )
    }

    func inet6(_ at: UInt64, _ count: Int) -> Value? {
        guard count >= 16 else { return nil }
        guard let bytes = view.snapshot.bytes(at: at, count: 16) else { return .address(at) }
        let text = InternetAddress.text(Array(bytes))
        return .written(
            NetworkText.bytes(bytes), as: .call("inet_pton", [.word("AF_INET6"), .word("\"\(text)\"")]))
    }

    private func special(_ kind: CustomKind, _ at: UInt64, _ count: Int, _ context: AttributeContext) -> Value? {
        switch kind {
        case .familyAddress:
            if context.family == 10 { return inet6(at, count) }
            guard context.family == 2, count >= 4, let bytes = view.snapshot.bytes(at: at, count: 4) else { return nil }
            return NetworkText.inet(bytes)
        case .hardwareAddress:
            return count <= 32 ? view.snapshot.bytes(at: at, count: count).map { NetworkText.address($0) } : nil
        case .clockTicks:
            guard count <= 8 else { return nil }
            return isThere(at, count) ? .ticks(number(at, count)) : .address(at)
        case .networkLong:
            guard count >= 8 else { return nil }
            let number = number(at, 8)
            return isThere(at, 8) ? .call("htobe64", [.unsigned(number.byteSwapped)]) : .address(at)
        case .etherType: return count >= 2 ? isThere(at, 2) ? view.etherType(number(at, 2)) : .address(at) : nil
        case .memoryUse: return numbered(at, count, width: 4, .memoryUse)
        case .diagFilter: return diagFilter(at, count)
        case .inetConfiguration: return numbered(at, count, width: 4, .inetConfiguration)
        case .inet6Configuration: return numbered(at, count, width: 4, .inet6Configuration)
        case .ipStatistics: return numbered(at, count, width: 8, .ipStatistics)
        case .icmp6Statistics: return numbered(at, count, width: 8, .icmp6Statistics)
        case .routeHops: return hops(at, count, context)
        case .routeVia: return gateway(at, count)
        case .routerPort: return routerPort(at, count, context)
        case .linkPeer: return linkPeer(at, count, context)
        case .networkHexadecimal:
            guard count >= 4 else { return nil }
            return isThere(at, 4) ? view.customField(kind.rawValue, at: at) : .address(at)
        case .linkStatistics where context.linkKind == "can":
            return value(TypeRow(.value, .structure, 0, StructureID.canDeviceStats.rawValue, .none), at, count, context)
        case .packetFilter where count >= 8:
            return view.classicProgram(at: at, length: UInt64(count / 8), .packets)
        case .diagAddresses: return addresses(at, count)
        case .storedValue where [1, 2, 4, 8].contains(count):
            return isThere(at, count) ? .hexadecimal(number(at, count)) : .address(at)
        case .genericCommand:
            guard count >= 4 else { return nil }
            return context.commands.map { .symbol($0, number(at, 4)) } ?? .hexadecimal(number(at, 4))
        case .trafficActions: return counted(at, count, .trafficAction, context)
        case .genericOperations: return counted(at, count, .genericOperation, context)
        case .genericGroups: return counted(at, count, .genericGroup, context)
        case .operationPolicies: return counted(at, count, .operationPolicy, context)
        case .policies:
            var list = inner(nil, context)
            list.counts = .policyAttribute
            return context.depth < Self.depthLimit ? self.list(at, count, list) : nil
        default: return nil
        }
    }

    /// A list whose attributes are counted, each with the same set in it.
    private func counted(_ at: UInt64, _ count: Int, _ set: SymbolSet, _ context: AttributeContext) -> Value? {
        guard context.depth < Self.depthLimit else { return nil }
        var list = inner(nil, context)
        list.element = TypeRow(.array, .symbol, 4, set.rawValue, .none)
        return self.list(at, count, list)
    }

    /// Numbers by their places, which have names: `[DEVCONF_FORWARDING]=0`.
    private func numbered(_ at: UInt64, _ count: Int, width: Int, _ set: SymbolSet) -> Value? {
        guard count >= width else { return nil }
        guard isThere(at, width) else { return .address(at) }
        var values: [Value] = []
        for place in 0..<min(count / width, 256) {
            let entry = at &+ UInt64(place * width)
            guard isThere(entry, width) else { return .brokenList(values, at: entry) }
            let isSigned = width == 4 && set != .memoryUse
            let raw = number(entry, width)
            let value: Value = isSigned ? .signed(CallView.extend(raw, 4)) : .unsigned(raw)
            values.append(.separated([.list([.symbol(set, UInt64(place))]), value], by: "="))
        }
        return .list(values)
    }
}
