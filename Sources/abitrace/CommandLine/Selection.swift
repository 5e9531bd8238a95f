// Which calls a set names: strace's classes, our operations, names, numbers and patterns, as bits per row.

import Glibc
import Messages

/// A set of calls, decided once per row of `SpecTables.calls` so that asking is an index.
struct Selection: Sendable, Equatable {
    /// Every call, known or not.
    static let all = Selection(isNegated: true)
    /// No call.
    static let none = Selection(isNegated: false)
    /// Calls that only answer, strace's `%pure`.
    static var pureCalls: Set<String> { CallClass.pure }

    /// The set is what its terms do not name.
    private var isNegated: Bool
    /// Per personality, whether a term names the row as a call, whatever it does.
    private var rows: [[Bool]]
    private var operations: Set<Operation> = []
    /// Per personality, calls named by number.
    private var numbers: [Set<UInt64>]

    private init(isNegated: Bool) {
        self.isNegated = isNegated
        rows = Personality.allCases.map { _ in [Bool](repeating: false, count: SpecTables.calls.count) }
        numbers = Personality.allCases.map { _ in [] }
    }

    /// Reads a SET: `all`, `none`, or a comma list of terms with an optional leading `!`.
    init(parsing text: String) throws(FilterError) {
        var rest = text[...]
        var isNegated = false
        while rest.first == "!" {
            isNegated.toggle()
            rest.removeFirst()
        }
        if rest == "all" || rest == "none" {
            self.init(isNegated: (rest == "all") != isNegated)
            return
        }
        self.init(isNegated: isNegated)
        let terms = rest.split(separator: ",")
        if terms.isEmpty { throw .emptySet(text) }
        for term in terms { try add(term) }
    }

    /// Whether the set holds a call that does this operation. `number` is looked at for calls named by number.
    func contains(
        call name: String, operation: Operation, personality: Personality = .x86_64, number: UInt64? = nil
    ) -> Bool {
        let isNamed = CallNames.rows[name]?.contains { rows[Int(personality.rawValue)][$0] } ?? false
        return (isNamed || names(operation, personality, number)) != isNegated
    }

    /// Whether the set holds the call of this row of `SpecTables.calls`, which does this operation.
    func contains(row: Int, operation: Operation, personality: Personality, number: UInt64? = nil) -> Bool {
        (rows[Int(personality.rawValue)][row] || names(operation, personality, number)) != isNegated
    }

    /// Whether any call of this row may be in the set, for filters that see no arguments. Without a row the
    /// number alone decides.
    func mayContain(row: Int?, personality: Personality, number: UInt64? = nil) -> Bool {
        let isNumbered = number.map { numbers[Int(personality.rawValue)].contains($0) } ?? false
        guard let row else { return (isNumbered || operations.contains(.voidCall)) != isNegated }
        if isNumbered || rows[Int(personality.rawValue)][row] { return !isNegated }
        let possible = SpecTables.calls[row].possibleOperations
        return isNegated ? !possible.allSatisfy(operations.contains) : possible.contains(where: operations.contains)
    }

    /// Whether a term names a number from `first` on.
    func namesNumbers(from first: UInt64) -> Bool { numbers.contains { $0.contains { $0 >= first } } }

    private func names(_ operation: Operation, _ personality: Personality, _ number: UInt64?) -> Bool {
        if !operations.isEmpty && operations.contains(operation) { return true }
        guard let number else { return false }
        return numbers[Int(personality.rawValue)].contains(number)
    }

    private mutating func add(_ term: Substring) throws(FilterError) {
        var name = term
        let isOptional = name.first == "?"
        if isOptional { name.removeFirst() }
        let personalities = Selection.cutPersonality(&name)
        do throws(FilterError) {
            try add(String(name), personalities)
        } catch {
            guard isOptional, case .unknownName = error else { throw error }
        }
    }

