// What a recording must hold to: every event comes back as it was, and no file of any content does harm.

import Glibc
import Messages
import Testing

@testable import Recording

/// A file of its own in the temporary folder, gone with it.
private final class ScratchFile {
    let path: String

    init(_ content: [UInt8] = []) {
        var template = Array("/tmp/abitrace-recording-XXXXXX".utf8CString)
        let descriptor = mkstemp(&template)
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        close(descriptor)
        replace(content)
    }

    deinit { unlink(path) }

    func replace(_ content: [UInt8]) {
        let descriptor = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC)
        #expect(write(descriptor, content, content.count) == content.count)
        close(descriptor)
    }

    var content: [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        defer { close(descriptor) }
        var status = stat()
        fstat(descriptor, &status)
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        #expect(read(descriptor, &bytes, bytes.count) == bytes.count)
        return bytes
    }
}

private let topics = ["/life", "/fd", "/file"]

private func sampleRecords() -> [Record] {
    let happenings: [Happening] = [
        .started(parent: 0, attached: false), .started(parent: 7, attached: true), .entry,
        .exit(result: -2), .exit(result: .min), .exit(result: .max), .created(child: 12, how: .fork),
        .created(child: 13, how: .vfork), .created(child: 14, how: .clone), .executed(former: 15),
        .signal(SignalInfo(number: 11, code: -6, errno: 3, rest: Array(0..<112))),
        .signal(SignalInfo(number: 0)), .stopped(signal: 19), .continued, .exited(status: 255),
        .exited(status: -1), .killed(signal: 9, dumpedCore: false), .killed(signal: 11, dumpedCore: true),
        .detached,
    ]
    return happenings.enumerated().map { index, happening in
        var snapshot = Snapshot()
        var (call, operation) = ("", "")
        switch happening {
        case .entry, .exit:
            (call, operation) = ("openat", "file.open")
            snapshot.reset(
                to: Stop(
                    personality: index % 2 == 0 ? .i386 : .x86_64, number: 257,
                    arguments: RawArguments(.max, 0x7FFF_0000, 0, 1, 2, 3), instructionPointer: 0x40_1000))
            snapshot.add(address: 0x7FFF_0000, bytes: Array("/etc/passwd\0".utf8), wanted: 4096)
            snapshot.add(address: .max, bytes: [], wanted: 16, errno: EFAULT)
            snapshot.add(address: 0, bytes: [UInt8](repeating: 7, count: 200), wanted: 200)
        default: break
        }
        let event = Event(
            thread: Int32(100 + index), process: 100, time: 1_700_000_000_000_000_000 + Int64(index),
            id: index == 0 ? .max : UInt64(index), happening: happening)
        return Record(event: event, snapshot: snapshot, call: call, operation: operation)
    }
}

private func write(_ records: [Record], to path: String, flushEach: Bool = false) throws {
    let writer = try RecordingWriter(
        path: path, command: [Array("ls".utf8), [], Array("-l".utf8)], machine: [("kernel", "6.1=x\ny")],
        spec: "3", policy: [("effective", [1, 0, 255]), ("0 a.yaml", [10])], topics: topics)
    for (index, record) in records.enumerated() {
        try writer.append(
            record.event, snapshot: record.snapshot, call: record.call, operation: record.operation,
            topic: index % topics.count)
        if flushEach && index % 3 == 0 { try writer.flush() }
    }
    try writer.close()
}

/// Everything that a file yields, and how its reading ended.
private struct Reading {
    var records: [Record] = []
    var truncation: String?
    var error: RecordingError?
    var unknown: UInt64 = 0
    /// Whether nothing was said of what is missing.
    var isSilent: Bool { truncation == nil && error == nil && unknown == 0 }
}

