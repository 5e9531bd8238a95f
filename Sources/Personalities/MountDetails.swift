// What statmount(2) answers: a struct whose texts lie behind it, at places that its fields hold.

import Messages

extension CallView {
    /// sizeof(struct statmount) (linux/mount.h); the texts begin there.
    private static let mountHead: UInt64 = 512

    func mountDetails(_ address: UInt64) -> Value {
        guard address != 0, result == 0,
            case .record(let fields)? = structure(StructureID.statmount.rawValue, at: address)
        else { return .address(address) }
        let numbers = Dictionary(fields.map { ($0.name, $0.value) }) { first, _ in first }
        return .record(
            fields.map { field in
                guard case .unsigned(let place) = field.value, let value = behind(field.name, place, address, numbers)
                else { return field }
                return Field(field.name, value, isDetail: field.isDetail)
            })
    }

    /// The text, or the texts that another field counts, which a field of the struct leads to.
    private func behind(
        _ name: String, _ place: UInt64, _ address: UInt64, _ numbers: [String: Value]
    ) -> Value? {
        let texts = address &+ Self.mountHead &+ place
        switch name {
        case "mnt_opts", "fs_type", "mnt_root", "mnt_point", "fs_subtype", "sb_source":
            return mountText(texts).map { .bytes(Bytes($0, isText: true)) }
        case "opt_array", "opt_sec_array", "mnt_uidmap", "mnt_gidmap":
            let counter = name.hasPrefix("opt") ? name.replacingSuffix("array", "num") : name + "_num"
            guard case .unsigned(let count)? = numbers[counter] else { return nil }
            var list: [Value] = []
            var at = texts
            while list.count < min(count, 256), let text = mountText(at) {
                list.append(.bytes(Bytes(text, isText: true)))
                at &+= UInt64(text.count + 1)
            }
            return UInt64(list.count) < count ? .cutList(list) : .list(list)
        default: return nil
        }
    }

    /// The bytes up to a NUL, nil where they are not all there.
    private func mountText(_ address: UInt64) -> [UInt8]? {
        var text: [UInt8] = []
        while text.count < 4096, let byte = snapshot.number(at: address &+ UInt64(text.count), width: 1) {
            if byte == 0 { return text }
            text.append(UInt8(byte))
        }
        return nil
    }
}

extension String {
    fileprivate func replacingSuffix(_ suffix: String, _ replacement: String) -> String {
        hasSuffix(suffix) ? String(dropLast(suffix.count)) + replacement : self
    }
}
