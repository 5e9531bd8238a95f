// The reader of recordings: records in file order, without the index, so that a killed writer's file reads too.

import CZstd
import Messages

/// Reads a recording from its start. What it holds before a cut or damage is yielded first. Copies share their place
/// in the file: keep one.
public struct RecordingReader {
    /// The command that was recorded.
    public private(set) var command: [[UInt8]] = []
    /// What the machine was, by name.
    public private(set) var machine: [(name: String, value: String)] = []
    /// The version of the spec that the recording's names come from.
    public private(set) var spec = ""
    /// What the command was held to, in parts with names; empty where that was nothing.
    public private(set) var policy: [(name: String, text: [UInt8])] = []
    /// Where and how the recording was cut off, nil where it is whole. Known once `next` answered nil.
    public private(set) var truncation: String?
    /// How many records were passed over because a newer writer recorded what this version has no word for.
    public private(set) var unknownRecords: UInt64 = 0

    let file: InputFile
    /// The chunks as the index names them, once somebody asked.
    var knownIndex: [IndexedChunk]?
    private let content = HeldBuffer(capacity: 4096)
    private var contentOffset: UInt64 = 0
    private let chunk = HeldBuffer(capacity: 64)
    private var chunkOffset: UInt64 = 0
    private var chunkPosition = 0
    /// An MCAP record that was read by `init` and is for `next` to handle.
    private var pending: UInt8?
    private var failure: RecordingError?
    private var isFinished = false
    private var dataEnded = false
    /// What was found since the start; nil once the place in the file changed.
    private var found: (messages: UInt64, attachments: UInt32)? = (0, 0)
    private var schemas: Set<UInt16> = []
    /// Whether a channel holds our records.
    private var channels: [UInt16: Bool] = [:]

    private enum Step {
        case record
        case more
        case end
    }

    /// Opens the recording at `path`, which "-" makes the standard input, and reads its attachments.
    public init(path: String) throws(RecordingError) {
        file = try InputFile(path: path)
        try readMagic()
        guard let opcode = try readFrame() else {
            // The writer was killed between its first bytes: a recording of nothing.
            isFinished = true
            return
        }
        guard opcode == MCAPOpcode.header else { throw .notARecording(path: path) }
        try readHeader()
        do {
            while true {
                guard let opcode = try readFrame() else {
                    isFinished = true
                    return
                }
                guard opcode == MCAPOpcode.attachment else {
                    pending = opcode
                    return
                }
                try readAttachment()
            }
        } catch {
            // Opening still succeeds: what the attachments before the damage say is of use.
            failure = error
        }
    }

    /// The next record, nil at the end or where the recording was cut off; `truncation` tells which. Damage
    /// throws once, after every record before it.
    public mutating func next() throws(RecordingError) -> Record? {
        var record = Record.none
        return try next(into: &record) ? record : nil
    }

    /// Puts the next record into `record`, whose storage is used again; false where there is none.
    public mutating func next(into record: inout Record) throws(RecordingError) -> Bool {
        if let failure, !isFinished {
            isFinished = true
            throw failure
        }
        while !isFinished {
            do {
                switch chunkPosition < chunk.buffer.count ? try stepInChunk(&record) : try step(&record) {
                case .record: return true
                case .more: continue
                case .end: isFinished = true
                }
            } catch {
                isFinished = true
                throw error
            }
        }
        return false
    }

    /// What was read ahead is not what comes next: the place in the file has changed.
    mutating func forgetPlace() {
        pending = nil
        chunk.buffer.reset()
        chunkPosition = 0
        isFinished = false
        dataEnded = false
        found = nil
    }

    // MARK: The file

