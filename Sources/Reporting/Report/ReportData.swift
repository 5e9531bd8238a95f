// What a report tells: everything that a program touched, gathered from calls as they pass.

import Authoring
import Messages
import Objects
import Policy
import Rendering

/// Gathers a recording for a report. What it holds is bounded by what was touched, not by how often.
public final class ReportData {
    /// How often, how often in vain, and for how long.
    struct Tally {
        var calls = 0
        var errors = 0
        var time: Int64 = 0

        mutating func add(_ duration: Int64, failed: Bool) {
            calls += 1
            if failed { errors += 1 }
            time += duration
        }
    }

    /// A failure, grouped by errno, operation and object.
    struct Failing: Hashable {
        var errno: String
        var operation: String
    }

    /// A peer or a place that was listened on.
    struct Peer {
        var calls = 0
        var bytesIn: Int64 = 0
        var bytesOut: Int64 = 0
        var failures: [String: Int] = [:]
    }

    /// What a policy says of a call that it does not simply let through.
    struct Answer: Hashable {
        /// The line that decided.
        var line: String
        var verdict: String
        /// What was asked for.
        var subject: String
        /// Why, and what would allow it.
        var words: String
    }

    private let judge: Judge
    let policy: String?
    private(set) var lives = Lives()
    private(set) var files = TouchedFiles()
    private(set) var operations: [String: Tally] = [:]
    private(set) var failures: [Failing: (count: Int, objects: [String: Int])] = [:]
    private(set) var connects: [String: Peer] = [:]
    private(set) var listens: [String: Peer] = [:]
    private(set) var credentials: [(time: Int64, process: Int32, text: String)] = []
    private(set) var credentialCount = 0
    private(set) var signals: [String: Int] = [:]
    /// What the policy would not let through, with how often.
    private(set) var refusals: [Answer: Int] = [:]
    private(set) var refused = 0
    /// What was decided when it was recorded.
    private(set) var decisions: [Answer: Int] = [:]
    private(set) var decided = 0
    /// Decisions that were more than a yes.
    private(set) var opposed = 0
    /// The policies that it was recorded under, as they were.
    private let recordedPolicy: RecordedPolicyText
    private(set) var calls = 0
    private(set) var errors = 0
    private static let objectLimit = 200
    private static let credentialLimit = 500

    /// - Parameter policy: what is asked whether it would refuse, and its name.
    /// - Parameter recorded: the parts of the policy that stand in the recording.
    public init(policy: (name: String, policy: Policy)?, recorded: [(name: String, text: [UInt8])] = []) {
        recordedPolicy = RecordedPolicyText(recorded)
        judge = Judge(policy?.policy ?? Observations.nothing)
        judge.refusesFollowUps = policy == nil
        self.policy = policy?.name
    }

    /// Takes the next event in.
    public func see(_ event: Event, _ snapshot: Snapshot) {
        let underWay = judge.underWay(event.thread)
        let call = judge.see(event, snapshot)
        for decision in snapshot.decisions { note(decision, call?.subject ?? underWay?.operation.name ?? "proc.exec") }
        if case .signal(let info) = event.happening { signals[Names.signal(info.number), default: 0] += 1 }
        lives.see(event, event.happening == .entry ? judge.underWay(event.thread) : nil)
        if let call { add(call, duration: max(0, event.time - call.entry.time)) }
    }

    private func add(_ call: JudgedCall, duration: Int64) {
        let message = call.message
        let failure = Words.failure(message)
        calls += 1
        if failure != nil { errors += 1 }
        operations[message.operation.name, default: Tally()].add(duration, failed: failure != nil)
        let object = object(of: call)
        if let failure { note(failure, message.operation.name, object) }
        files.add(call, failure: failure)
        addNetwork(call, failure)
        if message.operation == .credSet, failure == nil { addCredentials(call) }
        if policy != nil { addRefusal(call) }
    }

    private func note(_ errno: String, _ operation: String, _ object: String?) {
        let key = Failing(errno: errno, operation: operation)
        failures[key, default: (0, [:])].count += 1
        guard let object else { return }
        let known = failures[key]?.objects ?? [:]
        if known[object] != nil || known.count < Self.objectLimit {
            failures[key]?.objects[object, default: 0] += 1
        }
    }

    /// What a call was about, in words.
    private func object(of call: JudgedCall) -> String? {
        if let path = call.request.paths.first { return Words.text(path.path) }
        if let address = call.request.addresses.first { return "\(address.transport.name) \(address.address.text)" }
        if let handle = call.request.handles.first, !handle.name.isEmpty { return Words.text(handle.name) }
        return nil
    }

    // MARK: Network

    private func addNetwork(_ call: JudgedCall, _ failure: String?) {
        switch call.message.operation {
        case .sockConnect, .sockSend:
            for fact in call.request.addresses where fact.role == .peer { note(fact, call, failure, &connects) }
        case .sockBind, .sockListen:
            for fact in call.request.addresses where fact.role == .local { note(fact, call, failure, &listens) }
        default: break
        }
        transfer(call)
    }

