// abitrace policy diff: what one policy lets a program do and the other does not.

import ArgumentParser
import Authoring
import Policy

struct PolicyDiff: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff", abstract: "Compare what two policies mean.",
        discussion: """
            What is compared is meaning, not text: which objects and operations lose or gain what. With recordings, \
            the messages that the two decide differently follow, grouped. The exit code is 0 where there is no \
            difference and 1 where there is one.

            Examples:
              abitrace policy diff old.yaml new.yaml
              abitrace policy diff build offline-test run.mcap
            """)

    @ArgumentParser.Argument(help: "A policy.")
    var first: String

    @ArgumentParser.Argument(help: "The policy that takes its place.")
    var second: String

    @ArgumentParser.Argument(help: "Recordings, or directories of them.")
    var recordings: [String] = []

    func run() throws {
        let (one, two) = (try PolicyFiles.policy(first), try PolicyFiles.policy(second))
        let changes = one.changes(to: two)
        let width = min(44, changes.map(\.subject.count).max() ?? 0)
        var section = ""
        for change in changes {
            if change.section != section { print(change.section) }
            section = change.section
            let gap = String(repeating: " ", count: max(0, width - change.subject.count) + (width == 0 ? 0 : 2))
            print("  \(change.subject)\(gap)\(change.words)")
        }
        var isSame = changes.isEmpty
        for recording in recordings.isEmpty ? [] : try RecordingFiles.all(recordings) {
            let groups = try Self.groups(recording, one, two)
            print("\(recording): \(groups.isEmpty ? "no message is decided differently" : "decided differently")")
            for (text, count) in groups { print("  \(count == 1 ? "" : "\(count) × ")\(text)") }
            if !groups.isEmpty { isSame = false }
        }
        if changes.isEmpty { print("the policies mean the same") }
        if !isSame { throw ExitCode(1) }
    }

    /// What is decided differently, with how often, in the order in which it came.
    private static func groups(_ recording: String, _ one: Policy, _ two: Policy) throws -> [(String, Int)] {
        let (first, second) = (Judge(one), Judge(two))
        var counts: [String: Int] = [:]
        var order: [String] = []
        try RecordingFiles.eachEvent(of: recording, isEvidence: true) { event, snapshot in
            let (left, right) = (first.see(event, snapshot), second.see(event, snapshot))
            guard let left, let right, left.decision.verdict != right.decision.verdict else { return }
            let text = "\(left.subject): \(left.decision.verdict.text) → \(right.decision.verdict.text)"
            if counts[text] == nil { order.append(text) }
            counts[text, default: 0] += 1
        }
        return order.map { ($0, counts[$0, default: 0]) }
    }
}
