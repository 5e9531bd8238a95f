// Socket addresses: a family's struct of the spec, or code where length or content choose the members.

import Messages

extension CallView {
    /// A socket address of `length` bytes; the kernel takes no more than `sockaddr_storage` (linux/socket.h) holds.
    func socketAddress(_ address: UInt64, _ length: Int32) -> Value {
        guard length >= 2, let bytes = snapshot.bytes(at: address, count: min(Int(length), SocketAddress.limit))
        else { return .address(address) }
        let decoded = SocketAddress(Array(bytes), word: word)
        if let members = decoded.members() { return .record([decoded.familyField] + members) }
        if let type = SpecTables.selection(of: decoded.family, in: .socketFamily), type.kind == .structure,
            type.elementSize(personality) <= bytes.count, let record = structure(type.table, at: address)
        {
            return record
        }
        return .record([decoded.familyField] + decoded.raw())
    }

    /// An address that the kernel filled in: as much of it as fits in what the caller gave.
    func answeredAddress(_ address: UInt64, lengthAt: UInt64) -> Value {
        guard address != 0, let length = snapshot.number(at: lengthAt, width: 4) else { return .address(address) }
        let answered = Int32(truncatingIfNeeded: length)
        guard let given = passedLength() else { return socketAddress(address, answered) }
        return socketAddress(address, min(given, answered))
    }

    /// The length that the caller passed for what the kernel fills in, nil where it is not known.
    func passedLength() -> Int32? {
        for argument in passed.reversed() {
            if case .list(let values) = argument.value, values.count == 1, case .signed(let length) = values[0] {
                return Int32(truncatingIfNeeded: length)
            }
        }
        return nil
    }
}

/// The bytes of one socket address.
struct SocketAddress {
    /// sizeof(struct sockaddr_storage).
    static let limit = 128

    let bytes: [UInt8]
    let word: Int

    init(_ bytes: [UInt8], word: Int) {
        self.bytes = bytes
        self.word = word
    }

    var family: UInt64 { number(0, 2) }
    var familyField: Field { Field("sa_family", .symbol(.socketFamily, family)) }

    /// A little-endian number; what lies beyond the address is zero.
    func number(_ offset: Int, _ width: Int) -> UInt64 {
        (0..<width).reduce(0) { $0 | UInt64(byte(offset + $1)) << UInt64(8 * $1) }
    }

    private func byte(_ offset: Int) -> UInt8 { offset < bytes.count ? bytes[offset] : 0 }
    private func slice(_ offset: Int, _ count: Int) -> [UInt8] { (0..<max(0, count)).map { byte(offset + $0) } }
    private func text(_ offset: Int, _ count: Int) -> Value {
        .path(Bytes(Array(slice(offset, count).prefix { $0 != 0 }), isText: true))
    }
    private func port(_ offset: Int) -> Value {
        let raw = number(offset, 2)
        return NetworkText.written(raw, 2, "htons", [.unsigned(NetworkText.swapped(raw, 2))])
    }
    private func hardware(_ offset: Int) -> Value { NetworkText.address(slice(offset, 6)) }

    /// The bytes after the family.
    func raw() -> [Field] {
        bytes.count > 2 ? [Field("sa_data", .path(Bytes(Array(bytes.dropFirst(2)))))] : []
    }

    /// The members after the family; nil where the spec's struct says them, or nothing does.
    func members() -> [Field]? {
        guard bytes.count > 2 else { return nil }
        switch family {
        case 1: return unix()
        case 3 where bytes.count >= 16: return amateur()
        case 4 where bytes.count >= 16: return novell()
        case 10 where bytes.count >= 24: return internet6()
        case 16 where bytes.count >= 12: return netlink()
        case 17 where bytes.count >= 20: return packet()
        case 31: return bluetooth()
        case 33 where bytes.count >= 36: return rxrpc()
        case 38 where bytes.count >= 25: return algorithm()
        case 39 where bytes.count >= 16: return nearField()
        case 40 where bytes.count >= 16: return virtual()
        case 44 where bytes.count >= 16: return express()
        case 45 where bytes.count >= 12: return management()
        default: return nil
        }
    }

    // MARK: Families

    /// Abstract names begin with NUL and show with `@`; paths end at their first NUL (unix(7)).
    private func unix() -> [Field] {
        let name = Array(bytes.dropFirst(2).prefix(108))
        if name[0] == 0 { return [Field("sun_path", .call("@", [.path(Bytes(Array(name.dropFirst())))]))] }
        return [Field("sun_path", .path(Bytes(Array(name.prefix { $0 != 0 }), isText: true)))]
    }

