// The memory of a tracee that does not run: pages that a test maps and fills, nothing elsewhere.

import Messages
import Personalities

/// Pages by their address. A read goes as far as pages are mapped, as the kernel's does.
struct FakeMemory: TraceeMemory {
    static let pageSize: UInt64 = 4096
    static let badAddress = 14

    private var pages: [UInt64: [UInt8]] = [:]

    /// Maps the pages that the bytes touch and puts the bytes there.
    mutating func write(_ address: UInt64, _ bytes: [UInt8]) {
        for (index, byte) in bytes.enumerated() {
            let at = address + UInt64(index)
            let page = at & ~(Self.pageSize - 1)
            pages[page, default: [UInt8](repeating: 0, count: Int(Self.pageSize))][Int(at - page)] = byte
        }
    }

    /// Writes text and the NUL that ends it.
    mutating func write(_ address: UInt64, text: String) { write(address, Array(text.utf8) + [0]) }

    /// Writes little-endian numbers of `width` bytes, one after the other.
    mutating func write(_ address: UInt64, numbers: [UInt64], width: Int) {
        write(address, numbers.flatMap { number in little(number, width) })
    }

    func read(_ address: UInt64, into buffer: UnsafeMutableRawBufferPointer) -> Int {
        var count = 0
        while count < buffer.count {
            let at = address &+ UInt64(count)
            let page = at & ~(Self.pageSize - 1)
            guard let bytes = pages[page] else { break }
            let start = Int(at - page)
            let length = min(buffer.count - count, bytes.count - start)
            for index in 0..<length { buffer[count + index] = bytes[start + index] }
            count += length
        }
        return count == 0 && !buffer.isEmpty ? -Self.badAddress : count
    }
}

/// The `width` lowest bytes of a number, the lowest first.
func little(_ number: UInt64, _ width: Int) -> [UInt8] {
    (0..<width).map { UInt8(truncatingIfNeeded: number >> UInt64($0 * 8)) }
}

/// One call from its entry to its end, through capture and decoder.
struct FakeCall {
    var memory = FakeMemory()
    let stop: Stop
    let capture = Capture()

    init(_ name: String, _ arguments: RawArguments, _ personality: Personality = .x86_64) {
        stop = Stop(
            personality: personality, number: SpecTables.number(of: name, personality) ?? UInt64.max,
            arguments: arguments)
    }

    /// The message as it is when the call is made.
    func enter() -> Message {
        var snapshot = Snapshot(stop: stop)
        capture.entry(&snapshot, memory: memory)
        return Decoder().entry(snapshot)
    }

    /// The message completed with what the kernel left in memory and in the result register.
    func leave(_ message: Message, result: Int64) -> Message {
        var snapshot = Snapshot(stop: stop)
        capture.exit(&snapshot, result: result, memory: memory)
        var completed = message
        Decoder().exit(&completed, snapshot, result: result)
        return completed
    }
}

extension Message {
    var values: [Value] { arguments.map(\.value) }

    /// The value of the argument of that name.
    func value(_ name: String) -> Value? { arguments.first { $0.name == name }?.value }
}

extension Value {
    /// Text of a path that is there whole.
    static func path(_ text: String) -> Value { .path(Bytes(Array(text.utf8), isText: true)) }

    /// Text that is there whole.
    static func text(_ text: String) -> Value { .bytes(Bytes(Array(text.utf8), isText: true)) }

    /// Bytes of which `total` were passed.
    static func data(_ text: String, total: UInt64? = nil) -> Value { .bytes(Bytes(Array(text.utf8), total: total)) }
}
