// Capture and decoder must hold for every number, every register and every memory that a program can show.

import Messages
import Personalities
import Testing

/// Memory of which nothing can be read.
private struct NoMemory: TraceeMemory {
    func read(_ address: UInt64, into buffer: UnsafeMutableRawBufferPointer) -> Int { -FakeMemory.badAddress }
}

private let numbers =
    Array(UInt64(0)...600) + (0...20).map { 0x4000_0000 + $0 * 29 } + [0xFFFF_FFFF, 1 << 63, UInt64.max]

@Suite struct TotalityTests {
    private static let results: [Int64] = [0, 1, 5, 300, -1, -4095, -4096, .min, .max, 0x1_0000_0000]
    private static let mostBytes = 1 << 20

    /// The regions with bytes, but for facts about rings, which lie where no program has memory.
    private func read(_ snapshot: Snapshot) -> [Region] {
        snapshot.regions.filter { $0.count > 0 && $0.address < 0xFFFF_FFFF_FFFF_E000 }
    }

    @Test(arguments: Personality.allCases, UInt64(1)...6)
    func everyCallIsDecoded(personality: Personality, seed: UInt64) {
        var generator = SeededGenerator(state: seed)
        for number in numbers {
            let memory = RandomMemory(seed: generator.next())
            var registers = RawArguments()
            for index in 0..<6 { registers[index] = plausible(generator.next()) }
            // The kernel clears the upper halves of 32-bit registers.
            if personality == .i386 { for index in 0..<6 { registers[index] &= 0xFFFF_FFFF } }
            let stop = Stop(personality: personality, number: number, arguments: registers)
            let result = Self.results[Int(generator.next() % UInt64(Self.results.count))]
            let got = pass(stop, result, memory, Capture())
            let bytes = got.entry.arena.count + got.exit.arena.count
            #expect(bytes < Self.mostBytes, "\(got.message.name) \(registers)")
            #expect(isSound(got.entry) && isSound(got.exit), "\(got.message.name) \(registers)")
            #expect(got.message.reply?.raw == result, "\(got.message.name)")
            #expect(got.message.name == stop.name)
            #expect(got.message.personality == personality)
        }
    }

    /// A payload limit that the command line can ask for takes no call down, and 64-bit registers neither.
    @Test(arguments: Personality.allCases) func everyCallIsDecodedWithOtherLimits(personality: Personality) {
        var generator = SeededGenerator(state: 99)
        for limit in [0, 1, 4096] {
            for number in numbers {
                var registers = RawArguments()
                for index in 0..<6 { registers[index] = plausible(generator.next()) }
                let got = pass(
                    Stop(personality: personality, number: number, arguments: registers), 3,
                    RandomMemory(seed: generator.next()), Capture(payloadLimit: limit))
                #expect(isSound(got.entry) && isSound(got.exit), "\(got.message.name) \(registers)")
                #expect(got.message.reply?.raw == 3)
            }
        }
    }

    @Test(arguments: Personality.allCases) func unknownNumbersAreNamedByThemselves(personality: Personality) {
        let unknown = numbers.filter { SpecTables.row(personality, $0) == nil }
        #expect(unknown.count > 100)
        #expect(Set([0x4000_0000, UInt64.max, 600]).isSubset(of: unknown))
        let registers = RawArguments(1, 2, 3, 4, 5, UInt64.max)
        for number in unknown {
            let got = pass(
                Stop(personality: personality, number: number, arguments: registers), -38, RandomMemory(seed: 7),
                Capture())
            #expect(got.message.operation == .voidCall)
            #expect(got.message.operation.name == "void.call")
            #expect(got.message.name == "syscall_0x" + String(number, radix: 16))
            #expect(got.message.values == (0..<6).map { .hexadecimal(registers[$0]) })
            #expect(got.message.reply?.errno == 38)
            #expect(got.entry.regions.isEmpty && got.exit.regions.isEmpty)
        }
    }

    @Test func everyNumberOfTheTableHasARow() {
        for number in UInt64(0)...335 {
            #expect(SpecTables.row(.x86_64, number) != nil, "number \(number)")
        }
    }

    /// Replay finds numbers by name: a name must lead back to its number.
    @Test(arguments: Personality.allCases) func everyNameLeadsToItsNumber(personality: Personality) {
        for number in UInt64(0)...600 {
            guard let row = SpecTables.row(personality, number) else { continue }
            #expect(SpecTables.number(of: row.name, personality) == number, "\(row.name)")
        }
    }

    /// What cannot be read shows where it was, never as if it had been empty.
    @Test(arguments: Personality.allCases) func unreadableTextIsItsAddress(personality: Personality) {
        let registers = RawArguments(0x1001, 0x2002, 0x3003, 0x4004, 0x5005, 0x6006)
        var seen = 0
        for number in UInt64(0)...600 {
            guard let row = SpecTables.row(personality, number) else { continue }
            let stop = Stop(personality: personality, number: number, arguments: registers)
            let got = pass(stop, 0, NoMemory(), Capture())
            for index in 0..<Int(row.argumentCount) {
                let argument = SpecTables.arguments[Int(row.firstArgument) + index]
                guard argument.type.shape == .value, argument.type.kind == .path || argument.type.kind == .text,
                    argument.condition < 0 || SpecTables.conditions[Int(argument.condition)].holds(registers),
                    let value = got.message.value(argument.name)
                else { continue }
                seen += 1
                #expect(value == .address(registers[Int(argument.register)]), "\(row.name) \(argument.name)")
            }
            #expect(read(got.entry).isEmpty && read(got.exit).isEmpty, "\(row.name)")
        }
        #expect(seen > 80)
    }
}
