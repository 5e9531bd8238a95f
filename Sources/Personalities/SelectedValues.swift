// Values whose type another value selects: option values, control data, route attributes.

import Messages

extension CallView {
    /// `count` bytes at an address as a type says; nil where they are too few for it.
    func selected(_ type: TypeRow, at address: UInt64, _ count: Int) -> Value? {
        let size = max(1, type.elementSize(personality))
        switch (type.shape, type.kind) {
        case (.value, .text), (.value, .path), (.value, .buffer), (_, .octets), (_, .characters):
            return text(type.kind, at: address, count)
        case (.value, .custom): return CustomKind(rawValue: type.table).flatMap { selected($0, at: address, count) }
        case (.array, _):
            var number = count / size
            if case .fixed(let fixed) = type.count {
                guard number >= Int(fixed) else { return nil }
                number = Int(fixed)
            }
            if number == 0 && count > 0 { return nil }
            return list(type, at: address, number, size)
        case (_, .structure):
            if count >= size { return structure(type.table, at: address) }
            // What the first version of an extended struct takes is enough of it.
            let least = Int(SpecTables.structure(type.table, personality).minimum)
            return least > 0 && count == least ? structure(type.table, at: address, size: UInt64(count)) : nil
        case (_, .inet6), (_, .hardware):
            guard let bytes = snapshot.bytes(at: address, count: min(count, 32)) else { return nil }
            return type.kind == .hardware
                ? NetworkText.address(bytes) : Self.inet6(Array(bytes), member: "")
        default:
            guard count >= size, let raw = snapshot.number(at: address, width: size) else { return nil }
            return .list([scalar(type, raw)])
        }
    }

    private func list(_ type: TypeRow, at address: UInt64, _ count: Int, _ size: Int) -> Value? {
        guard snapshot.bytes(at: address, count: count * size) != nil else { return nil }
        return .list(
            (0..<count).compactMap { index in
                let at = address &+ UInt64(index * size)
                if type.kind == .structure { return structure(type.table, at: at) }
                return snapshot.number(at: at, width: size).map { scalar(type, $0) }
            })
    }

    /// Bytes: `text` ends at its NUL, `bytes` are hexadecimal, `buffer` is what it is.
    private func text(_ kind: Kind, at address: UInt64, _ count: Int) -> Value? {
        guard let bytes = snapshot.bytes(at: address, count: count) else { return nil }
        switch kind {
        case .octets: return .bytes(Bytes(Array(bytes), isBinary: true))
        case .buffer: return .bytes(Bytes(Array(bytes)))
        default: return .bytes(Bytes(Array(bytes.prefix { $0 != 0 }), isText: true))
        }
    }

    /// The fields of a struct of which only the first bytes are there; one that is cut shows its bytes.
    func partly(_ id: UInt16, at address: UInt64, _ count: Int) -> Value? {
        let layout = SpecTables.structure(id, personality)
        let full = Int(personality == .x86_64 ? layout.size64 : layout.size32)
        if count >= full { return structure(id, at: address) }
        var fields: [Field] = []
        for index in Int(layout.firstField)..<Int(layout.firstField) + Int(layout.fieldCount) {
            let row = SpecTables.fields[index]
            let offset = Int(personality == .x86_64 ? row.offset64 : row.offset32)
            let width = row.type.elementSize(personality)
            guard offset < count, !row.isHidden else { continue }
            let at = address &+ UInt64(offset)
            if offset + width <= count, width <= 8, let raw = snapshot.number(at: at, width: width) {
                fields.append(Field(row.name, scalar(row.type, raw)))
            } else if let bytes = snapshot.bytes(at: at, count: min(width, count - offset)) {
                fields.append(Field(row.name, .bytes(Bytes(Array(bytes), isBinary: true))))
            }
        }
        return fields.isEmpty ? nil : .record(fields)
    }

    private func selected(_ kind: CustomKind, at address: UInt64, _ count: Int) -> Value? {
        switch kind {
        case .sockaddr: return socketAddress(address, Int32(min(count, SocketAddress.limit)))
        case .socketError: return socketError(address, count)
        case .extendedError: return extendedError(address, count)
        case .groupRequest: return groupRequest(address, count)
        case .packetMembership: return packetMembership(address, count)
        case .icmpFilter: return icmpFilter(address, count)
        case .socketFilter: return socketFilter(address, count)
        default: return nil
        }
    }
}
