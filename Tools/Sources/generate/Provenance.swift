// Where entries come from and how long they are good for: the rules that every entry of the spec keeps.

import Reference

/// A file of the spec with its entries.
struct SpecFile {
    let name: String
    let blocks: [Block]
}

/// Refuses entries that do not say where their facts come from, ranges of kernels that are none, and numbers of the
/// tables that no call has.
struct Provenance {
    let files: [SpecFile]

    func check() throws {
        for file in files { try checkOrigins(file) }
        let calls = files.flatMap(\.blocks).filter { $0.head.keyword == "call" }
        for call in calls { try checkRange(call) }
        for personality in files.flatMap(\.blocks).filter({ $0.head.keyword == "personality" }) {
            try checkNumbers(personality, calls)
        }
    }

    private func checkOrigins(_ file: SpecFile) throws {
        let origin = file.blocks.first { $0.head.keyword == "origin" }
        if let origin, origin.head.words.count < 2 { throw origin.head.place.fail("`origin` without a source") }
        guard origin == nil else { return }
        for block in file.blocks where !block.body.contains(where: { $0.keyword == "origin" && $0.words.count > 1 }) {
            throw block.head.place.fail("`\(block.head.text)` does not say its origin, and neither does its file")
        }
    }

    private func checkRange(_ call: Block) throws {
        var since: KernelVersion?
        for line in call.body where line.keyword == "since" || line.keyword == "until" {
            let words = line.words.dropFirst()
            guard let text = words.last, let version = KernelVersion(text), words.count <= 2 else {
                throw line.place.fail("`\(line.text)` names no kernel version")
            }
            if words.count == 2 {
                let number = call.body.contains { $0.keyword == "number" && $0.words.dropFirst().first == words.first }
                guard number else { throw line.place.fail("`\(line.text)` is about a table without the call") }
                if let since, version < since { throw line.place.fail("`\(line.text)` is before the call itself") }
            } else if line.keyword == "since" {
                since = version
            } else if let since, version <= since {
                throw line.place.fail("until \(text) is not after since")
            }
        }
        guard since != nil else { throw call.head.place.fail("`\(call.head.text)` does not say since when") }
    }

    /// Every number up to the last call's is a call's or a gap that the personality tells.
    private func checkNumbers(_ personality: Block, _ calls: [Block]) throws {
        let name = personality.head.words.count > 1 ? personality.head.words[1] : ""
        let place = personality.head.place
        var gaps: Set<Int> = []
        for line in personality.body where line.keyword == "gaps" {
            for word in line.words.dropFirst() {
                let ends = word.split(separator: "-").compactMap { Int($0) }
                guard let first = ends.first, let end = ends.last, ends.count <= 2, first <= end else {
                    throw line.place.fail("bad gap `\(word)`")
                }
                gaps.formUnion(first...end)
            }
        }
        var known: Set<Int> = []
        for call in calls {
            for line in call.body where line.keyword == "number" && line.words.count == 3 && line.words[1] == name {
                if let number = Int(line.words[2]) { known.insert(number) }
            }
        }
        for number in gaps.sorted() where known.contains(number) {
            throw place.fail("number \(number) of \(name) is a gap and a call")
        }
        for number in 0..<(known.max() ?? 0) where !known.contains(number) && !gaps.contains(number) {
            throw place.fail("number \(number) of \(name) has no call")
        }
    }
}

extension Provenance {
    /// The spec without comments and cases, one form for all: what people look things up in.
    var canonicalText: String {
        var text = ""
        for file in files {
            text += "file \(file.name)\n"
            for block in file.blocks {
                text += block.head.text + "\n"
                for line in block.body where line.keyword != "case" { text += "  \(line.text)\n" }
            }
        }
        return text
    }
}
