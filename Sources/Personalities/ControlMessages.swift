// Control messages (cmsg(3)): what goes along with a message, by level and type.

import Messages

extension CallView {
    /// The control messages of a header.
    func ancillary(_ address: UInt64, _ length: UInt64) -> Value {
        let head = word + 8
        let kept = Int(min(length, Capture.controlLimit))
        guard kept >= head, snapshot.bytes(at: address, count: kept) != nil else { return .address(address) }
        var parts: [Value] = []
        var offset = 0
        while kept - offset >= head {
            let at = address &+ UInt64(offset)
            guard let size = snapshot.number(at: at, width: word),
                let level = snapshot.number(at: at &+ UInt64(word), width: 4),
                let type = snapshot.number(at: at &+ UInt64(word + 4), width: 4)
            else { break }
            let count = Int(min(size, UInt64(kept - offset)))
            parts.append(controlMessage(at &+ UInt64(head), size, level, type, max(0, count - head)))
            if count < head {
                offset += head
                break
            }
            let step = (count + word - 1) / word * word
            if size > UInt64(count) || step >= kept - offset {
                offset = kept
                break
            }
            offset += step
        }
        if offset < kept {
            parts.append(.commented(.word("..."), "0x" + String(address &+ UInt64(offset), radix: 16)))
        } else if UInt64(kept) < length {
            parts.append(.word("..."))
        }
        return .list(parts)
    }

    private func controlMessage(
        _ data: UInt64, _ size: UInt64, _ level: UInt64, _ type: UInt64, _ count: Int
    ) -> Value {
        let isNamed = SpecTables.name(of: level, in: .socketLevel) != nil
        let named: Value = isNamed ? .symbol(.socketLevel, level) : .commented(.hexadecimal(level), "SOL_???")
        var fields = [Field("cmsg_len", .unsigned(size)), Field("cmsg_level", named)]
        guard let set = SpecTables.selectedSet(of: level, in: .controlLevel) else {
            fields.append(Field("cmsg_type", .hexadecimal(type)))
            return .record(fields)
        }
        fields.append(Field("cmsg_type", .symbol(set, type)))
        if count > 0, let row = SpecTables.selection(of: type, in: set) {
            if row.kind == .descriptor, row.shape == .value, let raw = snapshot.number(at: data, width: 4) {
                fields.append(Field("cmsg_data", scalar(row, raw)))
            } else if let value = selected(row, at: data, count) {
                fields.append(Field("cmsg_data", value))
            } else if row.kind == .structure {
                fields.append(Field("cmsg_data", .word("???")))
            }
        }
        return .record(fields)
    }
}
