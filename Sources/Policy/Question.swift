// A rule's conditions asked about a call that is known: the same words, outside of a policy.

import Messages

extension Condition {
    /// `predicate` counts for items and ports alone.
    public init(_ subject: Subject, _ predicate: Predicate = .any([])) {
        self.subject = subject
        self.predicate = predicate
    }

    /// Whether it holds for a call. What could not be read holds nothing.
    public func holds(_ request: Request) -> Bool {
        guard let row = SpecTables.row(request.stop.personality, request.stop.number) else { return false }
        let items = CallItems(
            row: row, personality: request.stop.personality, registers: request.stop.arguments,
            message: request.message, request: request)
        return (try? holds(items)) ?? false
    }
}

extension Operand {
    /// A number as C writes it, else a word.
    public init(_ text: String) { self = PolicyReader.operand(text) }
}

extension Predicate {
    /// Names of items that calls of any operation have.
    public static let itemNames = Set(PolicyReader.itemNames(Messages.Operation.allCases))
}