    private mutating func add(_ name: String, _ personalities: [Personality]) throws(FilterError) {
        if name.first == "/" {
            insert(try Selection.rows(matching: String(name.dropFirst())), personalities)
        } else if name.hasPrefix("class:") {
            try addClass(String(name.dropFirst(6)))
        } else if let test = CallClass.test(name) {
            insert(SpecTables.calls.indices.filter { test(SpecTables.calls[$0]) }, personalities)
        } else if let found = CallNames.rows[name] {
            insert(found, personalities)
        } else if let number = UInt64(name) {
            for personality in personalities { numbers[Int(personality.rawValue)].insert(number) }
        } else if let operation = Operation.allCases.first(where: { $0.name == name }) {
            operations.insert(operation)
        } else {
            throw Selection.unknown(name)
        }
    }

    private mutating func addClass(_ name: String) throws(FilterError) {
        let found = Operation.allCases.filter { $0.className == name }
        if found.isEmpty {
            let known = Set(Operation.allCases.map(\.className)).sorted()
            throw .unknownName(kind: "class", name: name, suggestion: nearestName(to: name, among: known))
        }
        operations.formUnion(found)
    }

    private mutating func insert(_ found: [Int], _ personalities: [Personality]) {
        for personality in personalities {
            for row in found { rows[Int(personality.rawValue)][row] = true }
        }
    }

    /// Takes `@64`, `@32` off the end; strace's `@x32` has no personality here and stays part of the name.
    private static func cutPersonality(_ name: inout Substring) -> [Personality] {
        for (suffix, personality) in [("@64", Personality.x86_64), ("@32", .i386)] where name.hasSuffix(suffix) {
            name.removeLast(suffix.count)
            return [personality]
        }
        return Personality.allCases
    }

    private static func rows(matching pattern: String) throws(FilterError) -> [Int] {
        var compiled = regex_t()
        let code = regcomp(&compiled, pattern, REG_EXTENDED | REG_NOSUB)
        if code != 0 {
            var text = [CChar](repeating: 0, count: 256)
            regerror(code, &compiled, &text, text.count)
            let message = text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
            throw .invalidPattern(pattern: pattern, reason: String(decoding: message, as: UTF8.self))
        }
        defer { regfree(&compiled) }
        return SpecTables.calls.indices.filter { regexec(&compiled, SpecTables.calls[$0].name, 0, nil, 0) == 0 }
    }

    private static func unknown(_ name: String) -> FilterError {
        if name.first == "%" {
            let suggestion = nearestName(to: name, among: CallClass.names.map { "%" + $0 })
            return .unknownName(kind: "class", name: name, suggestion: suggestion)
        }
        if name.contains(".") {
            let suggestion = nearestName(to: name, among: Operation.allCases.map(\.name))
            return .unknownName(kind: "operation", name: name, suggestion: suggestion)
        }
        let suggestion = nearestName(to: name, among: SpecTables.calls.map(\.name))
        return .unknownName(kind: "system call", name: name, suggestion: suggestion)
    }
}

/// Where each name stands in `SpecTables.calls`.
private enum CallNames {
    static let rows = Dictionary(grouping: SpecTables.calls.indices) { SpecTables.calls[$0].name }
}

extension Operation {
    /// The part of the name before the dot: `file` of `file.open`.
    var className: String { String(name.prefix { $0 != "." }) }
}

extension CallRow {
    /// Every operation that a call of this row may turn out to do.
    var possibleOperations: [Operation] {
        let range = Int(firstChoice)..<Int(firstChoice) + Int(choiceCount)
        return [operation] + SpecTables.choices[range].map(\.operation)
    }

    /// The parameters in their order.
    private var parameters: ArraySlice<ArgumentRow> {
        SpecTables.arguments[Int(firstArgument)..<Int(firstArgument) + Int(argumentCount)]
    }

    fileprivate var takesPath: Bool { parameters.contains { $0.type.kind == .path } }

