// Netlink messages (linux/netlink.h): headers, payloads by protocol and type, attributes and what nests in them.

import Messages

extension Capture {
    /// How much of a netlink buffer is kept: it is the call's arguments rather than a payload.
    static let netlinkLimit = 32768
    /// How much of what only looks like a request of netlink.
    static let requestLimit = 1024
}

extension Snapshot {
    /// The descriptor without whose object the message cannot be understood: a netlink socket, for its protocol, and what
    /// bpf is asked about. Nil for other calls.
    public var meaningDescriptor: Int32? {
        guard let call = meant() else { return nil }
        if call.row.call == .bpf { return informingDescriptor(call) }
        if call.row.carriesDatagram { return datagramDescriptor(call) }
        guard call.row.call == .sendmsg || call.row.call == .recvmsg,
            let header = MessageHeader(self, at: call.arguments.a1)
        else { return nil }
        // A receiver says only how much room it has: as much as struct sockaddr_nl takes.
        let isNetlink =
            header.nameLength == 12 && (call.row.call == .recvmsg || number(at: header.name, width: 2) == 16)
        return isNetlink ? Int32(truncatingIfNeeded: call.arguments.a0) : nil
    }

    private func datagramDescriptor(_ call: MeantCall) -> Int32? {
        let arguments = call.arguments
        let isNetlink =
            call.row.call == .sendto
            ? number(at: arguments.a4, width: 2) == 16 || looksLikeNetlink(arguments)
            : arguments.a4 != 0 && number(at: arguments.a5, width: 4) == 12
        return isNetlink ? Int32(truncatingIfNeeded: arguments.a0) : nil
    }

    /// Whether what is sent without an address begins like a message of netlink: a length within the buffer, and flags.
    /// The socket tells for sure, and is asked only then.
    func looksLikeNetlink(_ arguments: RawArguments) -> Bool {
        guard arguments.a4 == 0, let head = number(at: arguments.a1, width: 8) else { return false }
        return NetlinkHead(head).isMessage(in: arguments.a2)
    }

    /// The protocol of the netlink socket that was looked up for the call.
    var netlinkProtocol: Int32? {
        facts.first { $0.kind == .descriptor && $0.socket?.family == 16 }?.socket?.protocolNumber  // AF_NETLINK
    }
}

extension CallRow {
    /// Calls with a buffer and an address, which says whether the buffer holds netlink messages.
    var carriesDatagram: Bool { call == .sendto || call == .recvfrom }
}

extension Capture {
    /// The buffer of a datagram, once its address is known.
    func datagram(_ row: CallRow, _ result: Int64?, _ snapshot: inout Snapshot, _ memory: some TraceeMemory) {
        let arguments = snapshot.stop.arguments
        if row.call == .recvfrom && result == nil || row.call == .sendto && result != nil { return }
        var limit: Int?
        if snapshot.number(at: arguments.a4, width: 2) == 16 {  // AF_NETLINK
            limit = Self.netlinkLimit
        } else if row.call == .sendto, arguments.a4 == 0, let head = NetlinkHead(at: arguments.a1, memory),
            head.isMessage(in: arguments.a2)
        {
            limit = max(payloadLimit, Self.requestLimit)
        }
        // With MSG_TRUNC the result is the datagram's length, which the buffer may be too short for.
        let count = row.filled(result, arguments).map { UInt64(max(0, $0)) } ?? arguments.a2
        payload(arguments.a1, count, limit: limit, &snapshot, memory)
    }
}

extension CallView {
    /// Whether the call's address says that its buffer holds netlink messages.
    var isNetlinkDatagram: Bool {
        guard row.carriesDatagram else { return false }
        if stop.arguments.a4 == 0 { return row.call == .sendto && snapshot.netlinkProtocol != nil }
        return snapshot.number(at: stop.arguments.a4, width: 2) == 16
    }

