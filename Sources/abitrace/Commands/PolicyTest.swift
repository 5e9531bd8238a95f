// abitrace policy test: a policy held against expectations.

import ArgumentParser
import Authoring
import Policy

struct PolicyTest: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "test", abstract: "Hold a policy against expectations.",
        discussion: """
            An expectation file lists messages with the verdicts that they are to get, and recordings with what is \
            to be refused in them. Without FILE it is tests/NAME.yaml beside the policy. The exit code is 1 where \
            anything differs.

              abitrace: expectations/1
              messages:
                - {file.open: {path: /etc/shadow, flags: O_RDONLY}, verdict: deny ENOENT}
                - {sock.connect: tcp 10.0.0.1:80, verdict: deny}
              recordings:
                - {file: build.mcap, refused: none}
                - {file: changed.mcap, refused: ["sock.connect tcp 10.0.0.1:80"]}

            Examples:
              abitrace policy test build.yaml
              abitrace policy test build.yaml expectations.yaml --junit report.xml
            """)

    @Option(name: .long, help: ArgumentHelp("Write the results as JUnit XML, for CI.", valueName: "file"))
    var junit: String?

    @ArgumentParser.Argument(help: "A policy file, or the name of a shipped policy.")
    var policy: String

    @ArgumentParser.Argument(help: "Expectation files.")
    var files: [String] = []

    func run() throws {
        let source = try PolicyFiles.found(policy)
        var results: [Examined] = []
        for file in files.isEmpty ? [Self.usualFile(source.file)] : files {
            results += try examine(source, file)
        }
        for result in results where !result.isMet {
            print("\(result.line.place): \(result.name)")
            for line in result.difference { print("    \(line)") }
        }
        let failed = results.filter { !$0.isMet }.count
        print("\(source.file): \(results.count) expectations, \(failed == 0 ? "all met" : "\(failed) not met")")
        if let junit {
            let cases = results.map { result in
                JUnit.Case(
                    name: result.name, className: source.file,
                    failure: result.isMet
                        ? nil : ("\(result.line.place) differs", result.difference.joined(separator: "\n")))
            }
            try JUnit.write("abitrace policy test", cases, to: junit)
        }
        if failed > 0 { throw ExitCode(1) }
    }

    /// `build.yaml` is tested by `tests/build.yaml`.
    private static func usualFile(_ policy: String) -> String {
        guard let slash = policy.lastIndex(of: "/") else { return "tests/\(policy)" }
        return "\(policy[...slash])tests/\(policy[policy.index(after: slash)...])"
    }

    private func examine(_ source: PolicySource, _ file: String) throws -> [Examined] {
        guard let found = PolicyFiles.file(file) else { throw Failure(description: "no file \(file)", status: 2) }
        let (expectations, diagnostics) = ExpectationReader.read(found)
        for diagnostic in diagnostics { complain(diagnostic.text) }
        if !diagnostics.isEmpty { throw Failure(description: "\(file) holds no expectations", status: 2) }
        let surroundings = surroundings(expectations)
        let policy = try policy(source, surroundings)
        return expectations.messages.map { $0.examine(policy, surroundings) }
            + expectations.recordings.map { examine($0, source, surroundings, file) }
    }

    private func policy(_ source: PolicySource, _ surroundings: Surroundings) throws -> Policy {
        let reading = PolicyReader.read(source, surroundings)
        guard let policy = reading.policy else {
            for diagnostic in reading.errors { complain(diagnostic.text) }
            throw Failure(description: "\(source.file) is no policy", status: 2)
        }
        return policy
    }

    /// Where a file says its directory and home, paths are meant as they are written, so that it says the same
    /// on every machine.
    private func surroundings(_ expectations: Expectations) -> Surroundings {
        var surroundings = PolicyFiles.surroundings
        if expectations.workingDirectory != nil || expectations.home != nil { surroundings.realPath = { $0 } }
        if let directory = expectations.workingDirectory { surroundings.workingDirectory = directory }
        if let home = expectations.home { surroundings.home = home }
        return surroundings
    }

    private func examine(
        _ expected: ExpectedRecording, _ source: PolicySource, _ surroundings: Surroundings, _ file: String
    ) -> Examined {
        var path = expected.file
        if !path.hasPrefix("/"), let slash = file.lastIndex(of: "/") { path = file[...slash] + path }
        var refused: [String] = []
        var reasons: [String: String] = [:]
        do {
            var surroundings = surroundings
            if expected.workingDirectory == "recorded" {
                surroundings.workingDirectory = try RecordingFiles.start(of: path) ?? ""
            } else if let given = expected.workingDirectory {
                surroundings.workingDirectory = given
            }
            let judge = Judge(try policy(source, surroundings), answering: .whatMatters)
            try RecordingFiles.eachEvent(of: path, isEvidence: true) { event, snapshot in
                guard let call = judge.see(event, snapshot), call.isRefusal else { return }
                if reasons.updateValue(call.decision.refusal(call.request), forKey: call.subject) == nil {
                    refused.append(call.subject)
                }
            }
        } catch {
            // Nothing is met by a recording that nobody can read; the other expectations are looked at all the same.
            return Examined(name: expected.file, line: expected.line, difference: ["- a recording", "+ \(error)"])
        }
        let difference = expected.difference(refused).flatMap { line -> [String] in
            guard line.hasPrefix("+ "), let reason = reasons[String(line.dropFirst(2))] else { return [line] }
            return [line] + reason.split(separator: "\n").dropFirst().map(String.init)
        }
        return Examined(name: expected.file, line: expected.line, difference: difference)
    }
}
