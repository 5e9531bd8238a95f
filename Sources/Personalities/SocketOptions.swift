// The arguments of socket, setsockopt and getsockopt that mean something only beside each other.

import Messages

extension Capture {
    /// How much of an option's value is kept.
    static let optionLimit: UInt64 = 1024
}

extension CallView {
    // MARK: Types and protocols

    /// A socket's type with the flags that share its register (socket(2)).
    func socketType(_ raw: UInt64) -> Value {
        let type = raw & 0xF
        let flags = raw & 0xFFFF_FFF0
        guard SpecTables.name(of: type, in: .socketType) != nil else {
            return .flags(.socketTypeFlags, raw & 0xFFFF_FFFF)
        }
        return flags == 0
            ? .symbol(.socketType, type) : .joined([.symbol(.socketType, type), .flags(.socketTypeFlags, flags)])
    }

    /// A protocol's names belong to its family.
    func socketProtocol(_ raw: UInt64) -> Value {
        let number = raw & 0xFFFF_FFFF
        let family = stop.arguments.a0 & 0xFFFF_FFFF
        if family == 17 {  // AF_PACKET takes a frame's type in network byte order.
            return etherType(number & 0xFFFF)
        }
        guard let set = SpecTables.selectedSet(of: family, in: .socketProtocol) else { return .unsigned(number) }
        return .symbol(set, number)
    }

    /// A frame's type in network byte order.
    func etherType(_ raw: UInt64) -> Value {
        .call("htons", [.symbol(.etherProtocol, NetworkText.swapped(raw, 2))])
    }

    // MARK: Options

    /// An option's names belong to its level (the header of the level in linux/).
    func socketOption(_ raw: UInt64) -> Value {
        let number = raw & 0xFFFF_FFFF
        guard let set = optionSet else { return .unsigned(number) }
        if let other = directedSet, SpecTables.name(of: number, in: other) != nil { return .symbol(other, number) }
        return .symbol(set, number)
    }

    private var optionSet: SymbolSet? {
        SpecTables.selectedSet(of: stop.arguments.a1 & 0xFFFF_FFFF, in: .socketLevel)
    }

    /// Options that are named apart by who asks: tables of filters and of the virtual server.
    private var directedSet: SymbolSet? {
        let levels: SymbolSet = row.call == .getsockopt ? .socketLevelGet : .socketLevelSet
        return SpecTables.selectedSet(of: stop.arguments.a1 & 0xFFFF_FFFF, in: levels)
    }

    /// SO_GET_FILTER, whose length is a number of instructions (socket(7), SO_ATTACH_FILTER).
    private var asksForFilter: Bool {
        row.call == .getsockopt && stop.arguments.a1 & 0xFFFF_FFFF == 1 && stop.arguments.a2 & 0xFFFF_FFFF == 26
    }

    private var optionType: TypeRow? {
        optionSet.flatMap { SpecTables.selection(of: stop.arguments.a2 & 0xFFFF_FFFF, in: $0) }
    }

    /// The value that setsockopt passes.
    func passedOption(_ address: UInt64, _ length: UInt64) -> Value {
        guard address != 0 else { return .address(0) }
        let count = Int(min(length & 0xFFFF_FFFF, Capture.optionLimit))
        if let type = optionType {
            guard length & 0xFFFF_FFFF <= UInt64(Int32.max) else { return .address(address) }
            let isExact = stop.arguments.a1 & 0xFFFF_FFFF == 263  // SOL_PACKET
            let size = type.elementSize(personality)
            if isExact, type.kind == .structure, count != size,
                count != SpecTables.structure(type.table, personality).minimum
            {
                return .address(address)
            }
            return selected(type, at: address, count) ?? .address(address)
        }
        return plainOption(address, length)
    }

    /// The value that getsockopt answered, in the room that it was given.
    func answeredOption(_ address: UInt64, lengthAt: UInt64) -> Value {
        let given = passedLength() ?? Int32.max
        guard address != 0, let raw = snapshot.number(at: lengthAt, width: 4), given > 0 else {
            return .address(address)
        }
        let length = Int32(truncatingIfNeeded: raw)
        guard length > 0 else { return .address(address) }
        if asksForFilter {
            return .abbreviated(.address(address), classicProgram(at: address, length: UInt64(length), .packets))
        }
        guard let type = optionType else { return plainOption(address, UInt64(length)) }
        let count = Int(min(UInt64(length), Capture.optionLimit))
        if type.shape == .value, type.kind == .structure {
            return partly(type.table, at: address, count) ?? .address(address)
        }
        let isList = type.shape == .array
        return selected(type, at: address, isList ? min(count, Int(given)) : count)
            ?? snapshot.bytes(at: address, count: count).map { .bytes(Bytes(Array($0), isBinary: true)) }
            ?? .address(address)
    }

