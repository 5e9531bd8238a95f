// What is encoded is decoded again to the same: every struct that the kernel fills in, in both personalities.

import Messages
import Testing

@testable import Personalities

@Suite struct EncoderTests {
    private static let plainKinds: Set<UInt8> = Set(
        [Kind.signed, .unsigned, .hexadecimal, .octal, .process, .symbol, .flags, .characters].map(\.rawValue))

    /// A random value of a field as text, nil for kinds that are decoded to something else than they were.
    private func text(_ field: ArgumentRow, _ random: inout SystemRandomNumberGenerator) -> String? {
        guard Self.plainKinds.contains(field.type.kind.rawValue), !field.isHidden, field.condition < 0 else {
            return nil
        }
        if field.type.kind == .characters {
            guard case .fixed(let room) = field.type.count, room > 1 else { return nil }
            let count = Int.random(in: 0..<Int(room), using: &random)
            return String((0..<count).map { _ in "abcdefgh0-.".randomElement(using: &random) ?? "a" })
        }
        guard field.type.shape == .value else { return nil }
        let width = field.type.width == 0 ? 4 : min(8, Int(field.type.width))
        let limit: UInt64 = width == 8 ? .max : 1 << UInt64(8 * width) - 1
        return "\(UInt64.random(in: 0...limit, using: &random))"
    }

    @Test(arguments: Personality.allCases) func structsComeBack(personality: Personality) throws {
        var random = SystemRandomNumberGenerator()
        let encoder = Encoder(personality)
        var fields = 0
        for id in 0..<UInt16(SpecTables.structures.count) {
            let layout = SpecTables.structure(id, personality)
            let size = Int(personality == .x86_64 ? layout.size64 : layout.size32)
            guard size > 0 else { continue }
            for field in SpecTables.fields[Int(layout.firstField)..<Int(layout.firstField) + Int(layout.fieldCount)] {
                guard let value = text(field, &random) else { continue }
                var bytes = [UInt8](repeating: 0, count: size)
                guard let place = encoder.field(field.name, of: id), place.type.kind == field.type.kind else {
                    continue
                }
                do {
                    try encoder.put(value, field.name, of: id, into: &bytes)
                } catch {
                    Issue.record("\(layout.name).\(field.name) = \(value): \(error)")
                    continue
                }
                fields += 1
                let width = min(8, bytes.count - place.offset)
                if field.type.kind == .characters {
                    let got = bytes[place.offset...].prefix { $0 != 0 }
                    #expect(String(decoding: got, as: UTF8.self) == value)
                } else {
                    let own = field.type.width == 0 ? personality.wordSize : Int(field.type.width)
                    let number = bytes[place.offset..<place.offset + min(own, width)].reversed()
                        .reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
                    #expect("\(number)" == value, "\(layout.name).\(field.name)")
                }
            }
        }
        #expect(fields > 500)
    }

    /// The decoder says of an answer what was put into it.
    @Test(arguments: Personality.allCases) func answersAreDecoded(personality: Personality) throws {
        let encoder = Encoder(personality)
        for round in 0..<200 {
            let up = Int.random(in: 0...100_000), procs = Int.random(in: 0...60_000), name = "host\(round)"
            var call = FakeCall("uname", RawArguments(0x6000), personality)
            var reply = try encoder.reply(
                to: call.stop, [ItemChange(item: "node", value: name)],
                otherwise: { $0 == "sysname" ? "Linux" : nil })
            for write in reply.writes { call.memory.write(write.address, write.bytes) }
            var decoded = call.leave(call.enter(), result: reply.result).arguments[0].value
            #expect(decoded.member("nodename") == .bytes(Bytes(Array(name.utf8), isText: true, isWhole: true)))
            #expect(decoded.member("sysname") == .bytes(Bytes(Array("Linux".utf8), isText: true, isWhole: true)))
            call = FakeCall("sysinfo", RawArguments(0x6000), personality)
            reply = try encoder.reply(
                to: call.stop,
                [
                    ItemChange(item: "uptime", value: "\(up)"), ItemChange(item: "procs", value: "\(procs)"),
                    ItemChange(item: "loads", value: "1,2,3"),
                ])
            for write in reply.writes { call.memory.write(write.address, write.bytes) }
            decoded = call.leave(call.enter(), result: 0).arguments[0].value
            #expect(decoded.member("uptime") == .signed(Int64(up)))
            #expect(decoded.member("procs") == .unsigned(UInt64(procs)))
            #expect(decoded.member("loads") == .list([.unsigned(1), .unsigned(2), .unsigned(3)]))
        }
    }

    @Test func whatCannotBeSaidIsAFault() {
        let encoder = Encoder(.x86_64)
        let uname = FakeCall("uname", RawArguments(0x6000)).stop
        #expect(throws: EncodingFault.self) { try encoder.reply(to: uname, [ItemChange(item: "uptime", value: "1")]) }
        #expect(throws: EncodingFault.self) {
            try encoder.reply(to: uname, [ItemChange(item: "nodename", value: String(repeating: "x", count: 65))])
        }
        let sysinfo = FakeCall("sysinfo", RawArguments(0x6000)).stop
        #expect(throws: EncodingFault.self) {
            try encoder.reply(to: sysinfo, [ItemChange(item: "procs", value: "70000")])
        }
    }

    @Test func numbersAndNames() throws {
        let encoder = Encoder(.x86_64)
        let openat = SpecTables.calls.first { $0.call == .openat }
        let flags = try #require(openat?.argumentRows.first { $0.item == "flags" })
        #expect(try encoder.number("O_WRONLY|O_APPEND", of: flags.type) == 0o2001)
        #expect(try encoder.number("0x401", of: flags.type) == 0x401)
        #expect(throws: EncodingFault.self) { try encoder.number("O_NONSENSE", of: flags.type) }
        let kill = SpecTables.calls.first { $0.call == .kill }
        let signal = try #require(kill?.argumentRows.first { $0.type.kind == .signal })
        #expect(try encoder.number("SIGTERM", of: signal.type) == 15)
    }
}

extension Value {
    /// A member of a record.
    fileprivate func member(_ name: String) -> Value? {
        switch self {
        case .record(let fields): fields.first { $0.name == name }?.value
        case .abbreviated(_, let whole): whole.member(name)
        default: nil
        }
    }
}
