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

            Exit codes of its own: 1 a failure of abitrace or of what it reads, 2 wrong usage, 126 COMMAND cannot \
            be run, 127 there is no COMMAND.
            """,
        version: "abitrace 0.1.0",
        subcommands: [Trace.self, Record.self, Show.self, Replay.self, Attach.self],
        defaultSubcommand: Trace.self)

    static func main() {
        let arguments = normalise(Array(CommandLine.arguments.dropFirst()))
        if arguments == ["-V"] { exitSaying(configuration.version) }
        do {
            var command = try parseAsRoot(arguments.isEmpty ? ["--help"] : arguments)
            try command.run()
        } catch {
            leave(with: error)
        }
    }
}
