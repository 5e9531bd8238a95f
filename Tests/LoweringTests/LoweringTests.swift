// Filters: proved against the policy, and random policies against the reference decision.

import Glibc
import Lowering
import Messages
import Personalities
import Policy
import Testing

/// SplitMix64, so that every run asks the same.
struct Random: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }
}

func policy(_ text: String) throws -> Policy {
    let reading = PolicyReader.read(
        PolicySource(file: "test.yaml", bytes: Array(("abitrace: policy/1\n" + text).utf8)),
        Surroundings(workingDirectory: "/tree", home: "/home/me"))
    return try #require(reading.policy, "\(reading.diagnostics.map(\.text).joined(separator: "\n"))")
}

func stop(_ name: String, _ arguments: RawArguments = RawArguments(), _ personality: Personality = .x86_64) -> Stop {
    Stop(personality: personality, number: SpecTables.number(of: name, personality) ?? 9999, arguments: arguments)
}

@Suite struct LoweringTests {
    @Test func registersDecide() throws {
        let program = try SeccompProgram(
            try policy(
                "files: {/: ro}\nambient: [self, child, mm, clock, procs]\nclasses: {mem.lock: stub, sched.set: {deny: EPERM}, debug: kill}\nrules:\n  - {on: fd.seek, where: {delta: {from: -5, to: 5}}, deny: EIO}\n"
            ))
        func ask(_ stop: Stop) -> UInt32? {
            Interpreter.run(
                program.instructions,
                FilterQuestion(
                    number: UInt32(truncatingIfNeeded: stop.number),
                    architecture: stop.personality == .x86_64 ? 0xC000_003E : 0x4000_0003,
                    arguments: stop.arguments))
        }
        #expect(ask(stop("mlock")) == FilterAction.errno(0).code)
        #expect(ask(stop("sched_yield")) == FilterAction.allow.code)
        #expect(ask(stop("ptrace")) == FilterAction.kill.code)
        #expect(ask(stop("ptrace", RawArguments(), .i386)) == FilterAction.kill.code)
        #expect(ask(stop("clone3")) == FilterAction.errno(38).code)
        #expect(ask(stop("openat", RawArguments(0, 0, 1))) == FilterAction.notify.code)
        #expect(ask(stop("openat")) == FilterAction.allow.code)
        #expect(ask(stop("io_uring_setup")) == FilterAction.errno(38).code)
        #expect(ask(stop("clone", RawArguments(0x1000_0011))) == FilterAction.errno(13).code)
        #expect(ask(stop("clone", RawArguments(0xFFFF_FFFF_0000_0011))) == FilterAction.allow.code)
        #expect(ask(stop("clone", RawArguments(0x80_0011))) == FilterAction.errno(1).code)
        #expect(ask(stop("seccomp", RawArguments(1, 8))) == FilterAction.errno(16).code)
        #expect(ask(stop("lseek", RawArguments(3, UInt64(bitPattern: -5), 1))) == FilterAction.errno(5).code)
        #expect(ask(stop("lseek", RawArguments(3, UInt64(bitPattern: -6), 1))) == FilterAction.allow.code)
        #expect(ask(stop("socket", RawArguments(2, 1, 0))) == FilterAction.errno(13).code)
        #expect(ask(Stop(number: 0x4000_0001)) == FilterAction.errno(38).code)
        // Each number is asked about, and each that registers decide more than once.
        #expect(try program.prove() > SpecTables.x86_64.count + SpecTables.i386.count)
    }

    /// What /proc says of others takes a right of its own, whatever files are granted.
    @Test func namesInProcAreDecidedByWhoTheyAreAbout() throws {
        for (ambient, action) in [("", FilterAction.notify), ("ambient: [self, procs]\n", .allow)] {
            let policy = try policy("files: {/: all}\n" + ambient)
            #expect(policy.filterAction(stop("openat")) == action)
            #expect(policy.filterAction(stop("newfstatat")) == .allow)
        }
    }

    @Test func brokenProgramsAreFound() throws {
        let program = try SeccompProgram(try policy("files: {/: ro}\nclasses: {mem.lock: stub}\n"))
        #expect(Interpreter.run([Instruction(0xFFFF, 0)], FilterQuestion(number: 0, architecture: 0)) == nil)
        #expect(Interpreter.run([Instruction(0x20, 64)], FilterQuestion(number: 0, architecture: 0)) == nil)
        #expect(Interpreter.run([], FilterQuestion(number: 0, architecture: 0)) == nil)
        #expect(program.instructions.count < 4096)
    }

