// Decisions, and what they say.

import Messages
import Personalities
import Policy
import Testing

private func request(
    _ call: String, _ arguments: RawArguments, paths: [PathFact] = [], handles: [HandleFact] = [],
    addresses: [AddressFact] = []
) -> Request {
    let stop = Stop(number: SpecTables.number(of: call, .x86_64) ?? 9999, arguments: arguments)
    return Request(
        stop, Decoder().entry(Snapshot(stop: stop)),
        caller: Caller(process: 7, thread: 7, program: Array("/usr/bin/cat".utf8)), handles: handles, paths: paths,
        addresses: addresses)
}

private func fact(_ path: String, _ role: HandleRole = .object, kind: FileKind = .file, exists: Bool = true) -> PathFact
{
    PathFact(role, path: Array(path.utf8), kind: kind, exists: exists)
}

@Suite struct DecideTests {
    let policy: Policy

    init() throws {
        policy = try PolicyTests.policy(
            "files:\n  /usr: ro+run\n  /w: rw+create+delete\n  /w/kept: ro+delete\n  /hidden: none\nnetwork: {connect: [\"tcp 1.2.3.4:80\"]}\nrules:\n  - {on: fd.read, where: {object: {path: /w/tty}}, deny: EIO, when: {from: 2}}\n"
        )
    }

    /// What an entry does not grant is refused there, whatever is allowed elsewhere.
    @Test func entriesHoldWhereAllElseIsAllowed() throws {
        let policy = try PolicyTests.policy(
            "default: allow\nfiles:\n  /w: ro\n  /w/gone: none\nprograms: {/usr/bin/cat: {}}\nhandles: {stdin: read}\n")
        let calls: [(String, RawArguments)] = [
            ("chmod", RawArguments(1, 0o600)), ("chown", RawArguments(1, 0, 0)), ("unlink", RawArguments(1)),
            ("mkdir", RawArguments(1, 0o700)), ("setxattr", RawArguments(1, 2, 3, 1)), ("open", RawArguments(1, 1)),
            ("execve", RawArguments(1, 2, 3)), ("truncate", RawArguments(1, 4096)),
        ]
        for (call, arguments) in calls {
            #expect(policy.decide(request(call, arguments, paths: [fact("/w/a")])).errno == ErrnoName.EACCES, "\(call)")
            let other = call == "execve" ? "/usr/bin/cat" : "/elsewhere"
            #expect(policy.decide(request(call, arguments, paths: [fact(other)])).isAllowed, "\(call)")
        }
        let names = [fact("/elsewhere", .from), fact("/w/b", .to, exists: false)]
        for call in ["rename", "link"] {
            #expect(!policy.decide(request(call, RawArguments(1, 2), paths: names)).isAllowed)
        }
        let input = HandleFact(number: 0, rights: policy.rightsOfInherited(0) ?? [])
        #expect(policy.decide(request("write", RawArguments(0, 1, 1), handles: [input])).errno == ErrnoName.EACCES)
        for (path, call, errno) in [
            ("/w/s", "bind", ErrnoName.EACCES), ("/w/gone/s", "connect", ErrnoName.ENOENT), ("/s", "bind", nil),
            ("/w/s", "connect", nil),
        ] {
            let role: AddressFact.Role = call == "bind" ? .local : .peer
            let asked = request(
                call, RawArguments(3, 1, 16), handles: [HandleFact(number: 3, rights: .all)],
                addresses: [AddressFact(role, .unix, .unixPath(Array(path.utf8)))])
            #expect(policy.decide(asked).errno == errno, "\(call) \(path)")
        }
    }

