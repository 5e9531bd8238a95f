// A policy as a seccomp program: the architecture first, then the hottest numbers, then the rest by halves.

import Messages
import Policy

/// How a policy is lowered.
public struct LoweringOptions: Sendable {
    /// Refusals and calls without effect go to the supervisor too, so that each is reported.
    public var reportsRefusals: Bool
    /// Operations whose decisions are made at a ptrace stop instead of a notification.
    public var traced: Set<Messages.Operation>
    /// Policies that processes may come to run under. What any of them decides otherwise is the supervisor's.
    public var narrower: [Policy]
    /// A supervisor listens. Without one, what only memory tells is let through.
    public var hasListener: Bool

    public init(
        reportsRefusals: Bool = false, traced: Set<Messages.Operation> = [], narrower: [Policy] = [],
        hasListener: Bool = true
    ) {
        self.hasListener = hasListener
        self.reportsRefusals = reportsRefusals
        self.traced = traced
        self.narrower = narrower
    }

    /// The action for a number, as these options want it.
    func adapt(_ action: FilterAction, _ row: CallRow?) -> FilterAction {
        guard let row else { return action }
        switch action {
        case .notify: return !hasListener ? .allow : traced.contains(row.operation) ? .trace : .notify
        case .allow: return .allow
        // clone3 is refused so that programs fall back on clone; nothing is lost by it.
        case .errno: return reportsRefusals && row.call != .clone3 ? .notify : action
        // The kernel would end one process, the supervisor ends them all.
        case .kill: return reportsRefusals ? .notify : .kill
        case .trace: return .trace
        }
    }
}

/// A policy and those that processes may come to run under, as they are asked about calls.
struct PolicyQuestions: Sendable {
    private let own: FilterQuestions
    private let narrower: [FilterQuestions]
    private let options: LoweringOptions

    init(_ policy: Policy, _ options: LoweringOptions) {
        own = FilterQuestions(policy)
        narrower = options.narrower.map(FilterQuestions.init)
        self.options = options
    }

    /// What the kernel does with a call, before it is adapted.
    private func action<R: Registers>(
        _ personality: Personality, _ number: UInt64, _ registers: R
    ) throws(Undecided) -> FilterAction {
        let action = try own.action(asking: personality, number, registers)
        for other in narrower where try other.action(asking: personality, number, registers) != action {
            return .notify
        }
        return action
    }

    func action(_ stop: Stop) -> FilterAction {
        let action = (try? action(stop.personality, stop.number, stop.arguments)) ?? .notify
        return options.adapt(action, SpecTables.row(stop.personality, stop.number))
    }

    func tree(_ personality: Personality, _ number: UInt64) -> DecisionTree {
        let row = SpecTables.row(personality, number)
        return DecisionTree { (known) throws(Undecided) in
            try action(personality, number, known)
        }.map { options.adapt($0, row) }
    }
}

/// Why a policy has no program.
public enum LoweringError: Error, Equatable {
    /// The kernel takes 4096 instructions (BPF_MAXINSNS).
    case tooLong(Int)
}

extension FilterAction {
    /// SECCOMP_RET_* (linux/seccomp.h).
    public var code: UInt32 {
        switch self {
        case .allow: 0x7FFF_0000
        case .errno(let number): 0x0005_0000 | UInt32(truncatingIfNeeded: number) & 0xFFFF
        case .kill: 0x8000_0000
        case .notify: 0x7FC0_0000
        case .trace: 0x7FF0_0000
        }
    }
}

/// What a policy answers for each number of one table: half of a program's making, that hangs on nothing of the other.
public struct TableAnswers: Sendable {
    let personality: Personality
    /// One beyond the table stands for all that follow.
    let trees: [DecisionTree]
    fileprivate let questions: PolicyQuestions

    public init(_ personality: Personality, _ policy: Policy, _ options: LoweringOptions) {
        let questions = PolicyQuestions(policy, options)
        self.personality = personality
        self.questions = questions
        let count = personality == .x86_64 ? SpecTables.x86_64.count : SpecTables.i386.count
        trees = (0...count).map { questions.tree(personality, UInt64($0)) }
    }
}

