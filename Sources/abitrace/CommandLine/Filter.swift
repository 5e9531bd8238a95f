// What the user wants to see of a trace: strace's `-e` expressions and the options that stand for one.

import Rendering
import Supervision

extension Statuses {
    /// The members as users write them.
    static let names: [(String, Statuses)] = [
        ("successful", .successful), ("failed", .failed), ("unfinished", .unfinished),
        ("unavailable", .unavailable), ("detached", .detached),
    ]
}

extension Quiet {
    /// The members as users write them.
    static let names: [(String, Quiet)] = [
        ("attach", .attach), ("exit", .exit), ("exits", .exit), ("path-resolution", .pathResolution),
        ("personality", .personality), ("thread-execve", .threadExecve), ("superseded", .threadExecve),
    ]

    /// What `-q`, given so many times, keeps back.
    static func repeated(_ count: Int) -> Quiet {
        switch count {
        case ...0: []
        case 1: [.attach, .personality]
        case 2: [.attach, .personality, .exit]
        default: .all
        }
    }
}

/// A set of small numbers: descriptors or signals.
struct NumberSet: Equatable, Sendable {
    /// Every number.
    static let all = NumberSet(isNegated: true, numbers: [])
    /// No number.
    static let none = NumberSet(isNegated: false, numbers: [])

    /// The set is what `numbers` leaves out.
    var isNegated: Bool
    /// The numbers that were written.
    var numbers: Set<Int32>

    /// Whether the set holds the number.
    func contains(_ number: Int32) -> Bool { numbers.contains(number) != isNegated }
}

/// All that `-e` expressions say. A later expression replaces an earlier one of the same qualifier.
struct Filter: Sendable {
    /// Calls that are shown.
    var trace = Selection.all
    /// Signals that are shown.
    var signals = NumberSet.all
    /// Ends of calls that are shown.
    var statuses = Statuses.all
    /// Calls whose structs are shown in short.
    var abbreviated = Selection.all
    /// Calls whose structs are looked into at all.
    var verbose = Selection.all
    /// Calls whose arguments are shown as bare numbers.
    var raw = Selection.none
    /// Descriptors whose data is dumped when read, and when written.
    var dumpedReads = NumberSet.none
    var dumpedWrites = NumberSet.none
    /// The tracer's own messages that are kept back.
    var quiet: Quiet = []
    /// What is said beside descriptors.
    var descriptorDetails: HandleDetail = []
    /// What is done to calls.
    var injections: [InjectionRule] = []

    /// Every qualifier, by all its names (strace(1)).
    private static let qualifiers = [
        "trace", "t", "abbrev", "a", "verbose", "v", "raw", "x", "signal", "signals", "s", "status", "read", "reads",
        "r", "write", "writes", "w", "quiet", "silent", "silence", "q", "decode-fds", "decode-fd", "fault", "inject",
        "kvm",
    ]

    /// Takes in one expression: `QUALIFIER=SET`, or a bare SET of calls.
    mutating func apply(_ expression: String) throws(FilterError) {
        guard let equals = expression.firstIndex(of: "="), !"/!%?".contains(expression.first ?? " ") else {
            trace = try Selection(parsing: expression)
            return
        }
        let set = String(expression[expression.index(after: equals)...])
        try apply(qualifier: String(expression[..<equals]), set)
    }

    /// `-z`: only calls that succeeded. `-Z` and `--failed`: only those that failed.
    mutating func showOnly(_ wanted: Statuses) { statuses = wanted }

    private mutating func apply(qualifier: String, _ set: String) throws(FilterError) {
        switch qualifier {
        case "trace", "t": trace = try Selection(parsing: set)
        case "abbrev", "a": abbreviated = try Selection(parsing: set)
        case "verbose", "v": verbose = try Selection(parsing: set)
        case "raw", "x": raw = try Selection(parsing: set)
        case "signal", "signals", "s": signals = try Filter.numbers(set, Filter.signal)
        case "read", "reads", "r": dumpedReads = try Filter.numbers(set, Filter.descriptor)
        case "write", "writes", "w": dumpedWrites = try Filter.numbers(set, Filter.descriptor)
        case "status": statuses = try Filter.options(set, "status", Statuses.names, .all)
        case "quiet", "silent", "silence", "q": quiet = try Filter.options(set, "message", Quiet.names, .all)
        case "decode-fds", "decode-fd":
            descriptorDetails = try Filter.options(set, "detail", HandleDetail.names, .all)
        case "fault", "inject":
            injections.append(try InjectionRule(parsing: set, isFault: qualifier == "fault"))
        case "kvm":
            throw .unsupported("the exit reason of a KVM vcpu", remedy: "strace -e kvm=\(set) or perf kvm stat show it")
        default:
            let suggestion = nearestName(to: qualifier, among: Filter.qualifiers)
            throw .unknownName(kind: "qualifier", name: qualifier, suggestion: suggestion)
        }
    }

    /// Cuts leading `!` off and answers the items, and whether they are meant to be left out.
    private static func items(_ text: String) throws(FilterError) -> (items: [String], isNegated: Bool) {
        let rest = text.drop { $0 == "!" }
        let isNegated = (text.count - rest.count) % 2 == 1
        let items = rest.split(separator: ",").map(String.init)
        if items.isEmpty { throw .emptySet(text) }
        return (items, isNegated)
    }

    private static func options<Options: OptionSet>(
        _ text: String, _ kind: String, _ names: [(String, Options)], _ all: Options
    ) throws(FilterError) -> Options where Options.Element == Options {
        let (items, isNegated) = try items(text)
        var result: Options = []
        for item in items {
            if item == "all" {
                result.formUnion(all)
            } else if let found = names.first(where: { $0.0 == item }) {
                result.formUnion(found.1)
            } else if item != "none" {
                throw .unknownName(kind: kind, name: item, suggestion: nearestName(to: item, among: names.map(\.0)))
            }
        }
        return isNegated ? all.symmetricDifference(result) : result
    }

    private static func numbers(
        _ text: String, _ read: (String) throws(FilterError) -> Int32
    ) throws(FilterError) -> NumberSet {
        let (items, isNegated) = try items(text)
        if items == ["all"] { return isNegated ? .none : .all }
        if items == ["none"] { return isNegated ? .all : .none }
        var result = NumberSet(isNegated: isNegated, numbers: [])
        for item in items { result.numbers.insert(try read(item)) }
        return result
    }

    private static func descriptor(_ text: String) throws(FilterError) -> Int32 {
        guard let number = Int32(text), number >= 0 else {
            throw .unknownName(kind: "descriptor", name: text, suggestion: nil)
        }
        return number
    }

    static func signal(_ text: String) throws(FilterError) -> Int32 {
        if let number = Int32(text), (1...64).contains(number) { return number }
        let upper = text.uppercased()
        let name = upper.hasPrefix("SIG") ? String(upper.dropFirst(3)) : upper
        if let index = signalNames.firstIndex(of: name) { return Int32(index) + 1 }
        let suggestion = nearestName(to: name, among: signalNames).map { "SIG" + $0 }
        throw .unknownName(kind: "signal", name: text, suggestion: suggestion)
    }

    /// The names of signals 1 to 31 (signal(7), x86).
    private static let signalNames = [
        "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM",
        "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF",
        "WINCH", "IO", "PWR", "SYS",
    ]
}
