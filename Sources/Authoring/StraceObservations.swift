// What a log of strace shows a program to need. A log tells less than a recording: paths as the program wrote them, and
// descriptors only as far as the log says where they came from.

import Messages
import Policy

/// Goes through a log, line by line, and gathers needs.
public struct StraceObserver {
    /// What a descriptor of a process stands for, by what the log told.
    private enum Behind { case path(String), socket(Transport) }

    private var log = StraceLog()
    private var descriptors: [Int32: [Int32: Behind]] = [:]
    private var directories: [Int32: String] = [:]
    private let surroundings: Surroundings
    public private(set) var observations = Observations()
    /// Calls that were understood, and lines that were not.
    public private(set) var calls = 0
    public var skipped: Int { log.skipped }
    /// The program that the log begins with.
    public private(set) var command = ""

    /// `surroundings` say where the program began.
    public init(_ surroundings: Surroundings) {
        self.surroundings = surroundings
        observations.beginRecording()
        observations.begin(in: Array(surroundings.workingDirectory.utf8))
    }

    public mutating func add(_ line: Substring) {
        guard let call = log.call(in: line), let result = call.result,
            let number = SpecTables.number(of: call.name, .x86_64), let row = SpecTables.row(.x86_64, number)
        else { return }
        calls += 1
        if command.isEmpty, call.name == "execve" { command = call.arguments.first.flatMap(text) ?? "" }
        if let judged = judge(call, row, result) { observations.add(judged) }
        // Whether a file was there before is not told.
        if call.arguments.contains(where: { $0.contains("O_CREAT") }), result >= 0,
            let judged = judge(call, row, result, isNew: true)
        {
            observations.add(judged)
        }
        follow(call, row, result)
    }

    // MARK: Deciding

    private func judge(
        _ call: StraceCall, _ row: CallRow, _ result: Int64, isNew: Bool = false
    ) -> JudgedCall? {
        var items = ["call": call.name]
        for argument in row.argumentRows where Int(argument.register) < call.arguments.count {
            let given = call.arguments[Int(argument.register)]
            guard let text = item(argument, given, call) else { continue }
            if items[argument.item] == nil { items[argument.item] = text }
        }
        if result == -2 || isNew { items["exists"] = "false" }
        let line = PolicyLine(file: "strace", line: 0)
        for attempt in 0..<2 {
            // What cannot be written down is left out: paths and addresses decide most.
            if attempt == 1 {
                items = items.filter {
                    ["call", "path", "from_path", "to_path", "address", "fd", "exists"].contains($0.key)
                }
            }
            let message = ExpectedMessage(operation: row.operation, items: items, verdict: "allow", line: line)
            guard let rehearsal = try? message.rehearsals(under: Observations.nothing, surroundings).first else {
                continue
            }
            let request = rehearsal.request
            var decision = Observations.nothing.decide(request)
            // A log does not tell what it takes to know more.
            decision.reasons.removeAll { if case .unknown = $0.cause { true } else { false } }
            return JudgedCall(
                entry: Event(thread: call.thread, process: call.thread, time: 0, happening: .entry),
                message: request.message, request: request, decision: decision, result: result)
        }
        return nil
    }

    /// An argument as an expectation would write it.
    private func item(_ argument: ArgumentRow, _ given: String, _ call: StraceCall) -> String? {
        switch argument.type.kind {
        case .path: return path(argument, given, call).map { PolicyText.pattern($0.utf8) }
        case .directory: return nil
        case .descriptor:
            switch behind(given, of: call.thread) {
            case .path(let path)?: return PolicyText.pattern(path.utf8)
            case .socket(let transport)?: return transport.name
            case nil: return ["0": "stdin", "1": "stdout", "2": "stderr"][given.prefix { $0.isNumber }]
            }
        default:
            if argument.item == "address" { return address(given, call) }
            return given.allSatisfy { $0.isLetter || $0.isNumber || $0 == "_" || $0 == "|" } ? given : nil
        }
    }

    private func path(_ argument: ArgumentRow, _ given: String, _ call: StraceCall) -> String? {
        guard let text = text(given), !text.isEmpty else { return nil }
        if text.hasPrefix("/") { return resolved(Paths.plain(text)) }
        var start = directories[call.thread] ?? surroundings.workingDirectory
        if argument.register > 0,
            case .path(let path)? = behind(call.arguments[Int(argument.register) - 1], of: call.thread)
        {
            start = path
        }
        return resolved(Paths.plain(start + "/" + text))
    }

