// What there is to say of one word: labelled lines.

/// One meaning of a word.
public struct Explanation: Equatable, Sendable {
    public struct Row: Equatable, Sendable {
        public let label: String
        public let text: [String]
    }

    public let title: String
    public private(set) var rows: [Row] = []

    init(_ title: String) { self.title = title }

    mutating func add(_ label: String, _ text: String?) {
        guard let text, !text.isEmpty, text != "-" else { return }
        rows.append(Row(label: label, text: [text]))
    }

    mutating func add(_ label: String, _ lines: [String]) {
        if !lines.isEmpty { rows.append(Row(label: label, text: lines)) }
    }

    /// As a terminal shows it.
    public var text: String {
        var text = title + "\n"
        for row in rows {
            for (index, line) in row.text.enumerated() {
                let label = index == 0 ? row.label : ""
                let padding = String(repeating: " ", count: max(1, 14 - label.count))
                text += "  \(label)\(padding)\(line)\n"
            }
        }
        return text
    }
}

/// Columns that line up: all but the last as wide as their widest.
public func aligned(_ table: [[String]]) -> [String] {
    var widths: [Int] = []
    for row in table {
        for (index, cell) in row.enumerated() {
            if index == widths.count { widths.append(0) }
            widths[index] = max(widths[index], cell.count)
        }
    }
    return table.map { row in
        var line = ""
        for (index, cell) in row.enumerated() {
            line += cell
            if index < row.count - 1 { line += String(repeating: " ", count: widths[index] - cell.count + 2) }
        }
        while line.last == " " { line.removeLast() }
        return line
    }
}

extension Reference {
    /// Every meaning of a word, none for a word that the spec does not know.
    public func explain(_ word: String) -> [Explanation] {
        var found: [Explanation] = []
        for entry in entries where entry.name == word {
            switch entry.kind {
            case "class": found.append(explain(class: entry))
            case "operation": found.append(explain(operation: entry))
            case "call": found.append(explain(call: entry))
            case "struct": found.append(explain(structure: entry))
            case "flags", "enum": found.append(explain(set: entry))
            case "personality": found.append(explain(personality: entry))
            case "right", "group", "ambient": found.append(explain(other: entry))
            default: break
            }
        }
        found += explain(symbol: word)
        if let number = Int(word) { found += explain(number: number) }
        return found
    }

    // MARK: Operations and calls

    private func explain(class entry: Entry) -> Explanation {
        var said = Explanation("\(entry.name): a class of operations")
        said.add("", entry.first("title"))
        let operations = entries("operation").filter { $0.name.hasPrefix(entry.name + ".") }
        said.add("operations", aligned(operations.map { [$0.name, $0.first("does") ?? ""] }))
        said.add("calls", wrap(entries("call").filter { isCall($0, of: entry.name + ".") }.map(\.name)))
        said.add("origin", origin(of: entry))
        return said
    }

    private func isCall(_ call: Entry, of operation: String) -> Bool {
        call.operations.contains { operation.hasSuffix(".") ? $0.hasPrefix(operation) : $0 == operation }
    }

    private func explain(operation entry: Entry) -> Explanation {
        var said = Explanation("\(entry.name): an operation")
        said.add("", entry.first("does"))
        said.add("items", entry.first("items"))
        said.add("rights", rights(of: entry))
        said.add("default", defaults(of: entry))
        said.add("calls", wrap(calls(of: entry.name)))
        return said
    }

    /// The calls that may be an operation, each once.
    public func calls(of operation: String) -> [String] {
        var names: [String] = []
        for call in entries("call") where isCall(call, of: operation) && !names.contains(call.name) {
            names.append(call.name)
        }
        return names
    }

    private func rights(of operation: Entry) -> [String] {
        operation.all("rights").filter { $0 != "-" } + operation.all("needs")
    }

    /// What happens to the operation where a policy is silent.
    public func defaults(of operation: Entry) -> [String] {
        var lines: [String] = []
        for text in operation.all("refuse") {
            let parts = split(text, at: " because ")
            lines.append("refused, \(parts.before)" + (parts.after.map { ": \($0)" } ?? ""))
        }
        for text in operation.all("never") { lines.append("never refused: \(text)") }
        return lines
    }

    private func split(_ text: String, at separator: String) -> (before: String, after: String?) {
        let bytes = Array(text.utf8)
        let wanted = Array(separator.utf8)
        guard bytes.count >= wanted.count else { return (text, nil) }
        for start in 0...(bytes.count - wanted.count) where bytes[start..<start + wanted.count].elementsEqual(wanted) {
            return (
                String(decoding: bytes[..<start], as: UTF8.self),
                String(decoding: bytes[(start + wanted.count)...], as: UTF8.self)
            )
        }
        return (text, nil)
    }

    /// The class whose file a call stands in.
    private func className(of call: Entry) -> String {
        String((call.operations.first ?? "void.call").prefix { $0 != "." })
    }

