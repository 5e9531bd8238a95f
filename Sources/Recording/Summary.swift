// The summary section: what a reader with an index needs, gathered while the chunks are written.

/// Where a message stands in its chunk.
struct IndexEntry {
    var time: UInt64
    var offset: UInt64
    var channel: UInt16
}

/// What the summary says of an attachment.
struct AttachmentEntry {
    var offset: UInt64
    var length: UInt64
    var time: UInt64
    var size: UInt64
    var name: String
    var mediaType: String
}

/// What the summary says of a metadata record.
struct MetadataEntry {
    var offset: UInt64
    var length: UInt64
    var name: String
}

/// What the summary says of a chunk.
struct ChunkEntry {
    var earliest: UInt64
    var latest: UInt64
    var offset: UInt64
    var length: UInt64
    var compressed: UInt64
    var uncompressed: UInt64
}

/// Counts and indexes. Chunk indexes are kept as the bytes that they become: a long recording has thousands.
struct Summary: ~Copyable {
    var attachments: [AttachmentEntry] = []
    var metadata: [MetadataEntry] = []
    /// The channels that the file declares, in that order.
    var declared: [UInt16] = []
    var isDeclared: [Bool]
    /// Messages by channel.
    var channelCounts: [UInt64]
    var messageCount: UInt64 = 0
    private(set) var chunkCount: UInt32 = 0
    private(set) var earliest = UInt64.max
    private(set) var latest: UInt64 = 0
    fileprivate var chunkIndexes = RawBuffer(capacity: 4096)

    init(channels: Int) {
        isDeclared = [Bool](repeating: false, count: channels)
        channelCounts = [UInt64](repeating: 0, count: channels)
    }

    /// Begins a ChunkIndex record, up to its map from channels to message indexes, and answers where that is.
    mutating func beginChunkIndex(_ entry: ChunkEntry) -> (record: Int, map: Int) {
        chunkCount += 1
        earliest = min(earliest, entry.earliest)
        latest = max(latest, entry.latest)
        let record = chunkIndexes.begin(MCAPOpcode.chunkIndex)
        chunkIndexes.append(entry.earliest)
        chunkIndexes.append(entry.latest)
        chunkIndexes.append(entry.offset)
        chunkIndexes.append(entry.length)
        chunkIndexes.append(UInt32(0))
        return (record, chunkIndexes.count)
    }

    mutating func addMessageIndex(channel: UInt16, offset: UInt64) {
        chunkIndexes.append(channel)
        chunkIndexes.append(offset)
    }

    mutating func endChunkIndex(_ head: (record: Int, map: Int), _ entry: ChunkEntry, indexLength: UInt64) {
        chunkIndexes.overwrite(UInt32(chunkIndexes.count - head.map), at: head.map - 4)
        chunkIndexes.append(indexLength)
        chunkIndexes.append(string: MCAPFormat.compression)
        chunkIndexes.append(entry.compressed)
        chunkIndexes.append(entry.uncompressed)
        chunkIndexes.end(head.record)
    }
}

extension RawBuffer {
    mutating func appendSchema() {
        let data = Schema.descriptorSet()
        let start = begin(MCAPOpcode.schema)
        append(MCAPFormat.schemaIdentifier)
        append(string: Schema.name)
        append(string: MCAPFormat.encoding)
        append(UInt32(data.count))
        append(bytes: data)
        end(start)
    }

    mutating func appendChannel(_ channel: UInt16, topic: String) {
        let start = begin(MCAPOpcode.channel)
        append(channel)
        append(MCAPFormat.schemaIdentifier)
        append(string: topic)
        append(string: MCAPFormat.encoding)
        append(UInt32(0))
        end(start)
    }

    /// Everything from DataEnd to the closing magic. `fileLength` is where it will stand in the file.
    mutating func appendSummary(_ summary: borrowing Summary, topics: [String], fileLength: UInt64) {
        let dataEnd = begin(MCAPOpcode.dataEnd)
        append(UInt32(0))
        end(dataEnd)
        let summaryStart = count
        var groups: [(opcode: UInt8, start: Int, end: Int)] = []
        if !summary.declared.isEmpty {
            appendSchema()
            groups.append((MCAPOpcode.schema, summaryStart, count))
            let channels = count
            for channel in summary.declared { appendChannel(channel, topic: topics[Int(channel)]) }
            groups.append((MCAPOpcode.channel, channels, count))
        }
        let statistics = count
        appendStatistics(summary)
        groups.append((MCAPOpcode.statistics, statistics, count))
        if summary.chunkCount > 0 {
            let chunks = count
            append(raw: summary.chunkIndexes.bytes)
            groups.append((MCAPOpcode.chunkIndex, chunks, count))
        }
        let attachments = count
        for entry in summary.attachments { appendAttachmentIndex(entry) }
        groups.append((MCAPOpcode.attachmentIndex, attachments, count))
        let metadata = count
        for entry in summary.metadata { appendMetadataIndex(entry) }
        groups.append((MCAPOpcode.metadataIndex, metadata, count))
        let offsets = count
        for group in groups {
            let start = begin(MCAPOpcode.summaryOffset)
            append(group.opcode)
            append(fileLength + UInt64(group.start))
            append(UInt64(group.end - group.start))
            end(start)
        }
        let footer = begin(MCAPOpcode.footer)
        append(fileLength + UInt64(summaryStart))
        append(fileLength + UInt64(offsets))
        // The checksum covers the summary and the footer up to itself, whose length is known already.
        overwrite(UInt64(MCAPFormat.footerSize), at: footer - 8)
        append(Checksum.crc32(UnsafeRawBufferPointer(rebasing: bytes[summaryStart...])))
        end(footer)
        append(bytes: MCAPFormat.magic)
    }

    private mutating func appendStatistics(_ summary: borrowing Summary) {
        let start = begin(MCAPOpcode.statistics)
        append(summary.messageCount)
        append(UInt16(summary.declared.isEmpty ? 0 : 1))
        append(UInt32(summary.declared.count))
        append(UInt32(summary.attachments.count))
        append(UInt32(summary.metadata.count))
        append(summary.chunkCount)
        append(summary.messageCount == 0 ? 0 : summary.earliest)
        append(summary.latest)
        append(UInt32(10 * summary.declared.count))
        for channel in summary.declared {
            append(channel)
            append(summary.channelCounts[Int(channel)])
        }
        end(start)
    }

    private mutating func appendAttachmentIndex(_ entry: AttachmentEntry) {
        let start = begin(MCAPOpcode.attachmentIndex)
        append(entry.offset)
        append(entry.length)
        append(entry.time)
        append(entry.time)
        append(entry.size)
        append(string: entry.name)
        append(string: entry.mediaType)
        end(start)
    }

    private mutating func appendMetadataIndex(_ entry: MetadataEntry) {
        let start = begin(MCAPOpcode.metadataIndex)
        append(entry.offset)
        append(entry.length)
        append(string: entry.name)
        end(start)
    }
}
