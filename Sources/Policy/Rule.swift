// Rules: conditions on items, and what happens where they hold.

import Messages

/// What a condition compares an item with.
public enum Operand: Equatable, Sendable {
    /// A number as 64 bits; it is compared at the item's own width.
    case number(UInt64)
    /// A word: a name of the item's set, names joined by `|`, or text with globs.
    case text(String)
}

/// A condition on one thing.
public indirect enum Predicate: Equatable, Sendable {
    case equals(Operand)
    /// Between two numbers, both included.
    case range(Int64, Int64)
    /// Has any of these flags, all of them, none of them.
    case has([Operand])
    case all([Operand])
    case lacks([Operand])
    case any([Predicate])
    case not(Predicate)
}

/// What a condition is about.
public enum Subject: Equatable, Sendable {
    /// An item of the message.
    case item(String)
    /// The resolved object of a path: covered by a pattern, exactly, or with all that is under it.
    case path(HandleRole, PathPattern, under: Bool)
    /// The object behind the message's descriptor.
    case objectPath(PathPattern, under: Bool)
    case objectKind(String)
    /// The address that is named.
    case address([NetworkPattern])
    case port
    case program(PathPattern, under: Bool)
}

public struct Condition: Equatable, Sendable {
    public var subject: Subject
    public var predicate: Predicate
}

/// Which occurrences count, per process and rule.
public struct Occurrence: Equatable, Sendable {
    public var from: UInt64 = 1
    public var every: UInt64 = 1
    /// How many times it acts, 0 for no end.
    public var count: UInt64 = 0

    /// Whether it acts on the `number`th match, counted from 1.
    public func acts(on number: UInt64) -> Bool {
        guard number >= from, (number - from) % max(every, 1) == 0 else { return false }
        return count == 0 || (number - from) / max(every, 1) < count
    }
}

public struct Rule: Equatable, Sendable {
    public var operations: [Operation]
    public var conditions: [Condition]
    public var verdict: Verdict
    public var because: String
    public var when: Occurrence?
    public var line: PolicyLine
}

/// How often each rule has matched in each process: the only state that deciding has, and the supervisor keeps it.
public struct Occurrences: Sendable {
    private struct Key: Hashable {
        let process: Int32
        let line: PolicyLine
    }

    private var counts: [Key: UInt64] = [:]
    /// Numbers that rules have had for this very call already: when it was decided on first, or when it was recorded.
    public var known: [RuleCount] = []
    /// The numbers that rules had in the latest decision.
    public private(set) var drawn: [RuleCount] = []

    public init() {}

    mutating func begin() { drawn = [] }

    mutating func next(_ process: Int32, _ rule: Rule) -> UInt64 {
        let number =
            known.first { $0.file == rule.line.file && $0.line == rule.line.line }?.number
            ?? countUp(process, rule)
        drawn.append(RuleCount(file: rule.line.file, line: rule.line.line, number: number))
        return number
    }

    private mutating func countUp(_ process: Int32, _ rule: Rule) -> UInt64 {
        let key = Key(process: process, line: rule.line)
        counts[key, default: 0] += 1
        return counts[key, default: 1]
    }

    /// Forgets a process that has ended.
    public mutating func forget(process: Int32) { counts = counts.filter { $0.key.process != process } }
}
