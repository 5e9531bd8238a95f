// The file that chunks go to: each compressed, with its index, and the summary at the end.

import CZstd
import Glibc

/// A recording's file while it is written. For one thread at a time: the one that made it, then the one that writes
/// chunks, then the one that closes it.
final class ChunkFile: @unchecked Sendable {
    let path: String
    private let topics: [String]
    private let compressor: OpaquePointer
    private var file: OutputFile
    /// What goes to the file next.
    private var output = RawBuffer(capacity: MCAPFormat.chunkTarget)
    private var summary: Summary

    /// Begins a file: what is known of the recording is in it before the first chunk.
    init(
        path: String, command: [[UInt8]], machine: [(String, String)], spec: String,
        policy: [(name: String, text: [UInt8])], topics: [String]
    ) throws(RecordingError) {
        guard let compressor = ZSTD_createCCtx() else {
            throw .compression(path: path, reason: "no memory for the compressor")
        }
        self.path = path
        self.compressor = compressor
        self.topics = topics
        summary = Summary(channels: topics.count)
        do throws(RecordingError) {
            file = try OutputFile(path: path)
        } catch {
            _ = ZSTD_freeCCtx(compressor)
            throw error
        }
        ZSTD_CCtx_setParameter(compressor, ZSTD_c_compressionLevel, 1)
        try begin(command: command, machine: machine, spec: spec, policy: policy)
    }

    deinit { _ = ZSTD_freeCCtx(compressor) }

    /// Writes a chunk whole, or leaves the file as it was.
    func write(_ chunk: Chunk) throws(RecordingError) {
        output.reset()
        declareChannels(of: chunk)
        try compress(chunk)
        try file.write(output.bytes)
    }

    /// Writes what is known at the end, the summary and the footer, and closes the file.
    func close(_ pressure: Backpressure) throws(RecordingError) {
        output.reset()
        appendMetadata(pressure)
        output.appendSummary(summary, topics: topics, fileLength: file.length)
        do throws(RecordingError) {
            try file.write(output.bytes)
            try file.close()
        } catch {
            try? file.close()
            throw error
        }
    }

    /// Closes a file that is to get nothing more, whatever is missing.
    func abandon() { try? file.close() }

    // MARK: Parts

    /// What the recorder says of itself.
    private func appendMetadata(_ pressure: Backpressure) {
        let offset = file.length + UInt64(output.count)
        let start = output.begin(MCAPOpcode.metadata)
        output.append(string: MetadataName.recorder)
        output.append(UInt32(0))
        let pairs = output.count
        for (name, value) in [("waits", pressure.waits), ("waited_ns", pressure.nanoseconds)] {
            output.append(string: name)
            output.append(string: "\(value)")
        }
        output.overwrite(UInt32(output.count - pairs), at: pairs - 4)
        output.end(start)
        summary.metadata.append(
            MetadataEntry(
                offset: offset, length: file.length + UInt64(output.count) - offset, name: MetadataName.recorder))
    }

