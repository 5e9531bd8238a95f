// abitrace [OPTION...] COMMAND: traces a program, or attaches to running ones.

import ArgumentParser
import Glibc
import Personalities
import Supervision

struct Trace: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Trace a command and all its children (the default).",
        discussion: """
            Options are strace's. The first word that is no option is COMMAND; what follows belongs to it.

            Examples:
              abitrace -f -e trace=openat,close -P /etc/passwd ls -l
              abitrace -e 'class:file,!file.stat' --failed -- ./configure
              abitrace -ttT -s 4096 -o trace.txt -- curl -s example.org
              abitrace -e trace=read,write -e read=3 -e write=1 -- cat FILE   with hexadecimal dumps
              abitrace -c -S calls -U name,calls,errors -- git status
              abitrace -o '|grep -v ENOENT' -- python3 script.py
              abitrace --policy read-only -- sh -c 'touch x'   what is refused is marked
            """,
        shouldDisplay: true)

    @OptionGroup var options: OutputOptions
    @OptionGroup var program: ProgramOptions
    @OptionGroup var watch: WatchOptions
    @OptionGroup(title: "Policies") var policies: PolicyOptions

    @Option(name: [.customShort("p"), .customLong("attach")], help: "Attach to this process; several with commas.")
    var attach: [String] = []

    @Argument(parsing: .captureForPassthrough, help: "The command and its arguments.")
    var command: [String] = []

    func run() throws {
        let command = try programArguments(self.command, of: Self.self)
        if command.isEmpty && attach.isEmpty { throw ValidationError("say which COMMAND to trace, or -p PID") }
        if !command.isEmpty && !attach.isEmpty { throw ValidationError("-p PID and COMMAND cannot go together") }
        try LiveRun(
            options: options, program: program, watch: watch, policies: policies, command: command, attach: attach
        ).run()
    }
}

struct Record: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Record a command's calls into a file.",
        discussion: """
            The file is an MCAP container that abitrace show, replay and tree read, and any MCAP reader. What was \
            recorded stays readable when abitrace is killed.

            Examples:
              abitrace record make                       into run.mcap
              abitrace record -o build.mcap -s 4096 -- make -j2
              abitrace record -o server.mcap -p 1234     until ^C; the process runs on
              abitrace record --policy build -- make     with what the policy says of each call
            """)

    @Option(name: .shortAndLong, help: "The recording to write; - is standard output.")
    var output: String = "run.mcap"

    @Option(
        name: [.customShort("s"), .customLong("string-limit")],
        help: "How many bytes of what is read and written are kept (default: none, only how many there were).")
    var stringLimit: Int?

    @Flag(name: .customShort("f"), help: .hidden)
    var follow: Int

    @OptionGroup var program: ProgramOptions
    @OptionGroup var watch: WatchOptions
    @OptionGroup(title: "Policies") var policies: PolicyOptions

    @Option(name: [.customShort("p"), .customLong("attach")], help: "Attach to this process; several with commas.")
    var attach: [String] = []

    @Argument(parsing: .captureForPassthrough, help: "The command and its arguments.")
    var command: [String] = []

    func run() throws {
        let command = try programArguments(self.command, of: Self.self)
        if command.isEmpty == attach.isEmpty { throw ValidationError("say which COMMAND to record, or -p PID") }
        try LiveRun(
            recordingTo: output, stringLimit: stringLimit, program: program, watch: watch, policies: policies,
            command: command, attach: attach
        ).run()
    }
}

struct Attach: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Trace running processes; ^C leaves them running.",
        discussion: """
            All threads of each process are traced, and the children that they make from then on.

            Examples:
              abitrace attach 1234
              abitrace attach -e class:sock -o calls.txt $(pidof nginx)
            """)

    @OptionGroup var options: OutputOptions
    @OptionGroup var watch: WatchOptions

    @Argument(help: "Process ids.")
    var processes: [String]

    func run() throws {
        let program = try ProgramOptions.parse([])
        try LiveRun(
            options: options, program: program, watch: watch, policies: PolicyOptions.parse([]), command: [],
            attach: processes
        ).run()
    }
}

/// The command after `--`, which always stands before it by now: what is left over without one is an option that
/// does not exist.
func programArguments(_ rest: [String], of asked: any ParsableCommand.Type) throws -> [String] {
    guard let first = rest.first else { return [] }
    guard first == "--" else {
        let option = String(first.prefix { $0 != "=" })
        let known = asked.helpMessage(columns: 1000).split(whereSeparator: { " ,\n<[]".contains($0) })
        let suggestion = nearestName(to: option, among: known.map(String.init).filter { $0.hasPrefix("--") })
        throw ValidationError(
            "no such option: \(first)" + (suggestion.map { "; did you mean \($0)?" } ?? " (see abitrace --help)"))
    }
    return Array(rest.dropFirst())
}
