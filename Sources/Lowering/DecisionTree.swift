// What the kernel does with one number, as a tree of tests on registers.

import Messages
import Policy

indirect enum DecisionTree: Hashable, Sendable {
    case leaf(FilterAction)
    case test(RegisterTest, yes: DecisionTree, no: DecisionTree)

    /// Asks the policy with ever more registers known, until every answer is there. A call that takes more than
    /// `limit` tests is left to the supervisor.
    init(limit: Int = 600, _ ask: (KnownTests) throws(Undecided) -> FilterAction) {
        var left = limit
        self = Self.build(KnownTests(), &left, ask)
        if left <= 0 { self = .leaf(.notify) }
    }

    private static func build(
        _ known: KnownTests, _ left: inout Int, _ ask: (KnownTests) throws(Undecided) -> FilterAction
    ) -> DecisionTree {
        guard left > 0 else { return .leaf(.notify) }
        do throws(Undecided) {
            return .leaf(try ask(known))
        } catch {
            guard let test = error.test else { return .leaf(.notify) }
            left -= 1
            let yes = build(known.adding(test, true), &left, ask)
            let no = build(known.adding(test, false), &left, ask)
            return yes == no ? yes : .test(test, yes: yes, no: no)
        }
    }

    func action(_ arguments: RawArguments) -> FilterAction {
        switch self {
        case .leaf(let action): action
        case .test(let test, let yes, let no): (test.holds(arguments) ? yes : no).action(arguments)
        }
    }

    /// Every test in it.
    var tests: Set<RegisterTest> {
        switch self {
        case .leaf: []
        case .test(let test, let yes, let no): yes.tests.union(no.tests).union([test])
        }
    }

    func map(_ change: (FilterAction) -> FilterAction) -> DecisionTree {
        switch self {
        case .leaf(let action): return .leaf(change(action))
        case .test(let test, let yes, let no):
            let (yes, no) = (yes.map(change), no.map(change))
            return yes == no ? yes : .test(test, yes: yes, no: no)
        }
    }
}

/// Answers so far, and what follows from them. There are few, and each is asked for again and again: going through them is
/// quicker than finding them by their hash.
struct KnownTests: Registers {
    private var answers: [(test: RegisterTest, answer: Bool)] = []

    func adding(_ test: RegisterTest, _ answer: Bool) -> KnownTests {
        var other = self
        other.answers.append((test, answer))
        return other
    }

    func holds(_ test: RegisterTest) throws(Undecided) -> Bool {
        if test.mask == 0 {
            return test.kind == .anyBit ? false : test.kind == .atLeast ? test.value == 0 : test.value == 0
        }
        for known in answers where known.test == test { return known.answer }
        for known in answers where known.test.register == test.register {
            if let found = test.follows(from: known.test, known.answer) { return found }
        }
        throw Undecided(test: test)
    }
}

extension RegisterTest {
    /// What another test's answer says about this one, nil where it says nothing.
    func follows(from known: RegisterTest, _ answer: Bool) -> Bool? {
        if known.kind == .equals, answer, mask & known.mask == mask {
            let value = known.value & mask
            switch kind {
            case .equals: return value == self.value
            case .anyBit: return value != 0
            case .atLeast: return value >= self.value
            }
        }
        // Bits that are known to be there rule other values out.
        if known.kind == .equals, answer, kind == .equals {
            let shared = mask & known.mask
            if known.value & shared != value & shared { return false }
        }
        if known.kind == .atLeast, kind == .atLeast, known.mask == mask {
            if answer && value <= known.value { return true }
            if !answer && value >= known.value { return false }
        }
        return nil
    }
}
