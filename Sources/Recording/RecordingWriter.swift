// The writer of recordings: records gather in a chunk, and chunks go to the file whole, with their index.

import CZstd
import Glibc
import Messages

/// Writes a recording. Not for use by several threads at once. Without `close`, what gathered since the last
/// `flush` is lost and the file has no index; it reads all the same.
public final class RecordingWriter {
    /// The topics where none are given: life-cycle events alone.
    public static let defaultTopics = ["/life"]

    private let topics: [String]
    private let compressor: OpaquePointer
    private var file: OutputFile
    private var chunk = RawBuffer(capacity: MCAPFormat.chunkTarget + (64 << 10))
    /// One `IndexEntry` for each message in the chunk.
    private var entries: [IndexEntry] = []
    /// What goes to the file next.
    private var output = RawBuffer(capacity: MCAPFormat.chunkTarget)
    private var summary: Summary
    private var sequence: UInt32 = 0
    private var failure: RecordingError?

    /// Begins a recording at `path`, which "-" makes the standard output. A file that is there is replaced; a
    /// symbolic link is refused. `topics` names the channels that `append` counts, "/life" and one a class.
    public init(
        path: String, command: [[UInt8]], machine: [(String, String)], spec: String = "", policy: [UInt8] = [],
        topics: [String] = RecordingWriter.defaultTopics
    ) throws(RecordingError) {
        precondition(topics.count <= Int(UInt16.max), "a recording has at most 65535 channels")
        guard let compressor = ZSTD_createCCtx() else {
            throw .compression(path: path, reason: "no memory for the compressor")
        }
        self.compressor = compressor
        self.topics = topics
        summary = Summary(channels: topics.count)
        do {
            file = try OutputFile(path: path)
        } catch {
            _ = ZSTD_freeCCtx(compressor)
            throw error
        }
        ZSTD_CCtx_setParameter(compressor, ZSTD_c_compressionLevel, 1)
        entries.reserveCapacity(MCAPFormat.chunkTarget / 64)
        try begin(command: command, machine: machine, spec: spec, policy: policy)
    }

    deinit { _ = ZSTD_freeCCtx(compressor) }

    /// Adds a record to the channel `topic`, an index into the topics. It reaches the file with its chunk:
    /// when that is full, at `flush` or at `close`. Allocates nothing once the buffers have grown. A `topic` that
    /// is none of the topics is a mistake of the caller and ends the program.
    public func append(
        _ event: Event, snapshot: Snapshot, call: String, operation: String, topic: Int
    ) throws(RecordingError) {
        if let failure { throw failure }
        precondition(topics.indices.contains(topic), "the topic is not one of this recording")
        let bound = RawBuffer.bound(event, snapshot, call, operation)
        guard bound <= MCAPFormat.largestRecord else { throw .recordTooLarge(path: file.path, bytes: bound) }
        let offset = chunk.count
        chunk.reserve(bound)
        chunk.put(
            event, snapshot, call: call, operation: operation, channel: UInt16(truncatingIfNeeded: topic),
            sequence: sequence)
        sequence &+= 1
        entries.append(
            IndexEntry(
                time: UInt64(max(0, event.time)), offset: UInt64(offset),
                channel: UInt16(truncatingIfNeeded: topic)))
        if chunk.count >= MCAPFormat.chunkTarget { try flush() }
    }

    /// Writes out what has gathered, so that it outlives this process. After a failed write the recording
    /// takes no more records, and what it holds stays readable.
    public func flush() throws(RecordingError) {
        if let failure { throw failure }
        guard !entries.isEmpty else { return }
        output.reset()
        do {
            declareChannels()
            try compressChunk()
            try file.write(output.bytes)
        } catch {
            failure = error
            throw error
        }
        chunk.reset()
        entries.removeAll(keepingCapacity: true)
    }

    /// Writes out what has gathered, the summary and the footer, and closes the file. A second call does
    /// nothing but repeat the failure, if there was one; `append` throws from then on.
    public func close() throws(RecordingError) {
        if let failure {
            if case .closed = failure { return }
            try? file.close()
            throw failure
        }
        try flush()
        output.reset()
        output.appendSummary(summary, topics: topics, fileLength: file.length)
        do {
            try file.write(output.bytes)
            try file.close()
        } catch {
            failure = error
            try? file.close()
            throw error
        }
        failure = .closed(path: file.path)
    }

    // MARK: Parts

    /// The start of the file, written at once so that even a killed writer leaves its attachments.
    private func begin(
        command: [[UInt8]], machine: [(String, String)], spec: String, policy: [UInt8]
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
        if !policy.isEmpty { attach(AttachmentName.policy, "text/plain", policy, time) }
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
    private func declareChannels() {
        for entry in entries where !summary.isDeclared[Int(entry.channel)] {
            if summary.declared.isEmpty { output.appendSchema() }
            output.appendChannel(entry.channel, topic: topics[Int(entry.channel)])
            summary.isDeclared[Int(entry.channel)] = true
            summary.declared.append(entry.channel)
        }
    }

    /// Appends the chunk and its message indexes to `output`, and its index to the summary.
    private func compressChunk() throws(RecordingError) {
        var earliest = UInt64.max
        var latest: UInt64 = 0
        for entry in entries {
            earliest = min(earliest, entry.time)
            latest = max(latest, entry.time)
        }
        let chunkOffset = file.length + UInt64(output.count)
        let start = output.begin(MCAPOpcode.chunk)
        output.append(earliest)
        output.append(latest)
        output.append(UInt64(chunk.count))
        output.append(Checksum.crc32(chunk.bytes))
        output.append(string: MCAPFormat.compression)
        output.append(UInt64(0))
        let records = output.count
        output.reserve(ZSTD_compressBound(chunk.count))
        let room = output.free
        let size = ZSTD_compress2(compressor, room.baseAddress, room.count, chunk.bytes.baseAddress, chunk.count)
        guard ZSTD_isError(size) == 0 else {
            throw .compression(path: file.path, reason: String(cString: ZSTD_getErrorName(size)))
        }
        output.commit(size)
        output.overwrite(UInt64(size), at: records - 8)
        output.end(start)
        let length = file.length + UInt64(output.count) - chunkOffset
        appendMessageIndexes(
            ChunkEntry(
                earliest: earliest, latest: latest, offset: chunkOffset, length: length,
                compressed: UInt64(size), uncompressed: UInt64(chunk.count)))
    }

    private func appendMessageIndexes(_ entry: ChunkEntry) {
        let indexStart = output.count
        let head = summary.beginChunkIndex(entry)
        for channel in summary.declared {
            let recordOffset = file.length + UInt64(output.count)
            let before = output.count
            let start = output.begin(MCAPOpcode.messageIndex)
            output.append(channel)
            output.append(UInt32(0))
            output.reserve(16 * entries.count)
            var found = 0
            for message in entries where message.channel == channel {
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
