// The ring that the kernel's program writes and we read, mapped: its records are read where they lie.

import CBPF
import Glibc

/// A BPF ring buffer (Documentation/bpf/ringbuf.rst): a page with our position, a page with the kernel's, then the data.
/// The kernel shows the data twice, so that no record is cut by the end; each of its pages would count as ours twice.
/// It is mapped once, and a record that goes on at the beginning is put together elsewhere.
final class CallRing {
    let descriptor: Int32
    private let size: Int
    private let mine: UnsafeMutableRawPointer
    private let kernels: UnsafeMutableRawPointer
    private let data: UnsafeRawPointer
    private var whole: UnsafeMutableRawPointer?
    private var room = 0
    private var position: UInt
    /// What is known to be there.
    private var known: UInt

    private static let page = 4096
    /// BPF_RINGBUF_BUSY_BIT, BPF_RINGBUF_DISCARD_BIT and the size of a record's head (linux/bpf.h).
    private static let busy: UInt32 = 1 << 31, discarded: UInt32 = 1 << 30, headSize = 8

    init(_ descriptor: Int32, size: Int) throws(TraceError) {
        self.descriptor = descriptor
        self.size = size
        let mine = mmap(nil, Self.page, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0)
        guard let mine, mine != MAP_FAILED else { throw .kernelProgram("mapping its ring", errno: errno) }
        let kernels = mmap(nil, Self.page + size, PROT_READ, MAP_SHARED, descriptor, Self.page)
        guard let kernels, kernels != MAP_FAILED else {
            let failure = errno
            munmap(mine, Self.page)
            throw .kernelProgram("mapping its ring", errno: failure)
        }
        self.mine = mine
        self.kernels = kernels
        data = UnsafeRawPointer(kernels + Self.page)
        position = mine.load(as: UInt.self)
        known = position
    }

    deinit {
        munmap(mine, Self.page)
        munmap(kernels, Self.page + size)
        free(whole)
    }

    /// Where the kernel writes next: what a thread did before it stood still lies before that.
    var end: UInt { abitrace_acquire(kernels.assumingMemoryBound(to: UInt.self)) }

    /// The next record that is complete and begins before `limit`, nil where there is none. It stays until `pass`.
    @inline(__always)
    func first(before limit: UInt = .max) -> UnsafeRawPointer? {
        while true {
            if position == known {
                known = end
                if position == known { return nil }
            }
            if position >= limit { return nil }
            let place = Int(position & UInt(size - 1))
            let head = data + place
            let length = abitrace_acquire_length(head.assumingMemoryBound(to: UInt32.self))
            if length & Self.busy != 0 { return nil }
            if length & Self.discarded == 0 {
                return place + Self.headSize + Int(length) <= size ? head + Self.headSize : joined(place, Int(length))
            }
            pass(length)
        }
    }

    /// A record of which a part lies at the beginning.
    private func joined(_ place: Int, _ length: Int) -> UnsafeRawPointer? {
        if length > room {
            guard let more = realloc(whole, length) else { return nil }
            whole = more
            room = length
        }
        guard let whole else { return nil }
        let start = (place + Self.headSize) & (size - 1)
        let first = min(length, size - start)
        whole.copyMemory(from: data + start, byteCount: first)
        (whole + first).copyMemory(from: data, byteCount: length - first)
        return UnsafeRawPointer(whole)
    }

    /// Gives the first record's room back.
    @inline(__always)
    func pass() {
        pass((data + Int(position & UInt(size - 1))).load(as: UInt32.self))
    }

    @inline(__always)
    private func pass(_ length: UInt32) {
        let bytes = Int(length & ~(Self.busy | Self.discarded)) + Self.headSize
        position &+= UInt((bytes + 7) & ~7)
        abitrace_release(mine.assumingMemoryBound(to: UInt.self), position)
    }
}
