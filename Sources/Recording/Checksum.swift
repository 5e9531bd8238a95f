// The CRC-32 that MCAP asks for (reflected polynomial 0xEDB88320), sixteen bytes a step.

/// CRC-32 as zlib and MCAP compute it.
enum Checksum {
    /// Sixteen tables of 256 entries, one after the other: table n advances a byte by n further zero bytes.
    private static let tables: [UInt32] = makeTables()

    private static func makeTables() -> [UInt32] {
        var tables = [UInt32](repeating: 0, count: 16 * 256)
        for byte in 0..<256 {
            var value = UInt32(byte)
            for _ in 0..<8 {
                value = value & 1 == 1 ? value >> 1 ^ 0xEDB8_8320 : value >> 1
            }
            tables[byte] = value
        }
        for index in 256..<tables.count {
            let before = tables[index - 256]
            tables[index] = before >> 8 ^ tables[Int(before & 0xFF)]
        }
        return tables
    }

    static func crc32(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        tables.withUnsafeBufferPointer { table in
            var crc: UInt32 = 0xFFFF_FFFF
            var position = 0
            while bytes.count - position >= 16 {
                let low = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self))
                let high = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: position + 8, as: UInt64.self))
                let mixed = low ^ UInt64(crc)
                var (first, second): (UInt32, UInt32) = (0, 0)
                for lane in 0..<8 {
                    let shift = UInt64(8 * lane)
                    first ^= table[(15 - lane) * 256 + Int(truncatingIfNeeded: mixed >> shift & 0xFF)]
                    second ^= table[(7 - lane) * 256 + Int(truncatingIfNeeded: high >> shift & 0xFF)]
                }
                crc = first ^ second
                position += 16
            }
            while position < bytes.count {
                crc = crc >> 8 ^ table[Int((crc ^ UInt32(bytes[position])) & 0xFF)]
                position += 1
            }
            return ~crc
        }
    }
}
