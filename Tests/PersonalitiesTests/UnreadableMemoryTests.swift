// What decoding says of memory that ends before the call's arguments do: the elements that are there and where the rest
// would be, addresses where a part says nothing.

import Messages
import Personalities
import Testing

/// The page that is there ends here.
private let end: UInt64 = 0x6000

@Suite struct UnreadableMemoryTests {
    @Test func listsEndWhereMemoryEnds() {
        var call = FakeCall("setgroups", RawArguments(3, end - 8))
        call.memory.write(end - 8, numbers: [1, 2], width: 4)
        #expect(call.enter().value("grouplist") == .brokenList([.group(1), .group(2)], at: end))
        #expect(FakeCall("setgroups", RawArguments(3, end)).enter().value("grouplist") == .address(end))
    }

    @Test func elementsEndWhereTheyAreCutInTwo() {
        var call = FakeCall("setgroups", RawArguments(3, end - 6))
        call.memory.write(end - 6, numbers: [1], width: 4)
        #expect(call.enter().value("grouplist") == .brokenList([.group(1)], at: end - 2))
    }

    /// What is not kept may be there.
    @Test func longListsAreCut() {
        var call = FakeCall("setgroups", RawArguments(100, 0x5000))
        call.memory.write(0x5000, numbers: Array(0..<100), width: 4)
        guard case .cutList(let kept) = call.enter().value("grouplist") else {
            Issue.record("a long list is not cut")
            return
        }
        #expect(kept.count == 32)
    }

    @Test func buffersThatAreNotThereWhole() {
        var call = FakeCall("write", RawArguments(1, end - 4, 5))
        call.memory.write(end - 4, [1, 2, 3, 4])
        #expect(call.enter().value("buf") == .address(end - 4))
    }

    @Test func textWithoutAnEnd() {
        let text = String(repeating: "x", count: 40)
        var call = FakeCall("delete_module", RawArguments(end - 40, 0))
        call.memory.write(end - 40, Array(text.utf8))
        let bytes = Bytes(Array(text.utf8), total: UInt64.max, isText: true)
        #expect(call.enter().value("name_user") == .unended(bytes, at: end - 40))
        // A path is what it is up to its end.
        var opening = FakeCall("open", RawArguments(end - 40, 0, 0))
        opening.memory.write(end - 40, Array(text.utf8))
        #expect(opening.enter().value("filename") == .address(end - 40))
    }

    @Test(arguments: [(4, false), (8, true), (16, false), (0, false)]) func sizesOfSignalSets(size: UInt64, isOne: Bool)
    {
        var call = FakeCall("rt_sigprocmask", RawArguments(0, 0x5000, 0, size))
        call.memory.write(0x5000, numbers: [2], width: 8)
        #expect(call.enter().value("nset") == (isOne ? .signalSet(2) : .address(0x5000)))
    }

    /// The kernel lets a part of the pending signals be asked for.
    @Test func partOfASignalSet() {
        var call = FakeCall("rt_sigpending", RawArguments(end - 4, 4))
        call.memory.write(end - 4, numbers: [2], width: 4)
        #expect(call.leave(call.enter(), result: 0).value("uset") == .signalSet(2))
    }

    @Test func structsShorterThanTheirFirstVersion() {
        var call = FakeCall("openat2", RawArguments(0, 0, 0x5000, 23))
        call.memory.write(0x5000, numbers: [0, 0, 0], width: 8)
        #expect(call.enter().value("how") == .address(0x5000))
    }

    @Test func structsWhoseEndIsNotThere() {
        var call = FakeCall("openat2", RawArguments(0, 0, end - 24, 32))
        call.memory.write(end - 24, numbers: [0, 0, 0], width: 8)
        guard case .record(let fields) = call.enter().value("how") else {
            Issue.record("the struct is not a record")
            return
        }
        #expect(fields.last?.value == .remainder(offset: 24, Bytes([], total: 8, isBinary: true)))
    }

    @Test func variablesThatDoNotEnd() {
        var call = FakeCall("execve", RawArguments(0, 0, end - 16))
        call.memory.write(end - 16, numbers: [0x5000, 0x5000], width: 8)
        #expect(call.enter().value("envp") == .commented(.address(end - 16), "2 vars, unterminated"))
    }

    /// Of a length that is none nothing is looked at.
    @Test func optionsOfNegativeLength() {
        var call = FakeCall("setsockopt", RawArguments(3, 1, 2, 0x5000, 0xFFFF_FFFF))
        call.memory.write(0x5000, numbers: [1], width: 4)
        #expect(call.enter().value("optval") == .address(0x5000))
    }
}
