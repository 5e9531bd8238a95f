// abitrace policy learn: a policy that allows what recordings show, and no more than its stated rules widen.

import ArgumentParser
import Authoring
import Glibc
import Messages
import Policy
import Recording

struct PolicyLearn: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "learn",
        abstract: "Write a policy that allows what was recorded.",
        discussion: """
            Every line says in how many of the recordings it was needed. Paths are generalised: system trees are \
            read whole; four files of a directory that need the same make the directory; temporary names become \
            their directory; names of one directory that were looked for in vain let it be searched, not read; what lies \
            under the working directory or the home is said from there. Keys, credentials and other processes are \
            never widened. Operations that are refused unless named come \
            commented out, with the reason.

            Examples:
              abitrace record -o one.mcap -- make && abitrace policy learn one.mcap > make.yaml
              abitrace policy learn -o make.yaml recordings/
            """)

    @Option(
        name: .shortAndLong, help: ArgumentHelp("Write the policy to FILE; - is standard output.", valueName: "file"))
    var output: String = "-"

    @Option(name: .long, help: "The policy's name.")
    var name: String = "learned"

    @ArgumentParser.Argument(help: "Recordings, or directories of them.")
    var recordings: [String]

    func run() throws {
        var seen = Observations(realPath: PolicyFiles.realPath)
        var commands: [String] = []
        var total = 0
        for recording in try RecordingFiles.all(recordings) {
            let (command, calls) = try Self.learn(recording, &seen)
            total += calls
            if calls == 0 { complain("warning: \(recording): no call in it, so nothing is learned from it") }
            if !command.isEmpty, !commands.contains(command) { commands.append(command) }
        }
        if total == 0 { throw Failure(description: "nothing was learned: no recording has a call in it") }
        tellDifferences(commands, seen.workingDirectories)
        let surroundings = PolicyFiles.surroundings
        var learner = Learner(
            home: PolicyText.pattern(surroundings.home.utf8),
            workingDirectory: seen.workingDirectories.first ?? PolicyText.pattern(surroundings.workingDirectory.utf8))
        learner.name = name
        let target = try Output(path: output, split: false)
        target.write(Array(learner.policy(seen, command: commands.joined(separator: "; ")).utf8), thread: 0)
        target.close()
        if target.failed { throw Failure(description: "\(output) is not complete") }
    }

    /// Takes a recording in, and answers what was run and how many calls it made.
    private static func learn(_ recording: String, _ seen: inout Observations) throws -> (command: String, calls: Int) {
        let judge = Judge(Observations.nothing)
        var (command, calls, hasBegun) = ("", 0, false)
        var progress = Progress(recording)
        try RecordingFiles.eachEvent(of: recording, head: { command = begin($0, &seen) }) { event, snapshot in
            if !hasBegun, let start = judge.world.threads[event.thread]?.context.workingDirectory {
                hasBegun = true
                seen.begin(in: start.name)
            }
            guard let call = judge.see(event, snapshot) else { return }
            if command.isEmpty, let image = call.request.paths.first {
                command = PolicyText.visible(image.path)
            }
            calls += 1
            progress.step(calls)
            seen.add(call)
        }
        progress.end()
        return (command, calls)
    }

    /// Begins with a recording, and answers what was run.
    private static func begin(_ recording: RecordingReader, _ seen: inout Observations) -> String {
        let late = SightOptions.Interceptor.ebpf.rawValue
        let isLate = recording.machine.contains { $0.name == "interceptor" && $0.value == late }
        if isLate { complain("recorded through eBPF: links in paths are taken as they are on this machine now") }
        seen.beginRecording(tellsLinks: !isLate)
        return words(recording.command)
    }

    /// A command as a person would write it, shortened.
    private static func words(_ command: [[UInt8]]) -> String {
        let text = command.map { PolicyText.visible($0) }.joined(separator: " ")
        return text.count > 100 ? text.prefix(100) + "…" : text
    }

    /// Recordings that are not of the same thing are taken together, but not in silence.
    private func tellDifferences(_ commands: [String], _ directories: [String]) {
        if commands.count > 1 {
            complain(
                "warning: the recordings are of \(commands.count) commands; the policy allows what any of them did:")
            for command in commands { complain("    \(command)") }
        }
        if let first = directories.first, let other = directories.first(where: { $0 != first }) {
            complain(
                "warning: the recordings began in different directories, \(first) and \(other): ${CWD} stands for each")
        }
    }
}
