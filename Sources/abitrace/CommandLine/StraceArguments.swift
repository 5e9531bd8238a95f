// What strace's command line looks like, and how it becomes arguments that ArgumentParser can read.

/// The names that may stand first on the command line; anything else there is a program to trace.
let subcommandNames: Set<String> = [
    "trace", "run", "record", "show", "replay", "attach", "tree", "export", "report", "policy", "doctor", "syscalls",
    "explain",
    "personality", "help",
]

/// Rewrites strace's habits canonically: clusters become single options, values stand apart, the traced
/// command begins after `--`, and a command line without a subcommand gets `trace`.
///
/// A value that begins with `-` is joined to its option by `=`, since a parser would take it for an option.
func normalise(_ arguments: [String]) -> [String] {
    guard let first = arguments.first else { return [] }
    if arguments.count == 1, ["--help", "--version", "-h", "-V"].contains(first) { return arguments }
    if first.hasPrefix("--generate-") || first.hasPrefix("--experimental-") { return arguments }
    let isNamed = subcommandNames.contains(first)
    let own = (isNamed ? arguments.dropFirst() : arguments[...]).prefix { $0.hasPrefix("-") && $0 != "--" }
    // What is passed through to a program would swallow a request for help.
    if own.contains("--help") || own.contains("-h") { return isNamed ? ["help", first] : ["help"] }
    let subcommand = isNamed ? first : "trace"
    var scan = StraceScan(startsProgram: ["trace", "record", "run"].contains(subcommand))
    return [subcommand] + scan.read(isNamed ? arguments.dropFirst() : arguments[...])
}

/// One pass over the arguments that follow the subcommand.
private struct StraceScan {
    /// strace's short options that take a value (strace(1)).
    static let shortOptionsWithValue: Set<Character> = [
        "a", "b", "e", "E", "I", "o", "O", "p", "P", "s", "S", "u", "U", "X",
    ]

    /// Long options whose value may be the next argument. Those with an optional value (`--quiet`,
    /// `--decode-fds`) are not here: their value stands after `=` alone.
    static let longOptionsWithValue = Set([
        "--output", "--trace", "--only", "--string-limit", "--columns", "--user", "--env", "--attach", "--color",
        "--trace-path", "--detach-on", "--interruptible", "--summary-columns", "--summary-sort-by",
        "--summary-syscall-overhead", "--const-print-style", "--decode-pids", "--record", "--numbers", "--at", "--vdso",
        "--policy",
        "--where", "--expect", "--hook", "--interceptor", "--ring",
    ]).union(expressionOptions.map { "--" + $0 })

    /// strace's long options that say what `-e NAME=SET` says.
    static let expressionOptions: Set<String> = [
        "signal", "status", "abbrev", "verbose", "raw", "read", "write", "kvm", "inject", "fault",
    ]

    /// The first argument that is no option begins a command whose flags are its own.
    let startsProgram: Bool
    private var result: [String] = []

    init(startsProgram: Bool) {
        self.startsProgram = startsProgram
    }

    mutating func read(_ arguments: ArraySlice<String>) -> [String] {
        var rest = arguments
        while let argument = rest.popFirst() {
            if argument == "--" { return result + ["--"] + rest }
            if argument.hasPrefix("--") {
                readLong(argument, &rest)
            } else if argument.hasPrefix("-") && argument != "-" {
                readCluster(argument.dropFirst(), &rest)
            } else if startsProgram {
                return result + ["--", argument] + rest
            } else {
                result.append(argument)
            }
        }
        return result
    }

    private mutating func readLong(_ argument: String, _ rest: inout ArraySlice<String>) {
        if let equals = argument.firstIndex(of: "=") {
            let name = String(argument[..<equals])
            let value = String(argument[argument.index(after: equals)...])
            result += StraceScan.translated(name, value) ?? [argument]
        } else if StraceScan.longOptionsWithValue.contains(argument), let value = rest.popFirst() {
            if let translation = StraceScan.translated(argument, value) {
                result += translation
            } else {
                append(argument, value)
            }
        } else {
            result += StraceScan.translated(argument, nil) ?? [argument]
        }
    }

    /// What strace's long option (strace 6.1, `strace --help`) says in our options; nil where it is one of ours.
    private static func translated(_ option: String, _ value: String?) -> [String]? {
        let name = String(option.dropFirst(2))
        if expressionOptions.contains(name), let value { return ["-e", "\(name)=\(value)"] }
        switch (name, value) {
        case ("quiet", let set), ("silent", let set), ("silence", let set):
            return set.map { ["-e", "quiet=\($0)"] } ?? ["-q"]
        case ("decode-fds", let set): return set.map { ["-e", "decode-fds=\($0)"] } ?? ["-y"]
        case ("daemonize", nil), ("daemonize", "grandchild"): return ["-D"]
        case ("daemonize", "pgroup"), ("daemonize", "pgrp"): return ["-D", "-D"]
        case ("daemonize", "session"): return ["-D", "-D", "-D"]
        case ("pidns-translation", nil): return ["--decode-pids=pidns"]
        case ("follow-forks", "no"): return ["--no-follow-forks"]
        case ("strings-in-hex", "none"): return []
        case ("strings-in-hex", nil), ("strings-in-hex", "all"): return ["-x", "-x"]
        case ("strings-in-hex", "non-ascii"), ("strings-in-hex", "non_ascii"): return ["-x"]
        case ("strings-in-hex", "non-ascii-chars"), ("strings-in-hex", "non_ascii_chars"): return ["--hex-escapes"]
        case ("relative-timestamps", nil): return ["--relative-timestamps=us"]
        case ("absolute-timestamps", nil), ("timestamps", nil): return ["--absolute-timestamps=time"]
        case ("timestamps", let format?): return ["--absolute-timestamps=\(format)"]
        case ("syscall-times", nil): return ["--syscall-times=us"]
        case ("tips", nil): return ["--tips=random"]
        default: return nil
        }
    }

    private mutating func readCluster(_ cluster: Substring, _ rest: inout ArraySlice<String>) {
        var letters = cluster
        while let letter = letters.popFirst() {
            let option = "-\(letter)"
            if letter == "Y" {
                result.append("--decode-pids=comm")
                continue
            }
            guard StraceScan.shortOptionsWithValue.contains(letter) else {
                result.append(option)
                continue
            }
            if !letters.isEmpty {
                append(option, String(letters))
            } else if let value = rest.popFirst() {
                append(option, value)
            } else {
                result.append(option)
            }
            return
        }
    }

    private mutating func append(_ option: String, _ value: String) {
        if value.hasPrefix("-") && value != "-" {
            result.append("\(option)=\(value)")
        } else {
            result += [option, value]
        }
    }
}