    /// The messages in a buffer.
    func netlink(_ address: UInt64, _ count: UInt64) -> Value {
        guard address != 0, let region = snapshot.region(at: address), region.errno == 0 || region.count > 0 else {
            return .address(address)
        }
        let reader = NetlinkReader(view: self, protocolNumber: netlinkProtocol ?? snapshot.netlinkProtocol)
        // What cannot be read is looked for, and told where it lies; what was not kept is not.
        let kept = min(count, UInt64(region.errno == 0 ? region.count : region.wanted))
        return reader.messages(address, Int(kept), isCut: count > kept)
    }
}

/// Reads the messages of one protocol.
struct NetlinkReader {
    let view: CallView
    /// NETLINK_ROUTE and so on, nil where it was not looked up.
    let protocolNumber: Int32?

    /// sizeof(struct nlmsghdr), sizeof(struct nlattr).
    private static let head = 16
    static let attributeHead = 4
    /// How deep attributes are followed; what lies deeper is bytes.
    static let depthLimit = 8

    func number(_ address: UInt64, _ width: Int) -> UInt64 {
        view.snapshot.number(at: address, width: width) ?? 0
    }

    func isThere(_ address: UInt64, _ count: Int) -> Bool { view.snapshot.bytes(at: address, count: count) != nil }

    func bytes(_ address: UInt64, _ count: Int) -> Value {
        guard let bytes = view.snapshot.bytes(at: address, count: count) else { return .address(address) }
        return .bytes(Bytes(Array(bytes), isBinary: true))
    }

    // MARK: Messages

    func messages(_ address: UInt64, _ count: Int, isCut: Bool) -> Value {
        if protocolNumber == 15 { return deviceEvent(address, count) }  // NETLINK_KOBJECT_UEVENT
        var parts: [Value] = []
        var offset = 0
        while offset < count {
            let at = address &+ UInt64(offset)
            guard count - offset >= Self.head else {
                parts.append(bytes(at, count - offset))
                break
            }
            guard isThere(at, Self.head) else {
                return parts.isEmpty ? .address(address) : .brokenList(parts, at: at)
            }
            let length = number(at, 4)
            parts.append(message(at, Int(min(length, UInt64(count - offset)))))
            guard length >= UInt64(Self.head), length < UInt64(count) else { break }
            offset += (Int(length) + 3) & ~3
        }
        if parts.isEmpty { return bytes(address, 0) }
        if isCut { return .cutList(parts) }
        return parts.count == 1 ? parts[0] : .list(parts)
    }

    /// What the kernel or udev says of a device: text, behind a header where it is udev's (libudev-monitor.c of systemd).
    private func deviceEvent(_ address: UInt64, _ count: Int) -> Value {
        guard let there = view.snapshot.bytes(at: address, count: count) else { return .address(address) }
        let size = 40
        guard there.starts(with: "libudev\0".utf8), count >= size,
            let header = view.structure(StructureID.udevMonitorNetlinkHeader.rawValue, at: address)
        else { return .bytes(Bytes(Array(there))) }
        return count > size ? .list([header, .bytes(Bytes(Array(there.dropFirst(size))))]) : header
    }

    /// One message of which `count` bytes are there.
    private func message(_ at: UInt64, _ count: Int, depth: Int = 0) -> Value {
        let header = header(at)
        guard count > Self.head else { return header }
        return .list([header] + payload(at, number(at &+ 4, 2), at &+ UInt64(Self.head), count - Self.head, depth))
    }

    private func header(_ at: UInt64) -> Value {
        let type = number(at &+ 4, 2)
        return .record([
            Field("nlmsg_len", .unsigned(number(at, 4))), Field("nlmsg_type", named(type)),
            Field("nlmsg_flags", flags(number(at &+ 6, 2), type)), Field("nlmsg_seq", .unsigned(number(at &+ 8, 4))),
            Field("nlmsg_pid", .process(Int32(truncatingIfNeeded: number(at &+ 12, 4)))),
        ])
    }

    /// Types below NLMSG_MIN_TYPE are every protocol's, others their protocol's own.
    private func named(_ type: UInt64) -> Value {
        let own = protocolNumber.flatMap {
            SpecTables.selectedSet(of: UInt64(UInt32(bitPattern: $0)), in: .netlinkTypes)
        }
        guard type >= 16, let own else { return .symbol(.netlinkType, type) }
        guard own == .filterSubsystem else { return .symbol(own, type) }
        return filtering(type)
    }

