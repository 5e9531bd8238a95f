// The listener of a seccomp filter: calls that the filter hands over are received here, and answered.

import CLinux
import Glibc
import Messages

/// A call that waits in the kernel for an answer (seccomp_unotify(2)).
public struct Notification: Sendable {
    public let id: UInt64
    public let thread: Int32
    public let stop: Stop
}

/// What a waiting call is answered with. Pure: who makes one has done nothing yet.
public enum Answer: Equatable, Sendable {
    /// The call fails with this errno.
    case refuse(Int32)
    /// The call returns this, and the kernel does nothing.
    case value(Int64)
    /// The caller gets a copy of this descriptor of ours, and its number in the caller's table as the result.
    case descriptor(Int32, closesOnExec: Bool)
    /// A number of the caller's stands for a copy of this descriptor of ours, and the call returns the result.
    case replacement(Int32, of: Int32, closesOnExec: Bool, result: Int64)
    /// The kernel performs the call. Only for decisions on registers, and for calls that are checked afterwards.
    case proceed
}

/// The descriptor that a filter's notifications come through.
public struct Listener: Sendable {
    public let descriptor: Int32

    public init(descriptor: Int32) {
        self.descriptor = descriptor
        // SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP: caller and supervisor take turns on one processor. Linux 6.6; without
        // it calls are slower and nothing else.
        _ = Self.control(descriptor, Self.setFlags, 1)
    }

    // ioctl numbers of linux/seccomp.h, whose macros Swift does not import.
    private static let receive: UInt = 0xC050_2100
    private static let send: UInt = 0xC018_2101
    private static let isValid: UInt = 0x4008_2102
    private static let addDescriptor: UInt = 0x4018_2103
    private static let setFlags: UInt = 0x4008_2104
    /// SYS_ioctl of the x86_64 table.
    private static let ioctl = 16

    private static func control(_ descriptor: Int32, _ request: UInt, _ argument: UInt) -> Int {
        abitrace_call(ioctl, UInt(descriptor), request, argument, 0, 0, 0)
    }

    /// Waits for the next call. Nil where the wait was interrupted or the caller died before it was seen; throws
    /// nothing else, for a listener without callers stays silent.
    public func next() -> Notification? {
        // struct seccomp_notif: id, pid, flags, then struct seccomp_data: nr, arch, instruction_pointer, args[6].
        var words: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) =
            (0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
        let answer = withUnsafeMutablePointer(to: &words) {
            Self.control(descriptor, Self.receive, UInt(bitPattern: $0))
        }
        guard answer >= 0, let personality = Personality(auditArchitecture: UInt32(words.2 >> 32)) else { return nil }
        let stop = Stop(
            personality: personality, number: UInt64(UInt32(truncatingIfNeeded: words.2)),
            arguments: RawArguments(words.4, words.5, words.6, words.7, words.8, words.9),
            instructionPointer: words.3)
        return Notification(id: words.0, thread: Int32(truncatingIfNeeded: words.1), stop: stop)
    }

    /// Whether another call waits to be received.
    public var hasNext: Bool {
        var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&waiting, 1, 0) == 1 && waiting.revents & Int16(POLLIN) != 0
    }

    /// Whether the caller still waits. What was learned of it through its id before is then about this caller.
    public func isWaiting(_ id: UInt64) -> Bool {
        var id = id
        return withUnsafeMutablePointer(to: &id) {
            Self.control(descriptor, Self.isValid, UInt(bitPattern: $0)) == 0
        }
    }

    /// Answers a call. A caller that is gone meanwhile needs none.
    public func answer(_ id: UInt64, _ answer: Answer) {
        switch answer {
        case .refuse(let errno): respond(id, value: 0, error: -errno, flags: 0)
        case .value(let value): respond(id, value: value, error: 0, flags: 0)
        // SECCOMP_USER_NOTIF_FLAG_CONTINUE
        case .proceed: respond(id, value: 0, error: 0, flags: 1)
        case .replacement(let ours, let number, let closesOnExec, let result):
            // SECCOMP_ADDFD_FLAG_SETFD
            finish(id, give(id, ours, closesOnExec: closesOnExec, flags: 1, number: number)) { _ in result }
        case .descriptor(let ours, let closesOnExec):
            // SECCOMP_ADDFD_FLAG_SEND would answer in the same step, but whoever it wakes is woken on an idle processor:
            // 17 to 27 µs where two steps take 8, for an answer wakes the caller on this one. Nothing lies between them:
            // from WAIT_KILLABLE_RECV on the caller waits until it is answered or dies.
            finish(id, give(id, ours, closesOnExec: closesOnExec, flags: 0, number: 0)) { $0 }
        }
    }

    /// Answers a call for which a descriptor was handed over, with what `result` makes of its number in the caller.
    private func finish(_ id: UInt64, _ given: Int, _ result: (Int64) -> Int64) {
        if given == -Int(ENOENT) { return }
        let result = given < 0 ? Int64(given) : result(Int64(given))
        respond(id, value: max(0, result), error: Int32(clamping: min(0, result)), flags: 0)
    }

    private func respond(_ id: UInt64, value: Int64, error: Int32, flags: UInt32) {
        // struct seccomp_notif_resp: id, val, error, flags.
        var response = (id, value, error, flags)
        _ = withUnsafeMutablePointer(to: &response) {
            Self.control(descriptor, Self.send, UInt(bitPattern: $0))
        }
    }

    /// Hands a descriptor over, and answers its number in the caller, or an errno below zero.
    private func give(_ id: UInt64, _ ours: Int32, closesOnExec: Bool, flags: UInt32, number: Int32) -> Int {
        // struct seccomp_notif_addfd: id, flags, srcfd, newfd, newfd_flags.
        var request = (
            id, flags, UInt32(bitPattern: ours), UInt32(bitPattern: number), UInt32(closesOnExec ? O_CLOEXEC : 0)
        )
        return withUnsafeMutablePointer(to: &request) {
            Self.control(descriptor, Self.addDescriptor, UInt(bitPattern: $0))
        }
    }
}
