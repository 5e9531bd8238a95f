// Which lines of a policy a recording used: what nobody used can go.

import Messages
import Policy

/// The grants that calls rested on.
public struct Usage: Sendable {
    /// Lines of entries that were needed.
    public private(set) var lines: Set<PolicyLine> = []
    private let policy: Policy

    public init(of policy: Policy) { self.policy = policy }

    /// Takes in what a judge said of a call. Refused calls count as well: the line that half allows one is not idle.
    public mutating func add(_ call: JudgedCall) {
        let request = call.request
        for layer in policy.layers {
            for path in request.paths { add(layer.line(for: path.path)) }
            // Moves are held against every entry on both sides.
            for handle in request.handles {
                if handle.name.first == UInt8(ascii: "/") { add(layer.line(for: handle.name)) }
                lines.formUnion(layer.lines(forHandle: handle.number))
            }
            for fact in request.addresses { add(layer.line(for: fact)) }
            if call.message.operation == .sockCreate { lines.formUnion(layer.lines(forSocketOf: request)) }
            if call.message.operation == .procExec {
                for path in request.paths { add(layer.line(forProgram: path.path)) }
            }
            lines.formUnion(layer.lines(for: call.message.operation))
        }
        for reason in call.decision.reasons { add(reason.line) }
    }

    private mutating func add(_ line: PolicyLine?) { if let line { lines.insert(line) } }

    /// Lines of one file that only grant, and that nothing used: taking them away refuses what nobody did.
    public func idle(in file: String) -> [PolicyLine] {
        guard let layer = policy.layers.first(where: { $0.file == file }) else { return [] }
        return layer.grantingLines.filter { $0.file == file && !lines.contains($0) }
    }
}