    /// Where a policy holds anything back, what would go round it is refused unless named.
    @Test func whatGoesRoundIsRefusedWhereAnythingIsHeld() throws {
        let ring = request("io_uring_setup", RawArguments(1, 2))
        let fastOpen = request(
            "sendto", RawArguments(3, 1, 1, 0x2000_0000, 0, 0), handles: [HandleFact(number: 3, rights: .all)])
        let lines = [
            ("classes: {sock.connect: deny}", true), ("limits: {cpu: 1s}", true), ("handles: {stdin: read}", true),
            ("rules:\n  - {on: file.open, where: {path: /a}, deny: EIO}", true), ("files: {/a: ro}", true),
            ("", false), ("classes: {fd.read: warn}", false),
            ("classes: {sock: deny, async.ring.uring: allow, sock.send: allow}", true),
        ]
        for (line, isHeld) in lines {
            let policy = try PolicyTests.policy("default: allow\n\(line)\n")
            let isNamed = line.contains("uring")
            #expect(policy.decide(ring).isAllowed == (!isHeld || isNamed), "\(line)")
            #expect(policy.decide(fastOpen).isAllowed == !isHeld, "\(line)")
        }
    }

    /// A bit that lies beside a name takes no call past the rule about the name.
    @Test func aRuleHoldsWhateverLiesBesideTheName() throws {
        let policy = try PolicyTests.policy(
            """
            default: allow
            classes: {async.ring.uring: allow}
            rules:
              - {on: sched.set, where: {policy: SCHED_FIFO}, deny: EPERM}
              - {on: async.ring, where: {request: IORING_REGISTER_PBUF_RING}, deny: EPERM}

            """)
        for flag in [UInt64(0), 0x4000_0000] {  // SCHED_RESET_ON_FORK
            #expect(!policy.decide(request("sched_setscheduler", RawArguments(0, 1 | flag, 8))).isAllowed)
            #expect(policy.decide(request("sched_setscheduler", RawArguments(0, 2 | flag, 8))).isAllowed)
        }
        let ring = [HandleFact(number: 3, rights: .all)]
        for flag in [UInt64(0), 0x8000_0000] {  // IORING_REGISTER_USE_REGISTERED_RING
            for (operation, isAllowed) in [(UInt64(22), false), (1, true)] {
                let asked = request("io_uring_register", RawArguments(3, operation | flag, 8, 1), handles: ring)
                #expect(policy.decide(asked).isAllowed == isAllowed, "\(operation) \(flag)")
            }
        }
    }

    /// i386 splits what has 64 bits: a rule sees the number, not the register that holds its low half.
    @Test func aRuleSeesBothHalvesOfANumber() throws {
        let policy = try PolicyTests.policy(
            "default: allow\nrules:\n  - {on: file.stat_put, where: {size: 4096}, deny: EFBIG}\n")
        let number = try #require(SpecTables.number(of: "ftruncate64", .i386))
        for high in [UInt64(0), 1] {
            let stop = Stop(personality: .i386, number: number, arguments: RawArguments(3, 4096, high))
            let asked = Request(
                stop, Decoder().entry(Snapshot(stop: stop)),
                caller: Caller(process: 7, thread: 7, program: Array("/usr/bin/cat".utf8)),
                handles: [HandleFact(number: 3, rights: .all)], paths: [], addresses: [])
            #expect((policy.decide(asked).errno == ErrnoName.number("EFBIG")) == (high == 0), "high half \(high)")
        }
    }

    @Test func whatAHandleHandsOnCountsBesideThePlace() {
        let reading = RawArguments(4, 1, 0)
        let writing = RawArguments(4, 1, 1)
        var given = fact("/elsewhere/given/a")
        given.derived = RightsGroup.ro.rights
        #expect(policy.decide(request("openat", reading, paths: [given])).isAllowed)
        #expect(policy.decide(request("openat", writing, paths: [given])).errno == ErrnoName.EACCES)
        var hidden = fact("/hidden/a")
        hidden.derived = .all
        #expect(policy.decide(request("openat", reading, paths: [hidden])).errno == ErrnoName.ENOENT)
    }