    private mutating func readMagic() throws(RecordingError) {
        let room = UnsafeMutableRawBufferPointer(rebasing: content.buffer.free[..<MCAPFormat.magic.count])
        let got = try file.read(into: room)
        var magic = Array(room[..<got])
        if got == 0 { throw .empty(path: file.path) }
        guard got == MCAPFormat.magic.count else {
            throw MCAPFormat.magic.starts(with: magic)
                ? .empty(path: file.path) : .notARecording(path: file.path)
        }
        guard magic != MCAPFormat.magic else { return }
        let digit = magic[MCAPFormat.magicVersionIndex]
        magic[MCAPFormat.magicVersionIndex] = MCAPFormat.magic[MCAPFormat.magicVersionIndex]
        guard magic == MCAPFormat.magic, (0x31...0x39).contains(digit) else {
            throw .notARecording(path: file.path)
        }
        throw .newerVersion(path: file.path, version: "MCAP\(digit - 0x30)")
    }

    /// Reads one MCAP record into `content` and answers its opcode; nil, with `truncation` set, at a cut.
    private mutating func readFrame() throws(RecordingError) -> UInt8? {
        let frameOffset = file.position
        content.buffer.reset()
        let head = UnsafeMutableRawBufferPointer(rebasing: content.buffer.free[..<MCAPFormat.frameSize])
        guard try file.read(into: head) == MCAPFormat.frameSize else {
            cut(at: frameOffset)
            return nil
        }
        let opcode = head[0]
        let length = UInt64(littleEndian: head.loadUnaligned(fromByteOffset: 1, as: UInt64.self))
        guard opcode != 0 else { throw damage(frameOffset, "there is no record where one should begin") }
        guard length <= UInt64(MCAPFormat.largestContent) else {
            throw damage(frameOffset, "a piece claims \(length) bytes, more than any writer leaves")
        }
        if file.isShort(of: length) {
            if file.endsWhole { throw damage(frameOffset, "a piece claims \(length) bytes, more than the file has") }
            cut(at: frameOffset)
            return nil
        }
        content.buffer.reserve(Int(length))
        contentOffset = file.position
        let room = UnsafeMutableRawBufferPointer(rebasing: content.buffer.free[..<Int(length)])
        guard try file.read(into: room) == room.count else {
            cut(at: frameOffset)
            return nil
        }
        content.buffer.commit(room.count)
        return opcode
    }

    private mutating func cut(at offset: UInt64) {
        let rest =
            dataEnded ? "all its records are there, its index is not" : "everything before that is whole"
        truncation = "the recording is cut off at byte \(offset), where its writer ended early; \(rest)"
    }

    private func damage(_ offset: UInt64, _ what: String) -> RecordingError {
        .damaged(path: file.path, offset: offset, what: what)
    }

    /// Reads fields of `content` by `body`, and says where in the file its damage is.
    private func parse<Result>(
        _ body: (inout ContentReader) throws(FormatDamage) -> Result
    ) throws(RecordingError) -> Result {
        var reader = ContentReader(content.buffer.bytes)
        do {
            return try body(&reader)
        } catch {
            throw damage(contentOffset + UInt64(error.offset), error.what)
        }
    }

    // MARK: Pieces

    private mutating func step(_ record: inout Record) throws(RecordingError) -> Step {
        var next = pending
        pending = nil
        if next == nil { next = try readFrame() }
        guard let opcode = next else { return .end }
        switch opcode {
        case MCAPOpcode.schema: try readSchema(ContentReader(content.buffer.bytes), contentOffset)
        case MCAPOpcode.channel: try readChannel(ContentReader(content.buffer.bytes), contentOffset)
        case MCAPOpcode.attachment: try readAttachment()
        case MCAPOpcode.chunk: try readChunk()
        case MCAPOpcode.message: return try readMessage(content.buffer.bytes, contentOffset, &record)
        case MCAPOpcode.dataEnd: dataEnded = true
        case MCAPOpcode.statistics: try compareCounts()
        case MCAPOpcode.footer:
            try readEnd()
            return .end
        default: break
        }
        return .more
    }