    /// Where a path leads to here and now; of what is gone, where its directory is.
    private func resolved(_ path: String) -> String {
        if path.hasPrefix("/proc/self") { return path }
        if let real = surroundings.realPath(path) { return real }
        guard let slash = path.lastIndex(of: "/"), slash != path.startIndex,
            let parent = surroundings.realPath(String(path[..<slash]))
        else { return path }
        return (parent == "/" ? "" : parent) + path[slash...]
    }

    private func text(_ given: String) -> String? { StraceLog.bytes(given).map { String(decoding: $0, as: UTF8.self) } }

    /// `3`, or `3</path>` with -y.
    private func behind(_ given: String, of thread: Int32) -> Behind? {
        let digits = given.prefix { $0.isNumber }
        let rest = given.dropFirst(digits.count)
        if rest.hasPrefix("<"), rest.hasSuffix(">") || rest.contains("(") {
            let name = rest.dropFirst().prefix { $0 != ">" && $0 != "(" }
            if name.hasPrefix("/") { return .path(String(name)) }
        }
        guard let number = Int32(digits) else { return nil }
        return descriptors[thread]?[number]
    }

    /// `{sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("10.0.0.1")}`.
    private func address(_ given: String, _ call: StraceCall) -> String? {
        func value(_ name: String, _ open: String, _ close: Character) -> String? {
            guard let range = given.firstRange(of: name + open) else { return nil }
            return String(given[range.upperBound...].prefix { $0 != close })
        }
        if given.contains("AF_UNIX") {
            if let name = value("sun_path=@", "\"", "\"") { return "unix @\(name)" }
            return value("sun_path=", "\"", "\"").map { "unix \($0)" }
        }
        var transport = Transport.tcp
        if let first = call.arguments.first, case .socket(let known)? = behind(first, of: call.thread) {
            transport = known
        }
        if let port = value("sin_port=", "htons(", ")"), let host = value("sin_addr=", "inet_addr(\"", "\"") {
            return "\(transport.name) \(host):\(port)"
        }
        if let port = value("sin6_port=", "htons(", ")"), let host = value("inet_pton(AF_INET6, ", "\"", "\"") {
            return "\(transport.name) [\(host)]:\(port)"
        }
        return nil
    }

    // MARK: Descriptors

    private mutating func follow(_ call: StraceCall, _ row: CallRow, _ result: Int64) {
        guard result >= 0 else { return }
        let new = Int32(truncatingIfNeeded: result)
        let first = Int32(call.arguments.first?.prefix { $0.isNumber } ?? "")
        switch call.name {
        case "open", "openat", "openat2", "creat":
            guard let argument = row.argumentRows.first(where: { $0.item == "path" }),
                Int(argument.register) < call.arguments.count,
                let path = path(argument, call.arguments[Int(argument.register)], call)
            else { return }
            descriptors[call.thread, default: [:]][new] = .path(call.resultName ?? path)
        case "socket" where call.arguments.count > 2:
            let names = call.arguments.map { $0.split(separator: "|")[0] }
            let family: UInt64 = ["AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10, "AF_NETLINK": 16][names[0]] ?? 0
            let type: UInt64 = ["SOCK_STREAM": 1, "SOCK_DGRAM": 2][names[1]] ?? 3
            let transport = Transport(
                family: family, type: type, protocol: names[2] == "IPPROTO_IP" ? 0 : type == 1 ? 6 : 17)
            descriptors[call.thread, default: [:]][new] = .socket(transport)
        case "close": if let first { descriptors[call.thread]?[first] = nil }
        case "dup", "dup2", "dup3":
            let behind = first.flatMap { descriptors[call.thread]?[$0] }
            descriptors[call.thread]?[new] = behind
        case "clone", "clone3", "fork", "vfork":
            descriptors[new] = descriptors[call.thread]
            directories[new] = directories[call.thread]
        case "chdir":
            if let argument = row.argumentRows.first, let given = call.arguments.first,
                let path = path(argument, given, call)
            {
                directories[call.thread] = path
            }
        default: break
        }
    }
}

private enum Paths {
    /// Without `.`, `..` and doubled slashes.
    static func plain(_ path: String) -> String {
        var parts: [Substring] = []
        for part in path.split(separator: "/") where part != "." {
            if part == ".." { _ = parts.popLast() } else { parts.append(part) }
        }
        return "/" + parts.joined(separator: "/")
    }
}
