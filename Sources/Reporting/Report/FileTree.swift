// The tree of files as nested lists that open and close without any script.

import Messages

/// Draws what was touched, within a bound that keeps a page of a large build readable.
struct FileTree {
    private let files: TouchedFiles
    /// How many entries of one directory are shown.
    private let width: Int
    private var left: Int
    private static let budget = 12_000

    init(_ files: TouchedFiles) {
        self.files = files
        left = Self.budget
        width = files.count > Self.budget ? 150 : 1000
    }

    /// How many files each deed was done to, under a node.
    private struct Counts {
        var deeds = [Int](repeating: 0, count: Deeds.words.count)
        var files = 0
    }

    mutating func draw(_ page: inout HTML) {
        page.wrap("div", ["class": "tree"]) { page in node(files.root, "/", isOpen: true, &page) }
    }

    private mutating func node(_ node: TouchedFiles.Node, _ prefix: String, isOpen: Bool, _ page: inout HTML) {
        var (node, name) = (node, prefix)
        // A directory that only leads to another is one line with it.
        while node.deeds.isEmpty, node.children.count == 1, let only = node.children.values.first,
            !only.children.isEmpty
        {
            name += (name.hasSuffix("/") ? "" : "/") + Words.text(only.name)
            node = only
        }
        left -= 1
        guard !node.children.isEmpty else { return leaf(node, name, &page) }
        let counts = Self.counts(node)
        page.open("details", isOpen: isOpen, name: name, deeds: node.deeds.isEmpty ? nil : Self.words(node.deeds))
        page.wrap("summary") { page in
            page.wrap("span", ["class": "m"], name == "/" ? "/" : name + "/")
            Self.badges(node.deeds.subtracting(.looked), &page)
            if counts.files > 0 { page.wrap("span", ["class": "d"], Figures.counted(counts.files, "file", "files")) }
            for (index, entry) in Deeds.words.enumerated()
            where counts.deeds[index] > 0 && !Deeds([.looked, .read, .listed]).contains(entry.deed) {
                page.wrap(
                    "span", ["class": "d \(Self.style(entry.word))", "title": entry.meaning],
                    "\(Figures.count(counts.deeds[index])) \(entry.word)")
            }
        }
        children(of: node, &page)
        page.raw("</details>")
    }

    private mutating func children(of node: TouchedFiles.Node, _ page: inout HTML) {
        let sorted = node.children.values.sorted {
            let (one, other) = ($0.children.isEmpty, $1.children.isEmpty)
            return one != other ? other : $0.name.lexicographicallyPrecedes($1.name)
        }
        for (index, child) in sorted.enumerated() {
            guard index < width, left > 0 else {
                let more = Figures.count(sorted.count - index)
                page.wrap("div", ["class": "more"], "… and \(more) more, which would make this page too long")
                return
            }
            self.node(child, Words.text(child.name), isOpen: false, &page)
        }
    }

    private func leaf(_ node: TouchedFiles.Node, _ name: String, _ page: inout HTML) {
        page.wrap("div", ["class": "leaf", "data-n": name, "data-d": Self.words(node.deeds)]) { page in
            page.wrap("span", ["class": "m"], name)
            Self.badges(node.deeds, &page)
        }
    }

    /// What was looked for before it was there is no news of what was done with it.
    static func badges(_ deeds: Deeds, _ page: inout HTML) {
        let deeds = deeds.isSubset(of: [.absent, .looked]) ? deeds : deeds.subtracting(.absent)
        for entry in Deeds.words where deeds.contains(entry.deed) {
            page.wrap("span", ["class": "d \(style(entry.word))", "title": entry.meaning], entry.word)
        }
    }

    private static func words(_ deeds: Deeds) -> String {
        Deeds.words.filter { deeds.contains($0.deed) }.map { style($0.word) }.joined(separator: " ")
    }

    /// The word as a name of a class.
    static func style(_ word: String) -> String { word == "looked at" ? "looked" : word }

    private static func counts(_ node: TouchedFiles.Node) -> Counts {
        var counts = Counts()
        for child in node.children.values {
            if !child.deeds.isEmpty {
                if child.children.isEmpty, child.deeds != .absent { counts.files += 1 }
                for (index, entry) in Deeds.words.enumerated() where child.deeds.contains(entry.deed) {
                    counts.deeds[index] += 1
                }
            }
            let below = Self.counts(child)
            counts.files += below.files
            for index in below.deeds.indices { counts.deeds[index] += below.deeds[index] }
        }
        return counts
    }
}

extension TouchedFiles {
    /// The paths that were changed, created or deleted, in order; at most `limit`, and how many there are.
    func changed(limit: Int) -> (paths: [(path: String, deeds: Deeds)], count: Int) {
        var paths: [(path: String, deeds: Deeds)] = []
        var count = 0
        func walk(_ node: Node, _ path: [UInt8]) {
            if !node.deeds.isDisjoint(with: [.written, .created, .deleted, .changed]) {
                count += 1
                if paths.count < limit { paths.append((Words.text(path), node.deeds)) }
            }
            for child in node.children.values.sorted(by: { $0.name.lexicographicallyPrecedes($1.name) }) {
                walk(child, path + [UInt8(ascii: "/")] + child.name)
            }
        }
        walk(root, [])
        return (paths, count)
    }
}

extension HTML {
    fileprivate mutating func open(_ tag: StaticString, isOpen: Bool, name: String, deeds: String?) {
        switch (isOpen, deeds) {
        case (true, nil): element(tag, ["open": "", "data-n": name])
        case (true, let deeds?): element(tag, ["open": "", "data-n": name, "data-d": deeds])
        case (false, nil): element(tag, ["data-n": name])
        case (false, let deeds?): element(tag, ["data-n": name, "data-d": deeds])
        }
    }
}
