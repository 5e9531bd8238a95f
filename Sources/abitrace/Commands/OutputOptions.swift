// The options that say what is shown, where and how: strace's, and ours beside them.

import ArgumentParser
import Glibc
import Messages

struct OutputOptions: ParsableArguments {
    @Option(
        name: .shortAndLong,
        help: ArgumentHelp(
            "Write to FILE: a recording where its name ends in .mcap, text otherwise; '|cmd' pipes, - is standard output.",
            valueName: "file"))
    var output: String?

    @Option(name: .long, help: ArgumentHelp("Record into FILE too, while the trace is shown.", valueName: "file"))
    var record: String?

    @Flag(name: [.customShort("A"), .customLong("output-append-mode")], help: "Append to FILE.")
    var appends = false

    @Flag(
        name: [.customShort("f"), .customLong("follow-forks")],
        help: """
            Follow children (done without it too, see --no-follow-forks); with -o, each line begins with its process, not only once there are several. \
            Given twice with -o: one file a thread, FILE.PID.
            """)
    var follow: Int

    @Flag(name: .customLong("output-separately"), help: "One file a thread, FILE.PID.")
    var separately = false

    @Option(
        name: .customShort("e"),
        help: ArgumentHelp(
            """
            What to show: openat, %file, class:sock, !close, /regex; or signal=SET, status=SET, quiet=SET, \
            read=FDS, write=FDS, abbrev=SET, verbose=SET, raw=SET, decode-fds=SET. \
            inject=SET:PART:PART and fault=SET:PART answer or delay calls in the kernel's place; parts are error=E, \
            retval=N, signal=S, delay_enter=T, delay_exit=T, syscall=CALL and when=W.
            """, valueName: "expression"))
    var expressions: [String] = []

    @Option(name: .long, help: "Shorthand of -e trace=.")
    var trace: String?

    @Option(name: .long, help: "Only these: class:sock, file.open, names; shorthand of -e trace=.")
    var only: String?

    @Option(
        name: [.customShort("P"), .customLong("trace-path")],
        help: ArgumentHelp("Only calls that name this path, or a descriptor of it.", valueName: "path"))
    var paths: [String] = []

    @Option(
        name: [.customShort("s"), .customLong("string-limit")],
        help: ArgumentHelp("How many bytes of a string are shown.", valueName: "size"))
    var stringLimit: Int = 32

    @Option(
        name: [.customShort("a"), .customLong("columns")],
        help: ArgumentHelp("The column of results.", valueName: "column"))
    var column: Int = 40

    @Flag(name: [.customShort("v"), .customLong("no-abbrev")], help: "Nothing is abbreviated.")
    var verbose = false

    @Flag(name: .customShort("x"), help: "Strings with other than ASCII in hexadecimal; twice: all strings.")
    var hexadecimal: Int

    @Flag(name: .customLong("hex-escapes"), help: "Bytes that are not ASCII as \\x1b in place of \\33.")
    var hexEscapes = false

    @Flag(name: .customShort("y"), help: "Show what descriptors are; twice: sockets by address, devices by number.")
    var descriptorPaths: Int

    @Option(
        name: .customLong("decode-pids"),
        help: ArgumentHelp(
            """
            Say beside process ids: comm, the names of commands (-Y); pidns, their ids outside their namespace; all; \
            none. Only while programs run.
            """, valueName: "set"))
    var processIDs: [String] = []

    @Flag(name: .customShort("t"), help: "Time of day; twice with microseconds; thrice as seconds since 1970.")
    var timeOfDay: Int

    @Option(
        name: .customLong("absolute-timestamps"),
        help: ArgumentHelp(
            "A clock: none, time or unix, with a precision: unix,ms. Given twice, each says a part.",
            valueName: "format"))
    var clock: [String] = []

    @Flag(name: .customShort("r"), help: "Time since the last line.")
    var relativeTime = false

    @Option(
        name: .customLong("relative-timestamps"),
        help: ArgumentHelp("Time since the last line, in s, ms, us or ns.", valueName: "precision"))
    var relativePrecision: String?

    @Flag(name: .customShort("T"), help: "Time spent in each call.")
    var duration = false

    @Option(
        name: .customLong("syscall-times"),
        help: ArgumentHelp("Time spent in each call, in s, ms, us or ns.", valueName: "precision"))
    var durationPrecision: String?

