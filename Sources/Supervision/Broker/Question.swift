// Asks a person on the terminal whether a call may be made.

import Glibc
import Messages
import Policy
import Synchronization

/// What came of a question.
struct Consent {
    var ruling: Ruling
    var effect: DecisionEffect
    /// What the answer says beyond yes and no.
    var errno: Int32 = 0
    var changes: [ItemChange] = []

    static let given = Consent(ruling: .allow, effect: .agreed)
    static let refused = Consent(ruling: .refuse(EACCES), effect: .declined)
}

/// One question at a time; answers of "always" and "never" hold for the same thing until the run ends.
final class Question: Sendable {
    private let hook: Hook?
    private let answers = Mutex<[String: Bool]>([:])
    /// Seconds after which silence is a no.
    private static let limit: Int32 = 30

    /// - Parameter hook: who is asked in a person's place.
    init(hook: Hook?) { self.hook = hook }

    /// - Parameter message: what a hook is told, a line.
    func ask(_ decision: Decision, _ request: Request, _ message: () -> [UInt8]) -> Consent {
        let text = decision.refusal(request)
        let key = text.replacing("[\(request.caller.process)]", with: "")
        return answers.withLock { answers in
            if let known = answers[key] { return known ? .given : .refused }
            if let hook { return Self.consent(hook.ask(message()), decision, key, &answers) }
            let terminal = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)
            guard terminal >= 0 else { return .refused }
            defer { close(terminal) }
            switch Self.answer(terminal, text.printable) {
            case UInt8(ascii: "y"): return .given
            case UInt8(ascii: "a"):
                answers[key] = true
                return .given
            case UInt8(ascii: "v"):
                answers[key] = false
                return .refused
            default: return .refused
            }
        }
    }

    private static func consent(
        _ answer: HookAnswer?, _ decision: Decision, _ key: String, _ answers: inout [String: Bool]
    ) -> Consent {
        func changed(_ changes: [ItemChange]) -> [Change] {
            let line = decision.line ?? PolicyLine(file: "", line: 0)
            return changes.map { Change(item: $0.item, value: $0.value, line: line) }
        }
        switch answer {
        case nil: return .refused
        case .allow: return .given
        case .always:
            answers[key] = true
            return .given
        case .never:
            answers[key] = false
            return .refused
        case .deny(let errno): return Consent(ruling: .refuse(errno), effect: .declined, errno: errno)
        case .kill: return Consent(ruling: .kill, effect: .declined)
        case .stub: return Consent(ruling: .stub, effect: .agreed)
        case .reply(let changes): return Consent(ruling: .reply(changed(changes)), effect: .agreed, changes: changes)
        case .rewrite(let changes):
            return Consent(ruling: .rewrite(changed(changes)), effect: .agreed, changes: changes)
        }
    }

    private static func answer(_ terminal: Int32, _ text: String) -> UInt8 {
        let question = Array("abitrace: \(text)\n  allow it? [y]es, [a]lways, [n]o, ne[v]er: ".utf8)
        tcflush(terminal, TCIFLUSH)
        guard write(terminal, question, question.count) == question.count else { return 0 }
        var wait = pollfd(fd: terminal, events: Int16(POLLIN), revents: 0)
        var line = [UInt8](repeating: 0, count: 64)
        guard poll(&wait, 1, limit * 1000) == 1, read(terminal, &line, line.count) > 0 else { return 0 }
        return line[0] | 0x20
    }
}

extension String {
    /// Without what a terminal would obey: names are the program's to choose.
    var printable: String {
        String(
            unicodeScalars.flatMap { scalar -> [Unicode.Scalar] in
                let isControl = scalar.value < 32 && scalar != "\n" || (127..<160).contains(scalar.value)
                if !isControl { return [scalar] }
                let digits = String(scalar.value, radix: 16)
                return Array("\\x\(digits.count < 2 ? "0" : "")\(digits)".unicodeScalars)
            }.reduce(into: String.UnicodeScalarView()) { $0.append($1) })
    }
}
