// Decides a recording under a policy: the calls it holds become requests, and the reference decision answers them.

import Messages
import Objects
import Personalities
import Policy

/// A call of a recording and what a policy says of it.
public struct JudgedCall {
    public var entry: Event
    public var message: Message
    public var request: Request
    public var decision: Decision
    /// What the kernel answered when it was recorded, nil where it never did.
    public var result: Int64?
    /// A policy held it when it was recorded: the answer may be that policy's.
    public var wasHeld = false
    /// The open may have made the file: nothing tells whether it was there before.
    public var mayHaveMade = false

    /// The program does not get what it asked for, and it is the policy that keeps it from it.
    public var isRefusal: Bool {
        switch decision.verdict {
        case .deny: !failedAnyway
        case .kill, .ask: true
        default: false
        }
    }

    /// The kernel had refused it by itself (EPERM, EACCES), so that a policy that refuses it changes nothing. What was
    /// learned from the call gives no right to it either.
    public var failedAnyway: Bool { !wasHeld && (result == -1 || result == -13) }
}

/// Goes through events and decides each call, as it would have been decided when it was made.
public final class Judge {
    /// Which calls a judge answers.
    public enum Answers: Sendable {
        /// Every call, with its message, as if each had been made.
        case everyCall
        /// Calls that a policy may have something to say about.
        case whatMatters
    }

    private let policy: Policy
    private let answers: Answers
    /// Whether what a program did with something that it would not have got is refused as well.
    public var refusesFollowUps: Bool
    /// Whether an exec can narrow it.
    private let narrows: Bool
    public let world = World()
    /// How many calls came back.
    public private(set) var calls = 0
    /// What plain calls need, by personality and number; empty where every call is answered.
    private var plain: [[PlainNeeds?]] = []
    /// Registers that calls about one path are decided by, by personality and number, and answers so far.
    private var pathCalls: [[[Int]?]] = []
    private var answered: [PathQuestion: Decision] = [:]
    /// What the policy grants of objects that were asked for before.
    private var grants: [[UInt8]: Rights] = [:]
    /// Plain calls under way, by thread.
    private var plainCalls: [Int32: (entry: Event, stop: Stop)] = [:]
    private let decoder = Decoder()
    /// The policy of processes that an exec has narrowed.
    private var narrowed: [Int32: Policy] = [:]
    private var occurrences = Occurrences()
    private var pending: [Int32: Pending] = [:]

    private struct Pending {
        var entry: Event
        /// Without the snapshot: its memory is used again, and keeping it would be a copy for each call.
        var stop: Stop
        var message: Message
        var request: Request
        /// Nil where only the answer tells what the call was about.
        var decision: Decision?
        /// The numbers that rules gave it.
        var counts: [RuleCount] = []
    }

    public init(_ policy: Policy, answering answers: Answers = .everyCall) {
        self.policy = policy
        self.answers = answers
        refusesFollowUps = answers == .everyCall
        narrows = !policy.nested.isEmpty
        guard answers == .whatMatters else { return }
        plain = Personality.allCases.map { personality in
            let table = personality == .x86_64 ? SpecTables.x86_64 : SpecTables.i386
            return table.indices.map { policy.plainNeeds(personality, UInt64($0)) }
        }
        pathCalls = Personality.allCases.map { personality in
            let table = personality == .x86_64 ? SpecTables.x86_64 : SpecTables.i386
            return table.indices.map { policy.pathRegisters(personality, UInt64($0)) }
        }
    }

    /// Takes an event in, and answers the call that it completed.
    public func see(_ event: Event, _ snapshot: Snapshot) -> JudgedCall? {
        switch event.happening {
        case .entry:
            if !isPlain(event, snapshot.stop) { begin(event, snapshot) }
            return nil
        case .exit(let result):
            calls += 1
            if !plainCalls.isEmpty, let call = plainCalls.removeValue(forKey: event.thread) {
                if snapshot.decisions.isEmpty { return nil }
                begin(call.entry, Snapshot(stop: call.stop))
            }
            world.see(event, snapshot)
            guard let call = pending.removeValue(forKey: event.thread) else { return nil }
            return end(call, event, snapshot, result)
        case .created(let child, _):
            world.see(event, snapshot)
            if let policy = narrowed[event.process] { narrowed[child] = policy }
        case .executed(let former):
            world.see(event, snapshot)
            if former != event.thread { pending[event.thread] = pending.removeValue(forKey: former) }
            if narrows, let image = world.threads[event.thread]?.image {
                narrowed[event.process] = policy(of: event.process).afterExec(of: [image.name])
            }
            inherit(event)
        case .exited, .killed, .detached:
            world.see(event, snapshot)
            pending[event.thread] = nil
            if event.thread == event.process {
                narrowed[event.process] = nil
                occurrences.forget(process: event.process)
            }
        default:
            world.see(event, snapshot)
            if case .started(_, attached: true) = event.happening { inherit(event) }
        }
        return nil
    }