    private func readHeader() throws(RecordingError) {
        let (profile, library) = try parse { reader throws(FormatDamage) in
            (try reader.string(), try reader.string())
        }
        guard profile == MCAPFormat.profile else { throw .notARecording(path: file.path) }
        guard library.hasPrefix(MCAPFormat.libraryPrefix) else { return }
        let version = String(library.dropFirst(MCAPFormat.libraryPrefix.count))
        // What is not a number comes from another tool, or from damage that the records will show.
        if let number = Int(version), number > MCAPFormat.version {
            throw .newerVersion(path: file.path, version: version)
        }
    }

    private mutating func readAttachment() throws(RecordingError) {
        let (name, data) = try parse { reader throws(FormatDamage) in
            _ = try reader.number(UInt64.self)
            _ = try reader.number(UInt64.self)
            let name = try reader.string()
            _ = try reader.string()
            let data = try reader.take(try reader.number(UInt64.self))
            let end = reader.position
            let crc = try reader.number(UInt32.self)
            let covered = UnsafeRawBufferPointer(rebasing: content.buffer.bytes[..<end])
            guard crc == 0 || crc == Checksum.crc32(covered) else {
                throw FormatDamage(offset: end, what: "the checksum of the attachment '\(name)' does not match")
            }
            return (name, Array(data))
        }
        found?.attachments += 1
        switch name {
        case AttachmentName.command:
            command =
                data.isEmpty
                ? [] : data.split(separator: 0, omittingEmptySubsequences: false).map { Array($0) }
        case AttachmentName.machine:
            machine = data.split(separator: UInt8(ascii: "\n")).map { line in
                let parts = line.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
                let value = parts.count > 1 ? String(decoding: parts[1], as: UTF8.self) : ""
                return (String(decoding: parts[0], as: UTF8.self), value)
            }
        case AttachmentName.spec: spec = String(decoding: data, as: UTF8.self)
        case let name where name.hasPrefix(AttachmentName.policyPrefix):
            policy.append((String(name.dropFirst(AttachmentName.policyPrefix.count)), data))
        default: break
        }
    }

    mutating func readSchema(_ fields: ContentReader, _ offset: UInt64) throws(RecordingError) {
        var reader = fields
        do {
            let identifier = try reader.number(UInt16.self)
            let name = try reader.string()
            let encoding = try reader.string()
            if name == Schema.name && encoding == MCAPFormat.encoding { schemas.insert(identifier) }
        } catch {
            throw damage(offset + UInt64(error.offset), error.what)
        }
    }

    mutating func readChannel(_ fields: ContentReader, _ offset: UInt64) throws(RecordingError) {
        var reader = fields
        do {
            let identifier = try reader.number(UInt16.self)
            let schema = try reader.number(UInt16.self)
            _ = try reader.string()
            let encoding = try reader.string()
            channels[identifier] = schemas.contains(schema) && encoding == MCAPFormat.encoding
        } catch {
            throw damage(offset + UInt64(error.offset), error.what)
        }
    }

    private mutating func readChunk() throws(RecordingError) {
        let (size, crc, compression, records) = try parse { reader throws(FormatDamage) in
            _ = try reader.number(UInt64.self)
            _ = try reader.number(UInt64.self)
            let size = try reader.number(UInt64.self)
            let crc = try reader.number(UInt32.self)
            let compression = try reader.string()
            return (size, crc, compression, try reader.take(try reader.number(UInt64.self)))
        }
        guard size <= UInt64(MCAPFormat.largestContent) else {
            throw damage(contentOffset, "a chunk claims \(size) bytes, more than any writer leaves")
        }
        chunk.buffer.reset()
        chunkPosition = 0
        chunkOffset = contentOffset
        chunk.buffer.reserve(Int(size))
        switch compression {
        case "":
            guard records.count == Int(size) else { throw damage(contentOffset, "a chunk has the wrong size") }
            chunk.buffer.put(raw: records)
        case MCAPFormat.compression:
            let room = chunk.buffer.free
            let got = ZSTD_decompress(room.baseAddress, Int(size), records.baseAddress, records.count)
            guard ZSTD_isError(got) == 0 else {
                let reason = String(cString: ZSTD_getErrorName(got))
                throw damage(contentOffset, "a chunk cannot be decompressed: \(reason)")
            }
            guard got == Int(size) else { throw damage(contentOffset, "a chunk has the wrong size") }
            chunk.buffer.commit(got)
        default: throw damage(contentOffset, "a chunk has the unknown compression '\(compression)'")
        }
        guard crc == 0 || crc == Checksum.crc32(chunk.buffer.bytes) else {
            chunk.buffer.reset()
            throw damage(contentOffset, "the checksum of a chunk does not match")
        }
    }

