// abitrace policy fmt: policies in their one layout.

import ArgumentParser
import Policy

struct PolicyFormat: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fmt", abstract: "Lay policies out: sections in order, paths sorted, comments in a column.",
        discussion: """
            The meaning does not change, and comments stay with their lines. The exit code with --check is 1 where \
            a file would change.
            """)

    @Flag(name: .long, help: "Change nothing; name the files that would change.")
    var check = false

    @ArgumentParser.Argument(help: "Policy files.")
    var policies: [String]

    func run() throws {
        var isDifferent = false
        for name in policies {
            let source = try PolicyFiles.found(name)
            let text = String(decoding: source.bytes, as: UTF8.self)
            let result = PolicyFormatter.format(text)
            guard result != text else { continue }
            isDifferent = true
            if check {
                print("\(source.file): not laid out")
                continue
            }
            let reading = PolicyReader.read(
                PolicySource(file: source.file, bytes: Array(result.utf8)), PolicyFiles.surroundings)
            guard let before = PolicyReader.read(source, PolicyFiles.surroundings).policy else {
                throw Failure(description: "\(source.file) is no policy; `abitrace policy check` says why", status: 2)
            }
            guard let after = reading.policy, before.changes(to: after).isEmpty else {
                throw Failure(description: "\(source.file): its layout is beyond this; nothing was changed")
            }
            try PolicyFiles.write(result, to: source.file)
        }
        if check, isDifferent { throw ExitCode(1) }
    }
}
