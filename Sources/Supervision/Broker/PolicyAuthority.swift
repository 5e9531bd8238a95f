// The policy as the broker's authority: a call with the facts that only the world knows goes in, a ruling comes out.

import CLinux
import Glibc
import Interception
import Messages
import Policy
import Rendering
import Synchronization

/// Decides by a compiled policy, each process by the one that its image runs under.
public final class PolicyAuthority: Authority {
    private struct State {
        /// Processes that run under less than the whole policy, because of what they have executed.
        var narrowed: [Int32: Policy] = [:]
        var programs: [Int32: [UInt8]] = [:]
        var occurrences = Occurrences()
        var allowed = AllowedCalls()
        /// The numbers that rules gave each thread's latest call.
        var counted: [Int32: (call: UInt64, counts: [RuleCount])] = [:]
    }

    private let policy: Policy
    /// Refusals are said and not done.
    private let onlyWarns: Bool
    public let isStrict: Bool
    private let state = Mutex(State())
    private let refusals: Refusals
    private let question: Question
    /// What programs hold from their start on.
    private let initial: InitialHandles
    /// Where relative paths of the policy start.
    private let workingDirectory: String
    private let narrows: Bool
    /// What a process is under whose making nobody told, its maker being killed in the middle of that. Whose it is cannot
    /// be said: CLONE_PARENT and subreapers make other parents than makers.
    private let least: Policy
    public let remembers: Bool
    /// Where decisions wait for whoever watches, nil where nobody does.
    private let log: DecisionLog?
    /// Operations of which some calls may have no effect.
    private let stubbed: Set<Messages.Operation>

    public init(
        _ policy: Policy, onlyWarns: Bool = false, isStrict: Bool = false, descriptors: InitialDescriptors,
        log: DecisionLog? = nil, isHeard: Bool = false, hook: Hook? = nil
    ) {
        question = Question(hook: hook)
        self.policy = policy
        self.isStrict = isStrict && !onlyWarns
        initial = InitialHandles(descriptors.handles)
        self.onlyWarns = onlyWarns
        self.log = log
        stubbed = ([policy] + policy.nested).reduce([]) { $0.union($1.stubbedOperations) }
        refusals = Refusals(isHeard: isHeard)
        narrows = !policy.nested.isEmpty
        least = policy.nested.reduce(policy) { $0.narrowed(by: $1) }
        // Where each decision is told, counted or another one by program, none stands for the next.
        remembers = log == nil && !onlyWarns && !narrows && policy.layers.allSatisfy { $0.isStatic }
        var path = [CChar](repeating: 0, count: 4096)
        workingDirectory = getcwd(&path, path.count).map { String(cString: $0) } ?? "/"
    }

    // MARK: Judging

    public func judge(_ subject: Subject, _ call: Calling, _ message: @autoclosure () -> Message) -> Ruling {
        guard remembers, let known = AllowedCall(subject, call.stop) else { return decide(subject, call, message()) }
        if state.withLock({ $0.allowed.contains(known) }) { return .allow }
        let ruling = decide(subject, call, message())
        if ruling == .allow { state.withLock { $0.allowed.insert(known) } }
        return ruling
    }

    private func decide(_ subject: Subject, _ call: Calling, _ message: Message) -> Ruling {
        let policy = current(call.process)
        let caller = caller(call)
        let facts = subject.named(for: call.process).facts(initial)
        let (request, decision, counts) = state.withLock { state in
            // A call that is asked about twice is still one occurrence.
            let before = state.counted[call.thread]
            state.occurrences.known = before?.call == call.id ? before?.counts ?? [] : []
            let answer = policy.decide(call.stop, message, caller: caller, facts: facts, &state.occurrences)
            let drawn = state.occurrences.drawn
            if !drawn.isEmpty {
                let known = state.occurrences.known
                state.counted[call.thread] = (call.id, known + drawn.filter { !known.contains($0) })
            }
            return (answer.request, answer.decision, drawn)
        }
        var record = decision.recorded(.done, caller: caller, facts: facts, counts: counts)
        let consent = act(request, decision) {
            var told = message
            told.decisions = [record]
            let event = Event(
                thread: call.thread, process: call.process, time: Interception.Clock.now(), id: call.id,
                happening: .entry)
            return JSONLines().call(event, told, end: nil)
        }
        guard let log else { return consent.ruling }
        record.effect = consent.effect
        if case .ask = decision.verdict { (record.errno, record.changes) = (consent.errno, consent.changes) }
        log.add(record, thread: call.thread, stop: call.made)
        return consent.ruling
    }

    public func settle(_ call: Calling, _ message: @autoclosure () -> Message) -> Ruling? {
        guard stubbed.contains(call.stop.operation) else { return nil }
        let policy = current(call.process)
        guard policy.isStub(call.stop) else { return nil }
        return judge(.handles([]), call, message())
    }

    private func caller(_ call: Calling) -> Caller {
        let program = state.withLock { $0.programs[call.process] ?? [] }
        return Caller(process: call.process, thread: call.thread, program: program)
    }

    /// - Parameter message: what a hook is told of the call.
    private func act(_ request: Request, _ decision: Decision, _ message: () -> [UInt8]) -> Consent {
        func tell(isDone: Bool) {
            refusals.report(request, decision, by: current(request.caller.process), isDone: isDone)
        }
        if onlyWarns {
            if decision.isAllowed { return Consent(ruling: .allow, effect: .done) }
            tell(isDone: false)
            return Consent(ruling: .allow, effect: .told)
        }
        var ruling: Ruling
        switch decision.verdict {
        case .allow: ruling = .allow
        case .warn:
            tell(isDone: false)
            ruling = .allow
        case .stub: ruling = .stub
        case .rewrite(let changes): ruling = .rewrite(changes.map(absolute))
        case .reply(let changes): ruling = .reply(changes)
        case .ask:
            let consent = question.ask(decision, request, message)
            if consent.effect == .declined { tell(isDone: true) }
            return consent
        case .deny(let errno):
            tell(isDone: true)
            ruling = .refuse(errno)
        case .kill:
            tell(isDone: true)
            ruling = .kill
        }
        return Consent(ruling: ruling, effect: .done)
    }