    /// struct sockaddr_in6 (linux/in6.h); the first version ended before the scope.
    private func internet6() -> [Field] {
        let address = slice(8, 16)
        var fields = [
            Field("sin6_port", port(2)),
            Field(
                "sin6_flowinfo",
                NetworkText.written(number(4, 4), 4, "htonl", [.unsigned(NetworkText.swapped(number(4, 4), 4))])),
        ]
        if let value = CallView.inet6(address, member: "sin6_addr") { fields.append(Field("sin6_addr", value)) }
        guard bytes.count > 24 else { return fields }
        // The scope of link-local addresses is an interface.
        let isLocal =
            (address[0] == 0xFE && address[1] & 0xC0 == 0x80) || (address[0] == 0xFF && address[1] & 0xF == 2)
        let scope = number(24, 4)
        fields.append(Field("sin6_scope_id", isLocal ? CallView.interface(scope) : .unsigned(scope)))
        return fields
    }

    /// struct sockaddr_nl (linux/netlink.h).
    private func netlink() -> [Field] {
        var fields: [Field] = []
        if number(2, 2) != 0 { fields.append(Field("nl_pad", .hexadecimal(number(2, 2)))) }
        fields.append(Field("nl_pid", .process(Int32(truncatingIfNeeded: number(4, 4)))))
        fields.append(Field("nl_groups", .word(NetworkText.padded(number(8, 4), 4))))
        return fields
    }

    /// struct sockaddr_ll (linux/if_packet.h).
    private func packet() -> [Field] {
        let protocolNumber = NetworkText.swapped(number(2, 2), 2)
        let length = Int(byte(11))
        var fields = [
            Field(
                "sll_protocol",
                NetworkText.written(number(2, 2), 2, "htons", [.symbol(.etherProtocol, protocolNumber)])),
            Field("sll_ifindex", CallView.interface(number(4, 4))),
            Field("sll_hatype", .symbol(.arpHardware, number(8, 2))),
            Field("sll_pkttype", .symbol(.packetType, UInt64(byte(10)))), Field("sll_halen", .unsigned(UInt64(length))),
        ]
        guard length > 0 else { return fields }
        let there = slice(12, min(length, bytes.count - 12)).map { Value.word(NetworkText.padded(UInt64($0), 1)) }
        fields.append(Field("sll_addr", length > there.count ? .cutList(there) : .list(there)))
        return fields
    }

    /// The four address layouts of Bluetooth sockets, told apart by their length (include/net/bluetooth).
    private func bluetooth() -> [Field]? {
        switch bytes.count {
        case 4, 6:
            var fields = [Field("hci_dev", .call("htobs", [.unsigned(number(2, 2))]))]
            if bytes.count == 6 { fields.append(Field("hci_channel", .symbol(.bluetoothControl, number(4, 2)))) }
            return fields
        case 8: return [Field("sco_bdaddr", hardware(2))]
        case 10: return [Field("rc_bdaddr", hardware(2)), Field("rc_channel", .unsigned(number(8, 1)))]
        case 12, 14:
            let ranges: [(UInt64, String)] = [(0x1001, "L2CAP_PSM_DYN_START"), (0x80, "L2CAP_PSM_LE_DYN_START")]
            var fields = [
                Field("l2_psm", dynamic(.bluetoothService, number(2, 2), ranges)),
                Field("l2_bdaddr", hardware(4)),
                Field("l2_cid", dynamic(.bluetoothChannel, number(10, 2), [(0x40, "L2CAP_CID_DYN_START")])),
            ]
            if bytes.count == 14 { fields.append(Field("l2_bdaddr_type", .symbol(.bluetoothAddress, number(12, 1)))) }
            return fields
        default: return nil
        }
    }

    /// A number with a name, or so much above the start of a dynamic range.
    private func dynamic(_ set: SymbolSet, _ value: UInt64, _ ranges: [(start: UInt64, name: String)]) -> Value {
        let isNamed = SpecTables.name(of: value, in: set) != nil
        let range = ranges.first { value >= $0.start && ($0.start != 0x80 || value <= 0xFF) }
        if !isNamed, let range {
            let start = Value.written(.hexadecimal(range.start), as: .word(range.name))
            let sum = Value.separated([start, .unsigned(value - range.start)], by: "+")
            return .call("htobs", [.written(.hexadecimal(value), as: sum)])
        }
        return .call("htobs", [.symbol(set, value)])
    }