    /// Netfilter: a subsystem, and a type of the subsystem (linux/netfilter/nfnetlink.h).
    private func filtering(_ type: UInt64) -> Value {
        if SpecTables.name(of: type, in: .filterBatch) != nil { return .symbol(.filterBatch, type) }
        let subsystem = type >> 8
        let types = filteringSet(type)
        let low = type & 0xFF
        return .joined([
            .separated([.symbol(.filterSubsystem, subsystem), .unsigned(8)], by: "<<"),
            types.map { .symbol($0, low) } ?? .hexadecimal(low),
        ])
    }

    /// The upper flags mean something else for each kind of request, which its name tells.
    private func flags(_ flags: UInt64, _ type: UInt64) -> Value {
        let special = type < 16 ? (type == 2 ? .netlinkAnswer : nil) : upperFlags(type)
        let upper = flags & 0xFF00
        guard let special, upper != 0, SpecTables.names(upper, special) else { return .flags(.netlinkFlags, flags) }
        return flags & 0xFF == 0
            ? .flags(special, upper) : .joined([.flags(.netlinkFlags, flags & 0xFF), .flags(special, upper)])
    }

    private func upperFlags(_ type: UInt64) -> SymbolSet? {
        let kinds: [SymbolSet] = [.netlinkNew, .netlinkDelete, .netlinkGet]
        let name: String?
        switch protocolNumber {
        case 0 where type == 49: return .netlinkGet  // RTM_DELACTION takes NLM_F_ROOT.
        case 0: return type & 3 < 3 ? kinds[Int(type & 3)] : nil
        case 4: return .netlinkGet
        case 6: name = SpecTables.name(of: type, in: .xfrmType)
        case 12: name = filteringSet(type).flatMap { SpecTables.name(of: type & 0xFF, in: $0) }
        case 21: name = SpecTables.name(of: type, in: .cryptoType)
        default: return nil
        }
        guard let name else { return nil }
        for (verb, set) in zip(["_NEW", "_DEL", "_GET"], kinds) where name.contains(verb) { return set }
        return nil
    }

    private func filteringSet(_ type: UInt64) -> SymbolSet? {
        SpecTables.selectedSet(of: type >> 8, in: .filterSubsystem)
    }

    private func payload(_ at: UInt64, _ type: UInt64, _ body: UInt64, _ count: Int, _ depth: Int) -> [Value] {
        if type == 2 { return error(at, body, count, depth) }
        if type == 3 && count == 4 {
            return [isThere(body, 4) ? .signed(CallView.extend(number(body, 4), 4)) : .address(body)]
        }
        guard type >= 16, count >= 1 else { return [bytes(body, count)] }
        let beginsWithFamily = protocolNumber == 0 || protocolNumber == 4
        guard !beginsWithFamily || isThere(body, 1) else { return [.address(body)] }
        let family = number(body, 1)
        let isRequest = number(at &+ 6, 2) & 1 != 0  // NLM_F_REQUEST
        guard let kind = bodyKind(type, family, isRequest), count > 1 || protocolNumber != 4 else {
            return [beginsWithFamily ? self.family(family, body, count) : bytes(body, count)]
        }
        let size = kind.row.elementSize(view.personality)
        guard count >= size else {
            return [beginsWithFamily ? begun(kind.row, family) : bytes(body, count)]
        }
        guard let record = view.structure(kind.row.table, at: body) else {
            return [beginsWithFamily ? begun(kind.row, family, then: .address(body &+ 1)) : .address(body)]
        }
        let start = (size + 3) & ~3
        guard count > start else { return [record] }
        // Each family of multicast routing reports with names of its own, others with none.
        if kind.row.table == StructureID.multicastReport.rawValue, kind.attributes == nil {
            return [record, bytes(body &+ UInt64(start), count - start)]
        }
        return [record, attributes(body &+ UInt64(start), count - start, kind.attributes, family, depth + 1)]
    }

