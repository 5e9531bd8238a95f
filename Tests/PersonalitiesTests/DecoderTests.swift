// What decoding must say of calls whose meaning is known: every argument and the reply, from made-up memory.

import Messages
import Personalities
import Testing

@Suite struct DecoderTests {
    @Test func openat() {
        var call = FakeCall("openat", RawArguments(0xFFFF_FF9C, 0x5000, 0x241, 0o644))
        call.memory.write(0x5000, text: "/tmp/a")
        var message = call.enter()
        #expect(message.name == "openat")
        #expect(message.operation == .fileOpen)
        #expect(message.arguments.map(\.name) == ["dfd", "filename", "flags", "mode"])
        #expect(message.values == [.directory(-100), .path("/tmp/a"), .flags(.open, 0x241), .permissions(0o644)])
        message = call.leave(message, result: 3)
        #expect(message.reply == Reply(raw: 3, value: .descriptor(3), item: "new_fd"))
        #expect(call.leave(message, result: -2).reply?.errno == 2)
    }

    /// Without O_CREAT the mode is garbage and not shown.
    @Test func openatWithoutMode() {
        let message = FakeCall("openat", RawArguments(5, 0, 0, 0o644)).enter()
        #expect(message.values == [.directory(5), .address(0), .flags(.open, 0)])
    }

    @Test func read() {
        var call = FakeCall("read", RawArguments(3, 0x6000, 1000))
        let entry = call.enter()
        #expect(entry.operation == .fdRead)
        #expect(entry.values == [.descriptor(3), .address(0x6000), .unsigned(1000)])
        call.memory.write(0x6000, text: String(repeating: "x", count: 200))
        #expect(call.leave(entry, result: 5).value("buf") == .data("xxxxx"))
        let kept = String(repeating: "x", count: 32)
        #expect(call.leave(entry, result: 200).value("buf") == .data(kept, total: 200))
        #expect(call.leave(entry, result: 0).value("buf") == .data(""))
        #expect(call.leave(entry, result: -5).value("buf") == .address(0x6000))
    }

    @Test(arguments: ["stat", "lstat", "fstat"]) func stat(name: String) {
        var call = FakeCall(name, RawArguments(0x5000, 0x6000))
        call.memory.write(0x5000, text: "/etc")
        let entry = call.enter()
        #expect(entry.value("statbuf") == .address(0x6000))
        call.memory.write(0x6000, [UInt8](repeating: 0, count: 144))
        call.memory.write(0x6018, numbers: [0o100644], width: 4)
        call.memory.write(0x6030, numbers: [1234], width: 8)
        guard case .record(let fields) = call.leave(entry, result: 0).value("statbuf") else {
            Issue.record("the struct is not a record")
            return
        }
        #expect(fields.first { $0.name == "st_mode" } == Field("st_mode", .fileMode(0o100644)))
        #expect(fields.first { $0.name == "st_size" } == Field("st_size", .signed(1234)))
        #expect(fields.filter { !$0.isDetail }.count == 2)
    }

    private func connected(_ bytes: [UInt8]) -> Value? {
        var call = FakeCall("connect", RawArguments(4, 0x6000, UInt64(bytes.count)))
        call.memory.write(0x6000, bytes)
        let message = call.enter()
        #expect(message.operation == .sockConnect)
        #expect(message.value("fd") == .descriptor(4))
        return message.value("uservaddr")
    }

    private func family(_ number: UInt64) -> Field { Field("sa_family", .symbol(.socketFamily, number)) }

    /// Bytes as the kernel has them, and how a program writes them.
    private func written(_ bytes: [UInt8], _ text: Value) -> Value {
        .written(.bytes(Bytes(bytes, isBinary: true)), as: text)
    }

