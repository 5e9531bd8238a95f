// The table of counts, errors and time that -c prints: strace's layout, and one by class.

import Messages

/// Counts calls.
public struct Summary: Sendable {
    /// What rows are ordered by.
    public enum Order: String, Sendable, CaseIterable {
        case time, minimum = "min-time", maximum = "max-time", average = "avg-time", calls, errors, name, nothing

        /// The order of a name that strace's `-S` knows.
        public init?(named name: String) {
            let others: [String: Order] = [
                "time-percent": .time, "time_percent": .time, "time-total": .time, "time_total": .time,
                "total-time": .time, "total_time": .time, "shortest": .minimum, "min_time": .minimum,
                "longest": .maximum, "max_time": .maximum, "avg_time": .average, "count": .calls, "error": .errors,
                "syscall": .name, "syscall-name": .name, "syscall_name": .name, "none": .nothing,
            ]
            guard let order = Order(rawValue: name) ?? others[name] else { return nil }
            self = order
        }
    }

    /// What a row shows.
    public enum Column: String, Sendable, CaseIterable {
        case share = "time-percent", total = "total-time", minimum = "min-time", maximum = "max-time",
            average = "avg-time", calls, errors, name

        /// The column of a name that strace's `-U` knows.
        public init?(named name: String) {
            let others: [String: Column] = [
                "time": .share, "time_percent": .share, "time-total": .total, "time_total": .total,
                "total_time": .total, "shortest": .minimum, "min_time": .minimum, "longest": .maximum,
                "max_time": .maximum, "avg_time": .average, "count": .calls, "error": .errors, "syscall": .name,
                "syscall-name": .name, "syscall_name": .name,
            ]
            guard let column = Column(rawValue: name) ?? others[name] else { return nil }
            self = column
        }

        var title: String {
            switch self {
            case .share: "% time"
            case .total: "seconds"
            case .minimum: "shortest"
            case .maximum: "longest"
            case .average: "usecs/call"
            case .calls: "calls"
            case .errors: "errors"
            case .name: "syscall"
            }
        }

        var width: Int {
            switch self {
            case .share: 6
            case .minimum, .maximum: 8
            case .total, .average: 11
            case .calls, .errors: 9
            case .name: 16
            }
        }
    }

    /// How the table is laid out.
    public struct Layout: Sendable {
        public var order = Order.time
        public var columns: [Column] = [.share, .total, .average, .calls, .errors, .name]
        /// A table by class follows.
        public var byClass = false

        public init() {}
    }

    private struct Row {
        var name: String
        var number: UInt64 = 0
        var calls = 0
        var errors = 0
        var time: Int64 = 0
        var shortest = Int64.max
        var longest: Int64 = 0
        var average: Int64 { calls == 0 ? 0 : time / Int64(calls) }

        mutating func add(_ duration: Int64, failed: Bool) {
            calls += 1
            if failed { errors += 1 }
            time += duration
            shortest = min(shortest, duration)
            longest = max(longest, duration)
        }
    }
    private var calls: [Personality: [UInt64: Row]] = [:]
    private var classes: [String: Row] = [:]
    /// Calls that were seen and could not be kept.
    private var lost: UInt64 = 0
    /// What watching adds to each call, in nanoseconds: taken off.
    private let overhead: Int64

    public init(overhead: Int64 = 0) { self.overhead = overhead }

    /// Counts a call that has come back.
    public mutating func count(_ message: Message, number: UInt64, duration: Int64) {
        let time = max(0, duration - overhead)
        let failed = message.reply?.errno != nil
        calls[message.personality, default: [:]][number, default: Row(name: message.name, number: number)]
            .add(time, failed: failed)
        let name = message.operation.operationClass.name
        classes[name, default: Row(name: name)].add(time, failed: failed)
    }

    /// Takes note of calls that are not there to be counted.
    public mutating func lose(_ calls: UInt64) { lost &+= calls }

