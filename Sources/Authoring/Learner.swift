// From what was seen to a policy: every line says in how many recordings it was needed, with an example.

import Messages
import Policy

/// Writes policies from observations. Whatever of a name gets into a policy goes through `PolicyText`: a name that ended
/// a comment or a quote would be a line of its own.
public struct Learner {
    /// `~` and `${CWD}` of the policy, as policies write paths.
    public var home: String
    public var workingDirectory: String
    public var name = "learned"

    public init(home: String, workingDirectory: String) {
        self.home = home
        self.workingDirectory = workingDirectory
    }

    /// The policy as a YAML file.
    public func policy(_ seen: Observations, command: String) -> String {
        var lines = [
            "abitrace: policy/1", "name: \(name)",
            "description: \(PolicyText.scalar("Learned from \(count(seen.recordings, "recording")) of \(command)"))",
            "default: deny", "",
        ]
        lines += files(seen)
        lines += network(seen)
        lines += handles(seen)
        lines += ambients(seen)
        lines += refused(seen)
        for (what, need) in seen.unclear.sorted(by: { $0.key < $1.key }) {
            lines.append("# \(what) could not be seen in \(need.example): see whether the policy needs a line for it.")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    // MARK: Files

    private func files(_ seen: Observations) -> [String] {
        let paths = LearnedPaths(seen, home: home, workingDirectory: workingDirectory)
        var rows: [(String, String)] = paths.entries.map { entry in
            (
                Self.row(spelled(entry.path), entry.expression),
                comment(entry, seen)
            )
        }
        rows += paths.withheld.map { (Self.row(spelled($0), "none"), "# protected") }
        rows.sort { $0.0 < $1.0 }
        var lines = rows.isEmpty ? [] : ["files:"] + Self.aligned(rows)
        if !paths.others.isEmpty {
            lines += [
                "  # Other processes: a person decides. Take the mark away from what the program may see of them; those",
                "  # that are not under the policy take `procs` beside the others under `ambient` as well:",
                "  # ambient: [\((PolicyLayer.usualAmbientNames + [Ambient.procs.name]).joined(separator: ", "))]",
            ]
            lines += Self.aligned(
                paths.others.map { ("  # \(PolicyText.scalar($0.path)): \($0.expression)", comment($0, seen)) })
        }
        return lines.isEmpty ? [] : lines + [""]
    }

    /// What an entry rests on.
    private func comment(_ entry: LearnedPaths.Entry, _ seen: Observations) -> String {
        var words = "# \(seenIn(entry.recordings, seen.recordings)); "
        if entry.count == 1 { return words + (entry.isAbsent ? "not there: " : "") + entry.example }
        words += "\(entry.count) paths \(entry.isAbsent ? "looked for in vain" : "seen"), such as \(entry.example)"
        if ProtectedPlaces.tier(of: entry.path, home: home) == .guarded, entry.isWidened {
            words += entry.isSight ? "; what else is there can be seen" : "; all of the directory is granted"
        }
        return words
    }

    // MARK: Other sections

    private func network(_ seen: Observations) -> [String] {
        if seen.connects.isEmpty && seen.listens.isEmpty { return [] }
        var lines = ["network:"]
        for (word, needs) in [("connect", seen.portableConnects), ("listen", seen.listens)] where !needs.isEmpty {
            lines.append("  \(word):")
            lines += Self.aligned(
                needs.sorted { $0.key < $1.key }.map { address, need in
                    (
                        "    - \(PolicyText.scalar(entry(address)))",
                        "# \(seenIn(need.recordings, seen.recordings)); \(need.isAbsent ? "nobody there: " : "")\(need.example)"
                    )
                })
        }
        return lines + [""]
    }

    private func entry(_ address: String) -> String {
        address.hasPrefix("unix /") ? "unix " + spelled(String(address.dropFirst(5))) : address
    }

    private func handles(_ seen: Observations) -> [String] {
        if seen.handles.isEmpty { return [] }
        let rows = seen.handles.sorted { $0.key < $1.key }.map { name, need in
            (
                "  \(name): \(need.rights.grouped)",
                "# \(seenIn(need.recordings, seen.recordings)); \(need.example)"
            )
        }
        return ["handles:"] + Self.aligned(rows) + [""]
    }

    private func ambients(_ seen: Observations) -> [String] {
        let names = seen.ambients.keys.filter { $0 != Ambient.net.name }.sorted()
        if names.isEmpty { return [] }
        let all = PolicyLayer.usualAmbientNames + names.filter { !PolicyLayer.usualAmbientNames.contains($0) }
        let entries = all.map { name in
            let ambient = Ambient.allCases.first { $0.name == name }
            return ambient?.entry(with: seen.ambients[name]?.rights ?? []) ?? name
        }
        var lines = ["ambient: [\(entries.joined(separator: ", "))]"]
        for name in names {
            guard let need = seen.ambients[name] else { continue }
            lines.append("# \(name): \(seenIn(need.recordings, seen.recordings)); \(need.example)")
        }
        return lines + [""]
    }

    /// Dangerous operations come commented out: a person decides.
    private func refused(_ seen: Observations) -> [String] {
        if seen.refused.isEmpty { return [] }
        var lines = ["# Refused unless named. Take the mark away from what the program may do.", "# classes:"]
        for (name, entry) in seen.refused.sorted(by: { $0.key < $1.key }) {
            lines.append("#   \(name): allow   # \(seenIn(entry.need.recordings, seen.recordings)); \(entry.reason)")
        }
        return lines + [""]
    }

    // MARK: Words

    private func seenIn(_ recordings: Set<Int>, _ all: Int) -> String { "seen in \(recordings.count) of \(all)" }

    private func count(_ number: Int, _ word: String) -> String { "\(number) \(word)\(number == 1 ? "" : "s")" }

    private func spelled(_ path: String) -> String {
        ProtectedPlaces.spelled(path, workingDirectory: workingDirectory, home: home)
    }

    /// An entry. Keys of more than 1024 characters are none unless a question mark says so (YAML 1.1, 9.3.2).
    private static func row(_ path: String, _ rights: String) -> String {
        let key = PolicyText.scalar(path)
        return key.unicodeScalars.count < 1000 ? "  \(key): \(rights)" : "  ? \(key)\n  : \(rights)"
    }

    private static func aligned(_ rows: [(String, String)]) -> [String] {
        let width = min(48, rows.map(\.0.count).max() ?? 0)
        return rows.map { left, right in
            left + String(repeating: " ", count: max(1, width - left.count + 2)) + right
        }
    }
}