/// A program, and what it was made from.
public struct SeccompProgram: Sendable {
    public let instructions: [Instruction]
    private let tables: [TableAnswers]

    /// Where the i386 and x86-64 numbers that the filter knows end; what lies beyond has no meaning yet.
    static let architectures: [(personality: Personality, audit: UInt32)] = [
        (.x86_64, 0xC000_003E), (.i386, 0x4000_0003),
    ]
    /// Those that it has a table for; a call of any other ends the program.
    public static var personalities: [Personality] { architectures.map(\.personality) }
    /// Numbers with this bit are x32's (asm/unistd.h: __X32_SYSCALL_BIT).
    static let x32: UInt32 = 0x4000_0000

    /// Calls that make most of what programs do and that a filter can decide, the most frequent first.
    static let hottest = [
        "read", "write", "futex", "close", "mmap", "fstat", "lseek", "rt_sigprocmask", "epoll_wait", "poll",
        "recvfrom", "sendto", "getpid", "mprotect", "brk", "munmap",
    ]

    public init(_ policy: Policy, _ options: LoweringOptions = LoweringOptions()) throws(LoweringError) {
        try self.init(Self.architectures.map { TableAnswers($0.personality, policy, options) })
    }

    /// - Parameter tables: the answers of one policy for each table.
    public init(_ tables: [TableAnswers]) throws(LoweringError) {
        self.tables = tables
        var code: [Instruction] = [Instruction(Instruction.give, FilterAction.kill.code)]
        for (personality, audit) in Self.architectures.reversed() {
            for table in tables where table.personality == personality {
                code = Self.branch(Instruction.ifEqual, audit, Self.body(table.trees, personality), code)
            }
        }
        instructions = [Instruction(Instruction.load, 4)] + code
        guard instructions.count <= 4096 else { throw .tooLong(instructions.count) }
    }

    /// The program as the kernel and libseccomp's tools read it.
    public var bytes: [UInt8] { instructions.flatMap(\.bytes) }

    public var text: String {
        instructions.enumerated().map { index, each in
            let number = String(index)
            return String(repeating: " ", count: max(0, 4 - number.count)) + number + ": " + each.text
        }.joined(separator: "\n") + "\n"
    }

    /// What the policy says about concrete registers, as these options want it.
    public func expected(_ stop: Stop) -> FilterAction {
        table(stop.personality)?.questions.action(stop) ?? .kill
    }

    func tree(_ personality: Personality, _ number: UInt64) -> DecisionTree {
        guard let trees = table(personality)?.trees else { return .leaf(.kill) }
        return trees[Int(min(number, UInt64(trees.count - 1)))]
    }

    private func table(_ personality: Personality) -> TableAnswers? {
        tables.first { $0.personality == personality }
    }

    // MARK: Code

    private static func body(_ trees: [DecisionTree], _ personality: Personality) -> [Instruction] {
        let count = trees.count - 1
        var starts: [(number: UInt32, tree: DecisionTree)] = []
        for (number, tree) in trees.enumerated() where starts.last?.tree != tree {
            starts.append((UInt32(number), tree))
        }
        var code = search(starts[...])
        if personality == .x86_64 {
            code = branch(Instruction.ifAtLeast, x32, emit(trees[count]), code)
        }
        let hot = hottest.compactMap { SpecTables.number(of: $0, personality) }
        for number in hot.reversed() where trees[Int(number)] != .leaf(.notify) {
            code = branch(Instruction.ifEqual, UInt32(number), emit(trees[Int(number)]), code)
        }
        return [Instruction(Instruction.load, 0)] + code
    }

    /// Finds the range that a number lies in.
    static func search(_ ranges: ArraySlice<(number: UInt32, tree: DecisionTree)>) -> [Instruction] {
        guard ranges.count > 1 else { return ranges.first.map { emit($0.tree) } ?? [] }
        let middle = ranges.startIndex + ranges.count / 2
        return branch(
            Instruction.ifAtLeast, ranges[middle].number, search(ranges[middle...]), search(ranges[..<middle]))
    }

