// The spec's sample calls: registers and memory in, the line out.

import Messages
import Personalities
import Testing

@testable import Rendering

/// A sample call as the generator writes it.
struct SpecCase: CustomTestStringConvertible, Sendable {
    let place: String
    let call: String
    let personality: Personality
    let operation: String
    let line: String
    let setup: String

    var testDescription: String { "\(place) \(call)" }
}

/// What the setup of a case says: registers and memory before and after.
private struct CaseSetup: TraceeMemory {
    var arguments = RawArguments()
    /// Nil where the call does not return.
    var result: Int64?
    /// Blocks by address, as they are at the entry and when the call is done.
    private var before: [UInt64: [UInt8]] = [:]
    private var after: [UInt64: [UInt8]] = [:]
    var isDone = false
    private var next: UInt64 = 0x10000
    private var rest: Substring

    init?(_ text: String) {
        rest = Substring(text)
        while let word = skip(), word != "-" {
            guard let register = register(), value(register, isAfter: false) else { return nil }
        }
        guard rest.hasPrefix("->") else { return nil }
        rest = rest.dropFirst(2)
        guard skip() != nil else { return nil }
        if rest.hasPrefix("?") { rest = rest.dropFirst() } else { result = number().map { Int64(bitPattern: $0) } }
        while skip() != nil {
            guard let register = register(), value(register, isAfter: true) else { return nil }
        }
    }

    /// The next character after blanks.
    private mutating func skip() -> Character? {
        while rest.first == " " { rest = rest.dropFirst() }
        return rest.first
    }

    private mutating func word() -> String {
        _ = skip()
        let word = rest.prefix { $0 != " " && $0 != "}" }
        rest = rest.dropFirst(word.count)
        return String(word)
    }

    private mutating func number() -> UInt64? {
        let text = word()
        if text.hasPrefix("0x") { return UInt64(text.dropFirst(2), radix: 16) }
        if text.hasPrefix("0o") { return UInt64(text.dropFirst(2), radix: 8) }
        return Int64(text).map { UInt64(bitPattern: $0) }
    }

    /// `a0=`
    private mutating func register() -> Int? {
        guard rest.first == "a", let digit = rest.dropFirst().first?.wholeNumberValue, digit < 6,
            rest.dropFirst(2).first == "="
        else { return nil }
        rest = rest.dropFirst(3)
        return digit
    }

    /// A number, or memory whose address the register gets; after the call, memory where the register points to.
    private mutating func value(_ register: Int, isAfter: Bool) -> Bool {
        guard let first = skip() else { return false }
        if first != "\"" && first != "{" {
            guard !isAfter, let number = number() else { return false }
            arguments[register] = number
            return true
        }
        guard let bytes = bytes(isAfter) else { return false }
        if arguments[register] == 0 { arguments[register] = place() }
        if isAfter { after[arguments[register]] = bytes } else { before[arguments[register]] = bytes }
        return true
    }

    private mutating func place() -> UInt64 {
        defer { next += 0x1000 }
        return next
    }

    /// `"text"` with its NUL, or `{u32 1 zero 4 "text" &"text"}`.
    private mutating func bytes(_ isAfter: Bool) -> [UInt8]? {
        if rest.first == "\"" { return text().map { $0 + [0] } }
        rest = rest.dropFirst()
        var all: [UInt8] = []
        while let first = skip(), first != "}" {
            if first == "\"" {
                guard let text = text() else { return nil }
                all += text
            } else if first == "&" {
                rest = rest.dropFirst()
                guard let inner = bytes(isAfter) else { return nil }
                let address = place()
                if isAfter { after[address] = inner } else { before[address] = inner }
                all += little(address, 8)
            } else {
                let widths = ["u8": 1, "u16": 2, "u32": 4, "u64": 8]
                let type = word()
                guard let number = number() else { return nil }
                if type == "zero" {
                    all += [UInt8](repeating: 0, count: Int(number))
                } else {
                    guard let width = widths[type] else { return nil }
                    all += little(number, width)
                }
            }
        }
        guard rest.first == "}" else { return nil }
        rest = rest.dropFirst()
        return all
    }

    private func little(_ number: UInt64, _ width: Int) -> [UInt8] {
        (0..<width).map { UInt8(truncatingIfNeeded: number >> UInt64($0 * 8)) }
    }

    /// Quoted text in which `\n` is a line end.
    private mutating func text() -> [UInt8]? {
        rest = rest.dropFirst()
        guard let end = rest.firstIndex(of: "\"") else { return nil }
        let text = String(rest[..<end])
        rest = rest[rest.index(after: end)...]
        var bytes: [UInt8] = []
        var isEscape = false
        for byte in text.utf8 {
            if isEscape {
                bytes.append(byte == UInt8(ascii: "n") ? 10 : byte)
                isEscape = false
            } else if byte == UInt8(ascii: "\\") {
                isEscape = true
            } else {
                bytes.append(byte)
            }
        }
        return bytes
    }

    func read(_ address: UInt64, into buffer: UnsafeMutableRawBufferPointer) -> Int {
        let blocks = isDone ? before.merging(after) { $1 } : before
        for (start, bytes) in blocks where address >= start && address < start + 0x1000 {
            // A block is a page of its own, zero behind its bytes.
            let count = min(buffer.count, Int(start + 0x1000 - address))
            for index in 0..<count {
                let at = Int(address - start) + index
                buffer[index] = at < bytes.count ? bytes[at] : 0
            }
            return count
        }
        return -14
    }
}

@Suite struct SpecCaseTests {
    @Test(arguments: specCases) func lineAndOperation(sample: SpecCase) throws {
        var setup = try #require(CaseSetup(sample.setup), "cannot read: \(sample.setup)")
        let number = try #require(SpecTables.number(of: sample.call, sample.personality))
        let stop = Stop(personality: sample.personality, number: number, arguments: setup.arguments)
        var snapshot = Snapshot(stop: stop)
        Capture().entry(&snapshot, memory: setup)
        var message = Decoder().entry(snapshot)
        #expect(message.operation.name == sample.operation)
        if let result = setup.result {
            setup.isDone = true
            var done = Snapshot(stop: stop)
            Capture().exit(&done, result: result, memory: setup)
            Decoder().exit(&message, done, result: result)
        }
        #expect(shown(message) == sample.line)
    }

    private func shown(_ message: Message) -> String {
        var style = TextStyle()
        style.column = 0
        let text = LineText(style: style)
        var line: [UInt8] = []
        text.beginning(message, &line)
        text.late(message, &line)
        text.ending(message, duration: nil, &line)
        return String(decoding: line, as: UTF8.self)
    }

    /// Every operation is shown by a case.
    @Test func everyOperation() {
        let shown = Set(specCases.map(\.operation))
        for operation in Operation.allCases { #expect(shown.contains(operation.name), "\(operation.name)") }
    }
}
