// What capture must keep of text: all of it up to PATH_MAX wherever it lies, and nothing that runs into a hole.

import Messages
import Personalities
import Testing

@Suite struct TextCaptureTests {
    private static let openFile: UInt64 = 2
    private static let page: UInt64 = 0x7000_0000

    private static func letters(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(97 + $0 % 26) } }

    /// The decoded path of an open of `address`, and what was captured for it.
    private func open(_ address: UInt64, _ memory: FakeMemory) -> (value: Value?, snapshot: Snapshot) {
        var snapshot = Snapshot(stop: Stop(number: Self.openFile, arguments: RawArguments(address)))
        Capture().entry(&snapshot, memory: memory)
        return (Decoder().entry(snapshot).value("filename"), snapshot)
    }

    @Test(
        arguments: [0, 1, 255, 256, 257, 4094, 4095],
        [UInt64(0), 1, 0xF00, 0xFFE, 0xFFF])
    func textIsWhole(count: Int, offset: UInt64) {
        let address = Self.page + offset
        let letters = Self.letters(count)
        var memory = FakeMemory()
        memory.write(address, letters + [0])
        let got = open(address, memory)
        #expect(got.value == .path(Bytes(letters, isText: true)))
        #expect(
            got.snapshot.regions == [
                Region(address: address, offset: 0, count: count, wanted: count, errno: 0)
            ])
        #expect(got.snapshot.arena == letters)
    }

    /// The NUL is the last byte before memory that is not mapped.
    @Test(arguments: [0, 1, 255, 256, 257, 4095]) func textEndsWithItsPage(count: Int) {
        let letters = Self.letters(count)
        let address = Self.page + 2 * FakeMemory.pageSize - UInt64(count) - 1
        var memory = FakeMemory()
        memory.write(address, letters + [0])
        #expect(open(address, memory).value == .path(Bytes(letters, isText: true)))
    }

    /// PATH_MAX counts the NUL: of 4096 bytes without one, which are kept, 4095 are shown and said to be more.
    @Test(arguments: [4096, 5000], [UInt64(0), 0x10, 0xFFF]) func longTextIsCut(count: Int, offset: UInt64) {
        let address = Self.page + offset
        let letters = Self.letters(count)
        var memory = FakeMemory()
        memory.write(address, letters + [0])
        let got = open(address, memory)
        #expect(got.value == .path(Bytes(Array(letters.prefix(4095)), total: 4097, isText: true)))
        #expect(got.snapshot.arena.count == 4096)
    }

    /// The page ends before a NUL and the next one is not mapped.
    @Test(arguments: [1, 255, 256, 257, 4095]) func textRunsIntoAHole(count: Int) throws {
        let address = Self.page + 2 * FakeMemory.pageSize - UInt64(count)
        var memory = FakeMemory()
        memory.write(address, Self.letters(count))
        let got = open(address, memory)
        #expect(got.value == .address(address))
        let region = try #require(got.snapshot.regions.first)
        #expect(region.errno == Int32(FakeMemory.badAddress))
    }

    @Test func unreadableTextIsItsAddress() {
        let got = open(Self.page, FakeMemory())
        #expect(got.value == .address(Self.page))
        #expect(
            got.snapshot.regions == [
                Region(address: Self.page, offset: 0, count: 0, wanted: 256, errno: Int32(FakeMemory.badAddress))
            ])
    }

    @Test func noTextIsNull() {
        let got = open(0, FakeMemory())
        #expect(got.value == .address(0))
        #expect(got.snapshot.regions.isEmpty)
    }

    /// Two paths of one call: each is its own region, and the end of one does not touch the other.
    @Test func twoPathsOfOneCall() {
        var call = FakeCall("rename", RawArguments(Self.page, Self.page + 0x1FF0))
        call.memory.write(Self.page, Self.letters(300) + [0])
        call.memory.write(Self.page + 0x1FF0, text: "a name over two pages")
        let message = call.enter()
        #expect(message.value("oldname") == .path(Bytes(Self.letters(300), isText: true)))
        #expect(message.value("newname") == .path("a name over two pages"))
    }
}
