// What a command, an option or a condition chooses must hold for every memory, as whole calls do; netlink's trees too.
// ABITRACE_FUZZ says how many times each is tried, 1 without it; the seeds are the same in every run.

import Glibc
import Messages
import Personalities
import Testing

private let rounds = getenv("ABITRACE_FUZZ").flatMap { Int(String(cString: $0)) } ?? 1

/// Memory whose words look like heads of attributes: a short length, a small type, sometimes nested or in network order.
private struct TreeMemory: TraceeMemory {
    let seed: UInt64

    func read(_ address: UInt64, into buffer: UnsafeMutableRawBufferPointer) -> Int {
        for index in 0..<buffer.count {
            let place = address &+ UInt64(index)
            let random = mix(seed &+ (place >> 2))
            let length = random % 7 == 0 ? random >> 8 & 0xFFFF : 4 + random >> 8 % 44
            let flags = random >> 40 % 5 == 0 ? random >> 44 & 0xC000 : 0
            let word = length & 0xFFFF | (random >> 24 % 48 | flags) << 16
            buffer[index] = UInt8(truncatingIfNeeded: word >> ((place & 3) * 8))
        }
        return buffer.count
    }
}

@Suite struct CommandFuzzTests {
    /// Registers that a condition or a command of the call is about, with a value that it asks for.
    private func choices(_ row: CallRow) -> [(register: Int, value: UInt64)] {
        var found: [(Int, UInt64)] = []
        for argument in row.argumentRows {
            if argument.condition >= 0 {
                let condition = SpecTables.conditions[Int(argument.condition)]
                found += condition.values.map { (Int(condition.argument), $0) }
            }
            guard argument.type.kind == .selected, case .argument(let command) = argument.type.count else { continue }
            let selection = SpecTables.selections[Int(argument.type.table)]
            let count = Int(selection.exactCount) + Int(selection.maskedCount)
            for chosen in SpecTables.selectionCases[Int(selection.firstCase)..<Int(selection.firstCase) + count] {
                found.append((Int(command), chosen.value << UInt64(selection.shift)))
            }
        }
        return found
    }

    private func check(_ snapshot: Snapshot, _ message: Message, _ registers: RawArguments) {
        #expect(isSound(snapshot) && snapshot.arena.count < 1 << 20, "\(message.name) \(registers)")
    }

    @Test(arguments: Personality.allCases) func everyCommandIsDecoded(personality: Personality) {
        var generator = SeededGenerator(state: 41)
        var tried = 0
        for number in UInt64(0)...600 {
            guard let row = SpecTables.row(personality, number) else { continue }
            for choice in choices(row) {
                for _ in 0..<rounds {
                    var registers = RawArguments()
                    for index in 0..<6 { registers[index] = plausible(generator.next()) }
                    registers[choice.register] = choice.value
                    if personality == .i386 { for index in 0..<6 { registers[index] &= 0xFFFF_FFFF } }
                    let stop = Stop(personality: personality, number: number, arguments: registers)
                    let memory = RandomMemory(seed: generator.next())
                    for result: Int64 in [0, 7, -22] {
                        let got = pass(stop, result, memory, Capture())
                        check(got.entry, got.message, registers)
                        check(got.exit, got.message, registers)
                        #expect(got.message.reply?.raw == result)
                    }
                    tried += 1
                }
            }
        }
        #expect(tried > 1000)
    }

    /// NETLINK_ROUTE, SOCK_DIAG, XFRM, NETFILTER, GENERIC, CRYPTO: whatever a message says of its own lengths.
    @Test(arguments: [Int32(0), 4, 6, 12, 16, 21]) func everyTreeIsDecoded(protocolNumber: Int32) throws {
        let number = try #require(SpecTables.number(of: "sendto", .x86_64))
        var generator = SeededGenerator(state: 43)
        var understood = 0
        for _ in 0..<400 * rounds {
            let seed = generator.next()
            let count = seed % 3000
            let stop = Stop(number: number, arguments: RawArguments(3, 0x10000, count, 0, 0x20000, 12))
            var snapshot = Snapshot(stop: stop)
            let socket = SocketFact(family: 16, protocolNumber: protocolNumber)
            snapshot.add(Fact(kind: .descriptor, number: 3, socket: socket))
            Capture().entry(&snapshot, memory: NetlinkMemory(rest: TreeMemory(seed: seed), seed: seed))
            let message = Decoder().entry(snapshot)
            #expect(message.arguments.count == 6)
            check(snapshot, message, stop.arguments)
            switch message.arguments.dropFirst().first?.value {
            case .list, .record: understood += 1
            default: break
            }
        }
        #expect(understood > 200 * rounds, "too few were taken for netlink's messages")
    }
}

/// A message's head and an address of netlink over a tree of attributes.
private struct NetlinkMemory: TraceeMemory {
    let rest: TreeMemory
    let seed: UInt64

    func read(_ address: UInt64, into buffer: UnsafeMutableRawBufferPointer) -> Int {
        let count = rest.read(address, into: buffer)
        let head: [UInt8] =
            little(seed % 3000, 4) + little(seed >> 12 % 140, 2) + little(seed >> 20 & 0x7FF | 1, 2) + little(1, 4)
        let places = [UInt64(0x10000): head, 0x20000: little(16, 2)]
        for (place, bytes) in places {
            for (index, byte) in bytes.enumerated() {
                let offset = Int64(bitPattern: place &+ UInt64(index) &- address)
                if offset >= 0 && offset < buffer.count { buffer[Int(offset)] = byte }
            }
        }
        return count
    }
}
