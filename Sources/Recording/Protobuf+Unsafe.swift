// The writer's byte buffer: raw memory that is kept from record to record, with protobuf and MCAP primitives.

import Glibc

/// A growing stretch of raw memory. `reserve` makes room; the `put` functions trust that there is room.
///
/// Unsafe on purpose: a record must cost no allocation and no bounds check per byte. The one caller reserves
/// an upper bound for each record first, and `commit` checks that bound in debug builds.
struct RawBuffer: ~Copyable {
    private(set) var base: UnsafeMutableRawPointer
    private(set) var count = 0
    private(set) var capacity: Int

    init(capacity: Int) {
        self.capacity = max(64, capacity)
        base = .allocate(byteCount: self.capacity, alignment: 16)
    }

    deinit { base.deallocate() }

    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

    /// The memory after what was written.
    var free: UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(start: base + count, count: capacity - count)
    }

    mutating func reset() { count = 0 }

    /// Takes back what was written from `offset` on.
    mutating func rewind(to offset: Int) { count = min(count, offset) }

    /// Takes what the caller wrote into `free`.
    mutating func commit(_ added: Int) {
        count += added
        assert(count <= capacity)
    }

    @inline(__always)
    mutating func reserve(_ room: Int) {
        if capacity - count < room { grow(room) }
    }

    @inline(never)
    private mutating func grow(_ room: Int) {
        let wanted = max(capacity * 2, count + room)
        let larger = UnsafeMutableRawPointer.allocate(byteCount: wanted, alignment: 16)
        larger.copyMemory(from: base, byteCount: count)
        base.deallocate()
        base = larger
        capacity = wanted
    }

    @inline(__always)
    mutating func put<Value: FixedWidthInteger & BitwiseCopyable>(_ value: Value) {
        (base + count).storeBytes(of: value.littleEndian, as: Value.self)
        count += MemoryLayout<Value>.size
    }

    @inline(__always)
    mutating func overwrite<Value: FixedWidthInteger & BitwiseCopyable>(_ value: Value, at offset: Int) {
        (base + offset).storeBytes(of: value.littleEndian, as: Value.self)
    }

    @inline(__always)
    mutating func put(raw source: UnsafeRawBufferPointer) {
        guard let start = source.baseAddress else { return }
        (base + count).copyMemory(from: start, byteCount: source.count)
        count += source.count
    }

    @inline(__always)
    mutating func put(text: String) {
        // A native string lends its bytes; this never copies on Linux.
        let lent: Void? = text.utf8.withContiguousStorageIfAvailable { put(raw: UnsafeRawBufferPointer($0)) }
        if lent == nil { for byte in text.utf8 { put(byte) } }
    }

    // MARK: Protobuf

    @inline(__always)
    mutating func put(varint value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            put(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        put(UInt8(truncatingIfNeeded: rest))
    }

    /// A number, left out where it is zero, as proto3 asks.
    @inline(__always)
    mutating func put(field: Int, _ value: UInt64) {
        guard value != 0 else { return }
        put(varint: UInt64(field) << 3)
        put(varint: value)
    }

    @inline(__always)
    mutating func put(field: Int, _ value: Int32) { put(field: field, UInt64(bitPattern: Int64(value))) }

    /// The head of a length-delimited field.
    @inline(__always)
    mutating func put(field: Int, length: Int) {
        put(varint: UInt64(field) << 3 | 2)
        put(varint: UInt64(length))
    }

    @inline(__always)
    mutating func put(field: Int, text: String) {
        let length = text.utf8.count
        guard length != 0 else { return }
        put(field: field, length: length)
        put(text: text)
    }

    @inline(__always)
    static func zigzag(_ value: Int64) -> UInt64 { UInt64(bitPattern: value << 1 ^ value >> 63) }

    @inline(__always)
    static func size(varint value: UInt64) -> Int { (70 - (value | 1).leadingZeroBitCount) / 7 }

    /// The size of a number in a field below 16.
    @inline(__always)
    static func size(number value: UInt64) -> Int { value == 0 ? 0 : 1 + size(varint: value) }

    /// The size of `count` bytes in a field below 16.
    @inline(__always)
    static func size(bytes count: Int) -> Int { count == 0 ? 0 : 1 + size(varint: UInt64(count)) + count }

    // MARK: MCAP, for what is written seldom: these reserve for themselves

    mutating func append<Value: FixedWidthInteger & BitwiseCopyable>(_ value: Value) {
        reserve(MemoryLayout<Value>.size)
        put(value)
    }

    mutating func append(raw source: UnsafeRawBufferPointer) {
        reserve(source.count)
        put(raw: source)
    }

    mutating func append(bytes: [UInt8]) { bytes.withUnsafeBytes { append(raw: $0) } }

    /// A string as MCAP writes it: a 32-bit length and the bytes.
    mutating func append(string: String) {
        let length = string.utf8.count
        append(UInt32(length))
        reserve(length)
        put(text: string)
    }

    /// Begins a record and answers where its content starts; `end` fills in its length.
    mutating func begin(_ opcode: UInt8) -> Int {
        append(opcode)
        append(UInt64(0))
        return count
    }

    mutating func end(_ start: Int) { overwrite(UInt64(count - start), at: start - 8) }
}