    /// struct sockaddr_alg (linux/if_alg.h).
    private func algorithm() -> [Field] {
        [
            Field("salg_type", CallView.characters(slice(2, 14))),
            Field("salg_feat", Self.algorithmFlags(number(16, 4))),
            Field("salg_mask", Self.algorithmFlags(number(20, 4))),
            Field("salg_name", CallView.characters(slice(24, bytes.count - 24))),
        ]
    }

    /// Numbers that people know by their digits, with the name of the one flag that user space may see.
    private static func algorithmFlags(_ value: UInt64) -> Value {
        guard value != 0 else { return .hexadecimal(0) }
        let driver: UInt64 = 0x1000  // CRYPTO_ALG_KERN_DRIVER_ONLY (linux/crypto.h)
        let rest = value & ~driver
        var text = value & driver != 0 ? "CRYPTO_ALG_KERN_DRIVER_ONLY" : "CRYPTO_ALG_???"
        if value & driver != 0, rest != 0 { text += "|0x" + String(rest, radix: 16) }
        return .written(.hexadecimal(value), as: .commented(.hexadecimal(value), text))
    }

    private static func service(_ value: UInt64) -> Value {
        guard let name = SpecTables.name(of: value, in: .nfcService) else { return .hexadecimal(value) }
        return .written(.hexadecimal(value), as: .commented(.hexadecimal(value), name))
    }

    /// struct sockaddr_vm (linux/vm_sockets.h).
    private func virtual() -> [Field] {
        var fields: [Field] = []
        if number(2, 2) != 0 { fields.append(Field("svm_reserved1", .hexadecimal(number(2, 2)))) }
        fields += [
            Field("svm_cid", .symbol(.vsockContext, number(8, 4))),
            Field("svm_port", .symbol(.vsockPort, number(4, 4))),
            Field("svm_flags", .flags(.vsockAddress, number(12, 1))),
        ]
        let rest = slice(13, 3)
        if rest.contains(where: { $0 != 0 }) { fields.append(Field("svm_zero", .bytes(Bytes(rest, isBinary: true)))) }
        return fields
    }

    /// struct sockaddr_xdp (linux/if_xdp.h).
    private func express() -> [Field] {
        let flags = number(2, 2)
        var fields = [
            Field("sxdp_flags", .flags(.xdpAddress, flags)), Field("sxdp_ifindex", CallView.interface(number(4, 4))),
            Field("sxdp_queue_id", .unsigned(number(8, 4))),
        ]
        let shared = number(12, 4)
        if flags & 1 != 0 {  // XDP_SHARED_UMEM
            fields.append(Field("sxdp_shared_umem_fd", .descriptor(Int32(truncatingIfNeeded: shared))))
        } else if shared != 0 {
            fields.append(Field("sxdp_shared_umem_fd", .hexadecimal(shared)))
        }
        return fields
    }

    /// struct sockaddr_mctp (linux/mctp.h).
    private func management() -> [Field] {
        var fields: [Field] = []
        if number(2, 2) != 0 { fields.append(Field("__smctp_pad0", .hexadecimal(number(2, 2)))) }
        fields += [
            Field("smctp_network", .symbol(.mctpNetwork, number(4, 4))),
            Field("smctp_addr", .record([Field("s_addr", .symbol(.mctpAddress, number(8, 1)))])),
            Field("smctp_type", .hexadecimal(number(9, 1))), Field("smctp_tag", .hexadecimal(number(10, 1))),
        ]
        if byte(11) != 0 { fields.append(Field("__smctp_pad1", .hexadecimal(number(11, 1)))) }
        return fields
    }

    /// struct sockaddr_nfc and, where it is as long, sockaddr_nfc_llcp (linux/nfc.h).
    private func nearField() -> [Field] {
        var fields = [
            Field("dev_idx", CallView.interface(number(4, 4))), Field("target_idx", .hexadecimal(number(8, 4))),
            Field("nfc_protocol", .symbol(.nfcAirProtocol, number(12, 4))),
        ]
        let lengthAt = word == 8 ? 88 : 84
        guard bytes.count >= lengthAt + word else {
            if bytes.count > 16 { fields.append(.more) }
            return fields
        }
        let length = number(lengthAt, word)
        fields += [
            Field("dsap", Self.service(number(16, 1))),
            Field("ssap", Self.service(number(17, 1))),
            Field("service_name", .path(Bytes(slice(18, Int(min(length, 63)))))),
            Field("service_name_len", .unsigned(length)),
        ]
        return fields
    }