    @Flag(name: [.customShort("i"), .customLong("instruction-pointer")], help: "Where each call was made.")
    var instructionPointer = false

    @Flag(name: [.customShort("n"), .customLong("syscall-number")], help: "The number of each call.")
    var number = false

    @OptionGroup(title: "Summary") var summary: SummaryOptions

    @Flag(name: [.customShort("z"), .customLong("successful-only")], help: "Only calls that succeeded.")
    var successful = false

    @Flag(
        name: [.customShort("Z"), .customLong("failed-only"), .customLong("failed")], help: "Only calls that failed.")
    var failed = false

    @Flag(
        name: .customShort("q"), help: "No remarks on attaching and personalities; -qq nor on exits; -qqq no remarks.")
    var quiet: Int

    @Option(
        name: [.customShort("X"), .customLong("const-print-style")],
        help: ArgumentHelp("Names as raw, abbrev or verbose.", valueName: "format"))
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

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Which numbers are which calls, where FILE says otherwise; `abitrace personality table` writes its form.",
            valueName: "file"))
    var numbers: String?

    @OptionGroup(visibility: .hidden) var unavailable: UnavailableOptions

    /// Puts the file of numbers in force. Decisions stay with the numbers that the kernel has.
    func installNumbers(isDeciding: Bool) throws {
        guard let numbers else { return }
        if isDeciding { throw ValidationError("--numbers and a policy cannot go together") }
        guard let bytes = PolicyFiles.contents(numbers) else {
            throw Failure(description: "\(numbers): \(String(cString: strerror(errno)))")
        }
        do {
            try NumberTables.install(try NumberTable(String(decoding: bytes, as: UTF8.self)))
        } catch {
            throw Failure(description: "\(numbers):\(error)")
        }
    }

    var isRecording: Bool { output?.hasSuffix(".mcap") ?? false }
    var isSplit: Bool { output != nil && (follow > 1 || separately) }
}

/// The options of `-c`.
struct SummaryOptions: ParsableArguments {
    @Flag(
        name: [.customShort("c"), .customLong("summary-only")],
        help: "Count calls, errors and time; print only the summary.")
    var only = false

    @Flag(name: [.customShort("C"), .customLong("summary")], help: "Print the summary too.")
    var also = false

    @Flag(
        name: [.customShort("w"), .customLong("summary-wall-clock")], help: "Summarise wall clock time (always done).")
    var wallClock = false

    @Option(
        name: [.customShort("S"), .customLong("summary-sort-by")],
        help: ArgumentHelp(
            "Sort by time, min-time, max-time, avg-time, calls, errors, name or nothing.", valueName: "order"))
    var order: String = "time"

    @Option(
        name: [.customShort("U"), .customLong("summary-columns")],
        help: ArgumentHelp(
            "Show these columns: time-percent, total-time, min-time, max-time, avg-time, calls, errors, name.",
            valueName: "columns"))
    var columns: String?

    @Option(
        name: [.customShort("O"), .customLong("summary-syscall-overhead")],
        help: ArgumentHelp(
            "Take this off each call's time: a number with s, ms, us (default) or ns.", valueName: "time"))
    var overhead: String?
}

/// What strace has and abitrace has not: each is refused with what to do instead.
struct UnavailableOptions: ParsableArguments {
    @Flag(name: [.customShort("k"), .customLong("stack-traces")], help: .hidden)
    var stackTraces = false

    @Option(name: .customLong("tips"), help: .hidden)
    var tips: String?

    func validate() throws {
        if stackTraces {
            throw ValidationError(
                "-k: stack traces are not available; -i shows where a call was made, strace -k its callers")
        }
        if tips != nil { throw ValidationError("--tips: there are none; abitrace --help has examples") }
    }
}

/// The options about the program that is watched.
struct ProgramOptions: ParsableArguments {
    @Option(
        name: [.customShort("u"), .customLong("user")],
        help: ArgumentHelp("Run the command as this user.", valueName: "user"))
    var user: String?

    @Option(
        name: [.customShort("E"), .customLong("env")],
        help: ArgumentHelp("VAR=VALUE sets a variable, VAR removes it.", valueName: "variable"))
    var environment: [String] = []

    @Option(
        name: .customLong("vdso"),
        help: ArgumentHelp(
            "hide keeps programs from the vDSO, so that reading a clock becomes a call that is seen; or keep.",
            valueName: "hide|keep"))
    var vdso = VDSO.keep

