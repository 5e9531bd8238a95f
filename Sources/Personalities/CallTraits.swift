// What single calls do that the rows of the spec cannot say.

import Messages

extension CallRow {
    /// How many bytes of its buffer a call filled: some answer how long the whole would be.
    @inline(__always)
    func filled(_ result: Int64?, _ arguments: RawArguments) -> Int64? {
        switch call {
        case .recvfrom: result.map { min($0, Int64(clamping: arguments.a2)) }
        case .keyctl: result.map { min($0, Int64(clamping: arguments.a3)) }
        default: result
        }
    }

    /// The call's buffers hold what passes through a file, a socket or a queue, or what is to be a secret.
    var carriesData: Bool {
        switch operation {
        case .fdRead, .fdWrite, .fdTransfer, .sockSend, .sockRecv, .ipcSend, .ipcRecv: true
        case .sysRandom, .credKey, .debugInspect: true
        default: false
        }
    }

    /// The call's buffers hold no text.
    var carriesBinary: Bool { call == .getrandom || call == .fsconfig }

    /// The call's buffer is the value of an extended attribute.
    var isAttributeValue: Bool {
        switch call {
        case .setxattr, .lsetxattr, .fsetxattr, .getxattr, .lgetxattr, .fgetxattr: true
        default: false
        }
    }

    /// Whether the kernel looks at the call's buffer not at all for how long it is said to be: names of attributes
    /// are counted alone where there is no room (listxattr(2)), and what exceeds XATTR_SIZE_MAX or __NEW_UTS_LEN is
    /// refused unread.
    func leavesBuffer(_ arguments: RawArguments) -> Bool {
        switch call {
        case .listxattr, .llistxattr, .flistxattr: arguments.a2 == 0
        case .listxattrat: arguments.a4 == 0
        case .setxattr, .lsetxattr, .fsetxattr: arguments.a3 > 65536
        case .sethostname, .setdomainname: arguments.a1 & 0xFFFF_FFFF > 64
        default: false
        }
    }

    /// Whether what the call does stands in memory. Where it does not, `operation` says it from registers alone.
    public var isToldByMemory: Bool {
        switch call {
        case .clone3, .adjtimex, .clockAdjtime, .clockAdjtime64: true
        default: false
        }
    }

    /// Whether the call carries another one, of its personality, which may be of any name (socketcall(2), ipc(2)).
    public func isCarrier(in personality: Personality) -> Bool {
        guard personality == .i386 else { return false }
        switch call {
        case .socketcall, .ipc, .mmap, .select: return true
        default: return false
        }
    }
}
