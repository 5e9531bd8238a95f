// Rings: what is learned from the calls that make them, and what the entries say.

import Messages
import Personalities
import Testing

/// A ring of descriptor 3 in made-up memory: queues at 0x10000, entries at 0x20000.
private struct FakeRing {
    var memory = FakeMemory()
    var rings = RingTable()

    init(flags: UInt64 = 0, entries: UInt64 = 4, maps: Bool = true) {
        memory.write(0x9000, [UInt8](repeating: 0, count: 120))
        memory.write(0x9000, numbers: [entries, entries * 2, flags], width: 4)
        memory.write(0x9028, numbers: [0, 4, 16, 24, 36, 32, 256], width: 4)
        memory.write(0x9050, numbers: [8, 12, 20, 28, 44, 64], width: 4)
        memory.write(0x10000, [UInt8](repeating: 0, count: 512))
        memory.write(0x20000, [UInt8](repeating: 0, count: 512))
        leave("io_uring_setup", RawArguments(4, 0x9000), 3)
        guard maps else { return }
        leave("mmap", RawArguments(0, 512, 3, 1, 3, 0), 0x10000)
        leave("mmap", RawArguments(0, 512, 3, 1, 3, 0x1000_0000), 0x20000)
    }

    mutating func leave(_ name: String, _ arguments: RawArguments, _ result: Int64) {
        let number = SpecTables.number(of: name, .x86_64) ?? UInt64.max
        var snapshot = Snapshot(stop: Stop(number: number, arguments: arguments))
        Capture().exit(&snapshot, result: result, memory: memory, rings: rings)
        rings.learn(snapshot, result: result)
    }

    /// Puts an entry at the tail.
    mutating func submit(_ index: UInt64, _ opcode: UInt8, descriptor: UInt64, _ words: [UInt64]) {
        memory.write(0x20000 + index * 64, [opcode, 0, 0, 0] + little(descriptor, 4))
        memory.write(0x20008 + index * 64, numbers: words, width: 8)
        memory.write(0x10000 + 256 + index * 4, numbers: [index], width: 4)
        memory.write(0x10004, numbers: [index + 1], width: 4)
    }

    func enter(_ count: UInt64, flags: UInt64 = 0, descriptor: UInt64 = 3) -> Message {
        let number = SpecTables.number(of: "io_uring_enter", .x86_64) ?? UInt64.max
        let arguments = RawArguments(descriptor, count, 0, flags, 0, 8)
        var snapshot = Snapshot(stop: Stop(number: number, arguments: arguments))
        Capture().entry(&snapshot, memory: memory, rings: rings)
        var message = Decoder().entry(snapshot)
        snapshot.reset(to: snapshot.stop)
        Capture().exit(&snapshot, result: Int64(count), memory: memory, rings: rings)
        Decoder().exit(&message, snapshot, result: Int64(count))
        return message
    }
}

