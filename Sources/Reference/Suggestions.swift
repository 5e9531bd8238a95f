// What somebody may have meant who wrote a word that nothing has.

extension Reference {
    /// The names nearest to a word, the nearest first; none where nothing is near.
    public func suggestions(for word: String, atMost limit: Int = 5) -> [String] {
        let wanted = Array(word.lowercased().utf8)
        let reach = max(1, min(3, wanted.count / 3))
        var near: [(distance: Int, name: String)] = []
        var seen: Set<String> = []
        for name in names where seen.insert(name).inserted {
            let bytes = Array(name.lowercased().utf8)
            guard abs(bytes.count - wanted.count) <= reach else { continue }
            let distance = editDistance(wanted, bytes)
            if distance <= reach { near.append((distance, name)) }
        }
        near.sort { ($0.distance, $0.name) < ($1.distance, $1.name) }
        return near.prefix(limit).map(\.name)
    }

    /// Everything that can be explained.
    public var names: [String] {
        entries.flatMap { entry -> [String] in
            switch entry.kind {
            case "flags", "enum": [entry.name] + symbols(of: entry).map(\.name)
            case "select": []
            default: [entry.name]
            }
        }
    }
}

/// How many bytes must be put in, left out, changed, or swapped with their neighbour to make one word of the other.
func editDistance(_ left: [UInt8], _ right: [UInt8]) -> Int {
    if left.isEmpty || right.isEmpty { return max(left.count, right.count) }
    var before = [Int](repeating: 0, count: right.count + 1)
    var row = Array(0...right.count)
    for (i, a) in left.enumerated() {
        var next = [i + 1] + [Int](repeating: 0, count: right.count)
        for (j, b) in right.enumerated() {
            next[j + 1] = min(row[j + 1] + 1, next[j] + 1, row[j] + (a == b ? 0 : 1))
            if i > 0, j > 0, a == right[j - 1], left[i - 1] == b { next[j + 1] = min(next[j + 1], before[j - 1] + 1) }
        }
        (before, row) = (row, next)
    }
    return row[right.count]
}
