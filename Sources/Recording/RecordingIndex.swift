// The index at a recording's end: how a reader gets into the middle without reading what comes before.

import Messages

/// What the summary section says of a chunk.
struct IndexedChunk {
    var earliest: Int64
    var latest: Int64
    var offset: UInt64
}

extension RecordingReader {
    /// When the first record was made, as the index says it; nil where there is no index.
    public mutating func firstTime() -> Int64? { index().first?.earliest }

    /// Goes to a chunk before which nothing happened at `time`, nanoseconds since 1970, or later. False where the
    /// recording has no index, a pipe or one whose writer was killed: then nothing changes.
    public mutating func seek(time: Int64) throws(RecordingError) -> Bool {
        let chunks = index()
        guard !chunks.isEmpty else { return false }
        try enter(chunks.first { $0.latest >= time } ?? chunks[chunks.count - 1])
        return true
    }

    /// Goes to a chunk before which the call `id`, and none after it, was made. False as for `seek(time:)`.
    public mutating func seek(call id: UInt64) throws(RecordingError) -> Bool {
        let chunks = index()
        guard !chunks.isEmpty else { return false }
        // The first chunk that begins with a later call; the one before it is where to look.
        var low = 0
        var high = chunks.count
        while low < high {
            let middle = (low + high) / 2
            try enter(chunks[middle])
            if let first = try firstCall(), first < id { low = middle + 1 } else { high = middle }
        }
        try enter(chunks[max(0, low - 1)])
        return true
    }

    /// The id of the next call that is made.
    private mutating func firstCall() throws(RecordingError) -> UInt64? {
        while let record = try next() {
            if record.event.happening == .entry { return record.event.id }
        }
        return nil
    }

    private mutating func enter(_ chunk: IndexedChunk) throws(RecordingError) {
        guard file.seek(to: chunk.offset) else { throw .read(path: file.path, errno: 0) }
        forgetPlace()
    }

    /// The chunks in their order; none where the index is missing or makes no sense.
    private mutating func index() -> [IndexedChunk] {
        if let known = knownIndex { return known }
        let found = (try? readIndex()) ?? []
        knownIndex = found
        return found
    }

    private mutating func readIndex() throws -> [IndexedChunk] {
        guard let size = file.size, file.endsWhole else { return [] }
        let tail = UInt64(MCAPFormat.frameSize + MCAPFormat.footerSize + MCAPFormat.magic.count)
        guard size > tail, let footer = file.bytes(at: size - tail, count: MCAPFormat.frameSize + 8) else { return [] }
        let start = footer.withUnsafeBytes {
            UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: MCAPFormat.frameSize, as: UInt64.self))
        }
        let end = size - UInt64(MCAPFormat.magic.count)
        guard footer[0] == MCAPOpcode.footer, start > 0, start < size - tail,
            end - start <= UInt64(MCAPFormat.largestContent),
            let summary = file.bytes(at: start, count: Int(end - start))
        else { return [] }
        return try summary.withUnsafeBytes { bytes in
            // The last field of the footer is the checksum of all before it, 0 where the writer made none.
            let covered = UnsafeRawBufferPointer(rebasing: bytes.dropLast(4))
            let crc = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: covered.count, as: UInt32.self))
            guard crc == 0 || crc == Checksum.crc32(covered) else { return [] }
            return try chunks(in: UnsafeRawBufferPointer(rebasing: bytes.dropLast(Int(tail) - 8)))
        }
    }

    /// Walks the summary section, and learns the channels on the way.
    private mutating func chunks(in summary: UnsafeRawBufferPointer) throws -> [IndexedChunk] {
        var reader = ContentReader(summary)
        var found: [IndexedChunk] = []
        while reader.position < summary.count {
            let opcode = try reader.number(UInt8.self)
            let content = try reader.take(try reader.number(UInt64.self))
            switch opcode {
            case MCAPOpcode.schema: try readSchema(ContentReader(content), 0)
            case MCAPOpcode.channel: try readChannel(ContentReader(content), 0)
            case MCAPOpcode.chunkIndex:
                var fields = ContentReader(content)
                let earliest = Int64(clamping: try fields.number(UInt64.self))
                let latest = Int64(clamping: try fields.number(UInt64.self))
                found.append(
                    IndexedChunk(earliest: earliest, latest: latest, offset: try fields.number(UInt64.self)))
            default: break
            }
        }
        let size = file.size ?? 0
        return found.allSatisfy { $0.offset < size } ? found : []
    }
}