    /// Whether a call is allowed without a look at its message; then it is under way.
    private func isPlain(_ event: Event, _ stop: Stop) -> Bool {
        let table = Int(stop.personality.rawValue)
        guard plain.indices.contains(table), stop.number < plain[table].count,
            let needs = plain[table][Int(stop.number)],
            narrowed.isEmpty || narrowed[event.process] == nil, let objects = world.threads[event.thread]
        else { return false }
        if let register = needs.register {
            let number = Int32(truncatingIfNeeded: stop.arguments[register])
            if let rights = objects.table.handles[number]?.file.rights, !needs.rights.isSubset(of: rights) {
                return false
            }
            if needs.closes { world.close(number, of: event.thread) }
        }
        plainCalls[event.thread] = (event, stop)
        return true
    }

    /// The call that a thread is in, as far as it was known when it was made.
    public func underWay(_ thread: Int32) -> Message? { pending[thread]?.message }

    /// The call that a thread is in, as one that never came back; to be asked before the thread's end is seen.
    public func unfinished(_ thread: Int32) -> JudgedCall? {
        pending[thread].map {
            JudgedCall(
                entry: $0.entry, message: $0.message, request: $0.request, decision: $0.decision ?? .allowed,
                result: nil)
        }
    }

    private func policy(of process: Int32) -> Policy { narrowed[process] ?? policy }

    private func begin(_ event: Event, _ snapshot: Snapshot) {
        let message = decoder.entry(snapshot)
        let builder = RequestBuilder(world: world, event: event) { self.policy(of: event.process).rights(of: .child) }
        let request = builder.request(snapshot, message)
        let waits = message.operation == .fileOpen && message.resolved.isEmpty
        let decision = waits ? nil : decide(request)
        pending[event.thread] = Pending(
            entry: event, stop: snapshot.stop, message: message, request: request, decision: decision,
            counts: waits ? [] : occurrences.drawn)
        world.see(event, snapshot, message)
    }

    /// Decides a request, or answers as it was decided before.
    private func decide(_ request: Request) -> Decision {
        let policy = policy(of: request.caller.process)
        guard let question = question(request) else { return policy.decide(request, &occurrences) }
        if let known = answered[question] { return known }
        let decision = policy.decide(request, &occurrences)
        if answered.count < Self.answerLimit { answered[question] = decision }
        return decision
    }

    private static let answerLimit = 10_000

    /// What the answer hangs on, nil where that is more than a path and a few registers.
    private func question(_ request: Request) -> PathQuestion? {
        let (table, stop) = (Int(request.stop.personality.rawValue), request.stop)
        guard pathCalls.indices.contains(table), stop.number < pathCalls[table].count,
            let registers = pathCalls[table][Int(stop.number)], narrowed.isEmpty, request.paths.count == 1,
            request.handles.isEmpty, request.addresses.isEmpty, let path = request.paths.first, path.digest.isEmpty
        else { return nil }
        var question = PathQuestion(
            call: stop.number << 1 | UInt64(table), path: path.path, kind: path.kind, device: path.device,
            exists: path.exists)
        for register in registers { question.values[register] = stop.arguments[register] }
        return question
    }

    private func end(_ call: consuming Pending, _ event: Event, _ snapshot: Snapshot, _ result: Int64) -> JudgedCall? {
        let policy = policy(of: event.process)
        if call.decision == nil { call.request.paths = opened(call.request.paths, event, result) }
        var decision: Decision
        if let recorded = snapshot.decisions.last(where: { !$0.isAllowed }) ?? snapshot.decisions.last {
            // It was decided when it was made: what it was about is known better than it could be found out again.
            occurrences.known = call.counts
            (call.request, decision) = policy.decide(
                call.stop, call.message, caller: call.request.caller, facts: recorded.facts, &occurrences)
            occurrences.known = []
        } else {
            decision = call.decision ?? decide(call.request)
        }
        if snapshot.decisions.isEmpty { decision = onAbsence(decision, call.message, result, policy) }
        for fact in snapshot.facts where fact.kind == .descriptor || fact.tellsTable {
            guard let file = world.handle(fact.number, of: event.thread)?.file, file.rights == nil else { continue }
            let name = OwnProcess.named(file.name, event.process)
            let isHeld = call.message.operation == .fileOpen && (refusesFollowUps || decision.isAllowed)
            file.rights = isHeld ? rights(of: name, call.message, policy) : .all
        }
        if answers == .whatMatters, decision.verdict == .allow { return nil }
        decoder.exit(&call.message, snapshot, result: result)
        var judged = JudgedCall(
            entry: call.entry, message: call.message, request: call.request, decision: decision, result: result,
            wasHeld: !snapshot.decisions.isEmpty)
        // O_CREAT
        judged.mayHaveMade =
            call.decision == nil && snapshot.decisions.isEmpty && result >= 0
            && (call.message.openFlags ?? 0) & 0x40 != 0
        return judged
    }

