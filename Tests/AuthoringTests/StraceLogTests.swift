// Lines of strace's logs.

import Testing

@testable import Authoring

@Suite struct StraceLogTests {
    @Test(arguments: [
        ["read(3,  <unfinished ...>) = ?"],
        ["7     read(3,  <unfinished ...>", "7     <... read resumed> <unfinished ...>) = ?"],
        ["[pid  7] read(3,  <unfinished ...>", "[pid  7] <... read resumed> <unfinished ...>) = ?"],
    ])
    func callsThatNeverCameBackAreWhole(lines: [String]) {
        var log = StraceLog()
        let calls = lines.compactMap { log.call(in: $0[...]) }
        #expect(calls.map(\.name) == ["read"])
        #expect(calls.first?.arguments.first == "3")
        #expect(calls.first?.result == nil)
        #expect(log.skipped == 0)
    }

    @Test func halvesBecomeOneCall() {
        var log = StraceLog()
        #expect(log.call(in: "7     read(3,  <unfinished ...>") == nil)
        let call = log.call(in: "7     <... read resumed>\"a\", 1) = 1")
        #expect(call?.arguments == ["3", "\"a\"", "1"])
        #expect(call?.result == 1)
    }
}