    @Test func connectToInternetAddresses() {
        let four: [UInt8] = [2, 0, 0, 80, 127, 0, 0, 1] + [UInt8](repeating: 0, count: 8)
        let host = written([127, 0, 0, 1], .call("inet_addr", [.word("\"127.0.0.1\"")]))
        #expect(
            connected(four)
                == .record([
                    family(2), Field("sin_port", written([0, 80], .call("htons", [.unsigned(80)]))),
                    Field("sin_addr", host),
                ]))
        let six: [UInt8] = [10, 0, 1, 187, 0, 0, 0, 0, 0x20, 1, 0xD, 0xB8] + [UInt8](repeating: 0, count: 11) + [1]
        #expect(
            connected(six + [2, 0, 0, 0])
                == .record([
                    family(10), Field("sin6_port", written([1, 187], .call("htons", [.unsigned(443)]))),
                    Field("sin6_flowinfo", written([0, 0, 0, 0], .call("htonl", [.unsigned(0)]))),
                    Field(
                        "sin6_addr",
                        written(
                            Array(six[8..<24]),
                            .call("inet_pton", [.word("AF_INET6"), .word("\"2001:db8::1\""), .word("&sin6_addr")]))),
                    Field("sin6_scope_id", .unsigned(2)),
                ]))
    }

    @Test func connectToLocalAddresses() {
        #expect(connected([1, 0] + Array("/a\0".utf8)) == .record([family(1), Field("sun_path", .path("/a"))]))
        #expect(
            connected([1, 0, 0] + Array("abc".utf8))
                == .record([family(1), Field("sun_path", .call("@", [.path(Bytes(Array("abc".utf8)))]))]))
    }

    @Test func execve() {
        var call = FakeCall("execve", RawArguments(0x5000, 0x6000, 0x7000))
        call.memory.write(0x5000, text: "/bin/ls")
        call.memory.write(0x5100, text: "-l")
        call.memory.write(0x6000, numbers: [0x5000, 0x5100, 0], width: 8)
        call.memory.write(0x7000, numbers: [0x5000, 0x5100, 0], width: 8)
        let message = call.enter()
        #expect(message.operation == .procExec)
        #expect(
            message.values == [
                .path("/bin/ls"), .list([.text("/bin/ls"), .text("-l")]),
                .abbreviated(
                    .commented(.address(0x7000), "2 vars"), .list([.text("/bin/ls"), .text("-l")])),
            ])
    }

    @Test func writev() {
        var call = FakeCall("writev", RawArguments(1, 0x6000, 2))
        call.memory.write(0x5000, text: "hello")
        call.memory.write(0x6000, numbers: [0x5000, 5, 0x5001, 2], width: 8)
        #expect(
            call.enter().value("vec")
                == .list([
                    .record([Field("iov_base", .data("hello")), Field("iov_len", .unsigned(5))]),
                    .record([Field("iov_base", .data("el")), Field("iov_len", .unsigned(2))]),
                ]))
    }

    /// Of a received message only what came counts, not the room that there was.
    @Test func recvmsg() {
        var call = FakeCall("recvmsg", RawArguments(3, 0x6000, 0))
        call.memory.write(0x6000, numbers: [0, 0, 0x6100, 1, 0, 0, 0], width: 8)
        call.memory.write(0x6100, numbers: [0x5000, 4000], width: 8)
        let entry = call.enter()
        call.memory.write(0x5000, text: "hello")
        guard case .record(let fields) = call.leave(entry, result: 5).value("msg") else {
            Issue.record("the header is not a record")
            return
        }
        let part = Value.record([Field("iov_base", .data("hello")), Field("iov_len", .unsigned(4000))])
        #expect(fields.first { $0.name == "msg_iov" }?.value == .list([part]))
    }

    @Test func poll() {
        var call = FakeCall("poll", RawArguments(0x6000, 1, 0xFFFF_FFFF))
        call.memory.write(0x6000, [7, 0, 0, 0, 1, 0, 0, 0])
        let entry = call.enter()
        let asked = Value.list([.record([Field("fd", .descriptor(7)), Field("events", .flags(.poll, 1))])])
        #expect(entry.values == [asked, .unsigned(1), .signed(-1)])
        call.memory.write(0x6006, [1, 0])
        let ready = Value.list([.record([Field("fd", .descriptor(7)), Field("revents", .flags(.poll, 1))])])
        #expect(call.leave(entry, result: 1).reply?.auxiliary == ready)
        #expect(call.leave(entry, result: 0).reply?.auxiliary == .word("Timeout"))
    }

    @Test(arguments: [
        (UInt64(0x0700), "WIFEXITED(s) && WEXITSTATUS(s) == 7"), (9, "WIFSIGNALED(s) && WTERMSIG(s) == SIGKILL"),
        (0x8B, "WIFSIGNALED(s) && WTERMSIG(s) == SIGSEGV && WCOREDUMP(s)"),
        (0x137F, "WIFSTOPPED(s) && WSTOPSIG(s) == SIGSTOP"), (0xFFFF, "WIFCONTINUED(s)"),
    ])
    func wait4(status: UInt64, words: String) {
        var call = FakeCall("wait4", RawArguments(0xFFFF_FFFF, 0x6000, 0, 0))
        call.memory.write(0x6000, numbers: [status], width: 4)
        let entry = call.enter()
        #expect(entry.values == [.process(-1), .address(0x6000), .flags(.waitOptions, 0), .address(0)])
        #expect(call.leave(entry, result: 42).value("stat_addr") == .list([.word("{\(words)}")]))
        #expect(call.leave(entry, result: 0).value("stat_addr") == .address(0x6000))
    }

    @Test func clone() {
        let fork = FakeCall("clone", RawArguments(0x0120_0011, 0, 0, 0x6000, 0)).enter()
        #expect(fork.operation == .procFork)
        #expect(
            fork.values == [
                .named("child_stack", .address(0)),
                .named("flags", .joined([.flags(.clone, 0x0120_0000), .signal(17)])),
                .named("child_tidptr", .address(0x6000)),
            ])
        #expect(FakeCall("clone", RawArguments(0x10000)).enter().operation == .threadCreate)
    }

    @Test func signalAction() {
        var call = FakeCall("rt_sigaction", RawArguments(2, 0x6000, 0, 8))
        call.memory.write(0x6000, numbers: [1, 0x0400_0000, 0x40_1000, 0x4002], width: 8)
        let message = call.enter()
        let action = Value.record([
            Field("sa_handler", .written(.hexadecimal(1), as: .word("SIG_IGN"))), Field("sa_mask", .signalSet(0x4002)),
            Field("sa_flags", .flags(.signalAction, 0x0400_0000)), Field("sa_restorer", .address(0x40_1000)),
        ])
        #expect(message.operation == .signalAction)
        #expect(message.values == [.signal(2), action, .address(0), .unsigned(8)])
    }

    @Test func futex() {
        var call = FakeCall("futex", RawArguments(0x5000, 128, 1, 0x6000, 9, 9))
        call.memory.write(0x6000, numbers: [1, 500], width: 8)
        let message = call.enter()
        let time = Value.record([Field("tv_sec", .signed(1)), Field("tv_nsec", .signed(500))])
        #expect(message.operation == .syncWait)
        let operation = Value.written(.hexadecimal(128), as: .word("FUTEX_WAIT_PRIVATE"))
        #expect(message.values == [.address(0x5000), operation, .unsigned(1), time])
        #expect(FakeCall("futex", RawArguments(0x5000, 1, 1)).enter().operation == .syncWake)
    }

    @Test func prlimit() {
        var call = FakeCall("prlimit64", RawArguments(0, 3, 0, 0x6000))
        let entry = call.enter()
        #expect(entry.values == [.process(0), .symbol(.resource, 3), .address(0), .address(0x6000)])
        call.memory.write(0x6000, numbers: [8192 * 1024, UInt64.max], width: 8)
        let limit = Value.record([
            Field("rlim_cur", .spelled("8192*1024", 8192 * 1024)),
            Field("rlim_max", .spelled("RLIM64_INFINITY", UInt64.max)),
        ])
        #expect(call.leave(entry, result: 0).value("old_rlim") == limit)
    }
}