    /// The start of the file, written at once so that even a killed writer leaves its attachments.
    private func begin(
        command: [[UInt8]], machine: [(String, String)], spec: String, policy: [(name: String, text: [UInt8])]
    ) throws(RecordingError) {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        let time = UInt64(max(0, now.tv_sec)) &* 1_000_000_000 &+ UInt64(max(0, now.tv_nsec))
        let lines = machine.map { name, value in
            let line = "\(name)=\(value)"
            return line.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: " ") + "\n"
        }
        output.append(bytes: MCAPFormat.magic)
        let header = output.begin(MCAPOpcode.header)
        output.append(string: MCAPFormat.profile)
        output.append(string: "\(MCAPFormat.libraryPrefix)\(MCAPFormat.version)")
        output.end(header)
        attach(AttachmentName.command, "application/octet-stream", Array(command.joined(separator: [0])), time)
        attach(AttachmentName.machine, "text/plain", Array(lines.joined().utf8), time)
        attach(AttachmentName.spec, "text/plain", Array(spec.utf8), time)
        for part in policy { attach(AttachmentName.policyPrefix + part.name, "text/plain", part.text, time) }
        try file.write(output.bytes)
    }

    private func attach(_ name: String, _ mediaType: String, _ data: [UInt8], _ time: UInt64) {
        let offset = output.count
        let start = output.begin(MCAPOpcode.attachment)
        output.append(time)
        output.append(time)
        output.append(string: name)
        output.append(string: mediaType)
        output.append(UInt64(data.count))
        output.append(bytes: data)
        let crc = Checksum.crc32(UnsafeRawBufferPointer(rebasing: output.bytes[start...]))
        output.append(crc)
        output.end(start)
        summary.attachments.append(
            AttachmentEntry(
                offset: UInt64(offset), length: UInt64(output.count - offset), time: time,
                size: UInt64(data.count), name: name, mediaType: mediaType))
    }

    /// Declares the channels that the chunk is the first to use, and before the first of them the schema.
    private func declareChannels(of chunk: Chunk) {
        for entry in chunk.entries where !summary.isDeclared[Int(entry.channel)] {
            if summary.declared.isEmpty { output.appendSchema() }
            output.appendChannel(entry.channel, topic: topics[Int(entry.channel)])
            summary.isDeclared[Int(entry.channel)] = true
            summary.declared.append(entry.channel)
        }
    }

    /// Appends the chunk and its message indexes to `output`, and its index to the summary.
    private func compress(_ chunk: Chunk) throws(RecordingError) {
        var earliest = UInt64.max
        var latest: UInt64 = 0
        for entry in chunk.entries {
            earliest = min(earliest, entry.time)
            latest = max(latest, entry.time)
        }
        let chunkOffset = file.length + UInt64(output.count)
        let start = output.begin(MCAPOpcode.chunk)
        output.append(earliest)
        output.append(latest)
        output.append(UInt64(chunk.records.count))
        output.append(Checksum.crc32(chunk.records.bytes))
        output.append(string: MCAPFormat.compression)
        output.append(UInt64(0))
        let records = output.count
        output.reserve(ZSTD_compressBound(chunk.records.count))
        let room = output.free
        let size = ZSTD_compress2(
            compressor, room.baseAddress, room.count, chunk.records.bytes.baseAddress, chunk.records.count)
        guard ZSTD_isError(size) == 0 else {
            throw .compression(path: path, reason: String(cString: ZSTD_getErrorName(size)))
        }
        output.commit(size)
        output.overwrite(UInt64(size), at: records - 8)
        output.end(start)
        let length = file.length + UInt64(output.count) - chunkOffset
        appendMessageIndexes(
            ChunkEntry(
                earliest: earliest, latest: latest, offset: chunkOffset, length: length,
                compressed: UInt64(size), uncompressed: UInt64(chunk.records.count)),
            of: chunk)
    }

    private func appendMessageIndexes(_ entry: ChunkEntry, of chunk: Chunk) {
        let indexStart = output.count
        let head = summary.beginChunkIndex(entry)
        for channel in summary.declared {
            let recordOffset = file.length + UInt64(output.count)
            let before = output.count
            let start = output.begin(MCAPOpcode.messageIndex)
            output.append(channel)
            output.append(UInt32(0))
            output.reserve(16 * chunk.entries.count)
            var found = 0
            for message in chunk.entries where message.channel == channel {
                output.put(message.time)
                output.put(message.offset)
                found += 1
            }
            guard found > 0 else {
                output.rewind(to: before)
                continue
            }
            output.overwrite(UInt32(16 * found), at: start + 2)
            output.end(start)
            summary.channelCounts[Int(channel)] += UInt64(found)
            summary.messageCount += UInt64(found)
            summary.addMessageIndex(channel: channel, offset: recordOffset)
        }
        summary.endChunkIndex(head, entry, indexLength: UInt64(output.count - indexStart))
    }
}