    /// A comparison, an answer or a place that is another than the policy's is found, or answers no call otherwise: what the
    /// hottest numbers would come to at their second place in the program is never reached.
    @Test func changedProgramsAreFound() throws {
        let program = try SeccompProgram(
            try policy("files: {/: ro}\nclasses: {mem.lock: stub, sched.set: deny EPERM}\n"))
        var random = Random(state: 9)
        var found = 0
        for _ in 0..<40 {
            var code = program.instructions
            let place = Int.random(in: code.indices, using: &random)
            switch code[place].code {
            case Instruction.load: code[place].k ^= 4
            case Instruction.give: code[place].k ^= 1
            default: code[place].k &+= 1
            }
            do {
                try program.prove(code)
                let difference = differs(code, program.instructions, &random)
                #expect(difference == nil, "instruction \(place) answers another way: \(difference as Any)")
            } catch {
                found += 1
            }
        }
        #expect(found >= 20)
    }

    /// A call that two programs answer differently, of every number with some registers of chance.
    private func differs(_ one: [Instruction], _ other: [Instruction], _ random: inout Random) -> FilterQuestion? {
        for number in UInt32(0)..<600 {
            for architecture: UInt32 in [0xC000_003E, 0x4000_0003] {
                for _ in 0..<4 {
                    let question = FilterQuestion(
                        number: number, architecture: architecture, arguments: randomStop(&random).arguments)
                    if Interpreter.run(one, question) != Interpreter.run(other, question) { return question }
                }
            }
        }
        return nil
    }

    /// A look at a register that the policy never asks for proves a program wrong, whatever comes of it.
    @Test func needlessLooksAreFound() throws {
        let program = try SeccompProgram(try policy("files: {/: ro}\n"))
        let number = UInt32(SpecTables.number(of: "getpid", .x86_64) ?? 0)
        // getpid fails for one value of its first register, which it does not have.
        let before = [
            Instruction(Instruction.load, 0), Instruction(Instruction.ifEqual, number, whenFalse: 3),
            Instruction(Instruction.load, 16), Instruction(Instruction.ifEqual, 0x1234, whenFalse: 1),
            Instruction(Instruction.give, FilterAction.errno(1).code),
        ]
        #expect(throws: Mismatch.self) { try program.prove(before + program.instructions) }
    }

    /// 40 policies of 200 calls in a usual run; ABITRACE_POLICIES=10000 asks the rest.
    @Test func randomPoliciesAgree() throws {
        var random = Random(state: 4)
        let count = getenv("ABITRACE_POLICIES").flatMap { Int(String(cString: $0)) } ?? 40
        for _ in 0..<count {
            let text = randomPolicy(&random)
            let policy = try policy(text)
            let program = try SeccompProgram(policy)
            for _ in 0..<200 {
                let stop = randomStop(&random)
                let audit: UInt32 = stop.personality == .x86_64 ? 0xC000_003E : 0x4000_0003
                do {
                    try program.check(stop, audit)
                } catch {
                    Issue.record("\(error)\n\(text)")
                    return
                }
                guard let problem = disagreement(policy, stop, &random) else { continue }
                Issue.record("\(problem)\n\(text)")
                return
            }
        }
    }

    /// Where the filter decides alone, the reference must say the same, whatever the facts are.
    private func disagreement(_ policy: Policy, _ stop: Stop, _ random: inout Random) -> String? {
        let action = policy.filterAction(stop)
        if action == .notify || action == .trace { return nil }
        let message = Decoder().entry(Snapshot(stop: stop))
        if message.call == .clone3 { return nil }
        let decision = policy.decide(randomRequest(policy, stop, message, &random))
        let agrees =
            switch (action, decision.verdict) {
            case (.allow, .allow), (.kill, .kill): true
            case (.errno(let wanted), .deny(let found)): wanted == found
            case (.errno(0), .stub): true
            default: false
            }
        return agrees ? nil : "\(message.name) \(stop.arguments): filter \(action), reference \(decision)"
    }

