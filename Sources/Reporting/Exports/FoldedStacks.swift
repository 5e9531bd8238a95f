// Folded stacks, which flame graph programs read: `program;class;operation count`, a line a stack.

import Messages

/// Counts calls, or sums up their time, by program, class and operation.
public final class FoldedStacks: ExportForm {
    public enum Weight: String, CaseIterable, Sendable {
        case count
        /// Nanoseconds.
        case time
    }

    private let weight: Weight
    private let write: ([UInt8]) -> Void
    private var weights: [String: Int64] = [:]

    public init(_ weight: Weight, write: @escaping ([UInt8]) -> Void) {
        self.weight = weight
        self.write = write
    }

    public func call(_ call: ExportedCall) {
        let operation = call.message.operation
        let stack = "\(Self.frame(call.program));\(operation.operationClass.name);\(operation.name)"
        weights[stack, default: 0] += weight == .count ? 1 : call.duration
    }

    public func other(_ event: Event) {}

    public func finish(_ lives: Lives) {
        for (stack, weight) in weights.sorted(by: { $0.key < $1.key }) { write(Array("\(stack) \(weight)\n".utf8)) }
    }

    /// A frame ends at `;`, a stack at the last blank.
    private static func frame(_ program: [UInt8]) -> String {
        String(Words.base(program).map { $0 == ";" ? ":" : $0 == " " ? "_" : $0 })
    }
}