    private func explain(call: Entry) -> Explanation {
        var said = Explanation("\(call.name): a system call of class \(className(of: call))")
        let operations = call.operations.compactMap { entry("operation", $0) }
        said.add("", operations.first?.first("does"))
        said.add("operation", call.all("operation"))
        said.add("numbers", call.all("number").map { numberLine($0, of: call) })
        var range = "Linux \(call.since())"
        if let until = call.first("until") { range += ", gone with \(until)" }
        said.add("since", range)
        said.add("arguments", aligned(arguments(of: call)))
        if let result = call.first("returns") {
            let words = result.split(separator: " ").map(String.init)
            said.add("returns", (words.count > 1 ? "\(words[1]), " : "") + TypeWords.read(words[0]))
        } else {
            said.add("returns", "0 or an errno")
        }
        said.add("says", call.all("constant"))
        said.add("rights", operations.flatMap { rights(of: $0) })
        said.add("default", operations.flatMap { defaults(of: $0) })
        let folded = operations.flatMap { calls(of: $0.name) }.filter { $0 != call.name }
        said.add("folds with", wrap(folded))
        said.add("manual", call.manual)
        said.add("origin", origin(of: call))
        return said
    }

    private func numberLine(_ text: String, of call: Entry) -> String {
        let personality = String(text.prefix { $0 != " " })
        let own = call.since(personality)
        return text + (own == call.since() ? "" : " (since \(own))")
    }

    /// Name, item, type and condition of each argument.
    public func arguments(of call: Entry) -> [[String]] {
        call.lines.filter { $0.keyword == "arg" || $0.keyword == "or" }.map { line in
            let parts = split(line.rest, at: " if ")
            var words = parts.before.split(separator: " ").map(String.init)
            if words.last == "hidden" { words.removeLast() }
            guard words.count >= 3 else { return words }
            var direction = ""
            if words.count > 3 { direction = words[2] == "out" ? "written by the kernel, " : "in and out, " }
            let type = direction + TypeWords.read(words[words.count - 1])
            let condition = parts.after.map { ", if \($0)" } ?? ""
            return [line.keyword == "or" ? "or \(words[0])" : words[0], words[1], type + condition]
        }
    }

    // MARK: Structs, sets, personalities

    private func explain(structure entry: Entry) -> Explanation {
        let options = entry.options.isEmpty ? "" : " (\(entry.options.joined(separator: ", ")))"
        var said = Explanation("struct \(entry.name)\(options): as the kernel lays it out")
        said.add("fields", aligned(fields(of: entry)))
        said.add("used by", wrap(users(of: entry.name)))
        said.add("origin", origin(of: entry))
        return said
    }

    /// Name and type of each field, and what else the spec says of it.
    public func fields(of structure: Entry) -> [[String]] {
        structure.lines.compactMap { line in
            let words = line.words
            guard words.count > 1, words[0] != "origin" else { return nil }
            if words[0] == "operation" { return ["is " + line.rest] }
            let isOr = words[0] == "or"
            let rest = Array(words.dropFirst(isOr ? 1 : 0))
            guard rest.count > 1 else { return words }
            return [(isOr ? "or " : "") + rest[0], TypeWords.read(rest[1]), rest.dropFirst(2).joined(separator: " ")]
        }
    }

    private func explain(set entry: Entry) -> Explanation {
        var said = Explanation("\(entry.name): a set of \(entry.kind == "flags" ? "flags" : "names")")
        said.add("names", aligned(symbols(of: entry).map { [$0.name, $0.value, $0.meaning] }))
        said.add("used by", wrap(users(of: entry.name)))
        said.add("origin", origin(of: entry))
        return said
    }

    private func explain(personality entry: Entry) -> Explanation {
        var said = Explanation("\(entry.name): a personality, one of the call interfaces that programs speak")
        for line in entry.lines where line.keyword != "origin" { said.add(line.keyword, line.rest) }
        said.add("calls", "\(entries("call").filter { $0.number(entry.name) != nil }.count) have a number")
        said.add("origin", origin(of: entry))
        return said
    }

    private func explain(other entry: Entry) -> Explanation {
        var said = Explanation("\(entry.name): \(entry.kind == "ambient" ? "an ambient handle" : "a \(entry.kind)")")
        if !entry.options.isEmpty { said.add("kind", entry.options.joined(separator: " ")) }
        for line in entry.lines { said.add(line.keyword, line.rest) }
        let needing = entries("operation").filter { operation in
            operation.all("needs").contains {
                $0.split(separator: " ").dropFirst().first.map(String.init) == entry.name
            }
        }
        said.add("needed by", wrap(needing.map(\.name)))
        return said
    }
}

/// Words in lines of a terminal's width.
func wrap(_ words: [String]) -> [String] {
    var lines: [String] = []
    for word in words {
        if let last = lines.last, last.count + word.count + 2 <= 90 {
            lines[lines.count - 1] = last + ", " + word
        } else {
            if !lines.isEmpty { lines[lines.count - 1] += "," }
            lines.append(word)
        }
    }
    return lines
}
