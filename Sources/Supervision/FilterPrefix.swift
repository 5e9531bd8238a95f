// What every filter begins with: rules that no policy can loosen, and calls that the broker must see whatever a policy
// says of them.

import Glibc
import Interception
import Lowering
import Messages
import Personalities

extension Confinement {
    /// A policy's program behind the rules that hold for all. Jumps are relative, so that one follows the other.
    /// - Parameter countsTasks: the broker is to see every process and thread that is made.
    /// - Parameter onlyWarns: nothing is refused.
    public init(
        _ program: SeccompProgram, _ descriptors: InitialDescriptors, countsTasks: Bool, onlyWarns: Bool
    ) {
        self.init(
            filter: FilterPrefix.code(countsTasks: countsTasks, dumps: onlyWarns) + Self.raw(program.instructions),
            descriptors: descriptors)
        if !onlyWarns { limits.append((FilterPrefix.dumpSize, 0)) }
    }

    /// What stops the program at the calls that somebody asked for, and at those that would show or change an affinity:
    /// a narrowed one is undone before.
    init(stoppingAt interest: CallInterest) {
        let filter = StopFilter(end: CallInterest.end) { personality, number in
            interest.contains(personality, number)
                || Stop(personality: personality, number: number).concernsAffinity
        }
        self.init(filter: Self.raw(filter.instructions), descriptors: .untouched)
        onlyStops = true
    }

    private static func raw(_ instructions: [Instruction]) -> [FilterInstruction] {
        instructions.map { $0.bytes.reversed().reduce(0) { $0 << 8 | FilterInstruction($1) } }
    }
}

enum FilterPrefix {
    /// After these a caller may be somebody else to the file system; what the broker knows of it must be asked anew.
    static let changingCredentials = [
        "setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setfsuid", "setfsgid", "setgroups",
        "capset", "setuid32", "setgid32", "setreuid32", "setregid32", "setresuid32", "setresgid32", "setfsuid32",
        "setfsgid32", "setgroups32", "unshare", "setns",
    ]

    /// Requests that name who gets a descriptor's signals, by which any process could be killed: F_SETOWN and
    /// F_SETOWN_EX (asm-generic/fcntl.h), FIOSETOWN and SIOCSPGRP (asm-generic/sockios.h).
    private static let signalOwners: [(String, [UInt64])] = [
        ("fcntl", [8, 15]), ("fcntl64", [8, 15]), ("ioctl", [0x8901, 0x8902]),
    ]

    /// RLIMIT_CORE (asm-generic/resource.h). The kernel writes a dump wherever the program stands, and asks nobody
    /// (core(5)): there is none, and a wish for one comes to nothing.
    static let dumpSize: Int32 = 4

    // Instruction codes of linux/bpf_common.h; a jump's targets are instructions to skip.
    private static func load(_ offset: UInt64) -> FilterInstruction { 0x20 | offset << 32 }
    private static func give(_ value: UInt64) -> FilterInstruction { 0x06 | value << 32 }
    private static func ifEqual(_ value: UInt64, _ skip: UInt64, _ other: UInt64) -> FilterInstruction {
        0x15 | skip << 16 | other << 24 | value << 32
    }
    private static func ifAnyBit(_ bits: UInt64, _ skip: UInt64, _ other: UInt64) -> FilterInstruction {
        0x45 | skip << 16 | other << 24 | bits << 32
    }
    private static func refuse(_ errno: Int32) -> UInt64 { 0x0005_0000 | UInt64(errno) }
    /// SECCOMP_RET_USER_NOTIF (linux/seccomp.h).
    private static let hand: UInt64 = 0x7FC0_0000

    static func code(countsTasks: Bool, dumps: Bool) -> [FilterInstruction] {
        var code: [FilterInstruction] = []
        for (personality, audit) in [(Personality.x86_64, UInt64(0xC000_003E)), (.i386, 0x4000_0003)] {
            let part = rules(personality, countsTasks) + (dumps ? [] : noDumps(personality))
            // offsetof(struct seccomp_data, arch) is 4, of nr 0.
            code += [load(4), ifEqual(audit, 0, UInt64(part.count))]
            code += part
        }
        return code
    }

    private static func noDumps(_ personality: Personality) -> [FilterInstruction] {
        var code = [load(0)]
        if let number = SpecTables.number(of: "setrlimit", personality) {
            code += [ifEqual(number, 0, 4), load(16), ifEqual(UInt64(dumpSize), 0, 1), give(refuse(0)), load(0)]
        }
        if let number = SpecTables.number(of: "prlimit64", personality) {
            // The third register points to a new limit, where there is one; the fourth to where the former goes.
            code += [
                ifEqual(number, 0, 11), load(24), ifEqual(UInt64(dumpSize), 0, 8), load(32),
                ifAnyBit(0xFFFF_FFFF, 2, 0), load(36), ifAnyBit(0xFFFF_FFFF, 0, 4), load(40),
                ifAnyBit(0xFFFF_FFFF, 1, 0), give(refuse(0)), give(refuse(EPERM)), load(0),
            ]
        }
        return code
    }

    private static func rules(_ personality: Personality, _ countsTasks: Bool) -> [FilterInstruction] {
        var code = [load(0)]
        func number(_ name: String) -> UInt64? { SpecTables.number(of: name, personality) }
        if let clone = number("clone") {
            // CLONE_UNTRACED (linux/sched.h) would leave the watch.
            code += [ifEqual(clone, 0, 4), load(16), ifAnyBit(0x0080_0000, 0, 1), give(refuse(EPERM)), load(0)]
            // CLONE_FILES without CLONE_THREAD: from then on the descriptors of one process are not its own alone.
            code += [
                ifEqual(clone, 0, 5), load(16), ifAnyBit(0x0001_0000, 2, 0), ifAnyBit(0x400, 0, 1), give(hand), load(0),
            ]
        }
        if countsTasks {
            for number in ["clone", "fork", "vfork"].compactMap(number) { code += [ifEqual(number, 0, 1), give(hand)] }
        }
        if let clone3 = number("clone3") { code += [ifEqual(clone3, 0, 1), give(refuse(ENOSYS))] }
        if let seccomp = number("seccomp") {
            // SECCOMP_FILTER_FLAG_NEW_LISTENER: a listener of the program's own would be asked before ours.
            code += [ifEqual(seccomp, 0, 4), load(24), ifAnyBit(1 << 3, 0, 1), give(refuse(EBUSY)), load(0)]
        }
        if let ioctl = number("ioctl") {
            // TIOCSCTTY with an argument takes a terminal away from the session whose it is (ioctl_tty(2)).
            code += [
                ifEqual(ioctl, 0, 8), load(24), ifEqual(0x540E, 0, 5), load(32), ifAnyBit(0xFFFF_FFFF, 2, 0), load(36),
                ifAnyBit(0xFFFF_FFFF, 0, 1), give(refuse(EPERM)), load(0),
            ]
        }
        for (name, requests) in signalOwners {
            guard let number = number(name) else { continue }
            let tests = requests.enumerated().map { index, request in
                let rest = UInt64(requests.count - index - 1)
                return ifEqual(request, rest, rest == 0 ? 1 : 0)
            }
            code += [ifEqual(number, 0, UInt64(tests.count) + 3), load(24)] + tests + [give(hand), load(0)]
        }
        let numbers = changingCredentials.compactMap(number)
        for (index, number) in numbers.enumerated() {
            code.append(ifEqual(number, UInt64(numbers.count - index - 1), index == numbers.count - 1 ? 1 : 0))
        }
        code.append(give(hand))
        return code
    }
}
