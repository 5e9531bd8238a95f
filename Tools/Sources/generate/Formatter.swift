// The form of every generated file, whatever wrote it.

/// The one formatter: no tabs, no blanks at line ends, no empty line at the start, twice in a row, after an opening or
/// before a closing bracket, and one line end at the end. What is formatted stays as it is.
func formatted(_ text: String) -> String {
    var lines: [String] = []
    for raw in text.split(separator: "\n", omittingEmptySubsequences: false) {
        var line =
            raw.contains("\t")
            ? raw.split(separator: "\t", omittingEmptySubsequences: false).joined(separator: "    ") : String(raw)
        while line.last == " " { line.removeLast() }
        if line.isEmpty {
            guard let last = lines.last, !last.isEmpty, !isOpening(last) else { continue }
        } else if isClosing(line) {
            while lines.last?.isEmpty == true { lines.removeLast() }
        }
        lines.append(line)
    }
    while lines.last?.isEmpty == true { lines.removeLast() }
    return lines.isEmpty ? "" : lines.joined(separator: "\n") + "\n"
}

private func isOpening(_ line: String) -> Bool { line.hasSuffix("{") || line.hasSuffix("[") || line.hasSuffix("(") }

private func isClosing(_ line: String) -> Bool {
    guard let first = line.first(where: { $0 != " " }) else { return false }
    return first == "}" || first == "]" || first == ")"
}
