// Why a filter expression could not be understood, and which name was probably meant.

/// What is wrong with a `-e` expression.
enum FilterError: Error, Equatable, CustomStringConvertible {
    /// A name that the set of `kind` does not have, with the nearest one that it has.
    case unknownName(kind: String, name: String, suggestion: String?)
    /// A regular expression that regcomp(3) refuses, with its message.
    case invalidPattern(pattern: String, reason: String)
    /// Something that strace can do and abitrace cannot, and what to do instead.
    case unsupported(String, remedy: String)
    /// An expression without a value: `trace=`, `read=,`.
    case emptySet(String)

    var description: String {
        switch self {
        case .unknownName(let kind, let name, let suggestion):
            "unknown \(kind) '\(name)'" + (suggestion.map { "; did you mean '\($0)'?" } ?? "")
        case .invalidPattern(let pattern, let reason): "invalid regular expression '\(pattern)': \(reason)"
        case .unsupported(let what, let remedy): "\(what) is not available here; \(remedy)"
        case .emptySet(let expression): "'\(expression)' names nothing"
        }
    }
}

/// The name among `candidates` with the fewest edits to `name`, nil where all are too far to be meant.
func nearestName(to name: String, among candidates: some Sequence<String>) -> String? {
    let limit = max(1, name.utf8.count / 3)
    var best: (name: String, distance: Int)?
    for candidate in candidates where abs(candidate.utf8.count - name.utf8.count) <= limit {
        let distance = editDistance(Array(name.utf8), Array(candidate.utf8))
        if distance <= limit && distance < best?.distance ?? Int.max { best = (candidate, distance) }
    }
    return best?.name
}

/// Insertions, deletions, replacements and swaps of neighbours that make one text the other.
private func editDistance(_ left: [UInt8], _ right: [UInt8]) -> Int {
    var beforePrevious: [Int] = []
    var previous = Array(0...right.count)
    for row in left.indices {
        var current = [row + 1]
        for column in right.indices {
            let isSame = left[row] == right[column]
            var cost = min(previous[column] + (isSame ? 0 : 1), previous[column + 1] + 1, current[column] + 1)
            if row > 0, column > 0, left[row] == right[column - 1], left[row - 1] == right[column] {
                cost = min(cost, beforePrevious[column - 1] + 1)
            }
            current.append(cost)
        }
        (beforePrevious, previous) = (previous, current)
    }
    return previous[right.count]
}
