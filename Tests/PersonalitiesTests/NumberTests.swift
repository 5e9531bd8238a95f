// Every number that a register can hold is a message: a call of the table, or a void one.

import Messages
import Personalities
import Testing

@Suite struct NumberTests {
    /// All of both tables, the gaps, what lies beyond, x32's bit, and junk above the 32 bits that the kernel compares.
    static let numbers: [UInt64] =
        Array(0...1100) + (0...600).map { $0 | 0x4000_0000 }
        + (0...64).map { UInt64(1) << $0 } + (1...64).map { UInt64.max >> $0 }
        + [UInt64.max, 0xFFFF_FFFF, 0x8000_0000, 0xDEAD_BEEF_0000_0101, 0x1_0000_0000 | 257]

    @Test(arguments: Personality.allCases) func everyNumberIsAMessage(personality: Personality) {
        let arguments = RawArguments(1, UInt64.max, 3, 1 << 40, 5, 6)
        for number in Self.numbers {
            let stop = Stop(personality: personality, number: number, arguments: arguments)
            var message = Decoder().entry(Snapshot(stop: stop))
            if let row = SpecTables.row(personality, number), row.call == .socketcall || row.call == .ipc {
                // What these carry is a call of its own, where it can be read.
                #expect(message.call != .none && message.operation != .voidCall, "\(message.name)")
            } else if let row = SpecTables.row(personality, number) {
                #expect(message.name == row.name && message.call == row.call)
                let choices = SpecTables.choices[Int(row.firstChoice)..<Int(row.firstChoice) + Int(row.choiceCount)]
                let operations = Set(choices.map(\.operation) + [row.operation])
                // What clone3 is depends on a struct in memory, which is not there.
                #expect(row.call == .clone3 || operations.contains(message.operation), "\(number) \(row.name)")
            } else {
                #expect(message.call == .none && message.operation == .voidCall, "\(number)")
                #expect(message.name == "syscall_0x" + String(number, radix: 16))
                #expect(message.arguments.count == 6)
            }
            #expect(!message.operation.name.isEmpty && !message.operation.operationClass.name.isEmpty)
            Decoder().exit(&message, Snapshot(stop: stop), result: -38)
            #expect(message.reply?.errno == 38)
        }
    }

    /// x32's numbers and wide junk are never taken for a call of the table.
    @Test(arguments: Personality.allCases) func foreignNumbersAreVoid(personality: Personality) {
        for number in Self.numbers where number > 600 {
            #expect(SpecTables.row(personality, number) == nil, "\(number)")
            #expect(Stop(personality: personality, number: number).operation == .voidCall, "\(number)")
        }
    }
}
