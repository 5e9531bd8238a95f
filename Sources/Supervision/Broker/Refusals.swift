// Says what was refused: the program, the operation with its items, the line that decided, the line that would allow it.

import Glibc
import Messages
import Policy
import Rendering
import Synchronization

/// Reports refusals on standard error, each once.
final class Refusals: Sendable {
    private let said = Mutex(Set<String>())
    private static let limit = 10_000
    /// What is to be said, until whoever owns the terminal asks for it.
    private let waiting = Mutex<[String]>([])
    private let isHeard: Bool

    /// - Parameter isHeard: somebody takes what is to be said; else it is said at once.
    init(isHeard: Bool) { self.isHeard = isHeard }

    /// What is to be said, once.
    func take() -> [String] {
        guard isHeard else { return [] }
        return waiting.withLock { waiting in
            defer { waiting = [] }
            return waiting
        }
    }

    func report(_ request: Request, _ decision: Decision, by policy: Policy, isDone: Bool) {
        let program =
            request.caller.program.isEmpty ? "process \(request.caller.process)" : Self.text(request.caller.program)
        var text = "\(program): \(Self.items(request)) \(isDone ? "refused" : "would be refused")"
        if case .deny(let errno) = decision.verdict { text += " (\(String(cString: strerror(errno))))" }
        for reason in decision.reasons.prefix(1) {
            text += ": " + Self.cause(reason)
            if let hint = Self.hint(reason, request, policy) { text += "; to allow it: \(hint)" }
        }
        let count = said.withLock { said in
            said.count < Self.limit && said.insert(text).inserted ? said.count : 0
        }
        if count > 0 { say(text) }
        if count == Self.limit {
            say("\(count) refusals were said, and no more will be: a recording (-o) has them all")
        }
    }

    private func say(_ text: String) {
        if isHeard { return waiting.withLock { $0.append(text) } }
        let line = Array("abitrace: \(text)\n".utf8)
        _ = write(STDERR_FILENO, line, line.count)
    }

    /// The operation with the objects that it is about.
    private static func items(_ request: Request) -> String {
        var words = request.paths.map { "\($0.role == .object ? "" : "\($0.role.name) ")\(text($0.path))" }
        words += request.addresses.map { $0.entry(isASCII: true) }
        words += request.handles.filter { !$0.name.isEmpty }.map { text($0.name) }
        // What is about no object is told by its own items.
        if words.isEmpty { words = arguments(request.message) }
        return "\(request.operation.name)(\(words.joined(separator: ", ")))"
    }

    private static func arguments(_ message: Message) -> [String] {
        let values = ValueText(style: TextStyle())
        return message.arguments.filter { $0.direction != .exit }.map { argument in
            var bytes: [UInt8] = []
            values.append(argument.value, to: &bytes)
            let name = argument.item == "-" || argument.item.isEmpty ? argument.name : argument.item
            return "\(name)=\(text(bytes))"
        }
    }

    /// Bytes from a hostile program, for a terminal.
    private static func text(_ bytes: [UInt8]) -> String { PolicyText.visible(bytes.prefix(512), isASCII: true) }

    /// A path as an entry of a policy; nil for one that is too long to say, for what a cut one allows is another.
    private static func entry(_ path: [UInt8]) -> String? {
        path.count > 512 ? nil : PolicyText.scalar(PolicyText.pattern(path, isASCII: true))
    }

    private static func cause(_ reason: Reason) -> String {
        let line = reason.line.map { $0.line == 0 ? $0.text : "\($0.file):\($0.line): \($0.text)" }
        let why: String =
            switch reason.cause {
            case .switched(let name): "\(name) is switched"
            case .refusedByDefault(let name, let reason): "\(name) is refused unless named (\(reason))"
            case .hidden: "hidden"
            case .missing(let rights, _, _): "lacks \(rights.names.joined(separator: "+"))"
            case .address: "no entry under network covers it"
            case .program: "not among the programs that may run"
            case .widening: "its new name would give it more rights"
            case .unknown(let what): what
            case .rule(let because): because.isEmpty ? "a rule" : because
            }
        return line.map { "\(why) [\($0)]" } ?? why
    }

    /// The line that would allow it. It stands in place of what the policy says of the same thing, for the deepest entry
    /// decides alone: what is granted now is in it.
    private static func hint(_ reason: Reason, _ request: Request, _ policy: Policy) -> String? {
        func file(_ path: [UInt8], _ rights: Rights) -> String? {
            entry(path).map { "files: {\($0): \((policy.rights(of: path) ?? []).union(rights).grouped)}" }
        }
        // What no line says, none undoes.
        if reason.line?.line == 0 { return nil }
        switch reason.cause {
        // What is said of all operations is not undone for all.
        case .switched("any"): return "classes: {\(request.operation.name): allow}"
        case .switched(let name), .refusedByDefault(let name, _): return "classes: {\(name): allow}"
        case .hidden(let path): return entry(path).map { "files: {\($0): ro}" }
        case .missing(let rights, let role, let object):
            if role == .net { return "network: {connect: [\"\(request.unknownPeer)\"]}" }
            if let fact = request.addresses.first, !rights.isDisjoint(with: [.connect, .bind, .listen]) {
                return hint(Reason(reason.verdict, .address(fact), nil), request, policy)
            }
            if object.first == UInt8(ascii: "/") { return file(object, rights) }
            guard let ambient = Ambient.allCases.first(where: { object.elementsEqual($0.name.utf8) }) else {
                return nil
            }
            let usual = PolicyLayer.usualAmbientNames.filter { $0 != ambient.name }
            return "ambient: [\((usual + [ambient.entry(with: rights)]).joined(separator: ", "))]"
        case .address(let fact):
            let entry = PolicyText.scalar(fact.entry(isASCII: true))
            return "network: {\(fact.role == .peer ? "connect" : "listen"): [\(entry)]}"
        case .program(let path): return entry(path).map { "programs: {\($0): {}}" }
        case .widening(let from, let to):
            return file(from, (policy.rights(of: to) ?? []).intersection(PolicyLayer.objectRights))
        case .rule: return reason.line.map { "no rule at \($0.file):\($0.line)" }
        case .unknown: return nil
        }
    }
}
