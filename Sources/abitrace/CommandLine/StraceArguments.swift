// What strace's command line looks like, and how it becomes arguments that ArgumentParser can read.

/// The names that may stand first on the command line; anything else there is a program to trace.
let subcommandNames: Set<String> = [
    "trace", "record", "show", "replay", "attach", "syscalls", "explain", "help",
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
    var scan = StraceScan(startsProgram: subcommand == "trace" || subcommand == "record")
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
    static let longOptionsWithValue: Set<String> = [
        "--output", "--trace", "--signal", "--only", "--format", "--string-limit", "--columns", "--user", "--env",
        "--path", "--attach", "--interceptor", "--color", "--trace-path", "--detach-on", "--interruptible",
        "--abbrev", "--read", "--write", "--status", "--raw", "--inject", "--fault", "--kvm", "--summary-columns",
        "--summary-sort-by",
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
        if StraceScan.longOptionsWithValue.contains(argument), let value = rest.popFirst() {
            append(argument, value)
        } else {
            result.append(argument)
        }
    }

    private mutating func readCluster(_ cluster: Substring, _ rest: inout ArraySlice<String>) {
        var letters = cluster
        while let letter = letters.popFirst() {
            let option = "-\(letter)"
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
