// What a profile says of system calls: for each number what a filter without a supervisor does, as tests that other
// programs' filters know.

import Messages
import Policy

/// A call of the 64-bit table and what is done with it.
struct ProfileCall {
    var name: String
    var operation: Messages.Operation
    var tree: DecisionTree
    /// The kernel that brought it.
    var since: String
    /// Something about it is decided by what lies in memory, which a filter lets through.
    var isHalfSaid: Bool

    /// Whether a kernel of this version does not have it.
    func isNewer(than version: [Int]) -> Bool {
        let own = since.split(separator: ".").map { Int($0) ?? 0 }
        return version.lexicographicallyPrecedes(own)
    }
}

/// One test of an argument: its masked bits equal a value, or it lies in a range.
struct ArgumentTest: Hashable {
    enum Kind { case equals, atLeast, below }

    var register: UInt8
    var kind: Kind
    var mask: UInt64
    var value: UInt64
}

extension Policy {
    /// What a filter by itself does with each call. What only memory tells is let through.
    var profileCalls: [ProfileCall] {
        let questions = PolicyQuestions(self, LoweringOptions(narrower: nested.map { narrowed(by: $0) }))
        return SpecTables.x86_64.indices.compactMap { number in
            guard let row = SpecTables.row(.x86_64, UInt64(number)) else { return nil }
            let tree = questions.tree(.x86_64, UInt64(number))
            return ProfileCall(
                name: row.name, operation: row.operation,
                tree: tree.map { $0 == .notify || $0 == .trace ? .allow : $0 }, since: row.since,
                isHalfSaid: tree.leaves.contains(.notify))
        }
    }

    /// That some operations are decided in memory, which a filter cannot follow.
    func memoryGap(_ calls: [ProfileCall], _ instead: String) -> [ProfileGap] {
        let names = Set(calls.filter(\.isHalfSaid).map(\.operation.name)).sorted()
        if names.isEmpty { return [] }
        return [
            ProfileGap(
                line: nil,
                words: "decided by what lies in memory, so let through\(instead): " + names.joined(separator: " "))
        ]
    }
}

extension DecisionTree {
    var leaves: Set<FilterAction> {
        switch self {
        case .leaf(let action): [action]
        case .test(_, let yes, let no): yes.leaves.union(no.leaves)
        }
    }

    /// The ways to an action, each a list of tests that hold together, one a register at most; nil
    /// where they would be more than `limit`, or need two kinds of test on one register.
    func alternatives(to action: FilterAction, limit: Int = 256) -> [[ArgumentTest]]? {
        var list: [[ArgumentTest]] = []
        for way in ways(to: action, []) {
            guard let found = Conjunction.all(way, limit) else { return nil }
            for tests in found where !list.contains(tests) { list.append(tests) }
            if list.count > limit { return nil }
        }
        return list
    }

    private func ways(to action: FilterAction, _ path: [(RegisterTest, Bool)]) -> [[(RegisterTest, Bool)]] {
        switch self {
        case .leaf(action): [path]
        case .leaf: []
        case .test(let test, let yes, let no):
            yes.ways(to: action, path + [(test, true)]) + no.ways(to: action, path + [(test, false)])
        }
    }
}

/// Tests that hold together: for each register which bits are known, or a range.
private struct Conjunction {
    private var bits: [UInt8: (mask: UInt64, value: UInt64)] = [:]
    private var ranges: [ArgumentTest] = []

    /// The tests of one way through a tree. What must not hold is turned into what must, bit by bit.
    static func all(_ way: [(test: RegisterTest, answer: Bool)], _ limit: Int) -> [[ArgumentTest]]? {
        var first = Conjunction()
        for (test, answer) in way {
            switch (test.kind, answer) {
            case (.equals, true): if !first.require(test.register, test.mask, test.value) { return [] }
            case (.anyBit, false): if !first.require(test.register, test.mask, 0) { return [] }
            case (.atLeast, _):
                first.ranges.append(
                    ArgumentTest(
                        register: test.register, kind: answer ? .atLeast : .below, mask: test.mask, value: test.value))
            default: break
            }
        }
        var list = [first]
        for (test, values) in excluded(way) {
            list = list.flatMap { $0.excluding(values, test.mask, test.register) }
            if list.count > limit { return nil }
        }
        for (test, answer) in way where test.kind == .anyBit && answer {
            list = list.flatMap { $0.requiringAny(of: test.mask, test.register) }
            if list.count > limit { return nil }
        }
        guard list.allSatisfy(\.isSayable) else { return nil }
        return list.map(\.tests)
    }

    /// Values that a register must not have under a mask, together.
    private static func excluded(_ way: [(test: RegisterTest, answer: Bool)]) -> [(RegisterTest, [UInt64])] {
        var list: [(RegisterTest, [UInt64])] = []
        for (test, answer) in way where test.kind == .equals && !answer {
            if let index = list.firstIndex(where: { $0.0.register == test.register && $0.0.mask == test.mask }) {
                list[index].1.append(test.value)
            } else {
                list.append((test, [test.value]))
            }
        }
        return list
    }

    /// False where the bits contradict what is known.
    private mutating func require(_ register: UInt8, _ mask: UInt64, _ value: UInt64) -> Bool {
        let known = bits[register] ?? (0, 0)
        if (known.value ^ value) & known.mask & mask != 0 { return false }
        bits[register] = (known.mask | mask, known.value | value & mask)
        return true
    }

    private func requiring(_ register: UInt8, _ mask: UInt64, _ value: UInt64) -> Conjunction? {
        var other = self
        return other.require(register, mask, value) ? other : nil
    }

    private func requiringAny(of mask: UInt64, _ register: UInt8) -> [Conjunction] {
        if let known = bits[register], known.value & mask != 0 { return [self] }
        return (0..<64).filter { mask >> UInt64($0) & 1 != 0 }.compactMap {
            requiring(register, 1 << UInt64($0), 1 << UInt64($0))
        }
    }

    /// Every value but some: by the first bit from the top in which it differs from all that are left.
    private func excluding(_ values: [UInt64], _ mask: UInt64, _ register: UInt8) -> [Conjunction] {
        let known = bits[register] ?? (0, 0)
        let left = values.filter { ($0 ^ known.value) & known.mask & mask == 0 }
        if left.isEmpty { return [self] }
        guard let top = (0..<64).reversed().first(where: { (mask & ~known.mask) >> UInt64($0) & 1 != 0 }) else {
            return []
        }
        let bit = UInt64(1) << UInt64(top)
        return [bit, 0].flatMap { value -> [Conjunction] in
            guard let next = requiring(register, bit, value) else { return [] }
            return next.excluding(left, mask, register)
        }
    }

    /// One test a register: other programs' filters take no more.
    private var isSayable: Bool {
        let registers = ranges.map(\.register)
        return Set(registers).count == registers.count && registers.allSatisfy { bits[$0] == nil }
            // They compare whole registers, rubbish above the bits that the kernel reads included.
            && ranges.allSatisfy { $0.mask == .max }
    }

    private var tests: [ArgumentTest] {
        bits.sorted { $0.key < $1.key }.map {
            ArgumentTest(register: $0.key, kind: .equals, mask: $0.value.mask, value: $0.value.value)
        } + ranges
    }
}
