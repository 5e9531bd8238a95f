// Decides recorded calls again, on the facts that were recorded with them, and compares with what was decided then.

import Messages
import Personalities
import Policy

/// A decision that a recording holds, beside the one that is made of its facts now.
public struct Redecided {
    /// The event that the decision came with.
    public var event: Event
    /// The call's entry, or the event itself where it is no call.
    public var id: UInt64
    public var message: Message
    /// Nil where nothing was recorded although something is decided now.
    public var recorded: RecordedDecision?
    public var decided: RecordedDecision

    /// Byte for byte the same.
    public var isSame: Bool { recorded == decided }
}

/// Goes through a recording that was made under policies.
public final class Redecision {
    private let policy: Policy
    private let onlyWarned: Bool
    private let decoder = Decoder()
    private var narrowed: [Int32: Policy] = [:]
    private var pending: [Int32: (id: UInt64, snapshot: Snapshot, message: Message)] = [:]

    /// - Parameter onlyWarned: decisions were told and not carried out.
    public init(_ policy: Policy, onlyWarned: Bool) {
        self.policy = policy
        self.onlyWarned = onlyWarned
    }

    /// Takes an event in, and answers the decisions that came with it.
    public func see(_ event: Event, _ snapshot: Snapshot) -> [Redecided] {
        switch event.happening {
        case .entry:
            pending[event.thread] = (event.id, snapshot, decoder.entry(snapshot))
            return []
        case .exit(let result):
            guard let call = pending.removeValue(forKey: event.thread) else { return [] }
            if snapshot.decisions.isEmpty { return undecided(event, call, result) }
            return again(event, snapshot, call)
        case .created(let child, _):
            if child != event.process { narrowed[child] = narrowed[event.process] }
            return []
        case .executed(let former):
            if former != event.thread { pending[event.thread] = pending.removeValue(forKey: former) }
            return executed(event, snapshot)
        case .exited, .killed, .detached:
            defer { if event.thread == event.process { narrowed[event.process] = nil } }
            return pending.removeValue(forKey: event.thread).map { again(event, snapshot, $0) } ?? []
        default: return []
        }
    }

    private func policy(of process: Int32) -> Policy { narrowed[process] ?? policy }

    private func again(
        _ event: Event, _ snapshot: Snapshot, _ call: (id: UInt64, snapshot: Snapshot, message: Message)
    ) -> [Redecided] {
        var (made, message) = (call.snapshot, call.message)
        return snapshot.decisions.map { recorded in
            let decided = decide(recorded, event, made.stop, message)
            // What a rule made of the call is what is decided on next.
            if recorded.verdict == "rewrite" || recorded.verdict == "ask", !recorded.changes.isEmpty,
                let stop = try? Encoder(made.stop.personality).rewritten(made.stop, recorded.changes), stop != made.stop
            {
                made.stop = stop
                message = decoder.entry(made)
            }
            return Redecided(
                event: event, id: call.id, message: call.message, recorded: recorded, decided: decided)
        }
    }

    private func decide(
        _ recorded: RecordedDecision, _ event: Event, _ stop: Stop, _ message: Message
    ) -> RecordedDecision {
        let policy = policy(of: event.process)
        let caller = Caller(process: event.process, thread: event.thread, program: recorded.program)
        if recorded.facts.isEmpty, let fixed = policy.fixedRefusal(stop) {
            return fixed.recorded(.done, caller: caller, facts: [])
        }
        var occurrences = Occurrences()
        occurrences.known = recorded.counts
        let decision = policy.decide(stop, message, caller: caller, facts: recorded.facts, &occurrences).decision
        var record = decision.recorded(
            effect(decision, recorded), caller: caller, facts: recorded.facts, counts: occurrences.drawn)
        // What was answered to a question only the recording knows.
        if case .ask = decision.verdict, recorded.verdict == record.verdict {
            (record.errno, record.changes) = (recorded.errno, recorded.changes)
        }
        return record
    }

    /// What comes of a decision; whether a person agreed only the recording knows.
    private func effect(_ decision: Decision, _ recorded: RecordedDecision) -> DecisionEffect {
        if decision.isAllowed { return .done }
        if onlyWarned { return .told }
        guard case .ask = decision.verdict else { return .done }
        return recorded.effect == .agreed ? .agreed : .declined
    }

    /// A call that succeeded and that nobody was asked about is one that registers let pass.
    private func undecided(
        _ event: Event, _ call: (id: UInt64, snapshot: Snapshot, message: Message), _ result: Int64
    ) -> [Redecided] {
        guard Reply.errno(of: result) == nil, !onlyWarned else { return [] }
        let policy = policy(of: event.process)
        switch policy.filterAction(call.snapshot.stop) {
        case .errno, .kill: break
        case .allow, .notify, .trace: return []
        }
        let caller = Caller(process: event.process, thread: event.thread)
        var occurrences = Occurrences()
        let decision = policy.decide(
            call.snapshot.stop, call.message, caller: caller, facts: [], &occurrences
        ).decision
        return [
            Redecided(
                event: event, id: call.id, message: call.message, recorded: nil,
                decided: decision.recorded(.done, caller: caller, facts: []))
        ]
    }

    /// The image that was loaded is decided on as the execve that it came by, under the policy before it.
    private func executed(_ event: Event, _ snapshot: Snapshot) -> [Redecided] {
        let found = again(event, snapshot, (0, Snapshot(stop: Stop(number: 59)), .ofImage))
        for decision in snapshot.decisions {
            let files = decision.facts.filter { $0.kind == .program }.map(\.path)
            if !files.isEmpty { narrowed[event.process] = policy(of: event.process).afterExec(of: files) }
        }
        return found
    }
}
