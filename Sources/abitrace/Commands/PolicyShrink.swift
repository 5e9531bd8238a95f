// abitrace policy shrink: a policy without the grants that nobody used.

import ArgumentParser
import Authoring
import Policy

struct PolicyShrink: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "shrink", abstract: "Drop the grants that no recording used.",
        discussion: """
            Lines that grant and that no recorded call rests on are taken away; comments and layout stay. Lines that \
            take something away stay as they are. The result is printed, or written to FILE, after the recordings \
            were decided under it: what they were allowed before they are allowed still.

            Examples:
              abitrace policy shrink build.yaml run.mcap > smaller.yaml
              abitrace policy shrink --in-place build.yaml recordings/
            """)

    @Option(
        name: .shortAndLong, help: ArgumentHelp("Write the policy to FILE; - is standard output.", valueName: "file"))
    var output: String = "-"

    @Flag(name: .long, help: "Write it over the policy.")
    var inPlace = false

    @ArgumentParser.Argument(help: "A policy file.")
    var policy: String

    @ArgumentParser.Argument(help: "Recordings, or directories of them.")
    var recordings: [String]

    func run() throws {
        let source = try PolicyFiles.found(policy)
        let files = try RecordingFiles.all(recordings)
        let whole = try PolicyFiles.policy(policy)
        var usage = Usage(of: whole)
        var refusals = 0
        for file in files {
            try PolicyFiles.judge(file, whole) {
                if $0.isRefusal { refusals += 1 }
                usage.add($0)
            }
        }
        var editor = PolicyEditor(String(decoding: source.bytes, as: UTF8.self))
        var dropped: [PolicyLine] = []
        for line in usage.idle(in: source.file).reversed() where editor.remove(line: line.line, column: line.column) {
            dropped.append(line)
        }
        let smaller = PolicySource(file: source.file, bytes: Array(editor.text.utf8))
        guard let result = PolicyReader.read(smaller, PolicyFiles.surroundings).policy else {
            throw Failure(description: "\(policy) cannot be shrunk by lines; is every entry on its own?")
        }
        var remaining = 0
        for file in files {
            try PolicyFiles.judge(file, result) { if $0.isRefusal { remaining += 1 } }
        }
        guard remaining <= refusals else {
            throw Failure(
                description:
                    "\(policy): \(remaining - refusals) recorded calls need more than the lines that they name; nothing was written"
            )
        }
        for line in dropped.reversed() { complain("\(line.place): dropped: \(line.text)") }
        try PolicyFiles.write(editor.text, to: inPlace ? source.file : output)
    }
}
