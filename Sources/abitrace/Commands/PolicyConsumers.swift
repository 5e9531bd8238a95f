// abitrace policy consumers: the programs that use an operation, before it is taken away.

import ArgumentParser
import Authoring
import Messages
import Policy

struct PolicyConsumers: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "consumers", abstract: "List the programs that use an operation.",
        discussion: """
            An operation is taken away in steps: first `warn`, then `stub` or `deny`, when this list is empty. The \
            exit code is 1 where there are consumers.

            Examples:
              abitrace policy consumers sock.accept recordings/
              abitrace policy consumers ipc run.mcap
            """)

    @ArgumentParser.Argument(help: "An operation or a class.")
    var operation: String

    @ArgumentParser.Argument(help: "Recordings, or directories of them.")
    var recordings: [String]

    func run() throws {
        let operations = Messages.Operation.allCases.filter {
            $0.name == operation || $0.operationClass.name == operation
        }
        guard !operations.isEmpty else { throw Failure(description: "no operation or class \(operation)", status: 2) }
        var census = Census(of: Set(operations))
        let files = try RecordingFiles.all(recordings)
        for file in files {
            try PolicyFiles.judge(file, Observations.nothing) { census.add($0, in: file) }
        }
        for row in census.rows {
            let failed = row.failures == 0 ? "" : ", \(row.failures) failed"
            let seen = "in \(row.recordings.count) of \(files.count) recordings"
            let calls = "\(row.calls) call\(row.calls == 1 ? "" : "s")"
            print("\(row.program): \(row.operation.name), \(calls)\(failed), \(seen); \(row.example)")
        }
        if census.rows.isEmpty { return print("\(operation) has no consumers in \(files.count) recordings") }
        throw ExitCode(1)
    }
}