    /// The table in strace's layout, one a personality.
    public func text(_ layout: Layout = Layout()) -> String {
        var text = ""
        for personality in Personality.allCases {
            guard let rows = calls[personality] else { continue }
            if personality == .i386 { text += "System call usage summary for 32 bit mode:\n" }
            text += table(Array(rows.values), layout)
        }
        if lost > 0 { text += "\(lost) calls were lost and are not counted\n" }
        if layout.byClass {
            text += "\n" + table(Array(classes.values), layout, named: "class")
        }
        return text
    }

    private func table(_ rows: [Row], _ layout: Layout, named name: String = "syscall") -> String {
        let numbered = rows.sorted { $0.number != $1.number ? $0.number < $1.number : $0.name < $1.name }
        let sorted = layout.order == .nothing ? numbered : Self.stable(numbered, layout.order)
        var sum = Row(name: "total")
        for row in sorted {
            sum.calls += row.calls
            sum.errors += row.errors
            sum.time += row.time
            sum.shortest = min(sum.shortest, row.shortest)
            sum.longest = max(sum.longest, row.longest)
        }
        let rule = layout.columns.map { String(repeating: "-", count: $0.width) }.joined(separator: " ")
        var lines = [Self.line(layout.columns.map { $0 == .name ? name : $0.title }, layout.columns), rule]
        for row in sorted { lines.append(Self.line(row, sum.time, layout.columns)) }
        lines.append(rule)
        lines.append(Self.line(sum, sum.time, layout.columns, isTotal: true))
        return lines.joined(separator: "\n") + "\n"
    }

    /// Equal rows keep the order of their numbers.
    private static func stable(_ rows: [Row], _ order: Order) -> [Row] {
        rows.enumerated().sorted { left, right in
            let (one, other) = (left.element, right.element)
            switch order {
            case .time where one.time != other.time: return one.time > other.time
            case .minimum where one.shortest != other.shortest: return one.shortest > other.shortest
            case .maximum where one.longest != other.longest: return one.longest > other.longest
            case .average where one.average != other.average: return one.average > other.average
            case .calls where one.calls != other.calls: return one.calls > other.calls
            case .errors where one.errors != other.errors: return one.errors > other.errors
            case .name where one.name != other.name: return one.name < other.name
            default: return left.offset < right.offset
            }
        }.map(\.element)
    }

    private static func line(_ row: Row, _ total: Int64, _ columns: [Column], isTotal: Bool = false) -> String {
        let cells = columns.map { column in
            switch column {
            case .share:
                isTotal ? "100.00" : hundredths(total == 0 ? 0 : (row.time * 20_000 / total + 1) / 2)
            case .total: seconds(row.time)
            case .minimum: seconds(row.calls == 0 ? 0 : row.shortest)
            case .maximum: seconds(row.longest)
            case .average: "\(row.average / 1000)"
            case .calls: "\(row.calls)"
            case .errors: row.errors == 0 ? "" : "\(row.errors)"
            case .name: row.name
            }
        }
        return line(cells, columns)
    }

    /// Numbers stand right, names left; what is last is not filled up.
    private static func line(_ cells: [String], _ columns: [Column]) -> String {
        var line = ""
        for (index, (cell, column)) in zip(cells, columns).enumerated() {
            if index > 0 { line += " " }
            let filling = String(repeating: " ", count: max(0, column.width - cell.utf8.count))
            if column == .name {
                line += index == columns.count - 1 ? cell : cell + filling
            } else {
                line += filling + cell
            }
        }
        return line
    }

    private static func hundredths(_ number: Int64) -> String {
        "\(number / 100)." + LineText.padded(number % 100, 2)
    }

    /// To the nearest microsecond, as printf rounds.
    private static func seconds(_ nanoseconds: Int64) -> String {
        LineText.seconds(nanoseconds + 500, digits: 6)
    }
}
