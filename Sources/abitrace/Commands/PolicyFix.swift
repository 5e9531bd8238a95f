// abitrace policy fix: each refusal in recordings with the line that would allow it, put into the policy if you say so.

import ArgumentParser
import Authoring
import Glibc
import Policy

struct PolicyFix: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fix", abstract: "Go through what a policy refuses, and allow what should be.",
        discussion: """
            Each refusal comes with the exact lines that would allow it. On a terminal they are asked one by one: \
            yes, narrower (only the rights that were missing), no, explain, undo, quit. Otherwise, and with \
            --dry-run, they are only listed. --all takes the narrower line for each. Comments and layout of the \
            file stay. The exit code is 1 where refusals are left.

            Examples:
              abitrace policy fix build.yaml run.mcap
              abitrace policy fix --all build.yaml recordings/
            """)

    @Flag(name: .long, help: "Allow everything, each by the narrowest line.")
    var all = false

    @Flag(name: .long, help: "Only list the lines.")
    var dryRun = false

    @ArgumentParser.Argument(help: "A policy file.")
    var policy: String

    @ArgumentParser.Argument(help: "Recordings, or directories of them.")
    var recordings: [String]

    func run() throws {
        let source = try PolicyFiles.found(policy)
        var session = FixSession(
            file: source.file, text: String(decoding: source.bytes, as: UTF8.self),
            recordings: try RecordingFiles.all(recordings))
        let isAsking = !all && !dryRun && isatty(STDIN_FILENO) == 1
        if all {
            try session.fixAll()
        } else if isAsking {
            try session.ask()
        } else {
            try session.list()
        }
        if session.isChanged { try PolicyFiles.write(session.text, to: source.file) }
        if session.left > 0 { throw ExitCode(1) }
        if !session.isChanged { print("\(source.file): nothing that was recorded is refused") }
    }
}

/// The policy as it is being changed, and the way back.
struct FixSession {
    let file: String
    private(set) var text: String
    let recordings: [String]
    private var former: [String] = []
    private var declined: Set<String> = []
    /// Refusals that no line was taken for.
    private(set) var left = 0

    init(file: String, text: String, recordings: [String]) {
        (self.file, self.text, self.recordings) = (file, text, recordings)
    }

    var isChanged: Bool { !former.isEmpty }

    private var compiled: Policy {
        get throws {
            let reading = PolicyReader.read(
                PolicySource(file: file, bytes: Array(text.utf8)), PolicyFiles.surroundings)
            guard let policy = reading.policy else {
                for diagnostic in reading.errors { complain(diagnostic.text) }
                throw Failure(description: "\(file) is no policy", status: 2)
            }
            return policy
        }
    }

    /// Each refusal once, in the order in which they came.
    private func refusals(_ policy: Policy) throws -> [JudgedCall] {
        var seen: Set<String> = []
        var list: [JudgedCall] = []
        for recording in recordings {
            try PolicyFiles.judge(recording, policy) { call in
                guard call.isRefusal else { return }
                let remedy = call.remedy(under: policy)
                let key = call.subject + remedy.narrow.map(\.text).joined(separator: ";")
                if seen.insert(key).inserted { list.append(call) }
            }
        }
        return list
    }

    private mutating func apply(_ cures: [Cure]) {
        former.append(text)
        var editor = PolicyEditor(text)
        for cure in cures { cure.apply(to: &editor, PolicyFiles.surroundings) }
        text = editor.text
    }

    // MARK: Ways

    mutating func list() throws {
        let policy = try compiled
        for call in try refusals(policy) {
            left += 1
            Self.show(call, call.remedy(under: policy))
        }
    }

    /// Lines for all refusals, until none is left or lines help no more: what was refused first hides what follows.
    mutating func fixAll() throws {
        for _ in 0..<32 {
            let policy = try compiled
            let calls = try refusals(policy)
            left = calls.count
            let cures = Cure.together(calls.flatMap { $0.remedy(under: policy).narrow })
            if cures.isEmpty {
                for call in calls { Self.show(call, call.remedy(under: policy)) }
                return
            }
            for cure in cures { print("\(file): \(cure.text)") }
            let before = text
            apply(cures)
            if text == before { return }
        }
    }

    mutating func ask() throws {
        while true {
            let policy = try compiled
            let open = try refusals(policy).filter { !declined.contains($0.subject) }
            guard let call = open.first else { break }
            let remedy = call.remedy(under: policy).joined(with: open.map { $0.remedy(under: policy) })
            Self.show(call, remedy)
            if remedy.usual.isEmpty {
                declined.insert(call.subject)
                continue
            }
            print("\(open.count) left. (y)es, na(r)rower, (n)o, (e)xplain, (u)ndo, (q)uit? ", terminator: "")
            fflush(nil)
            guard let answer = readLine() else { break }
            switch answer.first {
            case "y": apply(remedy.usual)
            case "r": apply(remedy.narrow)
            case "n": declined.insert(call.subject)
            case "e": print(policy.explanation(of: call.message.operation), terminator: "")
            case "u":
                if let text = former.popLast() { self.text = text } else { declined = [] }
            case "q":
                left = open.count + declined.count
                return
            default: print("y, r, n, e, u or q")
            }
        }
        left = declined.count
    }

    private static func show(_ call: JudgedCall, _ remedy: Remedy) {
        print(
            call.decision.refusal(call.request).split(separator: "\n").prefix { !$0.contains("allowed by ") }.joined(
                separator: "\n"))
        for cure in remedy.usual { print("    yes:      \(cure.text)") }
        if remedy.narrow != remedy.usual { for cure in remedy.narrow { print("    narrower: \(cure.text)") } }
        for words in remedy.left { print("    no line lifts this: \(words)") }
    }
}
