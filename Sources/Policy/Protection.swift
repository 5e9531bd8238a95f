// Keeps what a run itself lives by out of its program's reach, whatever the policy grants around it.

import Messages

extension Policy {
    /// The same policy, under which an object may be looked at and read as before, and neither changed nor moved nor
    /// removed. Where that is so already nothing is added.
    /// - Parameter path: absolute, without links.
    public func protecting(_ path: String, because reason: String) -> Policy {
        guard let pattern = PathPattern(literal: path) else { return self }
        var other = self
        for index in layers.indices {
            guard let rights = layers[index].rights(of: Array(path.utf8)) else { continue }
            let kept = rights.intersection(RightsGroup.ro.rights)
            if kept == rights { continue }
            other.layers[index].files.removeAll { $0.pattern == pattern }
            other.layers[index].files.append(
                FileGrant(
                    pattern: pattern, rights: kept, isHidden: false,
                    line: PolicyLine(file: layers[index].file, line: 0, text: reason)))
        }
        return other
    }
}
