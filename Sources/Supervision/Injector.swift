// Calls that are answered in the kernel's place without a policy, as strace's -e inject= and -e fault= ask for.

import Interception
import Messages

/// Which invocations of a call are meant (strace(1), `when=`).
public struct Invocations: Equatable, Sendable {
    public var first: UInt64 = 1
    public var last: UInt64 = .max
    public var step: UInt64 = 1

    public init(first: UInt64 = 1, last: UInt64 = .max, step: UInt64 = 1) {
        (self.first, self.last, self.step) = (first, last, step)
    }

    /// Whether the `number`th is, counted from 1.
    public func contains(_ number: UInt64) -> Bool {
        number >= first && number <= last && (number - first) % max(1, step) == 0
    }
}

/// One expression: which calls, which of them, and what happens to them.
public struct InjectionRule: Sendable {
    public typealias Test = @Sendable (Stop) -> Bool

    public let matches: Test
    public let when: Invocations
    public let injection: Injection
    /// The name of the call that is made in place of one that gets a result, nil for none.
    public let instead: String?

    public init(_ injection: Injection, instead: String? = nil, when: Invocations, matches: @escaping Test) {
        self.injection = injection
        self.instead = instead
        self.when = when
        self.matches = matches
    }
}

/// Plans what happens to calls. Invocations are counted for each thread and each call by itself, as strace counts.
public struct Injector: Sendable {
    private struct Key: Hashable {
        let rule: Int
        let thread: Int32
        let personality: Personality
        let number: UInt64
    }

    private let rules: [InjectionRule]
    private var counts: [Key: UInt64] = [:]

    /// Nil for no rules. Of several that match a call the last counts.
    public init?(_ rules: [InjectionRule]) {
        guard !rules.isEmpty else { return nil }
        self.rules = rules
    }

    /// What to do after an event.
    public mutating func plan(_ event: borrowing Event, _ stop: Stop) -> Plan {
        switch event.happening {
        case .entry: break
        case .exited, .killed, .detached:
            let thread = event.thread
            counts = counts.filter { $0.key.thread != thread }
            return .proceed
        default: return .proceed
        }
        guard let rule = rules.lastIndex(where: { $0.matches(stop) }) else { return .proceed }
        let key = Key(rule: rule, thread: event.thread, personality: stop.personality, number: stop.number)
        counts[key, default: 0] += 1
        guard rules[rule].when.contains(counts[key, default: 1]) else { return .proceed }
        var injection = rules[rule].injection
        if let instead = rules[rule].instead {
            injection.substitute = SpecTables.number(of: instead, stop.personality).map { Int($0) } ?? -1
        }
        return .inject(injection)
    }
}
