// Capture and decoder must hold for every number, every register and every memory that a program can show.

import Messages
import Personalities
import Testing

/// The same random numbers in every run (SplitMix64).
private struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        return mix(state)
    }
}

private func mix(_ seed: UInt64) -> UInt64 {
    var word = seed
    word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
    return word ^ (word >> 31)
}

/// A number as programs pass them: small, a pointer, an extreme, or anything.
private func plausible(_ random: UInt64) -> UInt64 {
    let high = random >> 8
    switch random & 7 {
    case 0: return 0
    case 1: return high % 64
    case 2: return high % 5000
    case 3, 4: return high & 0xF_FFFF
    case 5: return UInt64.max - high % 4096
    case 6: return [0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 1 << 63, UInt64.max, (1 << 63) - 1][Int(high % 6)]
    default: return mix(high)
    }
}

/// Memory whose words are plausible numbers, and of which every third page is not there.
private struct RandomMemory: TraceeMemory {
    let seed: UInt64

    func read(_ address: UInt64, into buffer: UnsafeMutableRawBufferPointer) -> Int {
        var count = 0
        while count < buffer.count {
            let at = address &+ UInt64(count)
            if mix(seed ^ (at >> 12)) % 3 == 0 { break }
            let end = min(buffer.count, count + 4096 - Int(at & 4095))
            while count < end {
                let place = address &+ UInt64(count)
                let word = plausible(mix(seed &+ (place >> 3)))
                buffer[count] = UInt8(truncatingIfNeeded: word >> ((place & 7) * 8))
                count += 1
            }
        }
        return count == 0 && !buffer.isEmpty ? -FakeMemory.badAddress : count
    }
}

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

    /// Captures and decodes one call from entry to exit; answers how many bytes each of them kept.
    private func pass(
        _ stop: Stop, _ result: Int64, _ memory: some TraceeMemory, _ capture: Capture
    ) -> (message: Message, entry: Snapshot, exit: Snapshot) {
        var entry = Snapshot(stop: stop)
        capture.entry(&entry, memory: memory)
        var message = Decoder().entry(entry)
        var exit = Snapshot(stop: stop)
        capture.exit(&exit, result: result, memory: memory)
        Decoder().exit(&message, exit, result: result)
        return (message, entry, exit)
    }

    /// Regions lie one after the other in the arena and fill it.
    private func isSound(_ snapshot: Snapshot) -> Bool {
        var offset = 0
        for region in snapshot.regions {
            guard region.offset == offset, region.count >= 0, region.wanted >= region.count else { return false }
            offset += region.count
        }
        return offset == snapshot.arena.count
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
