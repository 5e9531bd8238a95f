// Questions about calls: `file.open and path under /etc and failed`.

import Authoring
import Messages
import Policy
import Rendering

/// What is wrong with a question, and where: columns count from 1.
public struct WhereError: Error, Equatable, CustomStringConvertible {
    public let column: Int
    public let message: String

    public var description: String { "column \(column): \(message)" }
}

/// A question that a call answers with yes or no.
public struct Where: Sendable {
    indirect enum Test: Sendable {
        case all([Test])
        case any([Test])
        case not(Test)
        case failed, succeeded, interrupted, unfinished
        case operation(Messages.Operation)
        case operationClass(OperationClass)
        case call(String)
        case errno(String)
        case number(Quantity, Comparison, Int64)
        /// One of a rule's conditions holds.
        case condition([Condition])
        case address(Glob)
    }

    /// Numbers of a call beside its items.
    enum Quantity: String, CaseIterable, Sendable {
        case pid, tid, id, result, duration
    }

    enum Comparison: String, Sendable {
        case equal = "=", unequal = "!=", less = "<", atMost = "<=", more = ">", atLeast = ">="

        func holds(_ left: Int64, _ right: Int64) -> Bool {
            switch self {
            case .equal: left == right
            case .unequal: left != right
            case .less: left < right
            case .atMost: left <= right
            case .more: left > right
            case .atLeast: left >= right
            }
        }
    }

    private let test: Test

    /// - Throws: `WhereError` where the text is no question.
    public init(_ text: String) throws(WhereError) {
        var reader = WhereReader(text)
        test = try reader.read()
    }

    /// Whether a call is meant. `end` is nil for one that never came back.
    public func holds(_ call: JudgedCall, end: Event?) -> Bool { holds(test, call, end) }

    private func holds(_ test: Test, _ call: JudgedCall, _ end: Event?) -> Bool {
        switch test {
        case .all(let tests): tests.allSatisfy { holds($0, call, end) }
        case .any(let tests): tests.contains { holds($0, call, end) }
        case .not(let test): !holds(test, call, end)
        case .failed: call.result.map { Reply.errno(of: $0) != nil && !Reply.isRestart($0) } ?? false
        case .succeeded: call.result.map { Reply.errno(of: $0) == nil } ?? false
        case .interrupted: call.result.map { Reply.isRestart($0) } ?? false
        case .unfinished: end == nil
        case .operation(let operation): call.message.operation == operation
        case .operationClass(let group): call.message.operation.operationClass == group
        case .call(let name): call.message.name == name
        case .errno(let name): Words.failure(call.message) == name
        case .number(let quantity, let comparison, let number):
            Self.value(quantity, call, end).map { comparison.holds($0, number) } ?? false
        case .condition(let conditions): conditions.contains { $0.holds(call.request) }
        case .address(let glob):
            call.request.addresses.contains { glob.matches(Array($0.address.text.utf8)[...]) }
        }
    }

    private static func value(_ quantity: Quantity, _ call: JudgedCall, _ end: Event?) -> Int64? {
        switch quantity {
        case .pid: Int64(call.entry.process)
        case .tid: Int64(call.entry.thread)
        case .id: Int64(clamping: call.entry.id)
        case .result: call.result
        case .duration: end.map { $0.time - call.entry.time }
        }
    }
}
