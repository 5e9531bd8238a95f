// Constants: which sets they are in, what they are there, and who uses them.

/// One name of a set.
public struct Symbol: Equatable, Sendable {
    public let name: String
    /// As the spec writes it, with a mask behind a slash.
    public let value: String
    public let meaning: String
}

extension Reference {
    /// The names of a set in its order.
    public func symbols(of set: Entry) -> [Symbol] { set.lines.compactMap(symbol) }

    private func symbol(_ line: SpecLine) -> Symbol? {
        guard line.keyword != "origin", line.keyword != "-" else { return nil }
        var words = line.rest.split(separator: " ").map(String.init)
        var name = line.keyword
        // A shifted name may be written with spaces.
        if words.count > 2, words[0] == "<<" {
            name += " << \(words[1])"
            words.removeFirst(2)
        }
        guard let value = words.first else { return nil }
        let dashes = words.firstIndex(of: "--") ?? words.count
        let meaning = words.dropFirst(dashes + 1).joined(separator: " ")
        return Symbol(name: name, value: value, meaning: meaning)
    }

    /// A constant in every set that has it; `O_TMPFILE` finds the kernel's own `__O_TMPFILE` too.
    func explain(symbol word: String) -> [Explanation] {
        let hidden = "__" + word
        var said: [Explanation] = []
        for set in entries where set.kind == "flags" || set.kind == "enum" {
            for line in set.lines where line.keyword == word || line.keyword == hidden {
                if let symbol = symbol(line) { said.append(explain(symbol, in: set)) }
            }
        }
        return said
    }

    private func explain(_ symbol: Symbol, in set: Entry) -> Explanation {
        let kinds = ["errno": "an errno", "signal": "a signal"]
        var said = Explanation(
            "\(symbol.name): \(kinds[set.name] ?? "a \(set.kind == "flags" ? "flag" : "name") of the set \(set.name)")")
        said.add("", symbol.meaning)
        said.add("value", value(symbol.value))
        if kinds[set.name] == nil { said.add("used by", wrap(users(of: set.name))) }
        said.add("origin", origin(of: set))
        return said
    }

    /// A value in the bases that people use.
    private func value(_ text: String) -> String {
        let parts = text.split(separator: "/").map(String.init)
        guard let number = Self.number(parts[0]) else { return text }
        var said = "\(number)"
        if number > 7 || number < 0 {
            let bits = UInt64(bitPattern: Int64(number))
            said += ", 0x\(String(bits, radix: 16)), 0\(String(bits, radix: 8))"
        }
        if parts.count > 1 { said += ", in the bits \(parts[1])" }
        return said
    }

    private static func number(_ text: String) -> Int? {
        if text.hasPrefix("0x") {
            return UInt64(text.dropFirst(2), radix: 16).map { Int(truncatingIfNeeded: $0) }
        }
        if text.hasPrefix("0o") { return Int(text.dropFirst(2), radix: 8) }
        return Int(text)
    }

    /// What a bare number may be: an errno, a signal, a call's number.
    func explain(number: Int) -> [Explanation] {
        var said: [Explanation] = []
        for name in ["errno", "signal"] {
            guard let set = entry("enum", name) else { continue }
            for symbol in symbols(of: set) where Self.number(symbol.value) == number {
                said.append(explain(symbol, in: set))
                break
            }
        }
        for personality in entries("personality") {
            for call in entries("call") where call.number(personality.name) == number {
                var line = Explanation("\(number): the number of \(call.name) in \(personality.name)")
                line.add("operation", call.all("operation"))
                said.append(line)
            }
        }
        return said
    }

    /// The arguments and fields whose type speaks of a set or a struct: `openat flags`, `struct open_how flags`.
    func users(of name: String) -> [String] { usersByName[name] ?? [] }

    /// For each name that a type speaks of, who has such a type, each once and in the spec's order.
    static func users(in entries: [Entry]) -> [String: [String]] {
        var users: [String: [String]] = [:]
        for entry in entries {
            for line in entry.lines {
                guard let (user, types) = typed(line, of: entry) else { continue }
                for type in types {
                    for name in TypeWords.names(type) where users[name]?.last != user {
                        users[name, default: []].append(user)
                    }
                }
            }
        }
        return users.mapValues { list in
            var seen: Set<String> = []
            return list.filter { seen.insert($0).inserted }
        }
    }

    /// Whose types a line tells, nil for a line that tells none.
    private static func typed(_ line: SpecLine, of entry: Entry) -> (user: String, types: ArraySlice<String>)? {
        let words = line.words
        switch (entry.kind, line.keyword) {
        case ("call", "arg"), ("call", "or"):
            let user = words.count > 1 ? "\(entry.name) \(words[1])" : entry.name
            return (user, words.prefix { $0 != "if" }.dropFirst(3))
        case ("call", "returns"): return ("\(entry.name) result", words.prefix { $0 != "if" }.dropFirst(1))
        case ("call", _), ("struct", "operation"): return nil
        case ("struct", let keyword):
            let field = keyword == "or" ? words.dropFirst() : words[...]
            return field.count > 1 ? ("struct \(entry.name) \(field.first ?? "")", field.dropFirst().prefix(1)) : nil
        case ("select", let keyword): return ("\(entry.name) \(keyword)", words.dropFirst())
        case ("enum", let keyword), ("flags", let keyword):
            return ("\(entry.name) \(keyword)", words.dropFirst(2).prefix(1))
        default: return nil
        }
    }
}
