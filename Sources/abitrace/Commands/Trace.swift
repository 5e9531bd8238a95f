// abitrace [OPTION...] COMMAND: traces a program, or attaches to running ones.

import ArgumentParser
import Glibc
import Personalities
import Supervision

struct Trace: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Trace a command and all its children (the default).",
        shouldDisplay: true)

    @OptionGroup var options: OutputOptions
    @OptionGroup var program: ProgramOptions

    @Option(name: [.customShort("p"), .customLong("attach")], help: "Attach to this process; several with commas.")
    var attach: [String] = []

    @Argument(parsing: .captureForPassthrough, help: "The command and its arguments.")
    var command: [String] = []

    func run() throws {
        let command = try programArguments(self.command)
        if command.isEmpty && attach.isEmpty { throw ValidationError("say which COMMAND to trace, or -p PID") }
        if !command.isEmpty && !attach.isEmpty { throw ValidationError("-p PID and COMMAND cannot go together") }
        try LiveRun(options: options, program: program, command: command, attach: attach).run()
    }
}

struct Record: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Record a command's calls into a file.")

    @Option(name: .shortAndLong, help: "The recording to write; - is standard output.")
    var output: String = "run.mcap"

    @Option(
        name: [.customShort("s"), .customLong("string-limit")],
        help: "How many bytes of what is read and written are kept.")
    var stringLimit: Int = 32

    @Flag(name: .customShort("f"), help: .hidden)
    var follow: Int

    @OptionGroup var program: ProgramOptions

    @Option(name: [.customShort("p"), .customLong("attach")], help: "Attach to this process; several with commas.")
    var attach: [String] = []

    @Argument(parsing: .captureForPassthrough, help: "The command and its arguments.")
    var command: [String] = []

    func run() throws {
        let command = try programArguments(self.command)
        if command.isEmpty == attach.isEmpty { throw ValidationError("say which COMMAND to record, or -p PID") }
        try LiveRun(
            recordingTo: output, stringLimit: stringLimit, program: program, command: command, attach: attach
        ).run()
    }
}

struct Attach: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Trace running processes; ^C leaves them running.")

    @OptionGroup var options: OutputOptions

    @Argument(help: "Process ids.")
    var processes: [String]

    func run() throws {
        let program = try ProgramOptions.parse([])
        try LiveRun(options: options, program: program, command: [], attach: processes).run()
    }
}

/// The command after `--`, which always stands before it by now: what is left over without one is an option that
/// does not exist.
private func programArguments(_ rest: [String]) throws -> [String] {
    guard let first = rest.first else { return [] }
    guard first == "--" else { throw ValidationError("no such option: \(first) (see abitrace --help)") }
    return Array(rest.dropFirst())
}
