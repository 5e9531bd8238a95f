// The options that say what is shown, where and how: strace's, and ours beside them.

import ArgumentParser

struct OutputOptions: ParsableArguments {
    @Option(
        name: .shortAndLong,
        help: ArgumentHelp(
            "Write to FILE: a recording where its name ends in .mcap, text otherwise; '|cmd' pipes, - is standard output.",
            valueName: "file"))
    var output: String?

    @Flag(name: .customShort("f"), help: "Follow children (always done); given twice with -o: one file a process.")
    var follow: Int

    @Option(
        name: .customShort("e"), help: "An expression: openat, %file, class:sock, !close, /regex, signal=, status=.")
    var expressions: [String] = []

    @Option(name: .long, help: "Shorthand of -e trace=.")
    var trace: String?

    @Option(name: .long, help: "Only these: class:sock, file.open, names; shorthand of -e trace=.")
    var only: String?

    @Option(name: .customShort("P"), help: "Only calls that name this path.")
    var paths: [String] = []

    @Option(name: [.customShort("s"), .customLong("string-limit")], help: "How many bytes of a string are shown.")
    var stringLimit: Int = 32

    @Option(name: [.customShort("a"), .customLong("columns")], help: "The column of results.")
    var column: Int = 40

    @Flag(name: .customShort("v"), help: "Nothing is abbreviated.")
    var verbose = false

    @Flag(name: .customShort("x"), help: "Strings with other than ASCII in hexadecimal; twice: all strings.")
    var hexadecimal: Int

    @Flag(name: .customShort("y"), help: "Show what a descriptor refers to (not available yet: says so and goes on).")
    var descriptorPaths: Int

    @Flag(name: .customShort("t"), help: "Time of day; twice with microseconds; thrice as seconds since 1970.")
    var timeOfDay: Int

    @Flag(name: .customShort("r"), help: "Time since the last line.")
    var relativeTime = false

    @Flag(name: .customShort("T"), help: "Time spent in each call.")
    var duration = false

    @Flag(name: .customShort("c"), help: "Count calls, errors and time; print only the summary.")
    var summaryOnly = false

    @Flag(name: .customShort("C"), help: "Print the summary too.")
    var summary = false

    @Flag(name: .customShort("w"), help: "Summarise wall clock time (always done).")
    var wallClock = false

    @Option(name: .customShort("S"), help: "Sort the summary by time, calls, errors, name or nothing.")
    var sortBy: String = "time"

    @Flag(name: .customShort("z"), help: "Only calls that succeeded.")
    var successful = false

    @Flag(name: [.customShort("Z"), .customLong("failed")], help: "Only calls that failed.")
    var failed = false

    @Flag(name: .customShort("q"), help: "Say less of attaching and exits; more with -qq.")
    var quiet: Int

    @Option(name: .customShort("X"), help: "Names as raw, abbrev or verbose.")
    var names: String = "abbrev"

    @Flag(name: .long, help: "The message form: class, operation and named items.")
    var messages = false

    @Flag(name: .long, help: "JSON Lines, one object a call or event.")
    var json = false

    @Flag(
        name: .customLong("whole-lines"),
        help: "A call that was interrupted by another line is shown whole, when it returns.")
    var wholeLines = false

    @Option(name: .customLong("color"), help: "auto, always or never.")
    var color: String = "auto"

    var isRecording: Bool { output?.hasSuffix(".mcap") ?? false }
}

/// The options about the program that is watched.
struct ProgramOptions: ParsableArguments {
    @Option(name: [.customShort("u"), .customLong("user")], help: "Run the command as this user.")
    var user: String?

    @Option(name: [.customShort("E"), .customLong("env")], help: "VAR=VALUE sets a variable, VAR removes it.")
    var environment: [String] = []

    @Option(name: [.customShort("I"), .customLong("interruptible")], help: .hidden)
    var interruptible: Int?

    @Flag(name: .customLong("no-companion"), help: "Do not share a processor with a tracee that runs alone.")
    var noCompanion = false
}