    /// One comparison of the accumulator.
    static func branch(_ code: UInt16, _ k: UInt32, _ yes: [Instruction], _ no: [Instruction]) -> [Instruction] {
        assemble([.init(code, k, .yes, .no)], yes, no)
    }

    private static func emit(_ tree: DecisionTree) -> [Instruction] {
        switch tree {
        case .leaf(let action): [Instruction(Instruction.give, action.code)]
        case .test(let test, let yes, let no): assemble(steps(test), emit(yes), emit(no))
        }
    }

    private enum Target { case next, yes, no }

    private struct Step {
        let code: UInt16
        let k: UInt32
        let whenTrue: Target
        let whenFalse: Target

        init(_ code: UInt16, _ k: UInt32, _ whenTrue: Target = .next, _ whenFalse: Target = .next) {
            self.code = code
            self.k = k
            self.whenTrue = whenTrue
            self.whenFalse = whenFalse
        }

        var isBranch: Bool { code & 7 == 5 }
    }

    /// A test on one register, half by half: filters see 32 bits at a time.
    private static func steps(_ test: RegisterTest) -> [Step] {
        let offset = 16 + 8 * UInt32(test.register)
        func half(_ value: UInt64, _ isHigh: Bool) -> UInt32 {
            UInt32(truncatingIfNeeded: isHigh ? value >> 32 : value)
        }
        func load(_ isHigh: Bool) -> [Step] {
            let mask = half(test.mask, isHigh)
            let load = Step(Instruction.load, isHigh ? offset + 4 : offset)
            return mask == .max || test.kind == .anyBit ? [load] : [load, Step(Instruction.and, mask)]
        }
        let (high, low) = (half(test.mask, true), half(test.mask, false))
        var steps: [Step] = []
        switch test.kind {
        case .equals:
            if high != 0 || half(test.value, true) != 0 {
                steps += load(true) + [Step(Instruction.ifEqual, half(test.value, true), low == 0 ? .yes : .next, .no)]
            }
            if low != 0 || high == 0 {
                steps += load(false) + [Step(Instruction.ifEqual, half(test.value, false), .yes, .no)]
            }
        case .anyBit:
            if high != 0 { steps += load(true) + [Step(Instruction.ifAnyBit, high, .yes, low == 0 ? .no : .next)] }
            if low != 0 || high == 0 { steps += load(false) + [Step(Instruction.ifAnyBit, low, .yes, .no)] }
        case .atLeast:
            let top = half(test.value, true)
            if high != 0 || top != 0 {
                steps +=
                    load(true) + [
                        Step(Instruction.ifAbove, top, .yes, .next), Step(Instruction.ifEqual, top, .next, .no),
                    ]
            }
            steps += load(false) + [Step(Instruction.ifAtLeast, half(test.value, false), .yes, .no)]
        }
        return steps
    }

    /// Steps, then what follows each answer. A jump that is too far for one byte goes by way of a long one.
    private static func assemble(_ steps: [Step], _ yes: [Instruction], _ no: [Instruction]) -> [Instruction] {
        let isFar = yes.count + steps.count > 250
        var code: [Instruction] = []
        for (index, step) in steps.enumerated() {
            let rest = steps.count - index - 1
            func distance(_ target: Target) -> UInt8 {
                switch target {
                case .next: 0
                case .yes: UInt8(isFar ? rest + 1 : rest)
                case .no: UInt8(isFar ? rest : rest + yes.count)
                }
            }
            code.append(
                step.isBranch
                    ? Instruction(
                        step.code, step.k, whenTrue: distance(step.whenTrue), whenFalse: distance(step.whenFalse))
                    : Instruction(step.code, step.k))
        }
        if isFar { code.append(Instruction(Instruction.jump, UInt32(yes.count))) }
        return code + yes + no
    }
}
