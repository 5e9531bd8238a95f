// The auxiliary vector that the kernel gives a new image, by name.

import Messages

/// The vector of an exec event's snapshot (getauxval(3)).
public enum AuxiliaryVector {
    /// Its entries in the order of memory, up to AT_NULL; nil where the snapshot has none.
    public static func value(_ snapshot: Snapshot) -> Value? {
        guard let region = snapshot.regions.first, region.count > 0 else { return nil }
        let word = snapshot.stop.personality.wordSize
        var fields: [Field] = []
        for offset in stride(from: 0, to: region.count - 2 * word + 1, by: 2 * word) {
            let at = region.address &+ UInt64(offset)
            guard let type = snapshot.number(at: at, width: word),
                let value = snapshot.number(at: at &+ UInt64(word), width: word), type != 0
            else { break }
            fields.append(Field(name(type), self.value(type, value)))
        }
        return .record(fields)
    }

    private static func name(_ type: UInt64) -> String {
        SpecTables.symbols(of: .auxiliaryType).first { $0.value == type }?.name ?? "AT_\(type)"
    }

    private static func value(_ type: UInt64, _ value: UInt64) -> Value {
        switch type {
        case 3, 7, 9, 15, 24, 25, 31, 32, 33: .address(value)
        case 16, 26, 29, 30: .hexadecimal(value)
        case 11, 12: .user(UInt32(truncatingIfNeeded: value))
        case 13, 14: .group(UInt32(truncatingIfNeeded: value))
        default: .unsigned(value)
        }
    }
}
