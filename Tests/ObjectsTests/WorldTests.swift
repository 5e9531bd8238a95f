// The reducer over hand-made events: sharing, copying, closing on exec, names that change.

import Messages
import Testing

@testable import Objects

/// Feeds a world the events of calls.
private struct Script {
    let world = World()
    private var nextID: UInt64 = 1

    init(process: Int32) {
        world.see(event(process, process, .started(parent: 0, attached: false)), Snapshot())
    }

    private func event(_ thread: Int32, _ process: Int32, _ happening: Happening, id: UInt64 = 0) -> Event {
        Event(thread: thread, process: process, time: 1, id: id, happening: happening)
    }

    func other(_ thread: Int32, _ process: Int32, _ happening: Happening) {
        world.see(event(thread, process, happening), Snapshot())
    }

    /// A call from its entry to its return, with the facts that the return brought.
    func call(
        _ thread: Int32, _ call: SystemCall, _ operation: Messages.Operation, _ values: [Value], result: Int64,
        registers: RawArguments = RawArguments(), facts: [(Int32, String)] = [], during: () -> Void = {}
    ) {
        let message = Message(
            personality: .x86_64, name: "\(call)", call: call, operation: operation,
            arguments: values.map { Argument(name: "", item: "", value: $0) })
        var snapshot = Snapshot(stop: Stop(arguments: registers))
        world.see(event(thread, thread, .entry, id: 1), snapshot, message)
        during()
        for (number, name) in facts {
            let range = snapshot.addBytes(room: name.utf8.count) { room in
                room.copyBytes(from: name.utf8)
                return name.utf8.count
            }
            snapshot.add(Fact(kind: .descriptor, number: number, name: range, mode: 0o100644, inode: UInt64(number)))
        }
        world.see(event(thread, thread, .exit(result: result), id: 1), snapshot)
    }

    func open(_ thread: Int32, _ path: String, as number: Int32, closeOnExec: Bool = false) {
        let flags = SpecTables.symbols(of: .open).first { $0.name == "O_CLOEXEC" }?.value ?? 0
        call(
            thread, .open, .fileOpen, [.path(Bytes(Array(path.utf8))), .flags(.open, closeOnExec ? flags : 0)],
            result: Int64(number), facts: [(number, path)])
    }

    func name(_ descriptor: Int32, _ thread: Int32) -> String? {
        world.handle(descriptor, of: thread).map { String(decoding: $0.file.name, as: UTF8.self) }
    }
}

@Suite struct WorldTests {
    @Test func closingInASharedTableDropsItForBoth() {
        let script = Script(process: 1)
        script.open(1, "/a", as: 3)
        script.call(1, .clone, .procFork, [.flags(.clone, 0x400)], result: 2) {
            script.other(1, 1, .created(child: 2, how: .clone))
            script.other(2, 2, .started(parent: 1, attached: false))
        }
        #expect(script.name(3, 2) == "/a")
        script.call(2, .close, .fdClose, [.descriptor(3)], result: 0, registers: RawArguments(3))
        #expect(script.name(3, 1) == nil)
    }

    @Test func forkCopiesTheTable() {
        let script = Script(process: 1)
        script.open(1, "/a", as: 3)
        script.call(1, .fork, .procFork, [], result: 2) { script.other(1, 1, .created(child: 2, how: .fork)) }
        script.call(2, .close, .fdClose, [.descriptor(3)], result: 0, registers: RawArguments(3))
        #expect(script.name(3, 1) == "/a")
        #expect(script.name(3, 2) == nil)
    }

    @Test func unshareSplitsASharedTable() {
        let script = Script(process: 1)
        script.open(1, "/a", as: 3)
        script.call(1, .clone, .procFork, [.flags(.clone, 0x400)], result: 2) {
            script.other(1, 1, .created(child: 2, how: .clone))
        }
        script.call(2, .unshare, .procNamespace, [.flags(.clone, 0x400)], result: 0, registers: RawArguments(0x400))
        script.call(2, .close, .fdClose, [.descriptor(3)], result: 0, registers: RawArguments(3))
        #expect(script.name(3, 1) == "/a")
    }

    @Test func execDropsWhatClosesOnExec() {
        let script = Script(process: 1)
        script.open(1, "/kept", as: 3)
        script.open(1, "/dropped", as: 4, closeOnExec: true)
        script.other(1, 1, .executed(former: 1))
        #expect(script.name(3, 1) == "/kept")
        #expect(script.name(4, 1) == nil)
    }

    @Test func execOfAThreadTakesTheLeadersPlace() {
        let script = Script(process: 1)
        script.open(1, "/a", as: 3)
        script.call(1, .clone, .threadCreate, [.flags(.clone, 0x10F00)], result: 2) {
            script.other(1, 1, .created(child: 2, how: .clone))
        }
        script.other(1, 1, .executed(former: 2))
        #expect(script.world.threads.keys.sorted() == [1])
        #expect(script.name(3, 1) == "/a")
    }

    @Test func duplicatesShareOneFile() {
        let script = Script(process: 1)
        script.open(1, "/a", as: 3, closeOnExec: true)
        script.call(
            1, .dup, .fdDup, [.descriptor(3)], result: 7, registers: RawArguments(3), facts: [(7, "/a")])
        #expect(script.world.handle(7, of: 1)?.file === script.world.handle(3, of: 1)?.file)
        #expect(script.world.handle(7, of: 1)?.closeOnExec == false)
    }

    @Test func failedCallsChangeNothing() {
        let script = Script(process: 1)
        script.open(1, "/a", as: 3)
        script.call(1, .dup2, .fdDup, [.descriptor(3), .descriptor(4)], result: -24, registers: RawArguments(3, 4))
        script.call(1, .unlink, .fileUnlink, [.path(Bytes(Array("/a".utf8)))], result: -13)
        #expect(script.name(4, 1) == nil)
        #expect(script.world.handle(3, of: 1)?.file.isDeleted == false)
    }

    @Test func closeRangeClosesOrMarks() {
        let script = Script(process: 1)
        for number in Int32(3)...6 { script.open(1, "/\(number)", as: number) }
        script.call(1, .closeRange, .fdClose, [], result: 0, registers: RawArguments(3, 4, 0))
        script.call(1, .closeRange, .fdClose, [], result: 0, registers: RawArguments(6, 0xFFFF_FFFF, 4))
        #expect(script.name(3, 1) == nil && script.name(4, 1) == nil)
        #expect(script.world.handle(5, of: 1)?.closeOnExec == false)
        #expect(script.world.handle(6, of: 1)?.closeOnExec == true)
    }

    @Test func namesFollowRenames() {
        let script = Script(process: 1)
        script.open(1, "/d/a", as: 3)
        script.open(1, "/e", as: 4)
        func path(_ text: String) -> Value { .path(Bytes(Array(text.utf8), total: nil, isText: true)) }
        script.call(1, .rename, .fileRename, [path("/d"), path("/x")], result: 0)
        #expect(script.name(3, 1) == "/x/a")
        script.call(1, .rename, .fileRename, [path("/x/a"), path("/e")], result: 0)
        #expect(script.name(3, 1) == "/e")
        #expect(script.world.handle(4, of: 1)?.file.isDeleted == true)
        script.call(1, .unlink, .fileUnlink, [path("/../e/.")], result: 0)
        #expect(script.world.handle(3, of: 1)?.file.isDeleted == true)
    }
}
