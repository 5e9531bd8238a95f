// A reader of MCAP's fields over borrowed bytes; whatever the bytes are, it answers or throws.

/// What is wrong with a piece of a recording, and where in that piece.
struct FormatDamage: Error {
    var offset: Int
    var what: String
}

/// Steps through the content of one MCAP record. The bytes must outlive it.
struct ContentReader {
    private let bytes: UnsafeRawBufferPointer
    private(set) var position = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    var rest: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: bytes[position...]) }

    mutating func number<Value: FixedWidthInteger & BitwiseCopyable>(
        _ type: Value.Type
    ) throws(FormatDamage) -> Value {
        let taken = try take(UInt64(MemoryLayout<Value>.size))
        return Value(littleEndian: taken.loadUnaligned(as: Value.self))
    }

    mutating func string() throws(FormatDamage) -> String {
        let length = try number(UInt32.self)
        return String(decoding: try take(UInt64(length)), as: UTF8.self)
    }

    mutating func take(_ length: UInt64) throws(FormatDamage) -> UnsafeRawBufferPointer {
        guard length <= UInt64(bytes.count - position) else {
            throw FormatDamage(offset: position, what: "a field is longer than what holds it")
        }
        let start = position
        position += Int(length)
        return UnsafeRawBufferPointer(rebasing: bytes[start..<position])
    }
}
