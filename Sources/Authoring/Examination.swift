// Holds a policy against expectations: what each written message would get, and what differs.

import Messages
import Personalities
import Policy

/// One expectation and what came of it.
public struct Examined: Sendable {
    public var name: String
    public var line: PolicyLine
    /// What differs, ready to be read; empty where the expectation is met.
    public var difference: [String]

    public init(name: String, line: PolicyLine, difference: [String]) {
        self.name = name
        self.line = line
        self.difference = difference
    }

    public var isMet: Bool { difference.isEmpty }
}

extension ExpectedMessage {
    /// Decides the message under a policy, and compares.
    public func examine(_ policy: Policy, _ surroundings: Surroundings) -> Examined {
        var result = Examined(name: text, line: line, difference: [])
        let list: [Rehearsal]
        do throws(RehearsalFault) {
            list = try rehearsals(under: policy, surroundings)
        } catch {
            result.difference = ["- \(verdict)", "+ no such message: \(error.message)"]
            return result
        }
        guard let request = list.lazy.map({ $0.request }).first(where: { $0.operation == operation }) else {
            result.difference = ["- \(verdict)", "+ no such message: with these items it is another operation"]
            return result
        }
        let decision = policy.decide(request)
        if admits(decision.verdict) { return result }
        result.difference = ["- \(verdict)", "+ \(decision.verdict.text)"]
        if !decision.isAllowed {
            // The first line names the call again.
            result.difference += decision.refusal(request).split(separator: "\n").dropFirst().map {
                "  " + $0.drop { $0 == " " }
            }
            if let cause = decision.reasons.first?.cause.text { result.difference.append("  because \(cause)") }
        }
        return result
    }
}

extension Rehearsal {
    /// The request that the call would make.
    public var request: Request {
        var snapshot = Snapshot(stop: stop)
        for text in texts { snapshot.add(address: text.address, bytes: text.bytes, wanted: text.bytes.count) }
        return Request(
            stop, Decoder().entry(snapshot), caller: caller, handles: handles, paths: paths, addresses: addresses)
    }
}

extension JudgedCall {
    /// `OPERATION OBJECT`, as expectations and comparisons name what was decided.
    public var subject: String {
        let things =
            request.paths.map { PolicyText.visible($0.path) } + request.addresses.map(\.entry)
        let handles = request.handles.filter { !$0.name.isEmpty }.map { PolicyText.visible($0.name) }
        return ([message.operation.name] + (things.isEmpty ? Array(handles.prefix(1)) : things)).joined(separator: " ")
    }
}
