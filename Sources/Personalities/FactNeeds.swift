// Which facts a call's return asks for: what its new descriptors refer to, where the thread now stands.

import Messages

/// Something to be looked up while the thread stands still.
public enum FactNeed: Equatable, Sendable {
    /// What a descriptor refers to that the call made.
    case descriptor(Int32)
    case workingDirectory
    case root
    /// Every descriptor: the call may have changed any of them.
    case table
}

extension Snapshot {
    /// Tells `body` what to look up at the exit of the call, whose memory is captured already. Most calls need
    /// nothing, and then nothing but the row is looked at.
    @inline(__always)
    public func factNeeds(result: Int64, _ body: (FactNeed) -> Void) {
        guard let call = meant() else { return }
        if stop.personality == .i386 {
            var narrow = self
            narrow.stop.arguments = call.arguments
            return narrow.factNeeds(call.row, result, body)
        }
        factNeeds(call.row, result, body)
    }

    @inline(__always)
    private func factNeeds(_ row: CallRow, _ result: Int64, _ body: (FactNeed) -> Void) {
        if result < 0 {
            // A connection that is under way has its local address already.
            if row.call == .connect && result == -115 { body(.descriptor(firstDescriptor)) }  // EINPROGRESS
            return
        }
        if row.result.kind == .descriptor { return body(.descriptor(Int32(truncatingIfNeeded: result))) }
        guard row.mayNeedFacts else { return }
        special(row, result, body)
    }

    private var firstDescriptor: Int32 { Int32(truncatingIfNeeded: stop.arguments.a0) }

    private func special(_ row: CallRow, _ result: Int64, _ body: (FactNeed) -> Void) {
        let arguments = stop.arguments
        switch row.call {
        case .pipe, .pipe2: both(at: arguments.a0, body)
        case .socketpair: both(at: arguments.a3, body)
        case .connect, .bind, .listen: body(.descriptor(firstDescriptor))
        case .chdir, .fchdir: body(.workingDirectory)
        case .chroot, .pivotRoot, .setns, .unshare:
            body(.workingDirectory)
            body(.root)
        case .recvmsg: passed(header: arguments.a1, body)
        case .recvmmsg, .recvmmsgTime64:
            let size: UInt64 = stop.personality == .x86_64 ? 64 : 32
            for index in 0..<UInt64(min(result, 1024)) { passed(header: arguments.a1 &+ index &* size, body) }
        case .clone where arguments.a0 & 0x1000 != 0: one(at: arguments.a2, body)  // CLONE_PIDFD
        case .clone3: cloneDescriptor(body)
        // What the entries of a ring open, accept and close shows in no call.
        case .ioUringEnter: body(.table)
        // The first message gives a netlink socket its port.
        case .sendto, .sendmsg: if meaningDescriptor != nil { body(.descriptor(firstDescriptor)) }
        default:
            if row.makesDescriptor(arguments) { body(.descriptor(Int32(truncatingIfNeeded: result))) }
        }
    }

    private func one(at address: UInt64, _ body: (FactNeed) -> Void) {
        guard let number = number(at: address, width: 4) else { return }
        body(.descriptor(Int32(truncatingIfNeeded: number)))
    }

    private func both(at address: UInt64, _ body: (FactNeed) -> Void) {
        one(at: address, body)
        one(at: address &+ 4, body)
    }

    /// struct clone_args begins with `flags` and `pidfd` (clone(2)).
    private func cloneDescriptor(_ body: (FactNeed) -> Void) {
        guard let flags = number(at: stop.arguments.a0, width: 8), flags & 0x1000 != 0,
            let address = number(at: stop.arguments.a0 &+ 8, width: 8)
        else { return }
        one(at: address, body)
    }

    /// The descriptors in a received message's control data: SCM_RIGHTS, SCM_PIDFD (unix(7)).
    private func passed(header: UInt64, _ body: (FactNeed) -> Void) {
        let word = UInt64(stop.personality.wordSize)
        guard let control = number(at: header &+ 4 * word, width: Int(word)),
            let length = number(at: header &+ 5 * word, width: Int(word)), length <= 1 << 16
        else { return }
        var offset: UInt64 = 0
        while offset &+ word &+ 8 <= length {
            let at = control &+ offset
            guard let size = number(at: at, width: Int(word)), size >= word &+ 8, size <= length,
                let level = number(at: at &+ word, width: 4), let type = number(at: at &+ word &+ 4, width: 4)
            else { return }
            if level == 1 && (type == 1 || type == 4) {  // SOL_SOCKET, SCM_RIGHTS or SCM_PIDFD
                for index in 0..<(size - word - 8) / 4 { one(at: at &+ word &+ 8 &+ index &* 4, body) }
            }
            offset += (size + word - 1) / word * word
        }
    }
}

extension CallRow {
    /// A cheap look before the long one.
    @inline(__always)
    fileprivate var mayNeedFacts: Bool {
        switch operation {
        case .fdCreate, .fdDup, .fdFlags, .fdLock, .fdControl, .sockConnect, .sockBind, .sockListen, .sockRecv,
            .sockAccept, .sockCreate, .sockSend, .fileContextSet, .procFork, .threadCreate, .procNamespace,
            .mountAttach,
            .policyFilter, .policyRuleset, .debugBpf:
            true
        default: call == .clone3 || call == .ioUringEnter
        }
    }

    /// Of a multiplexer, which argument is the command, and the commands that make a descriptor (linux/fcntl.h, nsfs.h,
    /// pidfd.h, kvm.h, seccomp.h, bpf.h).
    @inline(__always)
    var makers: (argument: Int, commands: [UInt64])? {
        switch call {
        case .fcntl, .fcntl64: (1, Makers.fcntl)
        case .ioctl: (1, Makers.ioctl)
        case .seccomp: (0, Makers.seccomp)
        case .bpf: (0, Makers.bpf)
        case .landlockCreateRuleset: (2, Makers.landlock)
        default: nil
        }
    }

    /// Whether the command makes a descriptor, which is the result.
    func makesDescriptor(_ arguments: RawArguments) -> Bool {
        guard let makers, makers.commands.contains(arguments[makers.argument] & 0xFFFF_FFFF) else { return false }
        return call != .seccomp || arguments.a1 & 8 != 0  // SECCOMP_FILTER_FLAG_NEW_LISTENER
    }
}

private enum Makers {
    /// F_DUPFD, F_DUPFD_CLOEXEC
    static let fcntl: [UInt64] = [0, 1030]
    /// TIOCGPTPEER; NS_GET_USERNS and NS_GET_PARENT; PIDFD_GET_*_NAMESPACE; KVM_CREATE_VM, _VCPU, _DEVICE; USERFAULTFD_IOC_NEW
    static let ioctl: [UInt64] =
        [0x5441, 0xB701, 0xB702] + (0xFF01...0xFF0A) + [0xAE01, 0xAE41, 0xAA00]
    /// SECCOMP_SET_MODE_FILTER
    static let seccomp: [UInt64] = [1]
    /// No flag: LANDLOCK_CREATE_RULESET_VERSION and _ERRATA ask for a number.
    static let landlock: [UInt64] = [0]
    static let bpf: [UInt64] = [0, 5, 7, 13, 14, 17, 18, 19, 28, 30, 32, 33, 36]
}
