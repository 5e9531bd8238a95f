// Which rewrites and replies can be carried out: what cannot is refused when it comes to it, and said before.

import Messages
import Personalities
import Policy

public enum VerdictGaps {
    /// What of a verdict cannot be done for any call of these operations, in words.
    public static func words(_ verdict: Verdict, _ operations: [Messages.Operation]) -> [String] {
        operations.flatMap { operation -> [String] in
            switch verdict {
            case .rewrite(let changes):
                return changes.compactMap { change in
                    rewriting(change, operation).map {
                        "rewriting `\(change.item)` of \(operation.name): \($0), so the call is refused"
                    }
                }
            case .reply(let changes):
                return replying(changes, operation).map {
                    ["a reply to \(operation.name): \($0), so the call is refused"]
                }
                    ?? []
            default: return []
            }
        }
    }

    private static func calls(_ operation: Messages.Operation) -> [(number: Int, row: CallRow)] {
        SpecTables.x86_64.enumerated().compactMap { number, index in
            guard index >= 0 else { return nil }
            let row = SpecTables.calls[Int(index)]
            let choices = SpecTables.choices[Int(row.firstChoice)..<Int(row.firstChoice) + Int(row.choiceCount)]
            let isOne = row.operation == operation || choices.contains { $0.operation == operation }
            return isOne ? (number, row) : nil
        }
    }

    private static func rewriting(_ change: Change, _ operation: Messages.Operation) -> String? {
        let rows = calls(operation).map(\.row)
        var fault: String?
        for row in rows {
            switch RewrittenItem(change.item, of: row) {
            case nil: continue
            case .name, .address: return nil
            case .register(_, let type):
                do throws(EncodingFault) {
                    _ = try Encoder(.x86_64).number(change.value, of: type)
                    return nil
                } catch {
                    fault = error.description
                }
            case .result:
                do throws(EncodingFault) {
                    _ = try Encoder(.x86_64).number(change.value, of: row.result)
                    return nil
                } catch {
                    fault = error.description
                }
            }
        }
        if let fault { return fault }
        let isKnown = rows.contains { row in row.argumentRows.contains { $0.item == change.item } }
        return isKnown ? "nobody can perform the call with another one" : "no such item"
    }

    private static func replying(_ changes: [Change], _ operation: Messages.Operation) -> String? {
        let items = changes.map { ItemChange(item: $0.item, value: $0.value) }
        var fault: String?
        for (number, _) in calls(operation) {
            // Pointers that are not NULL.
            let stop = Stop(
                number: UInt64(number), arguments: RawArguments(0x1000, 0x1000, 0x1000, 0x1000, 0x1000, 0x1000))
            do throws(EncodingFault) {
                _ = try Encoder(.x86_64).reply(
                    to: stop, items, address: { Address(written: $0)?.sockaddr() })
                return nil
            } catch {
                fault = error.description
            }
        }
        return fault
    }
}
