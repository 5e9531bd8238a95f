// Filters, extended programs and structs that say their own size.

import Messages
import Personalities
import Testing

@Suite struct BPFProgramTests {
    /// The instructions of a filter that seccomp(2) is given.
    private func filter(_ instructions: [UInt64], length: UInt64? = nil) -> Value? {
        var call = FakeCall("seccomp", RawArguments(1, 0, 0x5000))
        call.memory.write(0x5000, numbers: [length ?? UInt64(instructions.count), 0x6000], width: 8)
        if !instructions.isEmpty { call.memory.write(0x6000, numbers: instructions, width: 8) }
        guard case .record(let fields) = call.enter().value("uargs") else { return nil }
        #expect(fields.first == Field("len", .unsigned((length ?? UInt64(instructions.count)) & 0xFFFF)))
        return fields.last?.value
    }

    @Test func filters() {
        // BPF_LD|BPF_W|BPF_ABS 4; BPF_JMP|BPF_JEQ|BPF_K 2, 1, 0; BPF_RET|BPF_K SECCOMP_RET_ERRNO|5
        let value = filter([0x4_0000_0020, 0x2_0001_0015, 0x5_0005_0000_0006])
        let load = Value.joined([.symbol(.bpfClass, 0), .symbol(.bpfSize, 0), .symbol(.bpfMode, 0x20)])
        let jump = Value.joined([.symbol(.bpfClass, 5), .symbol(.bpfSource, 0), .symbol(.bpfJump, 0x10)])
        let whole = Value.list([
            .call("BPF_STMT", [load, .hexadecimal(4)]),
            .call("BPF_JUMP", [jump, .hexadecimal(2), .hexadecimal(1), .hexadecimal(0)]),
            .call(
                "BPF_STMT",
                [
                    .joined([.symbol(.bpfClass, 6), .symbol(.bpfReturn, 0)]),
                    .joined([.symbol(.seccompAction, 0x50000), .hexadecimal(5)]),
                ]),
        ])
        #expect(value == .abbreviated(.address(0x6000), whole))
    }

    @Test func filtersThatAreNotThere() {
        #expect(filter([]) == .abbreviated(.address(0x6000), .list([])))
        #expect(filter([], length: 0xFFFF) == .abbreviated(.address(0x6000), .address(0x6000)))
        guard case .abbreviated(_, .brokenList(let kept, at: 0x7000)) = filter([0x6], length: 0xFFFF) else {
            Issue.record("a program that ends with its page is not marked")
            return
        }
        // The page that is there, and no more.
        #expect(kept.count == 512)
        #expect(FakeCall("seccomp", RawArguments(1, 0, 0x5000)).enter().value("uargs") == .address(0x5000))
    }

    private func load(_ size: UInt64, insns: UInt64 = 1) -> Message {
        var call = FakeCall("bpf", RawArguments(5, 0x5000, size))
        call.memory.write(0x5000, [UInt8](repeating: 0, count: 256))
        call.memory.write(0x5000, numbers: [1, insns], width: 4)
        call.memory.write(0x5008, numbers: [0x6000, 0x7000], width: 8)
        call.memory.write(0x6000, numbers: [0xFFFF_FFFF_FFF8_A279], width: 8)
        call.memory.write(0x7000, text: "GPL")
        return call.enter()
    }

