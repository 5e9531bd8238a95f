// A snapshot: a stop and every region of memory that the call's row asks for, read once.

/// One stretch of a tracee's memory as it was at the stop: its bytes, or why there are none.
public struct Region: Equatable, Sendable {
    /// Where it lay in the tracee.
    public var address: UInt64
    /// Where its bytes start in the snapshot's arena.
    public var offset: Int
    /// How many bytes were captured. Fewer than `wanted` where the capture rule or an unmapped page cut it.
    public var count: Int
    /// How many bytes the call meant.
    public var wanted: Int
    /// The errno that ended the read before what was wanted, else 0.
    public var errno: Int32

    public init(address: UInt64, offset: Int, count: Int, wanted: Int, errno: Int32) {
        self.address = address
        self.offset = offset
        self.count = count
        self.wanted = wanted
        self.errno = errno
    }
}

/// Everything that later stages may know of a stop. The storage is reused from stop to stop.
public struct Snapshot: Equatable, Sendable {
    public var stop: Stop
    public private(set) var regions: [Region]
    /// What the supervisor looked up besides memory.
    public private(set) var facts: [Fact]
    /// What a policy said of the call that this is the end of.
    public var decisions: [RecordedDecision] = []
    /// The bytes of all regions and facts, one after the other.
    public private(set) var arena: [UInt8]

    public init(stop: Stop = Stop()) {
        self.stop = stop
        regions = []
        facts = []
        arena = []
    }

    /// Forgets all regions and keeps their storage.
    public mutating func reset(to stop: Stop) {
        self.stop = stop
        regions.removeAll(keepingCapacity: true)
        facts.removeAll(keepingCapacity: true)
        if !decisions.isEmpty { decisions = [] }
        arena.removeAll(keepingCapacity: true)
    }

    /// Adds a region whose bytes `fill` writes: it gets room for `room` bytes and answers how many it
    /// wrote, or a negative errno. Answers what `fill` answered.
    @discardableResult
    @inline(__always)
    public mutating func add(
        address: UInt64, room: Int, wanted: Int, fill: (UnsafeMutableRawBufferPointer) -> Int
    ) -> Int {
        let offset = arena.count
        arena.append(contentsOf: repeatElement(0, count: room))
        let got = arena.withUnsafeMutableBytes { all in
            fill(UnsafeMutableRawBufferPointer(rebasing: all[offset..<offset + room]))
        }
        let kept = max(0, got)
        arena.removeLast(room - kept)
        regions.append(
            Region(
                address: address, offset: offset, count: kept, wanted: wanted,
                errno: got < 0 ? Int32(-got) : 0))
        return got
    }

    /// Adds a region that is already known, as replay does.
    public mutating func add(address: UInt64, bytes: some Collection<UInt8>, wanted: Int, errno: Int32 = 0) {
        let offset = arena.count
        arena.append(contentsOf: bytes)
        regions.append(
            Region(address: address, offset: offset, count: arena.count - offset, wanted: wanted, errno: errno))
    }

    /// Appends bytes to the last region, for text that is read a piece at a time.
    public mutating func extendLast(room: Int, fill: (UnsafeMutableRawBufferPointer) -> Int) -> Int {
        guard let last = regions.indices.last else { return 0 }
        let offset = arena.count
        arena.append(contentsOf: repeatElement(0, count: room))
        let got = arena.withUnsafeMutableBytes { all in
            fill(UnsafeMutableRawBufferPointer(rebasing: all[offset..<offset + room]))
        }
        let kept = max(0, got)
        arena.removeLast(room - kept)
        regions[last].count += kept
        regions[last].wanted = max(regions[last].wanted, regions[last].count)
        return got
    }

    /// Cuts the last region to `count` bytes, for text whose end was found.
    public mutating func trimLast(to count: Int, wanted: Int) {
        guard let last = regions.indices.last, count <= regions[last].count else { return }
        arena.removeLast(regions[last].count - count)
        regions[last].count = count
        regions[last].wanted = wanted
    }

    /// Says that the last region could not be read to its end.
    public mutating func failLast(errno: Int32) {
        guard let last = regions.indices.last else { return }
        regions[last].errno = errno
    }

    /// Adds bytes that belong to a fact: `fill` gets room for `room` of them and answers how many it wrote.
    @inline(__always)
    public mutating func addBytes(room: Int, fill: (UnsafeMutableRawBufferPointer) -> Int) -> ArenaRange {
        let offset = arena.count
        arena.append(contentsOf: repeatElement(0, count: room))
        let got = arena.withUnsafeMutableBytes { all in
            fill(UnsafeMutableRawBufferPointer(rebasing: all[offset..<offset + room]))
        }
        let kept = min(room, max(0, got))
        arena.removeLast(room - kept)
        return ArenaRange(offset: offset, count: kept)
    }

    /// Adds a fact whose bytes are in the arena already.
    @inline(__always)
    public mutating func add(_ fact: Fact) { facts.append(fact) }

    /// The bytes of a fact's range, none for one that lies outside the arena.
    public func bytes(_ range: ArenaRange) -> ArraySlice<UInt8> {
        guard range.offset >= 0, range.count >= 0, range.count <= arena.count,
            range.offset <= arena.count - range.count
        else { return [] }
        return arena[range.offset..<range.offset + range.count]
    }

    /// Whether the tracee has no memory at `address` for `count` bytes that were to be read there.
    public func isUnreadable(_ address: UInt64, count: Int) -> Bool {
        regions.contains { region in
            guard address >= region.address, region.errno == 14 else { return false }  // EFAULT
            let skip = address - region.address
            return skip < UInt64(region.wanted) && Int(skip) + count > region.count
        }
    }

    /// The region that starts at `address`, the longest where there are several.
    public func region(at address: UInt64) -> Region? {
        var best: Region?
        for region in regions where region.address == address {
            if best == nil || region.count > best!.count { best = region }
        }
        return best
    }

    /// The captured bytes that start at `address`: `count` of them, or nil where they are not all there.
    public func bytes(at address: UInt64, count: Int) -> ArraySlice<UInt8>? {
        guard count >= 0 else { return nil }
        for region in regions where address >= region.address {
            let skip = address - region.address
            guard skip <= UInt64(region.count), Int(skip) + count <= region.count else { continue }
            if region.count == 0 && region.errno != 0 { continue }
            let start = region.offset + Int(skip)
            return arena[start..<start + count]
        }
        return nil
    }

    /// The little-endian unsigned number of `width` bytes at `address`, nil where it was not captured.
    public func number(at address: UInt64, width: Int) -> UInt64? {
        guard let slice = bytes(at: address, count: width) else { return nil }
        return slice.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}
