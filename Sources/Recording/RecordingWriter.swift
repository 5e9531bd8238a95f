// The writer of recordings: records gather in a chunk, and full chunks go to a thread that writes them.

import Glibc
import Messages

/// Writes a recording. Not for use by several threads at once. Without `close`, what was not handed over is lost and
/// the file has no index; it reads all the same.
public final class RecordingWriter {
    /// The topics where none are given: life-cycle events alone.
    public static let defaultTopics = ["/life"]

    private let topicCount: Int
    private let file: ChunkFile
    private let queue: ChunkQueue
    private var chunk = Chunk()
    private var sequence: UInt32 = 0
    private var failure: RecordingError?
    /// How many chunks there were at the last `handOver`.
    private var settled: UInt64 = 0

    /// How much the file held the recorded program up. Nothing is ever dropped for it.
    public var backpressure: Backpressure { queue.pressure }

    /// Begins a recording at `path`, which "-" makes the standard output. A file that is there is replaced; a
    /// symbolic link is refused. `policy` is what the command was held to, in parts with names. `topics` names the
    /// channels that `append` counts, "/life" and one a class.
    /// `onThread` runs first on the thread that writes; there is none before the first chunk.
    public init(
        path: String, command: [[UInt8]], machine: [(String, String)], spec: String = "",
        policy: [(name: String, text: [UInt8])] = [], topics: [String] = RecordingWriter.defaultTopics,
        onThread: @escaping @Sendable () -> Void = {}
    ) throws(RecordingError) {
        precondition(topics.count <= Int(UInt16.max), "a recording has at most 65535 channels")
        topicCount = topics.count
        file = try ChunkFile(
            path: path, command: command, machine: machine, spec: spec, policy: policy, topics: topics)
        queue = ChunkQueue(file, onStart: onThread)
    }

    deinit { queue.end() }

    /// Adds a record to the channel `topic`, an index into the topics. It reaches the file with its chunk:
    /// when that is full, at `handOver`, `flush` or `close`. Allocates nothing once the buffers have grown. A `topic`
    /// that is none of the topics is a mistake of the caller and ends the program.
    /// - Throws: what an earlier chunk failed with, too: the file is written meanwhile.
    public func append(
        _ event: borrowing Event, snapshot: borrowing Snapshot, call: String, operation: String, topic: Int
    ) throws(RecordingError) {
        if let failure { throw failure }
        precondition(topic >= 0 && topic < topicCount, "the topic is not one of this recording")
        let decisions = snapshot.decisions.map(\.encoded)
        let bound = RawBuffer.bound(event, snapshot, call, operation, decisions)
        guard bound <= MCAPFormat.largestRecord else { throw .recordTooLarge(path: file.path, bytes: bound) }
        let channel = UInt16(truncatingIfNeeded: topic)
        let offset = chunk.records.count
        chunk.records.reserve(bound)
        chunk.records.put(
            event, snapshot, call: call, operation: operation, decisions: decisions, channel: channel,
            sequence: sequence)
        sequence &+= 1
        chunk.entries.append(
            IndexEntry(time: UInt64(max(0, event.time)), offset: UInt64(offset), channel: channel))
        if chunk.records.count >= MCAPFormat.chunkTarget { try exchange() }
    }

    /// Sends what has gathered on its way to the file, and waits for what the call before this one sent. A caller
    /// that does this every T has in the file, at any time, all that is older than 2 T.
    public func handOver() throws(RecordingError) {
        if let failure { throw failure }
        if !chunk.entries.isEmpty { try exchange(settled: settled) }
        settled = queue.count
    }

    /// Writes out what has gathered, so that it outlives this process. After a failed write the recording
    /// takes no more records, and what it holds stays readable.
    public func flush() throws(RecordingError) {
        if let failure { throw failure }
        if !chunk.entries.isEmpty { try exchange() }
        do throws(RecordingError) {
            try queue.settle()
        } catch {
            failure = error
            throw error
        }
    }

    /// Writes out what has gathered, the summary and the footer, and closes the file. A second call does
    /// nothing but repeat the failure, if there was one; `append` throws from then on.
    public func close() throws(RecordingError) {
        if case .closed? = failure { return }
        do throws(RecordingError) {
            try flush()
            queue.end()
            try file.close(queue.pressure)
        } catch {
            failure = error
            queue.end()
            file.abandon()
            throw error
        }
        failure = .closed(path: file.path)
    }

    private func exchange(settled: UInt64 = 0) throws(RecordingError) {
        do throws(RecordingError) {
            chunk = try queue.exchange(chunk, settled: settled)
        } catch {
            failure = error
            throw error
        }
    }
}