    /// A path of the policy, wherever the caller stands.
    private func absolute(_ change: Change) -> Change {
        var value = change.value
        if change.item == "path" || change.item.hasSuffix("_path"), !value.hasPrefix("/") {
            value = workingDirectory + "/" + value
        } else if change.item == "address", value.hasPrefix("unix "), !value.hasPrefix("unix /"),
            !value.hasPrefix("unix @")
        {
            value = "unix \(workingDirectory)/" + value.dropFirst(5)
        }
        return Change(item: change.item, value: value, line: change.line)
    }

    public func rights(of held: Held, _ call: Calling) -> Rights {
        if onlyWarns { return .all }
        let placed = held.path.first == UInt8(ascii: "/") ? current(call.process).rights(of: held.path) : nil
        return initial.derived(held).union(placed ?? [])
    }

    public var givesListeners: Bool { initial.haveListeners }
    public var givesDirectories: Bool { initial.haveDirectories }

    public func shows(_ path: [UInt8], _ call: Calling) -> Bool {
        current(call.process).rights(of: path)?.contains(Right.stat) ?? false
    }

    public func hides(_ path: [UInt8], _ call: Calling) -> Bool {
        !onlyWarns && current(call.process).rights(of: path) == nil
    }

    public func reaches(below path: [UInt8], _ call: Calling) -> Bool { current(call.process).reaches(below: path) }

    public func may(_ rights: Rights, toOthers process: Int32) -> Bool {
        onlyWarns || rights.isSubset(of: current(process).rights(of: .procs))
    }

    // MARK: Lives of processes

    public func wantsDigest(of path: [UInt8], _ process: Int32) -> Bool { current(process).wantsDigest(of: path) }

    /// The policy that a process runs under.
    private func current(_ process: Int32) -> Policy {
        guard narrows else { return policy }
        return state.withLock { $0.narrowed[process] } ?? least
    }

    public func forget(_ process: Int32) {
        state.withLock { state in
            state.narrowed[process] = nil
            state.programs[process] = nil
            state.occurrences.forget(process: process)
        }
    }

    public func begins(_ process: Int32) {
        if narrows { state.withLock { $0.narrowed[process] = policy } }
    }

    public func created(_ child: Int32, by process: Int32) {
        guard child != process else { return }
        state.withLock { state in
            if let narrowed = state.narrowed[process] { state.narrowed[child] = narrowed }
            state.programs[child] = state.programs[process]
        }
    }

    public func decisions(_ event: Event, _ stop: Stop) -> [RecordedDecision] {
        switch event.happening {
        case .exited, .killed, .detached: state.withLock { $0.counted[event.thread] = nil }
        default: break
        }
        guard let log else { return [] }
        let made = log.take(event, stop)
        guard made.isEmpty, case .exit(let result) = event.happening, result < 0,
            let fixed = current(event.process).fixedRefusal(stop)
        else { return made }
        let caller = Caller(
            process: event.process, thread: event.thread,
            program: state.withLock { $0.programs[event.process] ?? [] })
        return [fixed.recorded(.done, caller: caller, facts: [])]
    }

    public func remarks() -> [String] { refusals.take() }

    public func keep(_ decisions: [RecordedDecision], thread: Int32) { log?.put(decisions, thread: thread) }

    public func executed(_ process: Int32, _ program: [UInt8], with files: [[UInt8]]) {
        let after = narrows ? current(process).afterExec(of: files) : policy
        state.withLock { state in
            if narrows { state.narrowed[process] = after }
            state.programs[process] = program
        }
    }

    public func isWider(_ other: Int32, than process: Int32) -> Bool {
        narrows && !onlyWarns && !current(process).contains(current(other))
    }

    public func isAsked(_ stop: Stop) -> Bool {
        policy.filterAction(stop) == .notify || least.filterAction(stop) == .notify
    }

    public func refuses(caseOf stop: Stop, _ process: Int32) -> Bool {
        !onlyWarns && current(process).refusesCase(of: stop)
    }

    public func mayReadLog(_ process: Int32) -> Bool {
        let policy = current(process)
        return onlyWarns
            || policy.classVerdict(.sysLog).strictness <= Verdict.warn.strictness
                && policy.rights(of: .host).contains(.admin)
    }

    public func mayUseMemory(ofOthers: Bool, _ process: Int32) -> Bool {
        if onlyWarns { return true }
        let policy = current(process)
        let operation = Messages.Operation.debugInspect
        let verdicts = [policy.classVerdict(operation)] + operation.refusals.map { policy.verdict(of: $0, operation) }
        return verdicts.allSatisfy { $0.strictness <= Verdict.warn.strictness }
            && policy.rights(of: ofOthers ? .procs : .child).contains(.debug)
    }
}

extension PolicyLayer {
    /// Grants alone decide: there is no rule, and nothing is warned of or asked about.
    fileprivate var isStatic: Bool {
        func settles(_ verdict: Verdict) -> Bool {
            switch verdict {
            case .allow, .deny, .kill: true
            default: false
            }
        }
        return rules.isEmpty && settles(defaultVerdict) && classes.allSatisfy { settles($0.verdict) }
    }
}
