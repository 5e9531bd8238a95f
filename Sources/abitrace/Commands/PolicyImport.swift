// abitrace policy import: a policy from what other programs have written.

import ArgumentParser
import Authoring
import Glibc
import Policy

struct PolicyImport: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Make a policy of another program's profile or log.",
        discussion: """
            oci is the seccomp profile of a container runtime, by itself or in a config.json: it becomes classes and \
            rules, and says nothing of files and hosts. strace is a log (strace -f -o FILE, better with -y): it becomes \
            a policy as `policy learn` makes it, as far as the log tells; a recording tells more. What could not be \
            taken over stands in the policy as a comment.

            Examples:
              abitrace policy import --from oci seccomp.json > imported.yaml
              abitrace policy import --from strace --cwd /srv/app trace.txt > app.yaml
            """)

    enum Form: String, ExpressibleByArgument, CaseIterable { case oci, strace }

    @Option(name: .long, help: "oci or strace.")
    var from: Form

    @Option(
        name: .shortAndLong, help: ArgumentHelp("Write the policy to FILE; - is standard output.", valueName: "file"))
    var output: String = "-"

    @Option(
        name: .long,
        help: ArgumentHelp("strace: the directory in which the program began, else this one.", valueName: "directory"))
    var cwd: String?

    @ArgumentParser.Argument(help: "The profile, or the log; - is standard input.")
    var file: String

    func run() throws {
        let text: String
        switch from {
        case .oci:
            guard let source = PolicyFiles.file(file == "-" ? "/dev/stdin" : file) else {
                throw Failure(description: "cannot read \(file): no such file, or more than a megabyte")
            }
            do throws(SeccompImportFault) {
                text = try SeccompImport(source).text
            } catch {
                throw Failure(description: "\(file):\(error.line): no seccomp profile: \(error.message)")
            }
        case .strace: text = try learned()
        }
        let reading = PolicyReader.read(PolicySource(file: output, bytes: Array(text.utf8)), PolicyFiles.surroundings)
        for diagnostic in reading.errors { complain(diagnostic.text) }
        try PolicyFiles.write(text, to: output)
    }

    private func learned() throws -> String {
        var surroundings = PolicyFiles.surroundings
        if let cwd { surroundings.workingDirectory = cwd }
        var observer = StraceObserver(surroundings)
        try PolicyFiles.eachLine(of: file) { observer.add($0) }
        guard observer.calls > 0 else {
            throw Failure(description: "\(file): no line of it is a call in strace's form")
        }
        if observer.skipped > 0 { complain("\(file): \(observer.skipped) lines are no calls and were left out") }
        let learner = Learner(
            home: PolicyText.pattern(surroundings.home.utf8),
            workingDirectory: PolicyText.pattern(surroundings.workingDirectory.utf8))
        return learner.policy(observer.observations, command: observer.command)
    }
}

extension PolicyFiles {
    /// Goes through the lines of a text file; `-` is standard input.
    fileprivate static func eachLine(of path: String, _ body: (Substring) -> Void) throws {
        let file = fopen(path == "-" ? "/dev/stdin" : path, "r")
        guard let file else { throw Failure(description: "cannot read \(path): \(String(cString: strerror(errno)))") }
        defer { fclose(file) }
        var line: UnsafeMutablePointer<CChar>?
        var room = 0
        defer { free(line) }
        while getline(&line, &room, file) >= 0, let start = line {
            let text = String(cString: start)
            body(text.hasSuffix("\n") ? text.dropLast() : text[...])
        }
    }
}