    @Test func aMoveIntoAGivenDirectoryMustNotWiden() {
        var given = fact("/elsewhere/given/a", .to, exists: false)
        given.derived = RightsGroup.rw.rights.union(RightsGroup.create.rights)
        let moved = RawArguments(1, 2)
        #expect(policy.decide(request("rename", moved, paths: [fact("/w/kept/x", .from), given])).errno != nil)
    }

    @Test func opensByMode() {
        let reading = RawArguments(0xFFFF_FF9C, 1, 0)
        let writing = RawArguments(0xFFFF_FF9C, 1, 1)
        #expect(policy.decide(request("openat", reading, paths: [fact("/usr/a")])).isAllowed)
        #expect(policy.decide(request("openat", writing, paths: [fact("/usr/a")])).errno == ErrnoName.EACCES)
        #expect(policy.decide(request("openat", writing, paths: [fact("/w/a")])).isAllowed)
        #expect(policy.decide(request("openat", reading, paths: [fact("/hidden/a")])).errno == ErrnoName.ENOENT)
        #expect(policy.decide(request("openat", reading, paths: [fact("/elsewhere")])).errno == ErrnoName.EACCES)
        // O_WRONLY|O_CREAT where nothing is yet.
        let making = RawArguments(0xFFFF_FF9C, 1, 0o101)
        #expect(policy.decide(request("openat", making, paths: [fact("/w/kept/n", exists: false)])).errno != nil)
        #expect(policy.decide(request("openat", making, paths: [fact("/w/n", exists: false)])).isAllowed)
        // Without the fact nothing is allowed.
        #expect(!policy.decide(request("openat", reading)).isAllowed)
    }

    @Test func refusalsNameTheLineAndTheCure() {
        let refused = request("openat", RawArguments(0, 1, 1), paths: [fact("/usr/a")])
        let decision = policy.decide(refused)
        #expect(decision.line?.line == 3)
        let text = decision.refusal(refused)
        #expect(text.contains("/usr/bin/cat[7]: file.open /usr/a: deny EACCES"))
        #expect(text.contains("test.yaml:3: /usr: ro+run"))
        #expect(text.contains("allowed by files: {/usr/a:"))
    }

    @Test func movingMustNotWiden() {
        func move(_ from: PathFact, _ to: PathFact) -> Decision {
            policy.decide(request("rename", RawArguments(1, 2), paths: [from, to]))
        }
        #expect(move(fact("/w/a", .from), fact("/w/b", .to, exists: false)).isAllowed)
        #expect(move(fact("/w/kept/a", .from), fact("/w/b", .to, exists: false)).errno == ErrnoName.EXDEV)
        #expect(!move(fact("/w", .from, kind: .directory), fact("/w2", .to, exists: false)).isAllowed)
    }

    @Test func addressesAndDefaults() {
        let socket = HandleFact(number: 3, rights: policy.socketRights(.tcp))
        func connect(_ port: UInt16) -> Decision {
            policy.decide(
                request(
                    "connect", RawArguments(3, 1, 16), handles: [socket],
                    addresses: [AddressFact(.peer, .tcp, .internet(InternetAddress(ipv4: 0x0102_0304), port: port))]))
        }
        #expect(connect(80).isAllowed)
        #expect(connect(81).errno == ErrnoName.EACCES)
        #expect(!policy.decide(request("connect", RawArguments(3, 1, 16), handles: [socket])).isAllowed)
        #expect(policy.decide(request("ptrace", RawArguments(0))).errno == ErrnoName.EPERM)
        #expect(policy.decide(request("exit_group", RawArguments(0))).isAllowed)
        #expect(policy.decide(request("nothing", RawArguments(0))).errno == ErrnoName.ENOSYS)
    }

    @Test func rulesCountPerProcess() {
        var occurrences = Occurrences()
        let tty = HandleFact(number: 0, rights: .all, name: Array("/w/tty".utf8))
        let read = request("read", RawArguments(0, 1, 1), handles: [tty])
        #expect(policy.decide(read, &occurrences).isAllowed)
        #expect(policy.decide(read, &occurrences).errno == 5)
    }
}
