// The table of counts, errors and time that -c prints.

import Messages

/// Counts calls.
public struct Summary: Sendable {
    /// What rows are ordered by.
    public enum Order: String, Sendable, CaseIterable { case time, calls, errors, name, nothing }

    private struct Row {
        var name: String
        var calls = 0
        var errors = 0
        var time: Int64 = 0
    }
    private var rows: [String: Row] = [:]
    private var classes: [String: Row] = [:]

    public init() {}

    public mutating func count(_ message: Message, duration: Int64) {
        add(message.name, message, duration, &rows)
        add(message.operation.operationClass.name, message, duration, &classes)
    }

    private func add(_ name: String, _ message: Message, _ duration: Int64, _ rows: inout [String: Row]) {
        var row = rows[name] ?? Row(name: name)
        row.calls += 1
        if message.reply?.errno != nil { row.errors += 1 }
        row.time += max(0, duration)
        rows[name] = row
    }

    /// The table in strace's layout, then one by class.
    public func text(order: Order, byClass: Bool) -> String {
        var text = table(rows, "syscall", order)
        if byClass { text += "\n" + table(classes, "class", order) }
        return text
    }

    private func table(_ rows: [String: Row], _ title: String, _ order: Order) -> String {
        let sorted = rows.values.sorted { left, right in
            switch order {
            case .time where left.time != right.time: left.time > right.time
            case .calls where left.calls != right.calls: left.calls > right.calls
            case .errors where left.errors != right.errors: left.errors > right.errors
            default: left.name < right.name
            }
        }
        let total = sorted.reduce(0) { $0 + $1.time }
        var lines = ["% time     seconds  usecs/call     calls    errors \(title)", Self.rule]
        for row in sorted { lines.append(Self.line(row, total)) }
        lines.append(Self.rule)
        var sum = Row(name: "total")
        for row in sorted {
            sum.calls += row.calls
            sum.errors += row.errors
        }
        sum.time = total
        lines.append(Self.line(sum, total))
        return lines.joined(separator: "\n") + "\n"
    }

    private static let rule = "------ ----------- ----------- --------- --------- ----------------"

    private static func line(_ row: Row, _ total: Int64) -> String {
        func right(_ text: String, _ width: Int) -> String {
            String(repeating: " ", count: max(0, width - text.utf8.count)) + text
        }
        let share = total == 0 ? 0 : row.time * 10_000 / total
        let percent = "\(share / 100)." + LineText.padded(share % 100, 2)
        let each = row.calls == 0 ? 0 : row.time / 1000 / Int64(row.calls)
        return right(percent, 6) + " " + right(LineText.seconds(row.time), 11) + " " + right("\(each)", 11) + " "
            + right("\(row.calls)", 9) + " " + right(row.errors == 0 ? "" : "\(row.errors)", 9) + " \(row.name)"
    }
}
