// Numbers out of bytes of a caller's memory or of a file, the least significant byte first.

extension [UInt8] {
    /// The number of `width` bytes at an offset; 0 where it would lie beyond the end.
    func number(_ offset: Int, _ width: Int) -> UInt64 {
        guard offset + width <= count else { return 0 }
        return self[offset..<offset + width].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}
