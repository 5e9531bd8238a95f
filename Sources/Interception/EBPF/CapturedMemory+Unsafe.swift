// A tracee's memory as far as the kernel's program brought it along.

import CBPF
import Glibc
import Messages
import Personalities

/// The pieces of one or two records as memory, so that the same walk reads them that reads a stopped tracee.
struct CapturedMemory: TraceeMemory {
    /// A record's pieces, one after the other.
    struct Pieces {
        let start: UnsafeRawPointer
        let count: Int

        @inline(__always)
        init(of record: UnsafeRawPointer) {
            start = record + MemoryLayout<abitrace_record>.size
            count = Int(record.assumingMemoryBound(to: abitrace_record.self).pointee.piece_count)
        }

        /// The bytes of the first piece of this address and phase.
        func first(_ address: UInt64, _ phase: abitrace_phase) -> UnsafeRawPointer? {
            var at = start
            for _ in 0..<count {
                let piece = at.assumingMemoryBound(to: abitrace_piece.self).pointee
                at += MemoryLayout<abitrace_piece>.size
                if piece.address == address && UInt32(piece.phase) == phase.rawValue { return at }
                at += (Int(piece.count) + 7) & ~7
            }
            return nil
        }
    }

    private let pieces: Pieces
    /// What was not there at first and is now.
    private let later: Pieces?
    private let phase: UInt8

    /// ENODATA: the record does not say what lies there.
    private static let notBrought = -Int(ENODATA)

    @inline(__always)
    init(_ record: UnsafeRawPointer, phase: UInt32, later: UnsafeRawPointer? = nil) {
        pieces = Pieces(of: record)
        self.later = later.map { Pieces(of: $0) }
        self.phase = UInt8(truncatingIfNeeded: phase)
    }

    func read(_ address: UInt64, into buffer: UnsafeMutableRawBufferPointer) -> Int {
        if buffer.count == 0 { return 0 }
        let got = read(pieces, address, buffer)
        guard got < 0, let later else { return got }
        let again = read(later, address, buffer)
        return again == Self.notBrought ? got : again
    }

    /// The piece that has most of what is asked for.
    private func read(_ pieces: Pieces, _ address: UInt64, _ buffer: UnsafeMutableRawBufferPointer) -> Int {
        var best: UnsafeRawPointer?
        var most = 0
        // Nobody maps the first page (mmap_min_addr, proc(5)).
        var failure = address < 4096 ? -Int(EFAULT) : Self.notBrought
        var at = pieces.start
        for _ in 0..<pieces.count {
            let piece = at.assumingMemoryBound(to: abitrace_piece.self).pointee
            let bytes = at + MemoryLayout<abitrace_piece>.size
            at = bytes + (Int(piece.count) + 7) & ~7
            guard piece.phase == phase, address >= piece.address else { continue }
            let skip = address - piece.address
            if skip < UInt64(piece.count) {
                let there = Int(piece.count) - Int(skip)
                if there > most {
                    most = there
                    best = bytes + Int(skip)
                    if most >= buffer.count { break }
                }
            } else if skip == UInt64(piece.count) && piece.error != 0 {
                failure = -Int(piece.error)
            }
        }
        guard let best else { return failure }
        let count = min(most, buffer.count)
        buffer.copyMemory(from: UnsafeRawBufferPointer(start: best, count: count))
        return count
    }
}