    private func note(_ fact: AddressFact, _ call: JudgedCall, _ failure: String?, _ list: inout [String: Peer]) {
        let name = Words.text(Array("\(fact.transport.name) \(fact.address.text)".utf8))
        list[name, default: Peer()].calls += 1
        // A connection under way is no failure.
        if let failure, failure != "EINPROGRESS" { list[name]?.failures[failure, default: 0] += 1 }
    }

    /// Bytes that went through a connected internet socket.
    private func transfer(_ call: JudgedCall) {
        guard let result = call.result, result > 0 else { return }
        let isOut: Bool
        switch call.message.operation {
        case .fdWrite, .sockSend: isOut = true
        case .fdRead, .sockRecv: isOut = false
        default: return
        }
        guard let number = call.request.handles.first?.number,
            let ends = judge.world.handle(number, of: call.entry.thread)?.file.socket, !ends.peer.isEmpty
        else { return }
        let transport = Transport(
            family: UInt64(ends.family), type: UInt64(ends.type),
            protocol: UInt64(UInt32(bitPattern: ends.protocolNumber)))
        let name = Words.text(Array("\(transport.name) \(Address(sockaddr: ends.peer).text)".utf8))
        guard connects[name] != nil else { return }
        if isOut { connects[name]?.bytesOut += result } else { connects[name]?.bytesIn += result }
    }

    // MARK: Credentials and refusals

    private func addCredentials(_ call: JudgedCall) {
        credentialCount += 1
        guard credentials.count < Self.credentialLimit else { return }
        let items = call.message.arguments.map { "\($0.name)=\(Words.value($0.value))" }.joined(separator: ", ")
        credentials.append((call.entry.time, call.entry.process, "\(call.message.name)(\(items))"))
    }

    /// The names of the policies that it was recorded under; empty where that was none.
    var recordedUnder: [String] { recordedPolicy.names }

    private func note(_ decision: RecordedDecision, _ subject: String) {
        decided += 1
        if decision.isAllowed { return }
        opposed += 1
        var words =
            decision.verdict + (decision.errno == 0 ? "" : " " + (Names.errno(decision.errno) ?? "\(decision.errno)"))
        words += decision.changes.map { " \($0.item)=\($0.value)" }.joined(separator: ",")
        switch decision.effect {
        case .done: break
        case .told: words += ", only told"
        case .agreed: words += ", and agreed to"
        case .declined: words += ", and declined"
        }
        let answer = Answer(
            line: recordedPolicy.line(decision.file, decision.line), verdict: Words.text(words.utf8), subject: subject,
            words: Words.text(decision.reason.utf8))
        count(answer, in: &decisions)
    }

    private func addRefusal(_ call: JudgedCall) {
        guard call.isRefusal else { return }
        refused += 1
        let (decision, request) = (call.decision, call.request)
        var words = ""
        switch decision.reasons.first?.cause {
        case .missing(let rights, _, _): words = "lacks \(rights.names.joined(separator: ", "))"
        case let cause?: words = cause.text
        case nil: break
        }
        if let cure = decision.cure(request) { words += (words.isEmpty ? "" : "; ") + "allowed by \(cure)" }
        let line = decision.line.map { "\($0.file):\($0.line)  \($0.text)" } ?? "nothing allows it"
        // Without the caller: many processes are refused the same.
        count(
            Answer(line: Words.text(line.utf8), verdict: decision.verdict.text, subject: call.subject, words: words),
            in: &refusals)
    }

    private func count(_ answer: Answer, in list: inout [Answer: Int]) {
        guard list[answer] != nil || list.count < 2000 else { return }
        list[answer, default: 0] += 1
    }
}

/// What a recording says of the policies that it was made under.
private struct RecordedPolicyText {
    var names: [String] = []
    private var files: [String: [Substring]] = [:]

    init(_ parts: [(name: String, text: [UInt8])]) {
        for part in parts {
            let lines = String(decoding: part.text, as: UTF8.self).split(
                separator: "\n", omittingEmptySubsequences: false)
            if part.name == "effective" {
                names = lines.filter { $0.hasPrefix("policy=") }.map { Words.text($0.dropFirst(7).utf8) }
            } else if part.name.hasPrefix("file/") {
                files[String(part.name.dropFirst(5))] = lines
            }
        }
    }

    /// A line with its place and its text.
    func line(_ file: String, _ number: Int) -> String {
        guard number > 0 else { return "nothing allows it" }
        let lines = files[file] ?? []
        let text = lines.indices.contains(number - 1) ? lines[number - 1].drop { $0 == " " } : ""
        return Words.text("\(file):\(number)  \(text)".utf8)
    }
}
