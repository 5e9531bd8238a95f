// abitrace replay: recordings run again, and decided under a policy.

import ArgumentParser
import Authoring
import Glibc
import Messages
import Policy

struct Replay: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run recordings again, as if they happened now; with --policy, decide each call.",
        discussion: """
            Recorded stops take the place of a program: the same loop, decoders and decisions as in a live run. With \
            --policy the refused messages are printed with the lines that refuse them; the exit code is 1 where there \
            are any. Several recordings, or a directory of them, are decided on all processors.

            Examples:
              abitrace replay run.mcap
              abitrace replay --policy build.yaml run.mcap
              abitrace replay --policy build.yaml --junit report.xml recordings/
              abitrace replay --expect live run.mcap        what was decided when it was recorded, decided again
            """)

    @OptionGroup var options: OutputOptions

    @Option(name: .long, help: "Decide every call under this policy; several narrow each other.")
    var policy: [String] = []

    @Option(name: .long, help: ArgumentHelp("Write the refusals as JUnit XML, for CI.", valueName: "file"))
    var junit: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            """
            Decide again on the recorded facts, and compare with what was decided then; without --policy, under the \
            recorded policies.
            """, valueName: "live"))
    var expect: Expectation?

    enum Expectation: String, ExpressibleByArgument, CaseIterable { case live }

    @Option(
        name: .long,
        help: ArgumentHelp(
            "What ${CWD} of the policy is: a directory, or `recorded` for where each recording began; else this one.",
            valueName: "directory"))
    var cwd: String?

    @ArgumentParser.Argument(help: "Recordings, or directories of them; - is standard input.")
    var recordings: [String]

    func run() throws {
        try options.installNumbers(isDeciding: expect != nil || !policy.isEmpty)
        if expect != nil { return try compare() }
        if policy.isEmpty {
            if junit != nil { throw ValidationError("--junit needs --policy") }
            for recording in try RecordingFiles.all(recordings) { try replay(recording, options) }
            return
        }
        let files = try RecordingFiles.all(recordings)
        let output = try Output(path: options.output ?? "-", split: false)
        let (verdicts, failures) = try RecordingVerdict.all(
            of: files, under: try policies(), asJSON: options.json, output)
        try tellDirectories(verdicts)
        if !options.json { output.write(Array(RecordingVerdict.summary(verdicts).utf8), thread: 0) }
        output.close()
        if let junit {
            let unread = failures.map {
                JUnit.Case(name: $0.recording, className: "policy", failure: ("it cannot be decided", "\($0.error)"))
            }
            try JUnit.write("abitrace replay", verdicts.map(\.testCase) + unread, to: junit)
        }
        if output.failed { throw Failure(description: "the output is not complete") }
        for failure in failures.dropLast() { complain("\(failure.error)") }
        if let last = failures.last { throw last.error }
        if verdicts.contains(where: { $0.refusals > 0 }) { throw ExitCode(1) }
    }

    /// The policy for each recording: the same, unless its directory is where the recording began.
    private func policies() throws -> @Sendable (String) throws -> Policy {
        func read(in directory: String?) throws -> Policy {
            let list = try policy.map { try PolicyFiles.policy($0, in: directory) }
            return list.dropFirst().reduce(list[0]) { $0.narrowed(by: $1) }
        }
        guard cwd == "recorded" else {
            let whole = try read(in: cwd)
            return { _ in whole }
        }
        let names = policy
        return { recording in
            let start = try RecordingFiles.start(of: recording)
            let list = try names.map { try PolicyFiles.policy($0, in: start) }
            return list.dropFirst().reduce(list[0]) { $0.narrowed(by: $1) }
        }
    }

    /// A recording that began elsewhere is refused much that it would not be there.
    private func tellDirectories(_ verdicts: [RecordingVerdict]) throws {
        guard cwd == nil else { return }
        let here = PolicyFiles.surroundings.workingDirectory
        for verdict in verdicts where verdict.refusals > 0 && verdict.recording != "-" {
            guard let start = try RecordingFiles.start(of: verdict.recording), start != here else { continue }
            complain(
                "\(verdict.recording) began in \(start), and ${CWD} is \(here) here: --cwd recorded takes it as it was")
        }
    }

    /// Holds the decisions of recordings to what is decided on their facts now.
    private func compare() throws {
        let given = try policy.map { try PolicyFiles.policy($0) }
        let whole = given.first.map { first in given.dropFirst().reduce(first) { $0.narrowed(by: $1) } }
        let output = try Output(path: options.output ?? "-", split: false)
        var comparisons: [LiveComparison] = []
        for recording in try RecordingFiles.all(recordings) {
            comparisons.append(try LiveComparison(of: recording, under: whole, asJSON: options.json, output))
        }
        output.close()
        if let junit { try JUnit.write("abitrace replay", comparisons.map(\.testCase), to: junit) }
        if output.failed { throw Failure(description: "the output is not complete") }
        if comparisons.contains(where: { $0.differences > 0 }) { throw ExitCode(1) }
    }
}
