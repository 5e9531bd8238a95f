// What of a trace is shown, and how far a call is looked into.

import Interception
import Messages
import Personalities
import Rendering

/// How a call ended, as `-e status=` names it.
public struct Statuses: OptionSet, Sendable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }
    /// Returned without an errno.
    public static let successful = Statuses(rawValue: 1)
    /// Returned an errno.
    public static let failed = Statuses(rawValue: 2)
    /// Never returned: exit, exec by another thread, a killed thread.
    public static let unfinished = Statuses(rawValue: 4)
    /// Returned, but what it returned could not be fetched.
    public static let unavailable = Statuses(rawValue: 8)
    /// The tracer let go before it returned.
    public static let detached = Statuses(rawValue: 16)
    /// Every member.
    public static let all = Statuses(rawValue: 31)
}

/// Remarks that can be kept back (strace's `-e quiet=`).
public struct Quiet: OptionSet, Sendable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }
    /// Attaching and detaching.
    public static let attach = Quiet(rawValue: 1)
    /// `+++ exited with N +++`.
    public static let exit = Quiet(rawValue: 2)
    /// How a path of `-P` was resolved.
    public static let pathResolution = Quiet(rawValue: 4)
    /// A process that changes its personality.
    public static let personality = Quiet(rawValue: 8)
    /// `+++ superseded by execve +++`.
    public static let threadExecve = Quiet(rawValue: 16)
    /// Every member.
    public static let all = Quiet(rawValue: 31)
}

/// What of a trace is shown.
public struct Choice: Sendable {
    /// A question about a call: its message and its number.
    public typealias Test = @Sendable (Message, UInt64) -> Bool

    /// Whether a call is of interest.
    public var call: Test = { _, _ in true }
    /// What numbers alone say of that: calls that are not in it are never of interest, and are not looked into.
    public var interest = CallInterest.all
    public var signal: @Sendable (Int32) -> Bool = { _ in true }
    public var statuses = Statuses.all
    /// Paths of which a call must name one, none for any.
    public var paths: [String] = []
    public var quiet: Quiet = []
    /// The thread that is asked for, 0 for all.
    public var thread: Int32 = 0
    /// Whether a call is shown with its bare registers; nil for none.
    public var isRaw: Test?
    /// Whether a call's structs are looked into; nil for all.
    public var isVerbose: Test?
    /// Whether the data that goes through a descriptor is dumped; nil for none.
    public var dumpsRead: (@Sendable (Int32) -> Bool)?
    public var dumpsWrite: (@Sendable (Int32) -> Bool)?

    public init() {}

    /// Whether only the end of a call can say if it is shown.
    var waitsForOutcome: Bool { !statuses.isSuperset(of: [.successful, .failed, .unfinished, .detached]) }

    func dumps(_ message: Message, _ stop: Stop) -> Bool {
        guard dumpsRead != nil || dumpsWrite != nil else { return false }
        let number = Int32(truncatingIfNeeded: stop.arguments.a0)
        if HexDump.reads.contains(message.name) { return dumpsRead?(number) ?? false }
        return HexDump.writes.contains(message.name) && dumpsWrite?(number) ?? false
    }

    /// The message as it is to be shown: with bare registers, or with addresses in place of structs.
    func shape(_ message: Message, _ stop: Stop) -> Message {
        guard isRaw != nil || isVerbose != nil else { return message }
        if isRaw?(message, stop.number) ?? false { return Self.raw(message, stop) }
        guard let isVerbose, !isVerbose(message, stop.number),
            let row = SpecTables.row(stop.personality, stop.number)
        else { return message }
        var message = message
        for argument in row.argumentRows {
            guard let place = message.arguments.firstIndex(where: { $0.name == argument.name }),
                message.arguments[place].value.isStructured
            else { continue }
            message.arguments[place].value = .address(stop.arguments[Int(argument.register)])
        }
        return message
    }

    private static func raw(_ message: Message, _ stop: Stop) -> Message {
        var message = message
        let row = SpecTables.row(stop.personality, stop.number)
        let count = row.map { ($0.argumentRows.map { Int($0.register) }.max() ?? -1) + 1 } ?? 6
        message.arguments = (0..<count).map { index in
            Argument(name: "a\(index)", item: "args", value: .hexadecimal(stop.arguments[index]))
        }
        if let reply = message.reply {
            message.reply = Reply(
                raw: reply.raw, value: .hexadecimal(UInt64(bitPattern: reply.raw)), item: reply.item)
        }
        return message
    }
}

extension Value {
    /// A struct or a list of values behind a pointer.
    fileprivate var isStructured: Bool {
        switch self {
        case .record, .list, .cutList, .brokenList, .signalSet: true
        case .change(let before, let after): before.isStructured || after.isStructured
        case .named(_, let value): value.isStructured
        case .abbreviated, .commented: true
        default: false
        }
    }
}