    /// struct sockaddr_rxrpc (linux/rxrpc.h) over its transport's address, of which the kernel knows two families.
    private func rxrpc() -> [Field] {
        let length = min(Int(number(6, 2)), bytes.count - 8)
        let inner = SocketAddress(slice(8, max(2, length)), word: word)
        let bytes = inner.raw().map { Field("", $0.value) }
        func member(_ name: String, _ members: [Field]) -> [Field] {
            [Field(name, .record([Field(name + "_family", inner.familyField.value)] + members))]
        }
        let transport: [Field]
        switch inner.family {
        case 2 where length >= 16:
            let port = Field("sin_port", inner.port(2))
            transport = member("sin", [port, Field("sin_addr", NetworkText.inet(inner.slice(4, 4)))])
        case 2: transport = member("sin", bytes)
        case 10: transport = member("sin6", inner.members() ?? bytes)
        default: transport = [Field("family", inner.familyField.value)] + bytes
        }
        return [
            Field("srx_service", .symbol(.rxrpcService, number(2, 2))),
            Field("transport_type", .symbol(.socketType, number(4, 2))),
            Field("transport_len", .unsigned(number(6, 2))), Field("transport", .record(transport)),
        ]
    }

    /// struct sockaddr_ipx (linux/ipx.h, up to Linux 4.17).
    private func novell() -> [Field] {
        let node = slice(8, 6).map { Value.word(NetworkText.padded(UInt64($0), 1)) }
        var fields = [
            Field("sipx_port", port(2)),
            Field("sipx_network", .call("htonl", [.hexadecimal(NetworkText.swapped(number(4, 4), 4))])),
            Field("sipx_node", .list(node)), Field("sipx_type", .word(NetworkText.padded(number(14, 1), 1))),
        ]
        if byte(15) != 0 { fields.append(Field("sipx_zero", .hexadecimal(number(15, 1)))) }
        return fields
    }

    /// struct sockaddr_ax25 and, where it is longer, full_sockaddr_ax25 (linux/ax25.h).
    private func amateur() -> [Field] {
        let relays = number(12, 4)
        let head = [Field("sax25_call", callSign(2)), Field("sax25_ndigis", .signed(CallView.extend(relays, 4)))]
        guard relays != 0 || bytes.count > 16 else { return head }
        var fields = [Field("fsa_ax25", .record(head))]
        let wanted = Int(min(max(0, CallView.extend(relays, 4)), 8))
        let there = min(wanted, (bytes.count - 16) / 7)
        if wanted > 0 {
            let signs = (0..<there).map { callSign(16 + 7 * $0) }
            fields.append(Field("fsa_digipeater", wanted > there ? .cutList(signs) : .list(signs)))
            let isCut = wanted > there ? (bytes.count - 16) % 7 != 0 : there == 8 && bytes.count > 72
            if isCut { fields.append(.more) }
        }
        return fields
    }

    /// A call sign shifted left by one bit, and a station's number. One that no station may have shows its bytes.
    private func callSign(_ offset: Int) -> Value {
        let (letters, last) = (slice(offset, 6), byte(offset + 6))
        let shifted = letters.map { $0 >> 1 }
        var text = shifted[...]
        while text.last == 0x20 { text = text.dropLast() }
        let isSign =
            text.allSatisfy { (48...57).contains($0) || (65...90).contains($0) } && last & 0xE1 == 0
            && letters.allSatisfy { $0 & 1 == 0 }
        let station = last >> 1 & 0xF
        let name = String(decoding: text, as: UTF8.self) + "-\(station)"
        let whole = Value.record([Field("ax25_call", .bytes(Bytes(slice(offset, 7), isBinary: true)))])
        if isSign && text.isEmpty && station == 0 { return .written(whole, as: .word("*")) }
        if isSign && !text.isEmpty { return .written(whole, as: .word(name)) }
        let isPrintable = shifted.allSatisfy { (0x20..<0x7F).contains($0) } && !name.contains("*/")
        return isPrintable ? .written(whole, as: .commented(whole, name)) : whole
    }
}
