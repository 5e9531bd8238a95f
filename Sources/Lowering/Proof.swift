// Proves a program against the policy it was made from: our interpreter runs it on every boundary value of every
// register that matters to a number, for every number of both tables, and each answer must be the policy's.

import Messages
import Policy

/// An answer that is not the policy's.
public struct Mismatch: Error, Equatable, Sendable {
    public let personality: Personality
    public let number: UInt64
    public let arguments: RawArguments
    public let expected: UInt32
    public let found: UInt32?
}

extension SeccompProgram {
    /// How many questions were asked; it throws the first wrong answer.
    @discardableResult
    public func prove() throws(Mismatch) -> Int { try prove(instructions) }

    /// The same for a program that may be another one than the policy's own.
    @discardableResult
    public func prove(_ instructions: [Instruction]) throws(Mismatch) -> Int {
        var count = 0
        for (personality, _) in Self.architectures { count += try prove(personality, instructions) }
        return count
    }

    /// The part of it that is about one table: those of all personalities together prove the program.
    @discardableResult
    public func prove(_ personality: Personality) throws(Mismatch) -> Int { try prove(personality, instructions) }

    private func prove(_ personality: Personality, _ instructions: [Instruction]) throws(Mismatch) -> Int {
        var count = 0
        for (_, audit) in Self.architectures.filter({ $0.personality == personality }) {
            let table = personality == .x86_64 ? SpecTables.x86_64.count : SpecTables.i386.count
            let beyond: [UInt64] = [UInt64(Self.x32) - 1, UInt64(Self.x32), UInt64(Self.x32) + 1, 0xFFFF_FFFF]
            for number in (0..<UInt64(table) + 2).map({ $0 }) + beyond {
                count += try prove(personality, audit, number, instructions)
            }
        }
        // A foreign architecture ends the program.
        let foreign = Interpreter.run(instructions, FilterQuestion(number: 0, architecture: 0xC000_00B7))
        if foreign != FilterAction.kill.code {
            throw Mismatch(
                personality: .x86_64, number: 0, arguments: RawArguments(), expected: FilterAction.kill.code,
                found: foreign)
        }
        return count
    }

    private func prove(
        _ personality: Personality, _ audit: UInt32, _ number: UInt64, _ instructions: [Instruction]
    ) throws(Mismatch) -> Int {
        let read = Interpreter.registersRead(
            instructions, number: UInt32(truncatingIfNeeded: number), architecture: audit)
        let tree = tree(personality, number)
        let asked = RegistersRead(tree.tests.map { .register(Int($0.register)) })
        // What the policy does not ask for, the program must not look at.
        if !asked.isSuperset(of: read) {
            throw Mismatch(
                personality: personality, number: number, arguments: RawArguments(),
                expected: expected(Stop(personality: personality, number: number)).code, found: nil)
        }
        let questions = Self.questions(tree, asked)
        for arguments in questions {
            let stop = Stop(personality: personality, number: number, arguments: arguments)
            try Self.check(instructions, stop, audit, wanted: expected(stop))
        }
        return questions.count
    }

    /// One question.
    public func check(_ stop: Stop, _ audit: UInt32) throws(Mismatch) {
        try Self.check(instructions, stop, audit, wanted: expected(stop))
    }

    private static func check(
        _ instructions: [Instruction], _ stop: Stop, _ audit: UInt32, wanted: FilterAction
    ) throws(Mismatch) {
        let question = FilterQuestion(
            number: UInt32(truncatingIfNeeded: stop.number), architecture: audit, arguments: stop.arguments)
        let found = Interpreter.run(instructions, question)
        if found != wanted.code {
            throw Mismatch(
                personality: stop.personality, number: stop.number, arguments: stop.arguments, expected: wanted.code,
                found: found)
        }
    }

    /// Registers at and around everything that the number's tests compare with: a way to every leaf, and from there
    /// each register that matters moved to each of its boundaries, with rubbish in the bits that the kernel does not
    /// read. Where none matters, one question proves the answers equal.
    private static func questions(_ tree: DecisionTree, _ matters: RegistersRead) -> [RawArguments] {
        if matters.isEmpty { return [RawArguments()] }
        var boundaries: [[UInt64]] = Array(repeating: [0, .max], count: 6)
        for test in tree.tests { boundaries[Int(test.register)] += test.boundaries }
        boundaries = boundaries.map { Array(Set($0)).sorted() }
        var bases: Set<[UInt64]> = [[0, 0, 0, 0, 0, 0]]
        tree.ways(boundaries, [0, 0, 0, 0, 0, 0], [], &bases)
        var list: [RawArguments] = []
        for register in 0..<6 where matters.contains(.register(register)) {
            // Ways that differ in nothing but the register that is moved are one.
            let others = Set(
                bases.map { base in
                    var base = base
                    base[register] = 0
                    return base
                })
            for base in others {
                for value in boundaries[register] {
                    var arguments = RawArguments(base[0], base[1], base[2], base[3], base[4], base[5])
                    arguments[register] = value
                    list.append(arguments)
                }
            }
        }
        return list
    }
}

extension RegisterTest {
    /// Values on both sides of where the answer changes.
    var boundaries: [UInt64] {
        let rubbish = ~mask
        switch kind {
        case .equals, .atLeast:
            return [value, value | rubbish, value &+ 1, value &- 1, value ^ (mask & (0 &- mask)), value ^ 1 << 32]
        case .anyBit: return [mask, mask & (0 &- mask), rubbish, 0]
        }
    }
}

extension DecisionTree {
    /// Registers that lead to each leaf, as far as boundaries can.
    fileprivate func ways(
        _ boundaries: [[UInt64]], _ base: [UInt64], _ path: [(RegisterTest, Bool)], _ found: inout Set<[UInt64]>
    ) {
        guard found.count < 256 else { return }
        switch self {
        case .leaf: found.insert(base)
        case .test(let test, let yes, let no):
            for (answer, next) in [(true, yes), (false, no)] {
                let register = Int(test.register)
                let path = path + [(test, answer)]
                let candidates = [base[register]] + boundaries[register]
                let fitting = candidates.first { value in
                    path.allSatisfy { known, wanted in
                        known.register != test.register || known.holds(value: value) == wanted
                    }
                }
                guard let fitting else { continue }
                var moved = base
                moved[register] = fitting
                next.ways(boundaries, moved, path, &found)
            }
        }
    }
}

extension RegisterTest {
    fileprivate func holds(value: UInt64) -> Bool {
        var arguments = RawArguments()
        arguments[Int(register)] = value
        return holds(arguments)
    }
}
