// HTML in the making: whatever goes in as text comes out as text.

/// A piece of a page. Text is escaped on its way in; tags come only from the code that builds the page.
struct HTML {
    private(set) var text = ""

    /// Markup that is part of the program.
    mutating func raw(_ markup: StaticString) { text += markup.description }

    /// Text of any origin.
    mutating func say(_ words: String) { text += Self.escaped(words) }

    mutating func add(_ part: HTML) { text += part.text }

    /// `<tag class="…">` around what `body` adds.
    mutating func element(_ tag: StaticString, _ attributes: KeyValuePairs<StaticString, String> = [:]) {
        text += "<\(tag)"
        for (name, value) in attributes { text += " \(name)=\"\(Self.escaped(value))\"" }
        text += ">"
    }

    mutating func wrap(
        _ tag: StaticString, _ attributes: KeyValuePairs<StaticString, String>, _ body: (inout HTML) -> Void
    ) {
        element(tag, attributes)
        body(&self)
        text += "</\(tag)>"
    }

    mutating func wrap(_ tag: StaticString, _ body: (inout HTML) -> Void) { wrap(tag, [:], body) }

    mutating func wrap(_ tag: StaticString, _ attributes: KeyValuePairs<StaticString, String>, _ words: String) {
        wrap(tag, attributes) { $0.say(words) }
    }

    mutating func wrap(_ tag: StaticString, _ words: String) { wrap(tag, [:], words) }

    static func escaped(_ text: String) -> String {
        guard text.utf8.contains(where: { "&<>\"'".utf8.contains($0) }) else { return text }
        var out = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": out += "&amp;"
            case "<": out += "&lt;"
            case ">": out += "&gt;"
            case "\"": out += "&quot;"
            case "'": out += "&#39;"
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out
    }
}

extension String {
    /// At most so many characters, and a sign where that is not all.
    func cut(_ length: Int) -> String { count > length ? prefix(length - 1) + "…" : self }
}

/// Numbers as people read them.
enum Figures {
    /// `1,234,567`
    static func count(_ number: Int) -> String {
        let digits = Array("\(number)")
        var out = ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0, out.last != "-" { out += "," }
            out.append(digit)
        }
        return out
    }

    static func counted(_ number: Int, _ one: String, _ many: String) -> String {
        "\(count(number)) \(number == 1 ? one : many)"
    }

    /// `1.50 s`, `12.3 ms`, `250 µs`
    static func time(_ nanoseconds: Int64) -> String {
        let time = max(0, nanoseconds)
        switch time {
        case 0..<1000: return "\(time) ns"
        case 1000..<1_000_000: return "\(decimal(time, 1000)) µs"
        case 1_000_000..<1_000_000_000: return "\(decimal(time, 1_000_000)) ms"
        default: return "\(decimal(time, 1_000_000_000)) s"
        }
    }

    static func bytes(_ count: Int64) -> String {
        switch count {
        case ..<1024: "\(count) B"
        case ..<(1 << 20): "\(decimal(count, 1 << 10)) KiB"
        case ..<(1 << 30): "\(decimal(count, 1 << 20)) MiB"
        default: "\(decimal(count, 1 << 30)) GiB"
        }
    }

    /// Three digits that count.
    private static func decimal(_ number: Int64, _ unit: Int64) -> String {
        let whole = number / unit
        let rest = number % unit
        if whole >= 100 { return "\(whole)" }
        if whole >= 10 { return "\(whole).\(rest * 10 / unit)" }
        let hundredths = rest * 100 / unit
        return "\(whole).\(hundredths < 10 ? "0" : "")\(hundredths)"
    }
}