    /// A payload of which only the family is known.
    private func family(_ family: UInt64, _ body: UInt64, _ count: Int) -> Value {
        var fields = [Field("family", .symbol(.socketFamily, family))]
        if count > 1 { fields.append(Field("data", bytes(body &+ 1, count - 1))) }
        return .record(fields)
    }

    /// A struct that is cut short after its first field, the family.
    private func begun(_ row: TypeRow, _ family: UInt64, then rest: Value = .word("...")) -> Value {
        let layout = SpecTables.structure(row.table, view.personality)
        let first = SpecTables.fields[Int(layout.firstField)]
        return .record([Field(first.name, view.scalar(first.type, family)), Field("", rest)])
    }

    /// The struct that a message's payload begins with, and the names of the attributes that follow.
    private func bodyKind(
        _ type: UInt64, _ family: UInt64, _ isRequest: Bool
    ) -> (row: TypeRow, attributes: SymbolSet?)? {
        switch protocolNumber {
        case 0:
            SpecTables.selection(of: type, in: .routeType).map {
                let set = SpecTables.selectedSet(of: (type - 16) / 4, in: .routeAttributes)
                return ($0, set == .reportFamily ? SpecTables.selectedSet(of: family, in: .reportFamily) : set)
            }
        case 4 where type < 20 && isRequest:
            (TypeRow(.value, .structure, 0, StructureID.inetDiagReq.rawValue, .none), .inetDiagRequest)
        case 4 where type >= 20:  // SOCK_DIAG_BY_FAMILY; the older requests begin otherwise
            SpecTables.selection(of: family, in: isRequest ? .diagRequest : .diagAnswer).map {
                let sets: SymbolSet = isRequest ? .diagRequestAttributes : .diagAnswerAttributes
                return ($0, SpecTables.selectedSet(of: family, in: sets))
            }
        case 7: SpecTables.selection(of: type, in: .selinuxType).map { ($0, nil) }
        case 12: (TypeRow(.value, .structure, 0, StructureID.nfgenmsg.rawValue, .none), nil)
        case 16: SpecTables.selection(of: type, in: .genericType).map { ($0, .genericAttribute) }
        case 21: SpecTables.selection(of: type, in: .cryptoType).map { ($0, .cryptoAttribute) }
        default: nil
        }
    }

    /// struct nlmsgerr: an errno, the message that it answers, and attributes that say more.
    private func error(_ at: UInt64, _ body: UInt64, _ count: Int, _ depth: Int) -> [Value] {
        guard count >= 4 + Self.head, depth < Self.depthLimit else { return [bytes(body, count)] }
        guard isThere(body, 4 + Self.head) else { return [.address(body)] }
        let code = CallView.extend(number(body, 4), 4)
        let name = code < 0 && code > -4096 ? SpecTables.name(of: UInt64(-code), in: .errno) : nil
        let isCapped = number(at &+ 6, 2) & 0x100 != 0  // NLM_F_CAPPED
        let inner = body &+ 4
        let length = max(UInt64(Self.head), number(inner, 4))
        let kept = Int(min(UInt64(count - 4), isCapped ? UInt64(Self.head) : length))
        let record = Value.record([
            Field("error", name.map { .written(.signed(code), as: .word("-" + $0)) } ?? .signed(code)),
            Field("msg", message(inner, min(kept, Int(min(number(inner, 4), UInt64(kept)))), depth: depth + 1)),
        ])
        guard count - 4 > kept else { return [record] }
        let rest = attributes(inner &+ UInt64(kept), count - 4 - kept, .netlinkError, 0, depth + 1)
        return [.list([record, rest])]
    }
}

extension SpecTables {
    /// Whether names of a set make up a value whole.
    static func names(_ value: UInt64, _ set: SymbolSet) -> Bool {
        let row = symbolSets[Int(set.rawValue)]
        return symbols[Int(row.firstSymbol)..<Int(row.firstSymbol) + Int(row.count)].contains { value & $0.value != 0 }
    }
}
