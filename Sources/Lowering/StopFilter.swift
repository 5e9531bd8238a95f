// A seccomp program that stops the calls that somebody asked for and lets all others pass.

import Messages
import Policy

/// The program of a filter-assisted trace: it allows or stops, by number alone, so that the kernel answers for most
/// numbers from a table (seccomp_cache_check_allow, kernel/seccomp.c).
public struct StopFilter: Sendable {
    public let instructions: [Instruction]

    /// Asks once for each number below `end`; `end` stands for all from there on. Calls of a table that we do not
    /// know stop.
    public init(end: UInt64, stops: (Personality, UInt64) -> Bool) {
        var code = [Instruction(Instruction.give, FilterAction.trace.code)]
        for (personality, audit) in SeccompProgram.architectures.reversed() {
            var ranges: [(number: UInt32, tree: DecisionTree)] = []
            for number in 0...end {
                let tree = DecisionTree.leaf(stops(personality, number) ? .trace : .allow)
                if ranges.last?.tree != tree { ranges.append((UInt32(truncatingIfNeeded: number), tree)) }
            }
            let body = [Instruction(Instruction.load, 0)] + SeccompProgram.search(ranges[...])
            code = SeccompProgram.branch(Instruction.ifEqual, audit, body, code)
        }
        instructions = [Instruction(Instruction.load, 4)] + code
    }
}