    @Test func extendedPrograms() {
        guard case .record(let fields) = load(48).value("uattr") else {
            Issue.record("no record")
            return
        }
        #expect(
            fields.map(\.name) == [
                "prog_type", "insn_cnt", "insns", "license", "log_level", "log_size", "log_buf", "kern_version",
                "prog_flags",
            ])
        let instruction = Value.record([
            Field("code", .joined([.symbol(.ebpfClass, 1), .symbol(.ebpfSize, 0x18), .symbol(.ebpfMode, 0x60)])),
            Field("dst_reg", .symbol(.ebpfRegister, 2)), Field("src_reg", .symbol(.ebpfRegister, 10)),
            Field("off", .signed(-8)), Field("imm", .hexadecimal(0xFFFF_FFFF)),
        ])
        #expect(fields[2].value == .abbreviated(.address(0x6000), .list([instruction])))
        #expect(fields[3].value == .text("GPL"))
    }

    /// An older program passes less of a struct, a newer one more.
    @Test func structsOfOtherAges() {
        guard case .record(let short) = load(16).value("uattr") else {
            Issue.record("no record")
            return
        }
        #expect(short.map(\.name) == ["prog_type", "insn_cnt", "insns"])
        #expect(load(0).value("uattr") == .address(0x5000))
        guard case .record(let long) = load(UInt64.max, insns: 0xFFFF_FFFF).value("uattr") else {
            Issue.record("no record")
            return
        }
        #expect(long.count > 20)
        #expect(!long.contains { $0.name == "extra_data" })
    }

    @Test func bytesBeyondAStruct() {
        var call = FakeCall("landlock_create_ruleset", RawArguments(0x5000, 56, 0))
        call.memory.write(0x5000, numbers: [5, 1, 2, 4, 0, 1, 0x77], width: 8)
        let rest = Bytes([0x77, 0, 0, 0, 0, 0, 0, 0], isBinary: true)
        #expect(
            call.enter().value("attr")
                == .record([
                    Field("handled_access_fs", .flags(.landlockFs, 5)),
                    Field("handled_access_net", .flags(.landlockNet, 1)),
                    Field("scoped", .flags(.landlockScope, 2)),
                    Field("quiet_access_fs", .flags(.landlockFs, 4)),
                    Field("quiet_access_net", .flags(.landlockNet, 0)),
                    Field("quiet_scoped", .flags(.landlockScope, 1)),
                    Field("extra_data", .commented(.bytes(rest), "bytes 48..55"), isDetail: true),
                ]))
    }

    /// The struct that tells of an object hangs on what the descriptor is.
    @Test func information() {
        var call = FakeCall("bpf", RawArguments(15, 0x5000, 16))
        call.memory.write(0x5000, numbers: [4, 88], width: 4)
        call.memory.write(0x5008, numbers: [0x6000], width: 8)
        call.memory.write(0x6000, [UInt8](repeating: 0, count: 104))
        call.memory.write(0x6000, numbers: [2, 7, 4, 8, 16], width: 4)
        func told(_ object: String?) -> Value? {
            var snapshot = Snapshot(stop: call.stop)
            call.capture.entry(&snapshot, memory: call.memory)
            #expect(snapshot.meaningDescriptor == 4)
            if let object {
                let bytes = Array("anon_inode:\(object)".utf8)
                let name = snapshot.addBytes(room: bytes.count) { room in
                    room.copyBytes(from: bytes)
                    return bytes.count
                }
                snapshot.add(Fact(kind: .descriptor, number: 4, name: name))
            }
            let message = call.leave(Decoder().entry(snapshot), result: 0)
            guard case .record(let outer)? = message.value("uattr"),
                case .record(let inner)? = outer.first?.value
            else { return nil }
            return inner.first { $0.name == "info" }?.value
        }
        #expect(told(nil) == .address(0x6000))
        #expect(told("[eventfd]") == .address(0x6000))
        guard case .abbreviated(.address(0x6000), .record(let map))? = told("bpf-map"),
            case .abbreviated(_, .record(let program))? = told("bpf-prog")
        else {
            Issue.record("no record")
            return
        }
        #expect(map.prefix(3).map(\.value) == [.symbol(.bpfMapType, 2), .unsigned(7), .unsigned(4)])
        #expect(map.last?.name == "map_extra")
        #expect(program.first?.value == .symbol(.bpfProgramType, 2))
    }

    @Test func counters() {
        var call = FakeCall("perf_event_open", RawArguments(0x5000, 0, 0xFFFF_FFFF, 0xFFFF_FFFF, 8))
        #expect(call.enter().value("attr_uptr") == .address(0x5000))
        call.memory.write(0x5000, [UInt8](repeating: 0, count: 128))
        call.memory.write(0x5000, numbers: [1, 64], width: 4)
        call.memory.write(0x5028, numbers: [0x1_8021], width: 8)
        guard case .record(let fields) = call.enter().value("attr_uptr") else {
            Issue.record("no record")
            return
        }
        func value(_ name: String) -> Value? { fields.first { $0.name == name }?.value }
        #expect(value("disabled") == .unsigned(1))
        #expect(value("exclude_kernel") == .unsigned(1))
        #expect(value("precise_ip") == .commented(.unsigned(3), "must have 0 skid"))
        #expect(value("config2") == nil)
        call.memory.write(0x5004, numbers: [3], width: 4)
        #expect(call.enter().value("attr_uptr") == .address(0x5000))
    }

    @Test func securityContexts() {
        var call = FakeCall("lsm_get_self_attr", RawArguments(100, 0x5000, 0x6000, 0))
        let entry = call.enter()
        call.memory.write(0x6000, numbers: [38], width: 4)
        call.memory.write(0x5000, numbers: [104, 0, 38, 6], width: 8)
        call.memory.write(0x5020, text: "profil")
        let context = Value.record([
            Field("id", .symbol(.lsmId, 104)), Field("flags", .hexadecimal(0)), Field("len", .unsigned(38)),
            Field("ctx_len", .unsigned(6)), Field("ctx", .data("profil")),
        ])
        #expect(call.leave(entry, result: 1).value("ctx") == .list([context]))
        call.memory.write(0x5010, numbers: [0, 6], width: 8)
        #expect(call.leave(entry, result: 9).value("ctx") == .cutList([context.replacing("len", .unsigned(0))]))
    }
}

extension Value {
    /// The record with another value in one field.
    fileprivate func replacing(_ name: String, _ value: Value) -> Value {
        guard case .record(let fields) = self else { return self }
        return .record(fields.map { $0.name == name ? Field(name, value) : $0 })
    }
}
