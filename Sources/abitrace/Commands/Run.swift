// abitrace run --policy P COMMAND: runs a program that can do no more than a policy allows.

import ArgumentParser

struct Run: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run a command under a policy.",
        discussion: """
            Refusals are said on standard error: the operation, the line of the policy that decided, and the line \
            that would allow it. With -o every call is recorded, with what was decided about it and on which facts.

            Examples:
              abitrace run --policy read-only -- ls
              abitrace run --policy build --policy no-network -- make
              abitrace run --policy build -o run.mcap -- make && abitrace replay run.mcap --expect live
            """)

    @OptionGroup var policies: PolicyOptions

    @Option(name: .shortAndLong, help: "Record into this file; - is standard output.")
    var output: String?

    @Option(
        name: [.customShort("s"), .customLong("string-limit")],
        help: "How many bytes of what is read and written are kept (default: none, only how many there were).")
    var stringLimit: Int?

    @OptionGroup var sight: SightOptions
    @OptionGroup var program: ProgramOptions

    @Argument(parsing: .captureForPassthrough, help: "The command and its arguments.")
    var command: [String] = []

    func run() throws {
        let command = try programArguments(self.command, of: Self.self)
        guard !command.isEmpty else { throw ValidationError("say which COMMAND to run") }
        guard !policies.policy.isEmpty else { throw ValidationError("say which policy: --policy P") }
        var watch = try WatchOptions.parse([])
        watch.sight = sight
        try LiveRun(
            recordingTo: output, stringLimit: stringLimit, program: program, watch: watch,
            policies: policies, command: command, attach: []
        ).run()
    }
}
