// The spec as people look things up in it: entries with their lines, found by name.

/// One line of an entry: its first word and what follows.
public struct SpecLine: Equatable, Sendable {
    public let keyword: String
    public let rest: String

    /// The words of the whole line.
    public var words: [String] { [keyword] + rest.split(separator: " ").map(String.init) }
}

/// What the spec says of one thing: a class, an operation, a call, a set of names, a struct, a personality.
public struct Entry: Equatable, Sendable {
    public let kind: String
    public let name: String
    /// The words after the name: `i386`, `packed`, `unknown O_???`.
    public let options: [String]
    /// The file of the spec that it stands in, without its ending.
    public let file: String
    public internal(set) var lines: [SpecLine] = []

    public func all(_ keyword: String) -> [String] {
        lines.filter { $0.keyword == keyword }.map(\.rest)
    }

    public func first(_ keyword: String) -> String? { lines.first { $0.keyword == keyword }?.rest }
}

/// All entries of the spec, in its order.
public struct Reference: Sendable {
    public let entries: [Entry]
    /// Where a file's facts come from, by the file's name.
    public let origins: [String: String]
    /// Who has a type that speaks of a set or a struct, by that one's name.
    let usersByName: [String: [String]]

    /// Reads the spec's canonical text: heads at the margin, lines indented, no comments.
    public init(_ text: String) {
        var entries: [Entry] = []
        var origins: [String: String] = [:]
        var file = ""
        for line in text.utf8.split(separator: UInt8(ascii: "\n")) {
            let words = line.split(separator: UInt8(ascii: " "), maxSplits: 2).map { String(Substring($0)) }
            guard let keyword = words.first else { continue }
            if line.first == UInt8(ascii: " ") {
                if entries.isEmpty { continue }
                entries[entries.count - 1].lines.append(
                    SpecLine(keyword: keyword, rest: words.dropFirst().joined(separator: " ")))
            } else if keyword == "file" {
                file = words.count > 1 ? words[1] : ""
            } else if keyword == "origin" {
                origins[file] = words.dropFirst().joined(separator: " ")
            } else {
                let options = words.count > 2 ? words[2].split(separator: " ").map(String.init) : []
                entries.append(
                    Entry(kind: keyword, name: words.count > 1 ? words[1] : "", options: options, file: file))
            }
        }
        self.entries = entries
        self.origins = origins
        usersByName = Self.users(in: entries)
    }

    /// The spec that this program was built from.
    public static let built = Reference(SpecText.text)

    public func entries(_ kind: String) -> [Entry] { entries.filter { $0.kind == kind } }

    public func entry(_ kind: String, _ name: String) -> Entry? {
        entries.first { $0.kind == kind && $0.name == name }
    }

    /// Where an entry's facts come from: its own word, or its file's.
    public func origin(of entry: Entry) -> String { entry.first("origin") ?? origins[entry.file] ?? "" }
}

extension Entry {
    /// The numbers of a call by the personality's name.
    public func number(_ personality: String) -> Int? {
        for text in all("number") {
            let words = text.split(separator: " ")
            if words.count > 1, words[0] == personality { return Int(words[1]) }
        }
        return nil
    }

    /// The kernel that brought a call, into the table of a personality where that was another one.
    public func since(_ personality: String? = nil) -> String {
        let lines = all("since")
        if let personality, let own = lines.first(where: { $0.hasPrefix(personality + " ") }) {
            return String(own.dropFirst(personality.count + 1))
        }
        return lines.first { !$0.contains(" ") } ?? ""
    }

    /// The operations that a call may be, without their conditions.
    public var operations: [String] {
        var names: [String] = []
        for text in all("operation") {
            let name = String(text.prefix { $0 != " " })
            if !names.contains(name) { names.append(name) }
        }
        return names
    }

    /// The page of the manual: the call's own name in section 2 unless the spec says another.
    public var manual: String { first("manual") ?? "\(name)(2)" }
}

/// A kernel version that compares by its numbers.
public struct KernelVersion: Comparable, Sendable {
    public let parts: [Int]

    /// Nil for what is no version: `5`, `5.x`.
    public init?(_ text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false).map { Int($0) ?? -1 }
        guard (2...3).contains(parts.count), !parts.contains(where: { $0 < 0 }) else { return nil }
        self.parts = parts
    }

    public static func < (left: KernelVersion, right: KernelVersion) -> Bool {
        left.parts.lexicographicallyPrecedes(right.parts)
    }
}