private func read(_ path: String) -> Reading {
    var records: [Record] = []
    do {
        var reader = try RecordingReader(path: path)
        do {
            while let record = try reader.next() { records.append(record) }
            let after = try reader.next()
            #expect(after == nil)
            return Reading(records: records, truncation: reader.truncation, unknown: reader.unknownRecords)
        } catch {
            #expect((try? reader.next()) == .some(nil))
            return Reading(records: records, truncation: reader.truncation, error: error)
        }
    } catch {
        return Reading(records: records, error: error)
    }
}

@Suite struct RecordingTests {
    @Test(arguments: [false, true]) func everyHappeningComesBack(flushEach: Bool) throws {
        let file = ScratchFile()
        try write(sampleRecords(), to: file.path, flushEach: flushEach)
        let got = read(file.path)
        #expect(got.records == sampleRecords())
        #expect(got.truncation == nil)
        #expect(got.error == nil)
        let reader = try RecordingReader(path: file.path)
        #expect(reader.command == [Array("ls".utf8), [], Array("-l".utf8)])
        #expect(reader.machine.map(\.name) == ["kernel"])
        #expect(reader.machine.map(\.value) == ["6.1=x y"])
        #expect(reader.spec == "3")
        #expect(reader.policy.map(\.name) == ["effective", "0 a.yaml"])
        #expect(reader.policy.map(\.text) == [[1, 0, 255], [10]])
    }

    @Test func manyChunksComeBack() throws {
        let records = (0..<400).flatMap { _ in sampleRecords() }
        let file = ScratchFile()
        try write(records, to: file.path)
        #expect(read(file.path).records == records)
    }

    @Test func aRecordingOfNothingIsWhole() throws {
        let file = ScratchFile()
        try write([], to: file.path)
        let got = read(file.path)
        #expect(got.records.isEmpty && got.truncation == nil && got.error == nil)
    }

    @Test func aFileCutAnywhereYieldsAPrefix() throws {
        let file = ScratchFile()
        try write(sampleRecords(), to: file.path, flushEach: true)
        let whole = file.content
        let all = sampleRecords()
        var most = 0
        for length in 0..<whole.count {
            file.replace(Array(whole[..<length]))
            let got = read(file.path)
            #expect(got.records == Array(all.prefix(got.records.count)))
            #expect(got.records.count >= most, "a longer file yields no less")
            most = got.records.count
            if length < MCAPFormat.magic.count {
                #expect(got.error == .empty(path: file.path))
            } else {
                #expect(got.error == nil && got.truncation != nil, "cut at \(length)")
            }
        }
        #expect(most == all.count)
    }

    @Test func flippedBytesDoNoHarm() throws {
        let file = ScratchFile()
        try write(sampleRecords(), to: file.path, flushEach: true)
        let whole = file.content
        let all = sampleRecords()
        let masks: [UInt8] = [0x01, 0x80, 0xFF]
        for position in whole.indices {
            var bytes = whole
            bytes[position] ^= masks[position % masks.count]
            file.replace(bytes)
            let got = read(file.path)
            if got.records == all { continue }
            // A flip may hide a channel or a chunk, which is said; no record changes by one.
            #expect(!got.isSilent && got.records.count <= all.count, "flip at \(position)")
            #expect(got.records.allSatisfy(all.contains), "flip at \(position)")
        }
    }

