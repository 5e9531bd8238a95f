// What instructions bring along must be all that the walk of a capture reads: the same snapshot from both.

import Foundation
import Messages
import Personalities
import Testing

/// Carries instructions out as the kernel's program does, over a memory that a test made.
private struct Machine {
    let memory: FakeMemory
    let arguments: RawArguments
    let result: Int64
    let word: Int
    private(set) var pieces: [(address: UInt64, bytes: [UInt8])] = []
    private var read: [Int: [UInt8]] = [:]
    /// The list whose elements are gone through, and where the element in hand begins.
    private var element: (list: Int, offset: Int)?

    init(_ memory: FakeMemory, _ stop: Stop, result: Int64) {
        self.memory = memory
        var arguments = stop.arguments
        if stop.personality == .i386 { for index in 0..<6 { arguments[index] &= 0xFFFF_FFFF } }
        self.arguments = arguments
        self.result = result
        word = stop.personality.wordSize
    }

    mutating func run(_ instructions: [CaptureInstruction], _ phase: CapturePhases) {
        var place = 0
        while place < instructions.count {
            let instruction = instructions[place]
            defer { place += 1 }
            guard instruction.kind == .each else {
                obey(instruction, place, phase)
                continue
            }
            defer { place += instruction.fixed }
            guard instruction.phases.contains(phase), case .memory(let list, _, _) = instruction.base else { continue }
            for element in 0..<Int(min(count(instruction), UInt64(instruction.limit))) {
                self.element = (list, element * instruction.unit)
                for step in 1...instruction.fixed { obey(instructions[place + step], place + step, phase) }
                self.element = nil
            }
        }
    }

    private func count(_ instruction: CaptureInstruction) -> UInt64 {
        let count = number(instruction.count)
        if case .argument = instruction.count, instruction.countWidth == 4 { return count & 0xFFFF_FFFF }
        return count
    }

    private mutating func obey(_ instruction: CaptureInstruction, _ place: Int, _ phase: CapturePhases) {
        guard instruction.phases.contains(phase) else { return }
        let base = number(instruction.base)
        guard base != 0 else { return }
        let address = base &+ UInt64(instruction.displacement)
        let count = count(instruction)
        switch instruction.kind {
        case .bytes:
            let fixed = instruction.address == nil ? instruction.fixed : 0
            let size = fixed + Int(min(count, UInt64(instruction.limit))) * instruction.unit
            read[place] = add(address, min(size, instruction.limit))
        case .text: read[place] = add(address, instruction.limit)
        case .vector:
            let kept = Int(min(count, 32))
            let list = add(address, kept * 2 * word)
            read[place] = list
            for index in 0..<kept where (index + 1) * 2 * word <= list.count {
                _ = add(Self.number(list, index * 2 * word, word), instruction.limit)
            }
        case .texts:
            let list = add(address, 33 * word)
            for index in 0..<32 where (index + 1) * word <= list.count {
                let pointer = Self.number(list, index * word, word)
                if pointer == 0 { break }
                _ = add(pointer, instruction.limit)
            }
        case .pointers: pointers(from: address)
        case .each, .descriptor, .passed, .workingDirectory, .root: break
        }
    }

    /// Pages of pointers up to one that has a null.
    private mutating func pointers(from address: UInt64) {
        var at = address
        for _ in 0..<64 {
            let bytes = add(at, min(512, 4096 - Int(at & 4095)))
            let hasNull = stride(from: 0, to: bytes.count - word + 1, by: word).contains {
                Self.number(bytes, $0, word) == 0
            }
            if hasNull || bytes.count < word { return }
            at &+= UInt64(bytes.count)
        }
    }

    private mutating func add(_ address: UInt64, _ size: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: size)
        let got = bytes.withUnsafeMutableBytes { memory.read(address, into: $0) }
        bytes.removeLast(size - max(0, got))
        pieces.append((address, bytes))
        return bytes
    }

    private func number(_ source: CaptureInstruction.Source) -> UInt64 {
        switch source {
        case .none: 0
        case .argument(let index): arguments[index]
        case .result: UInt64(max(0, result))
        case .stackPointer: arguments.a0
        case .requestSize: arguments.a1 >> 16 & 0x3FFF
        case .memory(let place, let offset, let width):
            Self.number(read[place] ?? [], offset + (element?.list == place ? element?.offset ?? 0 : 0), width)
        }
    }

    private static func number(_ bytes: [UInt8], _ offset: Int, _ width: Int) -> UInt64 {
        guard offset >= 0, offset + width <= bytes.count else { return 0 }
        return bytes[offset..<offset + width].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}

/// What the machine read, as memory.
private struct Brought: TraceeMemory {
    let pieces: [(address: UInt64, bytes: [UInt8])]

    func read(_ address: UInt64, into buffer: UnsafeMutableRawBufferPointer) -> Int {
        let best = pieces.compactMap { piece -> ArraySlice<UInt8>? in
            guard address >= piece.address, address - piece.address < UInt64(piece.bytes.count) else { return nil }
            return piece.bytes[Int(address - piece.address)...]
        }.max { $0.count < $1.count }
        guard let best else { return -FakeMemory.badAddress }
        let count = min(best.count, buffer.count)
        for (index, byte) in best.prefix(count).enumerated() { buffer[index] = byte }
        return count
    }
}

