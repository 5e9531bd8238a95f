// What the running kernel offers for holding a program to a policy, and which promises hang on it.

import CLinux
import Glibc
import Interception

/// One thing that a kernel offers or lacks.
public struct KernelFeature: Sendable {
    public let name: String
    /// What was found, in a word or a number.
    public let finding: String
    public let isThere: Bool
    /// Without it a policy cannot be enforced at all.
    public let isNeeded: Bool
    /// What it is for.
    public let promise: String
}

/// Asks the kernel, changing nothing.
public enum KernelFeatures {
    /// Numbers of the x86_64 table.
    private static let seccomp = 317, landlockCreateRuleset = 444

    private static func call(_ number: Int, _ a: Int = 0, _ b: Int = 0, _ c: Int = 0) -> Int {
        abitrace_call(number, UInt(bitPattern: a), UInt(bitPattern: b), UInt(bitPattern: c), 0, 0, 0)
    }

    /// Whether a filter may be installed with these flags: the kernel looks at them before the filter, which is NULL.
    static func takesFilterFlags(_ flags: UInt) -> Bool {
        call(seccomp, 1, Int(bitPattern: flags), 0) == -Int(EFAULT)
    }

    public static func all() -> [KernelFeature] {
        let listens = takesFilterFlags(1 << 3)
        let waits = takesFilterFlags(Confinement.filterFlags)
        let landlock = call(landlockCreateRuleset, 0, 0, 1)
        let handle = call(Number.pidfdOpen, Int(Kernel.thread()), Int(O_EXCL))
        if handle >= 0 { close(Int32(handle)) }
        let resolves = (try? Kernel.open(AT_FDCWD, [UInt8(ascii: "/")], flags: O_PATH)) != nil
        let scope = number("/proc/sys/kernel/yama/ptrace_scope")
        let seesLate = EBPFInterceptor.isAvailable
        let namespaces = number("/proc/sys/user/max_user_namespaces") ?? 0
        return [
            KernelFeature(
                name: "seccomp notification", finding: yes(listens), isThere: listens, isNeeded: true,
                promise: "calls are decided on a copy of their memory"),
            KernelFeature(
                name: "WAIT_KILLABLE_RECV", finding: yes(waits), isThere: waits, isNeeded: true,
                promise: "a signal does not make a call happen twice"),
            KernelFeature(
                name: "openat2", finding: yes(resolves), isThere: resolves, isNeeded: true,
                promise: "names lead the broker where they lead the program"),
            KernelFeature(
                name: "pidfd of a thread", finding: yes(handle >= 0), isThere: handle >= 0, isNeeded: false,
                promise: "threads with descriptors of their own get those and not their leader's (Linux 6.9)"),
            KernelFeature(
                name: "Landlock", finding: landlock > 0 ? "ABI \(landlock)" : "no", isThere: landlock >= 2,
                isNeeded: false, promise: secondLine(landlock)),
            KernelFeature(
                name: "opens by the kernel", finding: leftOpens(landlock), isThere: landlock >= 2, isNeeded: false,
                promise: "Landlock holds them at places that are granted throughout, which costs a third"),
            KernelFeature(
                name: "ptrace scope", finding: scope.map { "\($0)" } ?? "not restricted",
                isThere: (scope ?? 0) < 3, isNeeded: true,
                promise: "the supervisor watches its own children; 3 forbids it"),
            KernelFeature(
                name: "eBPF with BTF", finding: yes(seesLate), isThere: seesLate, isNeeded: false,
                promise: "root may watch calls that do not stop (--interceptor ebpf, recordings under a policy)"),
            KernelFeature(
                name: "user namespaces", finding: "\(namespaces)", isThere: namespaces > 0, isNeeded: false,
                promise: "refused to programs under a policy; nothing here needs them"),
        ]
    }

    /// What each version of Landlock added (landlock(7)).
    private static func secondLine(_ version: Int) -> String {
        let parts = [(2, "files"), (3, "sizes"), (4, "TCP ports"), (6, "signals and abstract sockets")]
        let wall = "; without it only what a policy says of /proc keeps root's programs out of the supervisor's memory"
        if version < 2 { return "a second line behind the filter" + wall }
        let held = parts.filter { version >= $0.0 }.map(\.1)
        return "a second line behind the filter, for " + held.joined(separator: ", ")
    }

    /// A file that is opened to be written may be cut later, of which Landlock knows from version 3 on.
    private static func leftOpens(_ version: Int) -> String {
        version >= 3 ? "to read and to write" : version == 2 ? "to read" : "no"
    }

    private static func yes(_ found: Bool) -> String { found ? "yes" : "no" }

    private static func number(_ path: String) -> Int? {
        guard let text = try? Kernel.contents(path) else { return nil }
        return Int(String(decoding: text.prefix { $0 != 10 }, as: UTF8.self))
    }
}