    private func randomRequest(_ policy: Policy, _ stop: Stop, _ message: Message, _ random: inout Random) -> Request {
        let paths = ["/usr/bin/x", "/etc/passwd", "/tree/a", "/nowhere", "/"]
        var request = Request(stop, message, caller: Caller(process: 100, thread: 100))
        for role in HandleRole.allCases where ![.who, .passed].contains(role) {
            if [.from, .to].contains(role) || Bool.random(using: &random) {
                request.paths.append(PathFact(role, path: Array((paths.randomElement(using: &random) ?? "/").utf8)))
            }
            var rights = policy.rights(of: Array((paths.randomElement(using: &random) ?? "/").utf8)) ?? []
            if rights.isSubset(of: [.lookup, .stat, .readlink]) { rights = .all }
            // What the kernel checks by the open mode, it checks.
            if !rights.contains(.read) { rights.formUnion([.read, .map, .readdir]) }
            if !rights.contains(.write) { rights.formUnion([.write, .resize, .allocate]) }
            request.handles.append(HandleFact(role, number: 3, rights: rights, name: Array("/x".utf8)))
        }
        // A call has one object: the path where it names one.
        if message.arguments.contains(where: { $0.item == "path" }) {
            request.handles.removeAll { $0.role == .object || $0.role == .target }
            if request.path(.object) == nil { request.paths.append(PathFact(path: Array("/tree/a".utf8))) }
        } else {
            request.paths.removeAll { $0.role == .object || $0.role == .target }
        }
        request.paths.removeAll { ![.object, .from, .to, .target].contains($0.role) }
        return request
    }

    private func randomStop(_ random: inout Random) -> Stop {
        let personality: Personality = Bool.random(using: &random) ? .x86_64 : .i386
        func register() -> UInt64 {
            switch Int.random(in: 0..<8, using: &random) {
            case 0: 0
            case 1: UInt64.random(in: 0...16, using: &random)
            case 2: 1 << UInt64.random(in: 0..<64, using: &random)
            case 3: UInt64.random(in: 0...16, using: &random) | 0xFFFF_FFFF_0000_0000
            case 4: .max
            case 5: UInt64.random(in: 0...0xFFFF, using: &random)
            default: random.next()
            }
        }
        return Stop(
            personality: personality, number: UInt64.random(in: 0..<480, using: &random),
            arguments: RawArguments(register(), register(), register(), register(), register(), register()))
    }

    private func randomPolicy(_ random: inout Random) -> String {
        func pick(_ list: [String]) -> String { list.randomElement(using: &random) ?? "" }
        let rights = [
            "ro", "rw", "rw-resize", "append", "ro+run", "rw+create+delete+attr", "none", "read", "all", "rw+run-seek",
        ]
        var text = "default: \(pick(["deny", "deny EPERM", "kill", "warn", "ask", "allow"]))\nfiles:\n"
        for path in ["/", "/usr", "/etc", "/tree", "/tree/a"] where Bool.random(using: &random) {
            text += "  \(path): \(pick(rights))\n"
        }
        if text.hasSuffix("files:\n") { text += "  /: ro\n" }
        text += pick([
            "", "network: any\n", "network: {connect: [\"tcp *:80\"]}\n",
            "network: {listen: [\"udp *\"], connect: [\"unix *\"]}\n",
        ])
        text += pick(["", "ambient: [self, mm]\n", "ambient: [self+ns_change, child, procs, ipc]\n", "ambient: []\n"])
        text += pick(["", "handles: {stdin: read+poll}\n", "handles: {stdout: append, inherited: ro}\n"])
        text += "classes:\n  sys.log: deny\n"
        let verdicts = ["deny", "deny ENOSYS", "stub", "kill", "warn", "ask", "allow"]
        let names = [
            "fd", "mem.lock", "sched", "sock", "file.stat_get", "debug.trace", "async.ring.uring", "mem", "time.get",
            "proc.fork.untraced", "void",
        ]
        for name in names where Int.random(in: 0..<4, using: &random) == 0 { text += "  \(name): \(pick(verdicts))\n" }
        let rules = [
            "{on: fd.write, where: {fd: [1, 2]}, deny: EIO}",
            "{on: fd.seek, where: {delta: {from: -9, to: 9}}, kill: true}",
            "{on: mem.map, where: {prot: {has: PROT_EXEC}}, deny: EPERM}",
            "{on: fd.control, where: {request: TCGETS}, stub: true}",
            "{on: fd, where: {fd: {from: 3}}, warn: true}",
            "{on: sock.create, where: {family: AF_INET}, deny: EAFNOSUPPORT}",
            "{on: fd.read, deny: EIO, when: {every: 2}}",
            "{on: mem.protect, where: {prot: {lacks: PROT_READ}, len: {not: 4096}}, deny: EINVAL}",
        ]
        let chosen = rules.filter { _ in Int.random(in: 0..<4, using: &random) == 0 }
        if !chosen.isEmpty { text += "rules:\n" + chosen.map { "  - \($0)\n" }.joined() }
        return text
    }
}
