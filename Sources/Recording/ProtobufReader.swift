// A reader of protobuf's wire format over borrowed bytes; whatever the bytes are, it answers or throws.

/// The value of a field, by its wire type.
enum ProtobufValue {
    case varint(UInt64)
    case fixed64(UInt64)
    case fixed32(UInt32)
    case bytes(UnsafeRawBufferPointer)
}

/// Steps through the fields of one message. The bytes must outlive it.
struct ProtobufReader {
    private let bytes: UnsafeRawBufferPointer
    private(set) var position = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    var isAtEnd: Bool { position >= bytes.count }

    /// The next field's number and value, nil at the end. Inlined, so that no value is put together to be taken apart.
    @inline(__always)
    mutating func next() throws(FormatDamage) -> (field: UInt64, value: ProtobufValue)? {
        guard !isAtEnd else { return nil }
        let tag = try varint()
        let field = tag >> 3
        guard field != 0, field < 1 << 29 else { throw damage("a field has the number \(field)") }
        switch tag & 7 {
        case 0: return (field, .varint(try varint()))
        case 1: return (field, .fixed64(try fixed(UInt64.self)))
        case 2:
            let length = try varint()
            guard length <= UInt64(bytes.count - position) else {
                throw damage("a field is longer than its message")
            }
            let start = position
            position += Int(length)
            return (field, .bytes(UnsafeRawBufferPointer(rebasing: bytes[start..<position])))
        case 5: return (field, .fixed32(try fixed(UInt32.self)))
        default: throw damage("a field has the unknown wire type \(tag & 7)")
        }
    }

    /// Tags and most numbers are one byte.
    @inline(__always)
    mutating func varint() throws(FormatDamage) -> UInt64 {
        guard position < bytes.count, bytes[position] < 0x80 else { return try longVarint() }
        position += 1
        return UInt64(bytes[position - 1])
    }

    private mutating func longVarint() throws(FormatDamage) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while position < bytes.count, shift < 70 {
            let byte = bytes[position]
            position += 1
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
        throw damage("a number does not end")
    }

    mutating func fixed<Value: FixedWidthInteger & BitwiseCopyable>(
        _ type: Value.Type
    ) throws(FormatDamage) -> Value {
        let size = MemoryLayout<Value>.size
        guard bytes.count - position >= size else { throw damage("a number is cut off") }
        let value = bytes.loadUnaligned(fromByteOffset: position, as: Value.self)
        position += size
        return Value(littleEndian: value)
    }

    private func damage(_ what: String) -> FormatDamage { FormatDamage(offset: position, what: what) }

    static func unzigzag(_ value: UInt64) -> Int64 { Int64(bitPattern: value >> 1) ^ -Int64(value & 1) }
}
