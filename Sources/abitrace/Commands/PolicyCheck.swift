// abitrace policy check: everything that is wrong with a policy, and whether the kernel can hold it.

import ArgumentParser
import Authoring
import Lowering
import Policy

struct PolicyCheck: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Find every mistake in policies.",
        discussion: """
            Each finding has its line, what was expected and what to write instead. The kernel filter of each policy \
            is made and proved as well. Lines that decide nothing, that give more than they say, or that make \
            programs fall back on something worse are warnings; --over looks into recordings for messages that \
            mean something else on other systems. The exit code is 1 where there are errors, and with --strict \
            where there are warnings.
            """)

    @Flag(name: .long, help: "Warnings too are errors.")
    var strict = false

    @Option(
        name: .long,
        help: ArgumentHelp("Find unportable messages in a recording, or a directory of them.", valueName: "recording"))
    var over: [String] = []

    @ArgumentParser.Argument(help: "Policy files, or names of shipped policies.")
    var policies: [String]

    func run() throws {
        var isBroken = false
        for name in policies {
            let reading = try PolicyFiles.read(name)
            for diagnostic in reading.diagnostics where diagnostic.severity != .note { print(diagnostic.text) }
            Self.printNotes(reading.diagnostics.filter { $0.severity == .note })
            guard let policy = reading.policy else {
                isBroken = true
                continue
            }
            let findings = policy.layers.first.map { policy.findings(in: $0.file) } ?? []
            for finding in findings { print(finding.text) }
            if strict, (reading.diagnostics + findings).contains(where: { $0.severity != .note }) { isBroken = true }
            let program = try SeccompProgram(policy)
            let questions = try program.prove()
            print("\(name): ok; \(program.instructions.count) instructions, proved by \(questions) questions")
        }
        for recording in over.isEmpty ? [] : try RecordingFiles.all(over) {
            for line in try Self.unportable(in: recording) {
                print("\(recording): warning: \(line)")
                if strict { isBroken = true }
            }
        }
        if isBroken { throw ExitCode(1) }
    }

    /// Notes take one line each.
    private static func printNotes(_ notes: [Diagnostic]) {
        for note in notes { print("\(note.line.place): note: \(note.message)") }
    }

    /// Programs that rest on what other systems lack, each once.
    private static func unportable(in recording: String) throws -> [String] {
        var census = PortabilityCensus()
        try PolicyFiles.judge(recording, Observations.nothing) { census.add($0) }
        return census.lines
    }
}
