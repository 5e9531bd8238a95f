// Which calls somebody asked for, by number alone: the memory of the others is not read.

import Messages

/// A set of call numbers, one table a personality; asking is an index.
public struct CallInterest: Sendable, Equatable {
    /// Every call.
    public static let all = CallInterest { _, _ in true }

    /// Where the tables end. Numbers from here on mean nothing to the kernel, those of x32 aside, and share an answer.
    public static let end: UInt64 = 1024

    /// Per personality, an answer for each number and one for all beyond.
    private let answers: [Bool]
    /// Whether every call is asked for.
    public let isAll: Bool

    /// Asks once for each number; `end` stands for all from there on.
    public init(_ isAsked: (Personality, UInt64) -> Bool) {
        answers = Personality.allCases.flatMap { personality in (0...Self.end).map { isAsked(personality, $0) } }
        isAll = answers.allSatisfy { $0 }
    }

    /// Whether a call of this number is asked for.
    @inline(__always)
    public func contains(_ personality: Personality, _ number: UInt64) -> Bool {
        answers[Int(personality.rawValue) * Int(Self.end + 1) + Int(min(number, Self.end))]
    }

    @inline(__always)
    public func contains(_ stop: Stop) -> Bool { isAll || contains(stop.personality, stop.number) }
}
