// Who a caller is to the file system, and how a worker becomes that for one call.

import CLinux
import Glibc

/// The credentials of a thread, as /proc shows them (proc(5), the status file).
struct Credentials: Equatable {
    /// Real, effective, saved and file system ids.
    var users: [UInt32] = [0, 0, 0, 0]
    var groups: [UInt32] = [0, 0, 0, 0]
    var supplementary: [UInt32] = []
    var permitted: UInt64 = 0
    var effective: UInt64 = 0

    /// A thread's now. Those of a user namespace of its own are over that alone (user_namespaces(7)), and none here.
    static func current(of thread: Int32) throws(CallError) -> Credentials {
        try ThreadStatus(of: thread).credentials.here(thread)
    }

    func here(_ thread: Int32) throws(CallError) -> Credentials {
        guard permitted != 0 else { return self }
        guard let own = Self.own else { throw CallError(EACCES) }
        let other = try Self.namespace("\(thread)")
        guard own.st_ino != other.st_ino || own.st_dev != other.st_dev else { return self }
        var powerless = self
        (powerless.permitted, powerless.effective) = (0, 0)
        return powerless
    }

    /// The supervisor never leaves its own.
    private static let own = try? namespace("self")

    private static func namespace(_ thread: String) throws(CallError) -> stat {
        var status = stat()
        guard stat("/proc/\(thread)/ns/user", &status) == 0 else { throw CallError(errno) }
        return status
    }

    /// For the checks that use real ids (access(2)): the capabilities are those that an exec would give root.
    var asReal: Credentials {
        var real = self
        real.users[3] = users[0]
        real.groups[3] = groups[0]
        real.effective = users[0] == 0 ? permitted : 0
        return real
    }
}

/// What /proc/PID/status says of a thread.
struct ThreadStatus {
    var process: Int32 = 0
    var umask: UInt32 = 0o22
    var credentials = Credentials()
    var threads = 1
    /// Signals that are pending, for the thread and for its process, and what it does with which.
    var pending: UInt64 = 0
    var pendingForProcess: UInt64 = 0
    var caught: UInt64 = 0
    var blocked: UInt64 = 0
    var ignored: UInt64 = 0

    init(of thread: Int32) throws(CallError) {
        let text = try Kernel.contents("/proc/\(thread)/status")
        for line in text.split(separator: UInt8(ascii: "\n")) {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")),
                let known = Field.named.first(where: { $0.name.elementsEqual(line[..<colon]) })
            else { continue }
            take(known.field, line[(colon + 1)...].split { $0 == 9 || $0 == 32 })
        }
        guard process > 0, credentials.users.count == 4, credentials.groups.count == 4 else { throw CallError(ESRCH) }
    }

    private typealias Words = [ArraySlice<UInt8>]

    /// The lines that matter here.
    private enum Field: String, CaseIterable {
        case umask = "Umask", process = "Tgid", users = "Uid", groups = "Gid", supplementary = "Groups"
        case threads = "Threads", pending = "SigPnd", pendingForProcess = "ShdPnd", blocked = "SigBlk"
        case ignored = "SigIgn", caught = "SigCgt", permitted = "CapPrm", effective = "CapEff"

        static let named = allCases.map { (name: Array($0.rawValue.utf8), field: $0) }
    }

    private mutating func take(_ field: Field, _ words: Words) {
        switch field {
        case .umask: umask = UInt32(truncatingIfNeeded: Self.number(words, radix: 8))
        case .process: process = Int32(truncatingIfNeeded: Self.number(words, radix: 10))
        case .users: credentials.users = Self.numbers(words)
        case .groups: credentials.groups = Self.numbers(words)
        case .supplementary: credentials.supplementary = Self.numbers(words)
        case .threads: threads = Int(Self.number(words, radix: 10))
        case .pending: pending = Self.number(words, radix: 16)
        case .pendingForProcess: pendingForProcess = Self.number(words, radix: 16)
        case .blocked: blocked = Self.number(words, radix: 16)
        case .ignored: ignored = Self.number(words, radix: 16)
        case .caught: caught = Self.number(words, radix: 16)
        case .permitted: credentials.permitted = Self.number(words, radix: 16)
        case .effective: credentials.effective = Self.number(words, radix: 16)
        }
    }

    private static func numbers(_ words: Words) -> [UInt32] {
        words.map { UInt32(truncatingIfNeeded: number($0, radix: 10)) }
    }

    private static func number(_ words: Words, radix: UInt64) -> UInt64 {
        words.first.map { number($0, radix: radix) } ?? 0
    }