    enum VDSO: String, ExpressibleByArgument, CaseIterable { case hide, keep }
}

/// The options about the way in which calls are seen.
struct SightOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            How calls are seen. ptrace: every call stops. ebpf (root): a program in the kernel tells of them, no call \
            stops; every other process of the machine is slowed by a fraction of a microsecond a call meanwhile, and \
            where the links in a path lead is not looked up. auto: ebpf where it can be had and tells what is asked \
            for. both: with ptrace, and eBPF compared with it. Without this: ptrace, and auto for what is recorded \
            under a policy.
            """, valueName: "ptrace|ebpf|auto|both"))
    var interceptor: Interceptor?

    enum Interceptor: String, ExpressibleByArgument, CaseIterable { case ptrace, ebpf, auto, both }

    @Option(
        help: ArgumentHelp(
            "With ebpf: how many megabytes may wait to be seen before calls are lost; a power of two.",
            valueName: "megabytes"))
    var ring: Int = 8

    /// The kernel wants a power of two. What is asked is wrong or right whoever asks, and whichever way is taken then.
    func validate() throws {
        guard (1...1024).contains(ring), ring.nonzeroBitCount == 1 else {
            throw ValidationError("--ring takes a power of two from 1 to 1024, not \(ring)")
        }
    }

    var ringBytes: Int { ring << 20 }
}

/// The options about the watching itself.
struct WatchOptions: ParsableArguments {
    @OptionGroup var sight: SightOptions

    @Flag(
        name: .customShort("D"),
        help: "Watch as a grandchild, so that the command has abitrace's place; -DD in another group, -DDD session.")
    var daemon: Int

    @Option(
        name: [.customShort("b"), .customLong("detach-on")],
        help: ArgumentHelp("execve: let go of a process that runs another program.", valueName: "call"))
    var detachOn: String?

    @Option(
        name: [.customShort("I"), .customLong("interruptible")],
        help: ArgumentHelp(
            """
            1 or 2 (default): ^C and SIGTERM reach the command, twice they end it, attached processes are let go; \
            3 or 4 (default with -D): abitrace ignores them.
            """, valueName: "how"))
    var interruptible: String?

    @Flag(
        name: .customLong("no-follow-forks"),
        help: ArgumentHelp(
            """
            Watch the first process alone, as strace does without -f: its children run as if nobody watched, and may \
            be traced by others.
            """))
    var ignoresForks = false

    @Flag(
        name: .customLong("seccomp-bpf"),
        help: ArgumentHelp(
            """
            Let only calls that -e asks for stop, by a filter in the kernel: the others run at full speed. The program \
            can see the filter, and keeps it as long as it runs.
            """))
    var seccompFilter = false

    @Flag(name: [.customShort("d"), .customLong("debug")], help: "Say on standard error what is seen of each thread.")
    var debug = false

    @Flag(name: .customLong("no-companion"), help: "Do not share a processor with a tracee that runs alone.")
    var noCompanion = false

    /// Whether signals that ask abitrace to end are ignored; nil where the user has not said.
    func ignoresEndRequests() throws -> Bool? {
        switch interruptible {
        case nil: return nil
        case "1", "anywhere", "2", "waiting": return false
        case "3", "never", "4", "never_tstp": return true
        case let text?: throw ValidationError("-I takes 1, 2, 3 or 4, not '\(text)'")
        }
    }

    func validate() throws {
        _ = try ignoresEndRequests()
        if let detachOn, detachOn != "execve" {
            throw ValidationError("-b takes execve, not '\(detachOn)'")
        }
    }
}

extension ProgramOptions {
    /// The environment, changed as -E says.
    func variables() -> [[CChar]] {
        // Variables need not be UTF-8: they go on as they came.
        var variables: [[CChar]] = []
        var pointer = environ
        while let text = pointer.pointee {
            variables.append(Array(UnsafeBufferPointer(start: text, count: strlen(text) + 1)))
            pointer += 1
        }
        for change in environment {
            let name = (change.prefix { $0 != "=" } + "=").utf8.map(CChar.init(bitPattern:))
            variables.removeAll { $0.starts(with: name) }
            if change.contains("=") { variables.append(Array(change.utf8CString)) }
        }
        return variables
    }
}