@Suite struct RingTests {
    @Test func entriesAreMessages() {
        var ring = FakeRing()
        ring.memory.write(0x5000, text: "/etc/passwd")
        ring.submit(0, 18, descriptor: 0xFFFF_FF9C, [0, 0x5000, 0o600 | 0x80000 << 32, 7])
        guard case .list(let entries) = ring.enter(1).value("sqes"), entries.count == 1,
            case .message(let operation, let arguments) = entries[0]
        else {
            Issue.record("no entry")
            return
        }
        #expect(operation == .fileOpen)
        #expect(arguments.map(\.item) == ["op", "at", "path", "mode", "flags", "userdata"])
        #expect(
            arguments.map(\.value) == [
                .symbol(.uringOperation, 18), .directory(-100), .path("/etc/passwd"), .permissions(0o600),
                .flags(.open, 0x80000), .hexadecimal(7),
            ])
    }

    @Test func dataAndAddressesAreRead() {
        var ring = FakeRing()
        ring.memory.write(0x5000, text: "hello")
        ring.memory.write(0x6000, numbers: [0x5000, 5], width: 8)
        ring.memory.write(0x7000, [2, 0, 0, 80, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0])
        ring.submit(0, 2, descriptor: 5, [0, 0x6000, 1, 0])
        ring.submit(1, 16, descriptor: 6, [16, 0x7000, 0, 0])
        guard case .list(let entries) = ring.enter(2).value("sqes"), entries.count == 2,
            case .message(.fdWrite, let written) = entries[0], case .message(.sockConnect, let connected) = entries[1]
        else {
            Issue.record("no entries")
            return
        }
        let part = Value.record([Field("iov_base", .data("hello")), Field("iov_len", .unsigned(5))])
        #expect(written.first { $0.item == "data" }?.value == .list([part]))
        guard case .record(let address) = connected.first(where: { $0.item == "address" })?.value else {
            Issue.record("no address")
            return
        }
        #expect(address.first == Field("sa_family", .symbol(.socketFamily, 2)))
    }

    /// Every operation that the spec names is a message of an operation of its own, whatever the entry holds.
    @Test func everyOperationIsAMessage() throws {
        let symbols = SpecTables.symbols(of: .uringOperation)
        #expect(symbols.count >= 65)
        for symbol in symbols {
            var ring = FakeRing()
            ring.submit(0, UInt8(symbol.value), descriptor: 5, [7, 0x5000, 3, 9])
            let sent = ring.enter(1).value("sqes")
            guard case .list(let entries) = sent, case .message(let operation, let fields) = entries.first else {
                Issue.record("\(symbol.name): \(String(describing: sent))")
                continue
            }
            #expect(operation != .voidCall, "\(symbol.name)")
            #expect(fields.first { $0.name == "opcode" }?.value == .symbol(.uringOperation, symbol.value))
            // What an operation acts on is among its items, not only that it is there.
            let isBare = ["IORING_OP_NOP", "IORING_OP_NOP128"].contains(symbol.name)
            #expect(isBare || fields.count > 2, "\(symbol.name): \(fields.map(\.name))")
        }
    }

    @Test func completions() {
        var ring = FakeRing()
        ring.memory.write(0x1000C, numbers: [1], width: 4)
        ring.memory.write(0x10040, numbers: [9, 0xFFFF_FFFE], width: 8)
        let done = Value.record([
            Field("user_data", .hexadecimal(9)), Field("res", .signed(-2)), Field("flags", .flags(.uringCompletion, 0)),
        ])
        #expect(ring.enter(0, flags: 1).value("cqes") == .list([done]))
    }

    @Test func whatCannotBeSeenIsSaid() {
        let unknown = FakeRing().enter(1, descriptor: 9).value("sqes")
        #expect(unknown == .word("not seen: the ring was not made under watch"))
        let unmapped = FakeRing(maps: false).enter(1).value("sqes")
        #expect(unmapped == .word("not seen: the queue is not mapped or cannot be read"))
        guard case .named(_, .list([])) = FakeRing(flags: 2).enter(0).value("sqes") else {
            Issue.record("nothing is said of a kernel thread's queue")
            return
        }
    }

    @Test func closedAndCopiedDescriptors() {
        var ring = FakeRing()
        ring.submit(0, 0, descriptor: 0, [0, 0, 0, 0])
        ring.leave("dup", RawArguments(3), 8)
        ring.leave("close", RawArguments(3), 0)
        #expect(ring.enter(1).value("sqes") == .word("not seen: the ring was not made under watch"))
        guard case .list(let entries) = ring.enter(1, descriptor: 8).value("sqes") else {
            Issue.record("the copy is not known")
            return
        }
        #expect(entries.count == 1)
    }

    /// Numbers in the shared memory are the program's to choose.
    @Test func hostileQueues() {
        var ring = FakeRing()
        ring.memory.write(0x10000, numbers: [5, 0xFFFF_FFFF], width: 4)
        ring.memory.write(0x10100, numbers: [0xFFFF_FFFF, 9, 4, 1], width: 4)
        guard case .cutList(let entries) = ring.enter(0xFFFF_FFFF).value("sqes") else {
            Issue.record("entries beyond the queue are not left out")
            return
        }
        #expect(entries.count == 1)
        let odd = FakeRing(entries: 3).enter(1).value("sqes")
        #expect(odd == .word("not seen: the queue is not mapped or cannot be read"))
    }
}
