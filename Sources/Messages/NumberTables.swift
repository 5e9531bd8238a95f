// Which numbers are which calls, where a file says it in place of the spec. It is settled before the first look at a table.

import Synchronization

/// Lines of a file that change a table: a personality, a number, and a call of the spec or none.
public struct NumberTable: Sendable {
    /// What is wrong with a line, and where.
    public struct Fault: Error, Equatable, CustomStringConvertible {
        public let line: Int
        public let column: Int
        public let message: String

        public var description: String { "\(line):\(column): \(message)" }
    }

    struct Row: Sendable {
        let personality: Personality
        let number: Int
        /// Empty where the number is to be none.
        let call: String
        let line: Int
        let column: Int
    }

    /// Numbers end below this; interceptors tell no larger ones apart.
    public static let end = 1024

    let rows: [Row]

    /// Reads `PERSONALITY NUMBER CALL` lines; `-` in place of the call takes the number out, `#` begins a remark.
    public init(_ text: String) throws(Fault) {
        var rows: [Row] = []
        var lines: [Int: Int] = [:]
        for (index, whole) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let line = index + 1
            let words = whole.prefix { $0 != "#" }.split { $0 == " " || $0 == "\t" || $0 == "\r" }
            func column(_ word: Substring) -> Int { whole.distance(from: whole.startIndex, to: word.startIndex) + 1 }
            guard let first = words.first else { continue }
            guard words.count == 3 else {
                throw Fault(line: line, column: column(first), message: "expected PERSONALITY NUMBER CALL")
            }
            guard let personality = Personality.allCases.first(where: { $0.name == first }) else {
                throw Fault(line: line, column: column(first), message: "there is no personality '\(first)'")
            }
            guard let number = Int(words[1]), (0..<Self.end).contains(number) else {
                throw Fault(
                    line: line, column: column(words[1]),
                    message: "'\(words[1])' is no number from 0 to \(Self.end - 1)")
            }
            let key = Int(personality.rawValue) * Self.end + number
            if let earlier = lines.updateValue(line, forKey: key) {
                throw Fault(line: line, column: column(words[1]), message: "line \(earlier) has \(number) already")
            }
            rows.append(
                Row(
                    personality: personality, number: number, call: words[2] == "-" ? "" : String(words[2]), line: line,
                    column: column(words[2])))
        }
        self.rows = rows
    }

    /// The table with the file's lines in it. Calls that have lost their number stand beyond all numbers: recordings
    /// know them by their names.
    func applied(to built: [Int16], _ personality: Personality) throws(Fault) -> [Int16] {
        var table = built
        for row in rows where row.personality == personality {
            var index: Int16 = -1
            if !row.call.isEmpty {
                guard let known = built.first(where: { $0 >= 0 && SpecTables.calls[Int($0)].name == row.call }) else {
                    throw Fault(
                        line: row.line, column: row.column,
                        message: "\(personality.name) has no call '\(row.call)'; abitrace syscalls lists them")
                }
                index = known
            }
            while table.count <= row.number { table.append(-1) }
            table[row.number] = index
        }
        guard !table.elementsEqual(built) else { return built }
        let kept = Set(table)
        let lost = built.filter { $0 >= 0 && !kept.contains($0) }
        if !lost.isEmpty {
            table += [Int16](repeating: -1, count: Self.end + 1 - table.count)
            table += lost
        }
        return table
    }
}

/// The tables in force.
public enum NumberTables {
    private struct State {
        var file: NumberTable?
        var fault: NumberTable.Fault?
        var isSettled = false
    }

    private static let state = Mutex(State())

    /// Puts a file's lines in force and looks at every table with them. It has to come before the first look at one.
    public static func install(_ file: NumberTable) throws(NumberTable.Fault) {
        let isLate = state.withLock { state in
            if !state.isSettled { state.file = file }
            return state.isSettled
        }
        precondition(!isLate, "a table of numbers was looked at before the file that changes it")
        _ = (SpecTables.x86_64.count, SpecTables.i386.count)
        if let fault = state.withLock({ $0.fault }) { throw fault }
    }

    /// The table of a personality: the spec's, or what the installed file makes of it.
    static func chosen(_ personality: Personality, _ built: [Int16]) -> [Int16] {
        let file = state.withLock { state in
            state.isSettled = true
            return state.file
        }
        guard let file else { return built }
        do {
            return try file.applied(to: built, personality)
        } catch {
            state.withLock { $0.fault = $0.fault ?? error }
            return built
        }
    }
}