    private static func number(_ text: ArraySlice<UInt8>, radix: UInt64) -> UInt64 {
        text.reduce(0) { value, byte in
            let digit = byte > UInt8(ascii: "9") ? UInt64(byte | 0x20) &- 87 : UInt64(byte) &- 48
            return value &* radix &+ digit
        }
    }
}

/// The credentials that a worker thread wears. What is raised again must have stayed permitted, so that only the
/// file system's ids and the effective capabilities change.
struct Wardrobe {
    let own: Credentials
    private(set) var worn: Credentials
    /// The effective ids are `worn`'s too, and not those of the supervisor alone.
    private var showsEffective = false

    init() throws(CallError) {
        own = try ThreadStatus(of: Kernel.thread()).credentials
        worn = own
    }

    /// The worker is, for the calls that follow, who `wanted` is.
    mutating func wear(_ wanted: Credentials) throws(CallError) {
        if isSame(worn, wanted) { return }
        // All capabilities first: to change ids is one of them.
        try setCapabilities(own.effective)
        worn = own
        if isSame(own, wanted) {
            try become(own)
            return
        }
        worn = wanted
        try become(wanted)
        try setCapabilities(wanted.effective & own.permitted)
    }

    /// The worker is itself again.
    mutating func takeOff() {
        if isSame(worn, own) && !showsEffective { return }
        guard (try? hideEffective()) != nil, (try? wear(own)) != nil else {
            // A worker that cannot become itself again must not serve anyone else.
            abort()
        }
    }

    /// The peer of a unix socket is shown the effective ids of whoever connects or listens (unix(7), SO_PEERCRED), which
    /// the file system's ids leave alone.
    mutating func showEffective() throws(CallError) {
        if own.users[1] == worn.users[1] && own.groups[1] == worn.groups[1] { return }
        try setCapabilities(own.effective)
        showsEffective = true
        try setEffective(worn)
        // The file system's ids followed, and root's capabilities went (capabilities(7)).
        try setCapabilities(own.effective)
        try becomeInFileSystem(worn)
        try setCapabilities(worn.effective & own.permitted)
    }

    /// Has these capabilities from now on, as far as there are any.
    mutating func set(effective capabilities: UInt64) throws(CallError) {
        try setCapabilities(capabilities & own.permitted)
        worn.effective = capabilities
    }

    private mutating func hideEffective() throws(CallError) {
        guard showsEffective else { return }
        try setCapabilities(own.effective)
        try setEffective(own)
        showsEffective = false
    }

    private func setEffective(_ wanted: Credentials) throws(CallError) {
        try Kernel.call(Number.setresgid, -1, Int(wanted.groups[1]), -1)
        try Kernel.call(Number.setresuid, -1, Int(wanted.users[1]), -1)
    }

    private func isSame(_ one: Credentials, _ other: Credentials) -> Bool {
        one.users[3] == other.users[3] && one.groups[3] == other.groups[3] && one.effective == other.effective
            && one.supplementary == other.supplementary
    }

    private func become(_ wanted: Credentials) throws(CallError) {
        var groups = wanted.supplementary
        let answer = groups.withUnsafeMutableBytes {
            abitrace_call(
                Number.setgroups, UInt(wanted.supplementary.count), UInt(bitPattern: $0.baseAddress), 0, 0, 0, 0)
        }
        guard answer == 0 else { throw CallError(Int32(-answer)) }
        try becomeInFileSystem(wanted)
    }

    private func becomeInFileSystem(_ wanted: Credentials) throws(CallError) {
        // These two answer the former id whether they succeed or not: asking once more with no id tells (setfsuid(2)).
        for (number, id) in [(Number.setfsgid, wanted.groups[3]), (Number.setfsuid, wanted.users[3])] {
            try Kernel.call(number, Int(id))
            guard try Kernel.call(number, -1) == Int(id) else { throw CallError(EPERM) }
        }
    }

    private func setCapabilities(_ effective: UInt64) throws(CallError) {
        // struct __user_cap_header_struct, version 3, this thread; then two of struct __user_cap_data_struct.
        var header = (UInt32(0x2008_0522), Int32(0))
        let (low, high) = (UInt32(truncatingIfNeeded: effective), UInt32(truncatingIfNeeded: effective >> 32))
        let permitted = (UInt32(truncatingIfNeeded: own.permitted), UInt32(truncatingIfNeeded: own.permitted >> 32))
        var data = (low, permitted.0, UInt32(0), high, permitted.1, UInt32(0))
        let answer = withUnsafeMutablePointer(to: &header) { header in
            withUnsafeMutablePointer(to: &data) { data in
                abitrace_call(Number.capset, UInt(bitPattern: header), UInt(bitPattern: data), 0, 0, 0, 0)
            }
        }
        guard answer == 0 else { throw CallError(Int32(-answer)) }
    }
}