    private mutating func stepInChunk(_ record: inout Record) throws(RecordingError) -> Step {
        let all = chunk.buffer.bytes
        var reader = ContentReader(UnsafeRawBufferPointer(rebasing: all[chunkPosition...]))
        let opcode: UInt8
        let inner: UnsafeRawBufferPointer
        do {
            opcode = try reader.number(UInt8.self)
            inner = try reader.take(try reader.number(UInt64.self))
        } catch {
            throw damage(chunkOffset, "in a chunk, \(error.what)")
        }
        chunkPosition += reader.position
        switch opcode {
        case MCAPOpcode.message: return try readMessage(inner, chunkOffset, &record)
        case MCAPOpcode.schema: try readSchema(ContentReader(inner), chunkOffset)
        case MCAPOpcode.channel: try readChannel(ContentReader(inner), chunkOffset)
        default: break
        }
        return .more
    }

    private mutating func readMessage(
        _ bytes: UnsafeRawBufferPointer, _ offset: UInt64, _ record: inout Record
    ) throws(RecordingError) -> Step {
        guard bytes.count >= MCAPFormat.messageHeadSize else { throw damage(offset, "a record is cut off") }
        let channel = UInt16(littleEndian: bytes.loadUnaligned(as: UInt16.self))
        guard let isOurs = channels[channel] else {
            throw damage(offset, "a record belongs to the channel \(channel), which was not declared")
        }
        found?.messages += 1
        guard isOurs else {
            unknownRecords += 1
            return .more
        }
        let payload = UnsafeRawBufferPointer(rebasing: bytes[MCAPFormat.messageHeadSize...])
        do {
            if try RecordDecoder.decode(payload, into: &record) { return .record }
        } catch {
            throw damage(offset, "in a record, \(error.what)")
        }
        unknownRecords += 1
        return .more
    }

    /// A piece whose kind is damaged is passed over as one that a newer writer left: what the writer counted tells.
    private func compareCounts() throws(RecordingError) {
        guard let found else { return }
        let (messages, attachments) = try parse { reader throws(FormatDamage) in
            let messages = try reader.number(UInt64.self)
            _ = try reader.take(UInt64(MemoryLayout<UInt16>.size + MemoryLayout<UInt32>.size))
            return (messages, try reader.number(UInt32.self))
        }
        guard messages == found.messages && attachments == found.attachments else {
            throw damage(
                contentOffset,
                """
                its writer counted \(messages) records and \(attachments) attachments, and \(found.messages) and \
                \(found.attachments) are there: a piece of it is damaged
                """)
        }
    }

    /// The magic after the footer, which closes a whole file.
    private mutating func readEnd() throws(RecordingError) {
        let offset = file.position
        content.buffer.reset()
        let room = UnsafeMutableRawBufferPointer(rebasing: content.buffer.free[..<MCAPFormat.magic.count])
        guard try file.read(into: room) == room.count else { return cut(at: offset) }
        guard room.elementsEqual(MCAPFormat.magic) else { throw damage(offset, "the closing mark is wrong") }
    }
}

/// A buffer with a place of its own, since a struct whose initializer throws cannot hold one.
private final class HeldBuffer {
    var buffer: RawBuffer

    init(capacity: Int) { buffer = RawBuffer(capacity: capacity) }
}