    fileprivate var usesDescriptor: Bool {
        let kinds = parameters.map(\.type.kind) + [result.kind]
        return kinds.contains { $0 == .descriptor || $0 == .directory }
    }
}

/// strace's classes of calls (strace(1)), drawn from the rows; those about one family of calls are lists.
private enum CallClass {
    static let names = [
        "file", "desc", "process", "network", "net", "memory", "signal", "ipc", "creds", "clock", "stat", "lstat",
        "fstat", "statfs", "fstatfs", "%stat", "%statfs", "pure",
    ]

    /// Which rows the class holds, nil for a name that is no class. strace also takes the oldest classes bare.
    static func test(_ name: String) -> ((CallRow) -> Bool)? {
        if name.first == "%" { return test(named: String(name.dropFirst())) }
        let bare: Set<String> = ["file", "desc", "process", "network", "memory", "signal", "ipc"]
        return bare.contains(name) ? test(named: name) : nil
    }

    private static func test(named name: String) -> ((CallRow) -> Bool)? {
        switch name {
        case "file": { $0.takesPath || files.contains($0.name) }
        case "desc":
            {
                $0.usesDescriptor && $0.operation.className != "sock" && $0.name != "kcmp"
                    || $0.operation == .eventPoll || descriptors.contains($0.name)
            }
        case "process": { processes.contains($0.operation) }
        case "network", "net": { $0.operation.className == "sock" || network.contains($0.name) }
        case "memory":
            {
                $0.operation.className == "mem" && !keptFromMemory.contains($0.name) || $0.operation == .ipcMap
                    || memory.contains($0.name)
            }
        case "signal":
            { $0.operation.className == "signal" && $0.name != "restart_syscall" || signals.contains($0.name) }
        case "ipc": { $0.operation.className == "ipc" && !$0.name.hasPrefix("mq_") }
        case "creds": { [.credGet, .credSet].contains($0.operation) || $0.name == "prctl" }
        case "clock": { [.timeGet, .timeSet].contains($0.operation) }
        default: families[name].map { family in { family.contains($0.name) } }
        }
    }

    private static let processes: Set<Operation> = [
        .procExec, .procExit, .procFork, .procWait, .signalSend, .threadCreate, .threadExit,
    ]
    // Where strace's classes are no operations of ours: what they hold besides.
    private static let files: Set<String> = ["fsconfig", "quotactl", "uselib"]
    private static let descriptors: Set<String> = [
        "bpf", "io_uring_enter", "landlock_create_ruleset", "pipe", "pipe2",
    ]
    private static let network: Set<String> = ["getpmsg", "putpmsg", "sendfile", "sendfile64", "socketpair"]
    private static let memory: Set<String> = ["io_destroy", "io_setup", "io_uring_register"]
    private static let keptFromMemory: Set<String> = [
        "pkey_alloc", "pkey_free", "process_madvise", "process_mrelease",
    ]
    private static let signals: Set<String> = ["io_uring_enter", "signalfd", "signalfd4"]
    private static let stat: Set<String> = ["stat", "stat64", "oldstat"]
    private static let lstat: Set<String> = ["lstat", "lstat64", "oldlstat"]
    private static let fstat: Set<String> = ["fstat", "fstat64", "fstatat64", "newfstatat", "oldfstat", "statx"]
    private static let statfs: Set<String> = ["statfs", "statfs64"]
    private static let fstatfs: Set<String> = ["fstatfs", "fstatfs64"]
    static let pure: Set<String> = [
        "getpid", "gettid", "getppid", "getpgrp", "getuid", "geteuid", "getgid", "getegid", "getuid32", "geteuid32",
        "getgid32", "getegid32",
    ]
    private static let families: [String: Set<String>] = [
        "stat": stat, "lstat": lstat, "fstat": fstat, "statfs": statfs, "fstatfs": fstatfs,
        "%stat": stat.union(lstat).union(fstat),
        "%statfs": statfs.union(fstatfs).union(["ustat"]),
        "pure": pure,
    ]
}
