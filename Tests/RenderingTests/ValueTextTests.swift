// Values as strace 6.1 prints them; the expected texts were taken from its output.

import Messages
import Rendering
import Testing

struct ValueTextTests {
    private func text(_ value: Value, _ change: (inout TextStyle) -> Void = { _ in }) -> String {
        var style = TextStyle()
        change(&style)
        var line: [UInt8] = []
        ValueText(style: style).append(value, to: &line)
        return String(decoding: line, as: UTF8.self)
    }

    private func bytes(_ text: String, total: UInt64? = nil) -> Value {
        .bytes(Bytes(Array(text.utf8), total: total))
    }

    @Test func stringsAreEscaped() {
        let raw: [UInt8] = [97, 0, 98, 0, 49, 50, 10, 9, 13, 11, 12, 34, 92, 127, 255, 27, 91, 55]
        #expect(text(.bytes(Bytes(raw))) == #""a\0b\00012\n\t\r\v\f\"\\\177\377\33[7""#)
    }

    @Test func longStringsAreCut() {
        let long = String(repeating: "d", count: 36)
        #expect(text(bytes(long)) == "\"" + String(repeating: "d", count: 32) + "\"...")
        #expect(text(bytes(String(repeating: "d", count: 32))) == "\"" + String(repeating: "d", count: 32) + "\"")
        #expect(text(.path(Bytes(Array(long.utf8), isText: true))) == "\"\(long)\"")
    }

    @Test func listsThatEndEarly() {
        #expect(text(.brokenList([.signed(1)], at: 0x7000)) == "[1, ... /* 0x7000 */]")
        let many = [Value](repeating: .signed(1), count: 40)
        #expect(text(.list(many)) { $0.stringLimit = 2 } == "[1, 1, ...]")
        #expect(text(.brokenList(many, at: 0x7000)) { $0.stringLimit = 2 } == "[1, 1, ...]")
    }

    @Test func textWithoutAnEnd() {
        let value = Value.unended(Bytes(Array("abcd".utf8), total: UInt64.max, isText: true), at: 0x7000)
        #expect(text(value) == "0x7000")
        #expect(text(value) { $0.stringLimit = 3 } == "\"abc\"...")
    }

    @Test func remarksHaveNoRemarksInThem() {
        let name = Value.written(.hexadecimal(1), as: .word("EVIOCGBIT(0x6 /* EV_??? */, 12)"))
        #expect(text(name) == "EVIOCGBIT(0x6 /* EV_??? */, 12)")
        #expect(text(name) { $0.naming = .both } == "0x1 /* EVIOCGBIT(0x6, 12) */")
    }

    @Test func recordsThatGoOn() {
        #expect(text(.record([Field("a", .signed(1)), .more])) == "{a=1, ...}")
        let unread = Field("rest", .remainder(offset: 24, Bytes([], total: 8, isBinary: true)))
        #expect(text(.record([Field("a", .signed(1)), unread])) == "{a=1, ???}")
    }

    @Test func flagsAreNamedWithTheirRemainder() {
        #expect(text(.flags(.open, 0o100 | 2)) == "O_RDWR|O_CREAT")
        #expect(text(.flags(.open, 0)) == "O_RDONLY")
        #expect(text(.flags(.open, 0x4000_0002)) == "O_RDWR|0x40000000")
        #expect(text(.flags(.protection, 0x100)) == "0x100 /* PROT_??? */")
        #expect(text(.symbol(.whence, 7)) == "0x7 /* SEEK_??? */")
        #expect(text(.flags(.open, 2)) { $0.naming = .numbers } == "0x2")
        #expect(text(.flags(.open, 2)) { $0.naming = .both } == "0x2 /* O_RDWR */")
    }

    @Test func modesAndDevices() {
        #expect(text(.permissions(0)) == "000")
        #expect(text(.permissions(0o644)) == "0644")
        #expect(text(.fileMode(0o100644)) == "S_IFREG|0644")
        #expect(text(.fileMode(0o104755)) == "S_IFREG|S_ISUID|0755")
        #expect(text(.fileMode(0o170777)) == "0170777")
        #expect(text(.device(0x801)) == "makedev(0x8, 0x1)")
    }

    @Test func signalsAndSets() {
        #expect(text(.signal(2)) == "SIGINT")
        #expect(text(.signal(32)) == "SIGRTMIN")
        #expect(text(.signal(34)) == "SIGRT_2")
        #expect(text(.signalSet(0)) == "[]")
        #expect(text(.signalSet(1 << 1 | 1 << 14)) == "[INT TERM]")
        #expect(text(.signalSet(~(1 << 8 | 1 << 18))) == "~[KILL STOP]")
    }

    @Test func recordsLeaveDetailsOut() {
        let record = Value.record([Field("a", .signed(1)), Field("b", .signed(2), isDetail: true)])
        #expect(text(record) == "{a=1, ...}")
        #expect(text(record) { $0.abbreviates = false } == "{a=1, b=2}")
    }

    @Test func hostileTextStaysOnItsLine() {
        let name = Value.path(Bytes(Array("a\n\u{1B}[2Jb".utf8) + [0xFF], isText: true))
        #expect(text(name) == #""a\n\33[2Jb\377""#)
    }
}
