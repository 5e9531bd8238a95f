// What a message says of the descriptors that it makes.

import Messages

/// Flags of clone(2) (linux/sched.h).
enum CloneFlag {
    static let fileSystem: UInt64 = 0x200
    static let files: UInt64 = 0x400
    static let thread: UInt64 = 0x10000
    static let mounts: UInt64 = 0x20000
    static let users: UInt64 = 0x1000_0000
}

extension Message {
    /// The flags of a call that makes a thread or process; 0 for fork and vfork.
    var cloneFlags: UInt64 {
        var flags: UInt64 = 0
        for argument in arguments { argument.value.collect(flagsOf: .clone, into: &flags) }
        return flags
    }

    /// Descriptors that the call makes close on exec: it has a flag that says so, or its kind always does.
    var closesOnExec: Bool {
        switch call {
        case .pidfdOpen, .pidfdGetfd, .bpf, .seccomp, .ioUringSetup, .landlockCreateRuleset, .clone, .clone3, .mqOpen:
            return true
        case .fcntl, .fcntl64: return arguments.contains { $0.value.names("F_DUPFD_CLOEXEC") }
        case .ioctl: return true
        default: return arguments.contains { $0.value.hasCloseOnExec }
        }
    }

    /// The descriptor whose object a new one shares, nil where the call makes an object of its own.
    var duplicates: Int32? {
        switch call {
        case .dup, .dup2, .dup3: break
        case .fcntl, .fcntl64:
            guard operation == .fdDup else { return nil }
        default: return nil
        }
        guard case .descriptor(let number)? = arguments.first?.value else { return nil }
        return number
    }

    /// The call gives a socket an address or a peer.
    var changesSocket: Bool {
        operation == .sockConnect || operation == .sockBind || operation == .sockListen || operation == .sockSend
    }

    /// What a new descriptor stands for that its name does not say.
    func detail(_ snapshot: Snapshot) -> OpenFile.Detail? {
        switch call {
        case .pidfdOpen: return .process(Int32(truncatingIfNeeded: snapshot.stop.arguments.a0))
        case .signalfd, .signalfd4:
            for argument in arguments { if case .signalSet(let set) = argument.value { return .signals(set) } }
            return nil
        default: return nil
        }
    }
}

extension Value {
    /// Whether a set of flags in it says that a descriptor closes on exec: SOCK_CLOEXEC, O_CLOEXEC, MFD_CLOEXEC ….
    var hasCloseOnExec: Bool {
        switch self {
        case .flags(let set, let bits), .symbol(let set, let bits):
            SpecTables.symbols(of: set).contains {
                $0.value != 0 && bits & $0.value == $0.value && $0.name.hasSuffix("_CLOEXEC")
            }
        default: parts.contains { $0.hasCloseOnExec }
        }
    }

    func names(_ name: String) -> Bool {
        guard case .symbol(let set, let value) = self else { return false }
        return SpecTables.symbols(of: set).contains { $0.name == name && $0.value == value }
    }

    func collect(flagsOf set: SymbolSet, into bits: inout UInt64) {
        if case .flags(set, let value) = self { bits |= value }
        for part in parts { part.collect(flagsOf: set, into: &bits) }
    }
}
