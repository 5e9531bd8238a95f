// What was decided when a recording was made, beside what is decided on the same facts now.

import Authoring
import Glibc
import Messages
import Policy
import Recording

struct LiveComparison {
    let recording: String
    private(set) var decisions = 0
    private(set) var differences = 0
    private var texts: [String] = []
    private static let textLimit = 1000

    /// Compares every decision of a recording; `policy` takes the place of the recorded ones.
    init(of recording: String, under policy: Policy?, asJSON: Bool, _ output: Output) throws {
        self.recording = recording
        let kept = try RecordedPolicy(of: recording)
        let redecision = Redecision(try policy ?? kept.policy(), onlyWarned: kept.onlyWarned)
        var progress = Progress(recording)
        try RecordingFiles.eachEvent(of: recording, isEvidence: true) { event, snapshot in
            for each in redecision.see(event, snapshot) {
                decisions += 1
                progress.step(decisions)
                if !each.isSame { note(each, asJSON, output) }
            }
        }
        progress.end()
        if !asJSON {
            let text =
                "\(recording): \(decisions) decisions, \(differences == 0 ? "all as" : "\(differences) not as") live\n"
            output.write(Array(text.utf8), thread: 0)
        }
    }

    private mutating func note(_ each: Redecided, _ asJSON: Bool, _ output: Output) {
        differences += 1
        let live = each.recorded.map(Self.text) ?? "nothing"
        let now = Self.text(each.decided)
        let text = "call \(each.id), \(each.message.name) of process \(each.event.process): live \(live); now \(now)"
        if texts.count < Self.textLimit { texts.append(text) }
        guard asJSON else { return output.write(Array("\(recording): \(text)\n".utf8), thread: 0) }
        let line =
            "{\"recording\":\(JSONString.quoted(recording)),\"id\":\(each.id),\"thread\":\(each.event.thread)"
            + ",\"process\":\(each.event.process),\"operation\":\"\(each.message.operation.name)\""
            + ",\"live\":\(JSONString.quoted(live)),\"now\":\(JSONString.quoted(now))}\n"
        output.write(Array(line.utf8), thread: 0)
    }

    /// Everything in a decision that can differ, in words.
    private static func text(_ decision: RecordedDecision) -> String {
        var text = decision.verdict
        if decision.errno != 0 { text += " " + ErrnoName.name(decision.errno) }
        if !decision.changes.isEmpty {
            text += " " + decision.changes.map { "\($0.item)=\($0.value)" }.joined(separator: ", ")
        }
        if decision.line > 0 { text += " by \(decision.file):\(decision.line)" }
        if !decision.reason.isEmpty { text += " because \(decision.reason)" }
        text += " (\(decision.enforcement), \(decision.effect.name)"
        for count in decision.counts { text += ", match \(count.number) of line \(count.line)" }
        return text + ")"
    }

    /// For CI: a recording is a test, a difference fails it.
    var testCase: JUnit.Case {
        JUnit.Case(
            name: recording, className: "live",
            failure: differences == 0
                ? nil : ("\(differences) of \(decisions) decisions differ", texts.joined(separator: "\n")))
    }
}

/// The policies that a recording was made under, as they were then.
struct RecordedPolicy {
    private let recording: String
    private var names: [String] = []
    private var files: [String: [UInt8]] = [:]
    private var surroundings = Surroundings(workingDirectory: "/", home: "/")
    private var links: [String: String] = [:]
    private var lookups: [String: String] = [:]
    private var kept: [String] = []
    private(set) var onlyWarned = false

    /// - Throws: `Failure` where the recording was made under none.
    init(of recording: String) throws {
        self.recording = recording
        let reader = try RecordingReader(path: recording)
        let parts = reader.policy
        guard let effective = parts.first(where: { $0.name == "effective" }) else {
            if let truncation = reader.truncation { throw Failure(description: "\(recording): \(truncation)") }
            throw Failure(
                description: "\(recording): it was not recorded under a policy (abitrace run --policy P -o REC)")
        }
        for part in parts where part.name.hasPrefix("file/") { files[String(part.name.dropFirst(5))] = part.text }
        for line in String(decoding: effective.text, as: UTF8.self).split(separator: "\n") {
            guard let equals = line.firstIndex(of: "=") else { continue }
            read(String(line[..<equals]), String(line[line.index(after: equals)...]))
        }
        let (links, lookups, files) = (links, lookups, files)
        surroundings.realPath = { path in links[path].flatMap { $0.isEmpty ? nil : $0 } }
        surroundings.source = { name, from in
            guard let file = lookups[name + "\t" + from], let bytes = files[file] else { return nil }
            return PolicySource(file: file, bytes: bytes)
        }
    }

    private mutating func read(_ key: String, _ value: String) {
        let parts = value.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
        switch key {
        case "policy": names.append(value)
        case "warn": onlyWarned = value == "true"
        case "cwd": surroundings.workingDirectory = value
        case "home": surroundings.home = value
        case "kept": kept.append(value)
        case "link" where parts.count == 2: links[parts[0]] = parts[1]
        case "source" where parts.count == 3: lookups[parts[0] + "\t" + parts[1]] = parts[2]
        case "variable" where parts.count == 2: surroundings.variables[parts[0]] = parts[1]
        default: break
        }
    }

    func policy() throws -> Policy {
        let policies = try names.map { name in
            guard let file = lookups[name + "\t"], let bytes = files[file],
                let policy = PolicyReader.read(PolicySource(file: file, bytes: bytes), surroundings).policy
            else { throw Failure(description: "\(recording): the policy \(name) in it cannot be read") }
            return policy
        }
        guard let first = policies.first else { throw Failure(description: "\(recording): it names no policy") }
        return PolicyFiles.protecting(kept, policies.dropFirst().reduce(first) { $0.narrowed(by: $1) })
    }
}