    /// What is left of a decision where nothing is there: a program that may see as much gets the kernel's answer, and
    /// what the object would have had to be is no question.
    private func onAbsence(
        _ decision: Decision, _ message: Message, _ result: Int64, _ policy: Policy
    ) -> Decision {
        let isAbsent = result == -2 || result == -20  // ENOENT, ENOTDIR
        let isNobody = result == -3 && message.operation == .signalSend  // ESRCH
        guard isAbsent || isNobody, !decision.reasons.isEmpty else { return decision }
        let reasons = decision.reasons.filter { reason in
            switch reason.cause {
            case .missing(_, .who, _) where isNobody: return false
            case .missing(_, _, let object) where isAbsent:
                return policy.rights(of: object).map { !$0.isSuperset(of: [.stat, .lookup]) } ?? false
            case .refusedByDefault where isAbsent, .unknown where isAbsent: return false
            default: return true
            }
        }
        if reasons.isEmpty { return .allowed }
        return Decision(
            reasons.map(\.verdict).reduce(.allow, Verdict.strictest), reasons: reasons,
            enforcement: decision.enforcement)
    }

    /// What an open was about: what it opened, or the name that it could not open.
    private func opened(_ paths: [PathFact], _ event: Event, _ result: Int64) -> [PathFact] {
        if result >= 0, let file = world.handle(Int32(truncatingIfNeeded: result), of: event.thread)?.file {
            let path = OwnProcess.named(file.name, event.process)
            return [PathFact(path: path, kind: file.kind.fileKind, device: file.device)]
        }
        return paths.map { path in
            var path = path
            path.exists = result != -2  // ENOENT
            return path
        }
    }

    /// A handle has what its path grants, as far as the mode that it was opened with goes (open(2)).
    private func rights(of name: [UInt8], _ message: Message, _ policy: Policy) -> Rights {
        let granted = granted(name, policy)
        let writing: Rights = [.write, .resize, .allocate]
        guard let mode = message.accessMode else { return granted }
        return granted.subtracting(mode == 0 ? writing : mode == 1 ? [.read] : [])
    }

    private func granted(_ name: [UInt8], _ policy: Policy) -> Rights {
        guard narrowed.isEmpty else { return policy.rights(of: name) ?? [] }
        if let known = grants[name] { return known }
        let rights = policy.rights(of: name) ?? []
        if grants.count < Self.answerLimit { grants[name] = rights }
        return rights
    }

    /// What a program is born with may do what the policy says of it.
    private func inherit(_ event: Event) {
        guard let table = world.threads[event.thread]?.table else { return }
        for (number, handle) in table.handles where handle.file.rights == nil {
            handle.file.rights = policy.rightsOfInherited(number) ?? []
        }
    }
}

/// What the decision about a call with one path hangs on.
private struct PathQuestion: Hashable {
    var call: UInt64
    var path: [UInt8]
    var kind: FileKind
    var device: UInt64
    var exists: Bool
    var values = RawArguments()

    static func == (one: PathQuestion, other: PathQuestion) -> Bool {
        one.call == other.call && one.values == other.values && one.kind == other.kind && one.device == other.device
            && one.exists == other.exists && one.path == other.path
    }

    /// The rest seldom tells questions apart that these do not.
    func hash(into hasher: inout Hasher) {
        hasher.combine(call)
        hasher.combine(path.count)
        path.withUnsafeBytes { hasher.combine(bytes: $0) }
    }
}

extension Message {
    /// The access mode of an open: 0 to read, 1 to write, 2 for both; nil where the flags are not known.
    fileprivate var accessMode: UInt64? { openFlags.map { $0 & 3 } }

    fileprivate var openFlags: UInt64? {
        for argument in arguments {
            var bits: UInt64?
            argument.value.flags(of: .open) { bits = $0 }
            if let bits { return bits }
        }
        // O_CREAT, O_WRONLY and O_TRUNC (open(2))
        return call == .creat ? 0x241 : nil
    }
}

extension Value {
    fileprivate func flags(of set: SymbolSet, _ body: (UInt64) -> Void) {
        if case .flags(set, let bits) = self { body(bits) }
        for part in parts { part.flags(of: set, body) }
    }
}

extension ObjectKind {
    /// The word that policies use.
    var fileKind: FileKind {
        switch self {
        case .file, .memfd: .file
        case .directory: .directory
        case .symlink: .symlink
        case .character: .character
        case .block: .block
        case .fifo, .pipe: .fifo
        case .socket: .socket
        default: .unknown
        }
    }
}
