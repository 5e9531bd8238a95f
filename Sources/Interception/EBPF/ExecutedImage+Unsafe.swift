// The path and the arguments of an exec as the kernel has copied them, where the caller's pages were not there.

import CBPF

/// What a record of a new image tells.
struct ExecutedImage {
    private var path: [UInt8] = []
    private var arguments: [ArraySlice<UInt8>] = []

    init(_ record: [UInt8]) {
        for piece in Self.pieces(record) {
            if piece.head.instruction == 0 {
                path = Array(piece.bytes)
            } else {
                // Each text keeps its NUL, as in the caller's memory.
                var rest = piece.bytes
                while let end = rest.firstIndex(of: 0) {
                    arguments.append(rest[...end])
                    rest = rest[(end + 1)...]
                }
            }
        }
    }

    /// A record whose pieces are what is missing in the entry of the exec.
    func completing(_ entry: [UInt8]) -> [UInt8] {
        let size = MemoryLayout<abitrace_record>.size
        var head = entry.withUnsafeBytes { $0.loadUnaligned(as: abitrace_record.self) }
        var later: [UInt8] = []
        var count: UInt8 = 0
        func add(_ address: UInt64, _ bytes: some Collection<UInt8>) {
            var piece = abitrace_piece()
            piece.address = address
            piece.count = UInt32(bytes.count)
            piece.phase = UInt8(ABITRACE_AT_ENTRY.rawValue)
            withUnsafeBytes(of: &piece) { later += $0 }
            later += bytes
            later += repeatElement(0, count: -bytes.count & 7)
            count += 1
        }
        let isPlain = head.number == (head.personality == 0 ? 59 : 11)
        // execveat's path may be one that the kernel made up.
        if isPlain && !path.isEmpty { add(head.arguments.0, path) }
        let list = isPlain ? head.arguments.1 : head.arguments.2
        let word = head.personality == 0 ? 8 : 4
        if let pointers = Self.pieces(entry).first(where: { $0.head.address == list })?.bytes {
            for (index, text) in arguments.enumerated() where count < 200 {
                let at = pointers.startIndex + index * word
                guard at + word <= pointers.endIndex else { break }
                add(pointers[at..<at + word].reversed().reduce(0) { $0 << 8 | UInt64($1) }, text)
            }
        }
        head.piece_count = count
        head.pieces = UInt32(later.count)
        var record = [UInt8](repeating: 0, count: size)
        record.withUnsafeMutableBytes { $0.storeBytes(of: head, as: abitrace_record.self) }
        return record + later
    }

    private static func pieces(_ record: [UInt8]) -> [(head: abitrace_piece, bytes: ArraySlice<UInt8>)] {
        guard record.count >= MemoryLayout<abitrace_record>.size else { return [] }
        let head = record.withUnsafeBytes { $0.loadUnaligned(as: abitrace_record.self) }
        var at = MemoryLayout<abitrace_record>.size
        return (0..<Int(head.piece_count)).map { _ in
            let piece = record.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: at, as: abitrace_piece.self) }
            let start = at + MemoryLayout<abitrace_piece>.size
            at = start + (Int(piece.count) + 7) & ~7
            return (piece, record[start..<start + Int(piece.count)])
        }
    }
}
