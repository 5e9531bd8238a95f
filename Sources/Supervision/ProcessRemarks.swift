// What is said beside process ids: the names of commands, and the ids that they have outside their namespace.

import Interception
import Messages

/// What people want to know of a process id.
public struct ProcessDetail: OptionSet, Sendable {
    public let rawValue: Int
    public init(rawValue: Int) { self.rawValue = rawValue }

    /// The name of its command: `17<cat>`.
    public static let names = ProcessDetail(rawValue: 1)
    /// Its id in our namespace: `2 /* 17 in strace's PID NS */`, strace's words.
    public static let ourIDs = ProcessDetail(rawValue: 2)
}

/// Looks process ids up while the thread that says them stands still.
final class ProcessRemarks {
    private let detail: ProcessDetail
    private let identities = ProcessIdentities()
    /// The latest name of each thread: one that has ended has none in /proc.
    private var names: [Int32: [UInt8]] = [:]

    init(_ detail: ProcessDetail) { self.detail = detail }

    func tell(_ message: inout Message, thread: Int32) {
        for index in message.arguments.indices {
            message.arguments[index].value = tell(message.arguments[index].value, thread)
        }
        guard let reply = message.reply else { return }
        if reply.errno == nil { message.reply?.value = tell(reply.value, thread) }
    }

    func tell(_ value: Value, _ thread: Int32) -> Value {
        value.replacing { part in
            switch part {
            case .commented(.process, _), .referring(.process, _): part
            case .process(let number): remark(number, thread)
            default: nil
            }
        }
    }

    private func remark(_ number: Int32, _ thread: Int32) -> Value {
        let plain = Value.process(number)
        guard number > 0 || number < -1 else { return plain }
        let ours = identities.id(of: abs(number), saidBy: thread)
        var value = plain
        if detail.contains(.names), number > 0, let ours {
            let name = identities.name(of: ours)
            if !name.isEmpty { value = .referring(plain, Referent(name: name)) }
        }
        guard detail.contains(.ourIDs), let ours, ours != abs(number) else { return value }
        return .commented(value, "\(ours) in strace's PID NS")
    }

    var hasNames: Bool { detail.contains(.names) }

    /// The name of the thread's command as it was last known.
    func name(of thread: Int32) -> [UInt8]? {
        let name = identities.name(of: thread)
        if !name.isEmpty { names[thread] = name }
        return names[thread]
    }
}