    /// A number where it is as long as one, bytes otherwise.
    private func plainOption(_ address: UInt64, _ length: UInt64) -> Value {
        let count = length & 0xFFFF_FFFF
        if count == 4, let number = snapshot.number(at: address, width: 4) {
            return .list([.signed(Self.extend(number, 4))])
        }
        guard count <= 0x7FFF_FFFF,
            let bytes = snapshot.bytes(at: address, count: Int(min(count, Capture.optionLimit)))
        else { return .address(address) }
        return .bytes(Bytes(Array(bytes), total: count))
    }

    // MARK: Values of their own

    /// An errno in an option's value.
    func socketError(_ address: UInt64, _ count: Int) -> Value? {
        guard count >= 4, let number = snapshot.number(at: address, width: 4) else { return nil }
        let isNamed = SpecTables.name(of: number, in: .errno) != nil
        return .list([isNamed ? .written(.unsigned(number), as: .symbol(.errno, number)) : .unsigned(number)])
    }

    /// struct sock_extended_err (linux/errqueue.h) and the address of who caused it.
    func extendedError(_ address: UInt64, _ count: Int) -> Value? {
        guard count >= 32, case .record(var fields) = structure(StructureID.sockExtendedErr.rawValue, at: address)
        else { return nil }
        fields.append(Field("offender", socketAddress(address &+ 16, Int32(min(count - 16, 16)))))
        return .record(fields)
    }

    /// struct group_req (linux/in.h): an interface, and an address aligned to a word.
    func groupRequest(_ address: UInt64, _ count: Int) -> Value? {
        let size = word + SocketAddress.limit
        guard count >= size, snapshot.bytes(at: address, count: size) != nil,
            let interface = snapshot.number(at: address, width: 4)
        else {
            return nil
        }
        return .record([
            Field("gr_interface", Self.interface(interface)),
            Field("gr_group", socketAddress(address &+ UInt64(word), Int32(SocketAddress.limit))),
        ])
    }

    /// struct packet_mreq (linux/if_packet.h): its own length says how much of the address counts.
    func packetMembership(_ address: UInt64, _ count: Int) -> Value? {
        guard count == 16, let interface = snapshot.number(at: address, width: 4),
            let type = snapshot.number(at: address &+ 4, width: 2),
            let length = snapshot.number(at: address &+ 6, width: 2),
            let bytes = snapshot.bytes(at: address &+ 8, count: 8)
        else { return nil }
        return .record([
            Field("mr_ifindex", Self.interface(interface)), Field("mr_type", .symbol(.packetMembership, type)),
            Field("mr_alen", .unsigned(length)),
            Field("mr_address", NetworkText.address(bytes.prefix(Int(length)))),
        ])
    }

    /// struct icmp_filter (linux/icmp.h): a bit a message type; where most are set, those that are not.
    func icmpFilter(_ address: UInt64, _ count: Int) -> Value? {
        guard count > 0, let bytes = snapshot.bytes(at: address, count: min(count, 4)) else { return nil }
        var mask = UInt32.max
        for (index, byte) in bytes.enumerated() {
            mask &= ~(0xFF << UInt32(8 * index))
            mask |= UInt32(byte) << UInt32(8 * index)
        }
        let isMostlyFull = mask.nonzeroBitCount > 16
        let shown = isMostlyFull ? ~mask : mask
        let names = (0..<32).filter { shown & (1 << $0) != 0 }.map { Value.symbol(.icmpType, UInt64($0)) }
        return .separated([.word(isMostlyFull ? "~[" : "["), .separated(names, by: " "), .word("]")], by: "")
    }

    /// struct sock_fprog (linux/filter.h): how many instructions, and where.
    func socketFilter(_ address: UInt64, _ count: Int) -> Value? {
        guard count == 2 * word, let length = snapshot.number(at: address, width: 2),
            let filter = snapshot.number(at: address &+ UInt64(word), width: word)
        else { return nil }
        let program = classicProgram(at: filter, length: length, .packets)
        return .record([
            Field("len", .unsigned(length)), Field("filter", .abbreviated(.address(filter), program)),
        ])
    }
}
