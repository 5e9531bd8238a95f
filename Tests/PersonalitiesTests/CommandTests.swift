// Calls whose arguments a command chooses: ioctl, fcntl, prctl, and structs that the kernel completes or extends.

import Messages
import Personalities
import Testing

@Suite struct CommandTests {
    private static func fieldNames(_ value: Value?) -> [String] {
        guard case .record(let fields) = value else { return [] }
        return fields.map(\.name)
    }

    @Test func windowSize() {
        var call = FakeCall("ioctl", RawArguments(1, 0x5413, 0x6000))
        let entry = call.enter()
        #expect(entry.value("cmd") == .symbol(.ioctlRequest, 0x5413))
        #expect(entry.value("arg") == .address(0x6000))
        call.memory.write(0x6000, numbers: [24, 80, 0, 0], width: 2)
        #expect(
            call.leave(entry, result: 0).value("arg")
                == .record([
                    Field("ws_row", .unsigned(24)), Field("ws_col", .unsigned(80)), Field("ws_xpixel", .unsigned(0)),
                    Field("ws_ypixel", .unsigned(0)),
                ]))
    }

    /// FIOCLEX takes nothing.
    @Test func requestWithoutArgument() {
        let message = FakeCall("ioctl", RawArguments(1, 0x5451, 0x6000)).enter()
        #expect(message.arguments.map(\.name) == ["fd", "cmd"])
        #expect(message.operation == .fdFlags)
    }

    /// What nobody knows is kept as length and digest, by the direction and size in its number.
    @Test func unknownRequest() {
        var call = FakeCall("ioctl", RawArguments(1, 0x4008_7A4D, 0x6000))
        call.memory.write(0x6000, numbers: [1], width: 8)
        guard case .abbreviated(.address(0x6000), .opaque(count: 8, let digest)) = call.enter().value("arg") else {
            Issue.record("not opaque")
            return
        }
        call.memory.write(0x6000, numbers: [2], width: 8)
        guard case .abbreviated(_, .opaque(_, let other)) = call.enter().value("arg") else { return }
        #expect(digest != other)
        let bare = FakeCall("ioctl", RawArguments(1, 0x7A4D, 0x10)).enter()
        #expect(bare.value("arg") == .hexadecimal(0x10))
    }

    /// A struct that the kernel completes is one struct, with what it put there at its end.
    @Test func completedStruct() {
        var call = FakeCall("ioctl", RawArguments(3, 0xC018_AA3F, 0x6000))
        call.memory.write(0x6000, numbers: [0xAA, 0, 0], width: 8)
        let entry = call.enter()
        #expect(Self.fieldNames(entry.value("arg")) == ["api", "features"])
        call.memory.write(0x6000, numbers: [0xAA, 1, 2], width: 8)
        let left = call.leave(entry, result: 0)
        #expect(
            left.value("arg")
                == .record([
                    Field("api", .hexadecimal(0xAA)),
                    Field("features", .change(.flags(.uffdFeatures, 0), .flags(.uffdFeatures, 1))),
                    Field("ioctls", .flags(.uffdApiCalls, 2)),
                ]))
        #expect(Self.fieldNames(call.leave(entry, result: -22).value("arg")) == ["api", "features"])
    }

    @Test(arguments: [Personality.x86_64, .i386]) func locks(personality: Personality) {
        var call = FakeCall("fcntl", RawArguments(3, 6, 0x6000), personality)
        call.memory.write(0x6000, numbers: [1, 0], width: 2)
        let width = personality == .x86_64 ? 8 : 4
        call.memory.write(0x6000 + UInt64(width), numbers: [5, 10], width: width)
        #expect(
            call.enter().value("arg")
                == .record([
                    Field("l_type", .symbol(.lockType, 1)), Field("l_whence", .symbol(.whence, 0)),
                    Field("l_start", .signed(5)), Field("l_len", .signed(10)),
                ]))
        #expect(FakeCall("fcntl", RawArguments(3, 1, 0x6000), personality).enter().arguments.count == 2)
    }

    @Test func options() {
        let kill = FakeCall("prctl", RawArguments(1, 15, 7, 7, 7)).enter()
        #expect(kill.values == [.symbol(.prctlOption, 1), .signal(15)])
        let ambient = FakeCall("prctl", RawArguments(47, 1, 5, 0, 0)).enter()
        #expect(Array(ambient.values[1...2]) == [.symbol(.ambient, 1), .symbol(.capability, 5)])
        let clear = FakeCall("prctl", RawArguments(47, 4, 5, 0, 0)).enter()
        #expect(clear.values[2] == .hexadecimal(5))
        #expect(FakeCall("prctl", RawArguments(9999, 1, 2, 3, 4)).enter().arguments.count == 5)
    }

    /// Bytes beyond the struct that is known are kept where they say something.
    @Test func longerStruct() {
        var call = FakeCall("openat2", RawArguments(0xFFFF_FF9C, 0x5000, 0x6000, 32))
        call.memory.write(0x6000, numbers: [0, 0, 0, 0], width: 8)
        #expect(Self.fieldNames(call.enter().value("how")) == ["flags", "resolve"])
        call.memory.write(0x6018, numbers: [1], width: 8)
        guard case .record(let fields) = call.enter().value("how"),
            case .remainder(offset: 24, let bytes) = fields.last?.value
        else {
            Issue.record("no remainder")
            return
        }
        #expect(bytes.bytes == [1, 0, 0, 0, 0, 0, 0, 0])
    }

    @Test(arguments: [
        (0, "new"), (0x1000, "bind"), (0x1020, "remount"), (0x4_4000, "propagate"), (0x2000, "move"),
        (0xC0ED_0001, "new"),
    ]) func mountOperations(flags: UInt64, name: String) {
        let message = FakeCall("mount", RawArguments(0, 0, 0, flags)).enter()
        #expect(message.constants.map(\.value) == [name])
    }

    @Test func quota() {
        // QCMD(Q_QUOTAOFF, GRPQUOTA), then QCMD(Q_SETINFO, USRQUOTA)
        let off = FakeCall("quotactl", RawArguments(0x8000_0301, 0, 5, 0x6000)).enter()
        #expect(off.arguments.map(\.name) == ["cmd", "special"])
        let set = FakeCall("quotactl", RawArguments(0x8000_0600, 0, 5, 0x6000)).enter()
        #expect(set.arguments.map(\.name) == ["cmd", "special", "addr"])
    }

    @Test func adjustingAsksWithoutModes() {
        var call = FakeCall("adjtimex", RawArguments(0x6000))
        call.memory.write(0x6000, [UInt8](repeating: 0, count: 208))
        #expect(call.enter().operation == .timeGet)
        call.memory.write(0x6000, numbers: [1], width: 4)
        #expect(call.enter().operation == .timeSet)
    }

    @Test func capabilitySets() {
        var call = FakeCall("capset", RawArguments(0x6000, 0x7000))
        call.memory.write(0x6000, numbers: [0x2008_0522, 0], width: 4)
        call.memory.write(0x7000, numbers: [1, 2, 3, 4, 5, 6], width: 4)
        #expect(
            call.enter().value("data")
                == .record([
                    Field("effective", .flags(.capabilities, 4 << 32 | 1)),
                    Field("permitted", .flags(.capabilities, 5 << 32 | 2)),
                    Field("inheritable", .flags(.capabilities, 6 << 32 | 3)),
                ]))
    }

    @Test func datesOfFiles() {
        var call = FakeCall("utimensat", RawArguments(0xFFFF_FF9C, 0x5000, 0x6000, 0))
        call.memory.write(0x6000, numbers: [1_709_208_000, 5, 0, 0x3FFF_FFFE], width: 8)
        guard case .list(let times) = call.enter().value("utimes"), case .commented(_, let date) = times.first else {
            Issue.record("no date")
            return
        }
        #expect(date == "2024-02-29T12:00:00.000000005+0000")
        guard case .written(_, let name)? = times.last else {
            Issue.record("no name")
            return
        }
        #expect(name == .word("UTIME_OMIT"))
    }
}