    @Test func damageComesAfterEverythingBeforeIt() throws {
        let file = ScratchFile()
        try write(sampleRecords(), to: file.path, flushEach: true)
        var bytes = file.content
        // Each chunk's compressed bytes begin with zstd's magic, which nothing else in the file has.
        let zstdMagic: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD]
        let starts = bytes.indices.dropLast(4).filter { Array(bytes[$0..<$0 + 4]) == zstdMagic }
        let last = try #require(starts.last)
        bytes[last] ^= 0xFF
        file.replace(bytes)
        let got = read(file.path)
        // Chunks end after records 0, 3, 6, 9, 12, 15 and 18.
        #expect(got.records == Array(sampleRecords().prefix(16)))
        guard case .damaged(_, let offset, let what) = got.error else {
            Issue.record("no damage was found")
            return
        }
        #expect(offset > 0 && offset <= UInt64(last))
        #expect(what.contains("decompressed"))
    }

    @Test func aFullDiskIsAnError() throws {
        #expect(throws: RecordingError.write(path: "/dev/full", errno: ENOSPC)) {
            _ = try RecordingWriter(path: "/dev/full", command: [], machine: [])
        }
    }

    @Test func otherFilesAreRefused() throws {
        let file = ScratchFile(Array("#!/bin/sh\necho hello\n".utf8))
        #expect(read(file.path).error == .notARecording(path: file.path))
        file.replace([])
        #expect(read(file.path).error == .empty(path: file.path))
        file.replace([0x89, 0x4D, 0x43, 0x41, 0x50, 0x31, 0x0D, 0x0A])
        #expect(read(file.path).error == .newerVersion(path: file.path, version: "MCAP1"))
        #expect(read("/nonexistent/file").error == .cannotOpen(path: "/nonexistent/file", errno: ENOENT))
    }

    @Test func aSymbolicLinkIsNotWrittenThrough() throws {
        let file = ScratchFile()
        let link = file.path + ".link"
        #expect(symlink(file.path, link) == 0)
        defer { unlink(link) }
        #expect(throws: RecordingError.cannotOpen(path: link, errno: ELOOP)) {
            _ = try RecordingWriter(path: link, command: [], machine: [])
        }
    }

    @Test func anUnclosedRecordingHoldsWhatWasFlushed() throws {
        let file = ScratchFile()
        let records = sampleRecords()
        let writer = try RecordingWriter(path: file.path, command: [], machine: [], topics: topics)
        for record in records {
            try writer.append(
                record.event, snapshot: record.snapshot, call: record.call, operation: record.operation, topic: 0)
        }
        try writer.flush()
        let got = read(file.path)
        #expect(got.records == records)
        #expect(got.truncation != nil)
        try writer.close()
        #expect(read(file.path).truncation == nil)
    }

    @Test func checksumIsThatOfZlib() {
        Array("123456789".utf8).withUnsafeBytes { #expect(Checksum.crc32($0) == 0xCBF4_3926) }
    }
}

@Suite(.serialized) struct FullDiskTests {
    /// A file-size limit stands in for a full disk: the write stops part of the way.
    @Test func whatWasWrittenBeforeAFailureStaysReadable() throws {
        let file = ScratchFile()
        let records = sampleRecords()
        let child = OutputFileLimit(path: file.path)
        try child.run(records)
        let got = read(file.path)
        #expect(!got.records.isEmpty)
        #expect(got.records.count % records.count == 0)
        #expect(got.error == nil && got.truncation != nil)
    }
}

/// Writes until a limit on the file's size refuses. The limit is the process's: no test beside it writes as much.
private struct OutputFileLimit {
    let path: String

    func run(_ records: [Record]) throws {
        signal(SIGXFSZ, SIG_IGN)
        var before = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &before)
        var limit = rlimit(rlim_cur: 3_000_000, rlim_max: before.rlim_max)
        setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
        defer { setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &before) }
        let writer = try RecordingWriter(path: path, command: [], machine: [], topics: topics)
        var random = SystemRandomNumberGenerator()
        #expect(throws: RecordingError.write(path: path, errno: EFBIG)) {
            for _ in 0..<10_000 {
                for record in records {
                    var snapshot = record.snapshot
                    let noise = (0..<64).map { _ in UInt8.random(in: 0...255, using: &random) }
                    snapshot.add(address: 1, bytes: noise, wanted: 64)
                    try writer.append(
                        record.event, snapshot: snapshot, call: record.call, operation: record.operation, topic: 1)
                }
                try writer.flush()
            }
        }
        #expect(throws: RecordingError.self) { try writer.close() }
    }
}
