// Chunks on their way to the file: filled by one thread, compressed and written by another, within bounds.

import Glibc

/// How often and how long records had to wait because the file took chunks more slowly than they came.
public struct Backpressure: Equatable, Sendable {
    public var waits: UInt64 = 0
    public var nanoseconds: UInt64 = 0
}

/// Hands full chunks to a thread that writes them, and gets empty ones back.
///
/// Memory is bounded: where all chunks are full, or a few of them hold too much, whoever fills them waits, and that
/// is counted. Nothing is dropped, except after a write has failed.
final class ChunkQueue: @unchecked Sendable {
    /// How many chunks there are, and how many bytes may wait in them.
    private static let most = 8
    private static let limit = 64 << 20

    private let monitor = Monitor()
    private let file: ChunkFile
    /// Called on the thread before anything else.
    private let onStart: @Sendable () -> Void
    private var thread: QuietThread?

    // What follows is the monitor's.
    private var empty: [Chunk] = []
    private var full: [Chunk] = []
    private var made = 1
    private var waitingBytes = 0
    /// How many chunks were handed over, and how many of those are done with.
    private var handedOver: UInt64 = 0
    private var finished: UInt64 = 0
    private var isEnding = false
    private var failure: RecordingError?
    private(set) var pressure = Backpressure()

    init(_ file: ChunkFile, onStart: @escaping @Sendable () -> Void) {
        self.file = file
        self.onStart = onStart
        empty.reserveCapacity(Self.most)
        full.reserveCapacity(Self.most)
    }

    /// Hands a chunk over and answers an empty one; waits while there is none. Of chunks handed over before, all up
    /// to `settled` are in the file then.
    func exchange(_ chunk: Chunk, settled: UInt64 = 0) throws(RecordingError) -> Chunk {
        try start()
        let (next, failure) = monitor.locked {
            full.append(chunk)
            handedOver += 1
            waitingBytes += chunk.records.count
            monitor.change()
            if isHeldUp(settled) { waitCounted(settled) }
            return (self.failure == nil ? empty.popLast() ?? made(1) : chunk, self.failure)
        }
        if let failure { throw failure }
        return next
    }

    /// How many chunks were handed over.
    var count: UInt64 { monitor.locked { handedOver } }

    /// Waits until all that was handed over is in the file.
    func settle() throws(RecordingError) {
        let failure = monitor.locked {
            while finished < handedOver { monitor.wait() }
            return self.failure
        }
        if let failure { throw failure }
    }

    /// Waits for the thread to write what it has, and to end. What is in the file is the caller's from then on.
    func end() {
        monitor.locked {
            isEnding = true
            monitor.change()
        }
        thread?.join()
        thread = nil
    }

    // MARK: Parts

    /// The thread begins with the first chunk: whoever forks before that keeps a process of one thread.
    private func start() throws(RecordingError) {
        guard thread == nil else { return }
        var error: Int32 = 0
        guard let thread = QuietThread(error: &error, { [self] in run() }) else {
            throw .write(path: file.path, errno: error)
        }
        self.thread = thread
    }

    private func made(_ count: Int) -> Chunk {
        made += count
        return Chunk()
    }

    private func isHeldUp(_ settled: UInt64) -> Bool {
        guard failure == nil else { return false }
        return (empty.isEmpty && made >= Self.most) || (waitingBytes > Self.limit && finished < handedOver)
            || finished < settled
    }

    private func waitCounted(_ settled: UInt64) {
        let begin = Self.now()
        while isHeldUp(settled) { monitor.wait() }
        pressure.waits += 1
        pressure.nanoseconds += Self.now() - begin
    }

    private static func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
    }

    private func run() {
        onStart()
        while let (chunk, isLost) = next() {
            var problem: RecordingError?
            if !isLost {
                do throws(RecordingError) { try file.write(chunk) } catch { problem = error }
            }
            let size = chunk.records.count
            chunk.reset()
            monitor.locked {
                if failure == nil { failure = problem }
                waitingBytes -= size
                finished += 1
                empty.append(chunk)
                monitor.change()
            }
        }
    }

    /// The oldest full chunk, and whether it cannot be kept; nil when there is none and none will come.
    private func next() -> (Chunk, isLost: Bool)? {
        monitor.locked {
            while full.isEmpty && !isEnding { monitor.wait() }
            return full.isEmpty ? nil : (full.removeFirst(), failure != nil)
        }
    }
}
