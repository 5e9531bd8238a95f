// Globs over bytes: `*` stays inside one component of a path, `**` crosses them.

/// A pattern for one component, or for any text that has no components.
public struct Glob: Hashable, Sendable {
    enum Part: Hashable, Sendable {
        case byte(UInt8)
        case any
    }

    let parts: [Part]

    /// `*` is any run of bytes; a backslash takes the next byte as it is, and `\xHH` is the byte of that number.
    public init(_ text: some Sequence<UInt8>) {
        var parts: [Part] = []
        var reader = EscapeReader(text)
        while let (byte, isEscaped) = reader.next() {
            if byte != UInt8(ascii: "*") || isEscaped {
                parts.append(.byte(byte))
            } else if parts.last != .any {
                parts.append(.any)
            }
        }
        self.parts = parts
    }

    public init(_ text: String) { self.init(text.utf8) }

    /// The bytes it stands for where it has no `*`.
    public var literal: [UInt8]? {
        var bytes: [UInt8] = []
        for part in parts {
            guard case .byte(let byte) = part else { return nil }
            bytes.append(byte)
        }
        return bytes
    }

    /// Whether it covers the whole text. The time is bounded by the product of both lengths.
    public func matches(_ text: ArraySlice<UInt8>) -> Bool {
        var part = 0
        var place = text.startIndex
        var star: (part: Int, place: Int)?
        while place < text.endIndex {
            if part < parts.count, parts[part] == .any {
                star = (part, place)
                part += 1
            } else if part < parts.count, parts[part] == .byte(text[place]) {
                part += 1
                place += 1
            } else if let back = star {
                part = back.part + 1
                place = back.place + 1
                star = (back.part, place)
            } else {
                return false
            }
        }
        while part < parts.count, parts[part] == .any { part += 1 }
        return part == parts.count
    }
}

/// A pattern for paths. It covers an object and everything under it.
public struct PathPattern: Hashable, Sendable {
    enum Component: Hashable, Sendable {
        case literal([UInt8])
        case glob(Glob)
        /// `**`: any number of components, none included.
        case many
    }

    let components: [Component]

    /// From an absolute path; nil where it is not absolute or has `..` in it.
    public init?(_ text: [UInt8]) {
        guard text.first == UInt8(ascii: "/") else { return nil }
        var components: [Component] = []
        for part in text.split(separator: UInt8(ascii: "/")) {
            if part.elementsEqual(".".utf8) { continue }
            if part.elementsEqual("..".utf8) { return nil }
            if part.elementsEqual("**".utf8) {
                if components.last != .many { components.append(.many) }
            } else {
                let glob = Glob(part)
                components.append(glob.literal.map { .literal($0) } ?? .glob(glob))
            }
        }
        // What is under an object is covered anyway.
        if components.last == .many { components.removeLast() }
        self.components = components
    }

    /// That one path; nil where it is not absolute.
    init?(literal path: String) { self.init(Array(PolicyText.pattern(path.utf8).utf8)) }

    /// How many of the path's leading components it takes up, the most where it can do so in several ways; nil where
    /// it does not cover the path.
    func depth(in path: [ArraySlice<UInt8>]) -> Int? {
        // Most patterns are spelled out, and most of these differ at once.
        var spelled = 0
        while spelled < components.count, case .literal(let name) = components[spelled] {
            guard spelled < path.count, path[spelled].elementsEqual(name) else { return nil }
            spelled += 1
        }
        if spelled == components.count { return spelled }
        // The leading counts that the pattern so far can have matched, one bit each.
        var reached = [Bool](repeating: false, count: path.count + 1)
        reached[0] = true
        for component in components {
            var next = [Bool](repeating: false, count: path.count + 1)
            var alive = false
            for place in 0...path.count where reached[place] {
                switch component {
                case .literal(let name):
                    if place < path.count, path[place].elementsEqual(name) { next[place + 1] = true }
                case .glob(let glob):
                    if place < path.count, glob.matches(path[place]) { next[place + 1] = true }
                case .many:
                    for later in place...path.count { next[later] = true }
                }
            }
            alive = next.contains(true)
            if !alive { return nil }
            reached = next
        }
        return reached.lastIndex(of: true)
    }

    /// Whether something strictly under the path could be covered by this pattern and not by way of the path itself:
    /// an entry deeper than the path.
    func reaches(below path: [ArraySlice<UInt8>]) -> Bool {
        var places: Set<Int> = [0]
        for component in components {
            if places.contains(path.count) { return true }
            var next: Set<Int> = []
            for place in places {
                switch component {
                case .literal(let name): if path[place].elementsEqual(name) { next.insert(place + 1) }
                case .glob(let glob): if glob.matches(path[place]) { next.insert(place + 1) }
                case .many: return true
                }
            }
            places = next
        }
        return false
    }

    /// The one path that it spells out, nil where it stands for many.
    public var literal: [UInt8]? {
        guard isLiteral else { return nil }
        return components.isEmpty ? [UInt8(ascii: "/")] : fixedPrefix.flatMap { [UInt8(ascii: "/")] + $0 }
    }

    /// How many components are spelled out, for telling the more exact of two patterns.
    var literals: Int { components.reduce(0) { if case .literal = $1 { $0 + 1 } else { $0 } } }

    /// The leading components that are spelled out.
    public var fixedPrefix: [[UInt8]] {
        var list: [[UInt8]] = []
        for component in components {
            guard case .literal(let name) = component else { break }
            list.append(name)
        }
        return list
    }

    public var isLiteral: Bool { fixedPrefix.count == components.count }
}

/// The components of an absolute path.
func pathComponents(_ path: [UInt8]) -> [ArraySlice<UInt8>] { path.split(separator: UInt8(ascii: "/")) }
