// The command line's root: what there is to do.

import ArgumentParser

@main
struct Abitrace: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "abitrace",
        abstract: "Shows what a program really does, one message a system call.",
        usage: """
            abitrace [OPTION...] [--] COMMAND [ARG...]
            abitrace -p PID [OPTION...]
            abitrace record -o FILE.mcap [--] COMMAND [ARG...]
            abitrace show FILE.mcap
            """,
        discussion: """
            Without a subcommand, abitrace traces COMMAND and all its children, in strace's form of lines and with \
            strace's options. Its exit code is COMMAND's own; when a signal ends COMMAND, the same signal ends \
            abitrace.

            Examples:
              abitrace ls                      every call, on standard error
              abitrace -e %file -- make test   only calls that name files
              abitrace --messages -- ls        the message form: what is done, with named items
              abitrace -c -- git status        how many calls, errors and how much time
              abitrace record -o run.mcap -- make && abitrace show run.mcap

            Exit codes of its own: 1 a failure of abitrace or of what it reads or writes, 2 wrong usage, 126 COMMAND \
            cannot be run, 127 there is no COMMAND; 0 where it was attached, also after ^C.
            """,
        version: "abitrace 0.1.0",
        subcommands: [
            Trace.self, Run.self, Doctor.self, Record.self, Show.self, Replay.self, Attach.self, Tree.self,
            Export.self, WriteReport.self, PolicyCommand.self, Explain.self, Syscalls.self, ShowPersonality.self,
        ],
        defaultSubcommand: Trace.self)

    static func main() {
        let arguments = normalise(Array(CommandLine.arguments.dropFirst()))
        if arguments == ["-V"] { exitSaying(configuration.version) }
        do {
            var command = try parseAlone(arguments) ?? parseAsRoot(arguments.isEmpty ? ["--help"] : arguments)
            try command.run()
        } catch {
            leave(with: error)
        }
    }

    /// The commands that programs are started with, parsed without a look at all the others, which takes a fifth of
    /// the time to start. Nil where the root has something to say: other commands, help, mistakes.
    private static func parseAlone(_ arguments: [String]) -> (any ParsableCommand)? {
        let rest = Array(arguments.dropFirst())
        switch arguments.first {
        case "trace": return try? Trace.parse(rest)
        case "record": return try? Record.parse(rest)
        case "run": return try? Run.parse(rest)
        default: return nil
        }
    }
}