@Suite struct CaptureCompilerTests {
    /// Memory of structs that point to each other, so that whatever is followed leads somewhere.
    private static func memory(_ personality: Personality) -> FakeMemory {
        var memory = FakeMemory()
        let word = personality.wordSize
        for page in UInt64(1)...40 {
            // Each word is a small number that is a length too, or a pointer into the next pages.
            let numbers = (UInt64(0)..<UInt64(4096 / word)).map { index in
                index % 3 == 0 ? 0x10000 + (page * 977 + index * 40) % 40 * 4096 / 2 : (index * 7 + page) % 24
            }
            memory.write(0x10000 + page * 4096, numbers: numbers, width: word)
        }
        return memory
    }

    /// Every number of both tables, with pointers in all arguments and with small numbers between them.
    @Test(arguments: Personality.allCases)
    func instructionsBringAllThatTheWalkReads(personality: Personality) {
        let memory = Self.memory(personality)
        let capture = Capture()
        for number in UInt64(0)..<512 where SpecTables.row(personality, number) != nil {
            let program = capture.program(personality, number)
            guard !program.isPartial else { continue }
            for variant in 0..<24 {
                var stop = Stop(personality: personality, number: number)
                for index in 0..<6 {
                    let isPointer = (variant >> (index % 3)) & 1 == index & 1
                    stop.arguments[index] = isPointer ? 0x11000 + UInt64(index * 4096 + variant * 24) : UInt64(variant)
                }
                for (phase, result) in [(CapturePhases.entry, Int64(0)), (.exit, 5), (.failure, -2)] {
                    expectSame(stop, program, phase, result, memory, capture)
                }
            }
        }
    }

    private func expectSame(
        _ stop: Stop, _ program: CaptureProgram, _ phase: CapturePhases, _ result: Int64, _ memory: FakeMemory,
        _ capture: Capture
    ) {
        let choice = program.selector.flatMap { selector in
            program.choices.first { UInt64($0.value) == stop.arguments[selector] & 0xFFFF_FFFF }
        }
        var machine = Machine(memory, stop, result: result)
        machine.run(choice?.instructions ?? program.instructions, phase)
        var whole = Snapshot(stop: stop)
        var brought = Snapshot(stop: stop)
        if phase == .entry {
            capture.entry(&whole, memory: memory)
            capture.entry(&brought, memory: Brought(pieces: machine.pieces))
        } else {
            capture.exit(&whole, result: result, memory: memory)
            capture.exit(&brought, result: result, memory: Brought(pieces: machine.pieces))
        }
        #expect(whole == brought, "\(stop.name) \(stop.arguments) at \(phase)")
    }

    /// Whatever a return asks about is among what the kernel's program is told to look at.
    @Test(arguments: Personality.allCases)
    func whateverIsAskedAboutIsLookedAt(personality: Personality) {
        let memory = Self.memory(personality)
        for number in UInt64(0)..<512 where SpecTables.row(personality, number) != nil {
            let program = Capture().program(personality, number, tellsObjects: true)
            // Commands that make descriptors, of those that have any; clone's flag that makes one of a process.
            let isMultiplexer = ["fcntl", "fcntl64", "ioctl", "seccomp", "bpf"].contains(
                Stop(personality: personality, number: number).name)
            for command in isMultiplexer ? Self.commands : [0x1000] {
                var stop = Stop(personality: personality, number: number)
                for index in 0..<6 { stop.arguments[index] = 0x11000 + UInt64(index * 4096) }
                stop.arguments.a0 = command
                expectLookedAt(stop, program, memory)
                stop.arguments.a1 = command
                stop.arguments.a0 = 3
                expectLookedAt(stop, program, memory)
            }
        }
    }

    private static let commands: [UInt64] = [
        0, 1, 5, 7, 8, 13, 14, 17, 18, 19, 28, 30, 32, 33, 36, 1030, 0x5441, 0xAE01, 0xFF01,
    ]

    private func expectLookedAt(_ stop: Stop, _ program: CaptureProgram, _ memory: FakeMemory) {
        var snapshot = Snapshot(stop: stop)
        Capture().exit(&snapshot, result: 5, memory: memory)
        var needs: [FactNeed] = []
        snapshot.factNeeds(result: 5) { needs.append($0) }
        let choice = program.selector.flatMap { selector in
            program.choices.first { UInt64($0.value) == stop.arguments[selector] & 0xFFFF_FFFF }
        }
        let kinds = Set((choice?.instructions ?? program.instructions).map(\.kind))
        for need in needs {
            let isLookedAt =
                switch need {
                case .descriptor: kinds.contains(.descriptor) || kinds.contains(.passed)
                case .workingDirectory: kinds.contains(.workingDirectory)
                case .root: kinds.contains(.root)
                // The list of differences names the call.
                case .table: stop.name == "io_uring_enter"
                }
            #expect(isLookedAt, "\(stop.name) \(stop.arguments): \(need)")
        }
    }

    /// No call's instructions are more than the kernel's program takes, and few are cut short.
    @Test func listsAreShort() {
        var partial: Set<String> = []
        for personality in Personality.allCases {
            for number in UInt64(0)..<512 {
                let program = Capture().program(personality, number)
                let lists = [program.instructions] + program.choices.map(\.instructions)
                #expect(lists.allSatisfy { $0.count <= Capture.instructionsPerCall })
                if program.isPartial { partial.insert(Stop(personality: personality, number: number).name) }
            }
        }
        #expect(partial == Self.listed)
    }

    /// The calls that the list of differences names.
    private static let listed: Set<String> = {
        let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        let file = tests.appending(path: "EndToEnd/ebpf-differences.txt")
        guard let text = try? String(contentsOf: file, encoding: .utf8) else { return [] }
        var names: Set<String> = []
        for line in text.split(separator: "\n") {
            let columns: [Substring] = line.split(separator: "\t")
            if columns.count == 3, columns[0] == "partial" { names.insert(String(columns[1])) }
        }
        return names
    }()
}
