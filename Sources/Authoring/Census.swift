// Who still uses an operation: the programs of recordings, counted, so that it can be refused when nobody is left.

import Messages
import Policy

/// Counts calls of some operations by program.
public struct Census: Sendable {
    /// A program that made such calls.
    public struct Row: Equatable, Sendable {
        public var program: String
        public var operation: Messages.Operation
        public var calls = 0
        /// How many of them failed anyway.
        public var failures = 0
        public var recordings: Set<String> = []
        /// The first thing that one of them was about.
        public var example = ""
    }

    private struct Key: Hashable {
        let program: String
        let operation: Messages.Operation
    }

    private let operations: Set<Messages.Operation>
    private var found: [Key: Row] = [:]

    public init(of operations: Set<Messages.Operation>) { self.operations = operations }

    public mutating func add(_ call: JudgedCall, in recording: String = "") {
        guard operations.contains(call.message.operation) else { return }
        let program = call.request.caller.name
        let key = Key(program: program, operation: call.message.operation)
        var row = found[key] ?? Row(program: program, operation: call.message.operation, example: call.subject)
        row.calls += 1
        if let result = call.result, Reply.errno(of: result) != nil { row.failures += 1 }
        row.recordings.insert(recording)
        found[key] = row
    }

    /// The most frequent first.
    public var rows: [Row] {
        found.values.sorted { ($1.calls, $0.program, $0.operation.name) < ($0.calls, $1.program, $1.operation.name) }
    }
}

extension Caller {
    /// The program, for people.
    var name: String { program.isEmpty ? "a program without a name" : PolicyText.visible(program) }
}

extension JudgedCall {
    /// Makes a socket, or a pair, of type SOCK_SEQPACKET (5 in the low four bits of the type; linux/net.h).
    public var makesSequencedSocket: Bool {
        guard message.call == .socket || message.call == .socketpair else { return false }
        return request.stop.arguments.a1 & 0xF == 5
    }
}
