// What a policy says of one recording: each refusal with its lines, and counts.

import Authoring
import Glibc
import Interception
import Messages
import Policy
import Recording
import Rendering

/// The result of deciding a recording.
struct RecordingVerdict: Sendable {
    let recording: String
    private(set) var calls = 0
    private(set) var refusals = 0
    private(set) var warnings = 0
    /// Calls that would be refused too, but that the kernel had refused already.
    private var failures = 0
    /// Refusals by class.
    private var classes: [String: Int] = [:]
    /// The first refusals, in words: a report of thousands helps nobody.
    private var texts: [String] = []
    private static let textLimit = 1000

    /// Decides recordings, on every processor, and prints what each has refused, in their order. A recording that
    /// cannot be read is told of in its place; the others are decided all the same.
    static func all(
        of recordings: [String], under policy: @escaping @Sendable (String) throws -> Policy, asJSON: Bool,
        _ output: Output
    ) throws -> (verdicts: [RecordingVerdict], failures: [(recording: String, error: any Error)]) {
        if let only = recordings.first, recordings.count == 1 {
            let policy = try policy(only)
            do {
                let verdict = try RecordingVerdict(of: only, under: policy, asJSON: asJSON) {
                    output.write($0, thread: 0)
                }
                return ([verdict], [])
            } catch {
                return ([], [(only, error)])
            }
        }
        let results = Parallel.map(recordings) { recording -> Result<(RecordingVerdict, [UInt8]), any Error> in
            Result {
                var text: [UInt8] = []
                let verdict = try RecordingVerdict(of: recording, under: try policy(recording), asJSON: asJSON) {
                    text += $0
                }
                return (verdict, text)
            }
        }
        var verdicts: [RecordingVerdict] = []
        var failures: [(recording: String, error: any Error)] = []
        for (recording, result) in zip(recordings, results) {
            switch result {
            case .success(let (verdict, text)):
                output.write(text, thread: 0)
                verdicts.append(verdict)
            case .failure(let error): failures.append((recording, error))
            }
        }
        return (verdicts, failures)
    }

    /// Decides every call of a recording, and prints each refusal, once for as often as it repeats.
    init(of recording: String, under policy: Policy, asJSON: Bool, _ write: ([UInt8]) -> Void) throws {
        self.recording = recording
        let judge = Judge(policy, answering: .whatMatters)
        var seen: Set<String> = []
        var progress = Progress(recording)
        try RecordingFiles.eachEvent(of: recording, isEvidence: true) { event, snapshot in
            if let call = judge.see(event, snapshot) { note(call, asJSON, write, &seen) }
            progress.step(judge.calls)
        }
        calls = judge.calls
        progress.end()
    }

    private mutating func note(
        _ call: JudgedCall, _ asJSON: Bool, _ write: ([UInt8]) -> Void, _ seen: inout Set<String>
    ) {
        if case .warn = call.decision.verdict { warnings += 1 }
        if !call.decision.isAllowed, call.failedAnyway { failures += 1 }
        guard call.isRefusal else { return }
        refusals += 1
        classes[call.message.operation.operationClass.name, default: 0] += 1
        let text = call.decision.refusal(call.request)
        if texts.count < Self.textLimit { texts.append(text) }
        if asJSON {
            write(Array(json(call).utf8))
        } else if seen.insert(text).inserted {
            write(Array((text + "\n").utf8))
        }
    }

    private func json(_ call: JudgedCall) -> String {
        var line = "{\"recording\":\(JSONString.quoted(recording)),\"id\":\(call.entry.id)"
        line += ",\"thread\":\(call.entry.thread),\"process\":\(call.entry.process)"
        line += ",\"operation\":\"\(call.message.operation.name)\",\"verdict\":\"\(call.decision.verdict.word)\""
        if let errno = call.decision.errno { line += ",\"errno\":\"\(ErrnoName.name(errno))\"" }
        if let place = call.decision.line {
            line += ",\"file\":\(JSONString.quoted(place.file)),\"line\":\(place.line)"
        }
        if let cure = call.decision.cure(call.request) { line += ",\"allowed_by\":\(JSONString.quoted(cure))" }
        return line + ",\"text\":\(JSONString.quoted(call.decision.refusal(call.request)))}\n"
    }

    /// The last lines: what was refused, by class.
    static func summary(_ verdicts: [RecordingVerdict]) -> String {
        var text = ""
        for verdict in verdicts {
            let classes = verdict.classes.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
            text += "\(verdict.recording): \(verdict.calls) calls, \(verdict.refusals) refused"
            if !classes.isEmpty { text += " (\(classes.joined(separator: ", ")))" }
            if verdict.failures > 0 { text += ", \(verdict.failures) that the kernel had refused anyway" }
            if verdict.warnings > 0 { text += ", \(verdict.warnings) with a warning" }
            text += "\n"
        }
        return text
    }

    /// For CI: a recording is a test, a refusal fails it.
    var testCase: JUnit.Case {
        JUnit.Case(
            name: recording, className: "policy",
            failure: refusals == 0
                ? nil : ("\(refusals) of \(calls) calls refused", texts.joined(separator: "\n")))
    }
}
