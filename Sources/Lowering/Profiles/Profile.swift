// A policy in the words of another program, and what these words cannot say.

import Messages
import Policy

/// What a profile leaves out of a policy.
public struct ProfileGap: Equatable, Sendable {
    /// The line that is not said, nil where it is about the policy as a whole.
    public var line: PolicyLine?
    public var words: String

    /// On one line, with its place.
    public var text: String { line.map { "\($0.place): `\($0.text)`: \(words)" } ?? words }
}

/// The text of a profile, and its gaps.
public struct Profile: Equatable, Sendable {
    public var text: String
    public var gaps: [ProfileGap]
}

/// What a profile is made for: it may have to know what lies at the paths that a policy names.
public struct ProfileTarget: Sendable {
    /// The kind of what is at a path, links followed; nil where nothing is.
    public var kind: @Sendable (String) -> FileKind?
    /// Where a path leads to when links are followed, nil where nothing is.
    public var realPath: @Sendable (String) -> String?
    public var workingDirectory: String
    /// The program and its arguments, where the profile starts one.
    public var command: [String]

    public init(
        workingDirectory: String, command: [String] = [], kind: @escaping @Sendable (String) -> FileKind?,
        realPath: @escaping @Sendable (String) -> String?
    ) {
        self.workingDirectory = workingDirectory
        self.command = command
        self.kind = kind
        self.realPath = realPath
    }
}

/// A place that a policy spells out, and what may be done there under all of its layers.
struct ProfilePlace {
    var path: String
    /// Nil where the object is absent for the program.
    var rights: Rights?
    var line: PolicyLine
}

extension Policy {
    /// Rights that a read-only mount takes away.
    static let changingRights: Rights = [.write, .createFile, .createDir, .unlink]

    /// Links at the root into places that may be looked at (`/bin`, `/lib64`), which programs are started through.
    func profileLinks(_ target: ProfileTarget) -> [(link: String, path: String, rights: Rights)] {
        let places = Set(profilePlaces.map(\.path))
        return ["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"].compactMap { link in
            guard !places.contains(link), let path = target.realPath(link), path != link,
                let rights = rights(of: Array(path.utf8)), rights.contains(.lookup), rights.contains(.read)
            else { return nil }
            return (link, path, rights)
        }
    }

    /// Every place that is spelled out, the shallowest first.
    var profilePlaces: [ProfilePlace] {
        var seen: Set<String> = []
        let list = layers.flatMap(\.files).compactMap { grant -> ProfilePlace? in
            guard let name = grant.pattern.literal, PolicyText.isPlain(name) else { return nil }
            let path = String(decoding: name, as: UTF8.self)
            guard seen.insert(path).inserted else { return nil }
            return ProfilePlace(path: path, rights: rights(of: name), line: grant.line)
        }
        return list.sorted { $0.path < $1.path }
    }

    /// What no profile can say, whoever reads it. `holdsFiles` and `holdsHosts` tell what this one says.
    func commonGaps(holdsFiles: Bool) -> [ProfileGap] {
        var gaps: [ProfileGap] = []
        for layer in layers {
            gaps += layer.files.filter { holdsFiles && !$0.pattern.isLiteral }.map {
                ProfileGap(line: $0.line, words: "patterns with * cannot be said")
            }
            gaps += layer.files.filter { holdsFiles && !($0.pattern.literal.map(PolicyText.isPlain) ?? true) }.map {
                ProfileGap(line: $0.line, words: "names that are no plain text cannot be said")
            }
            if !holdsFiles, let first = layer.files.first {
                gaps.append(ProfileGap(line: first.line, words: "files cannot be said, here and below"))
            }
            gaps += (layer.programs ?? []).map {
                ProfileGap(line: $0.line, words: "which programs may run is said by `run` under files alone")
            }
            gaps += layer.gives.map { ProfileGap(line: $0.line, words: "whoever starts the program has to give it") }
            gaps += layer.handles.map { ProfileGap(line: $0.line, words: "rights of descriptors cannot be said") }
            gaps += layer.rules.compactMap { rule in rule.gap.map { ProfileGap(line: rule.line, words: $0) } }
            if layer.defaultVerdict == .ask || layer.defaultVerdict == .warn {
                gaps.append(
                    ProfileGap(line: layer.defaultLine, words: "`\(layer.defaultVerdict.word)` becomes a refusal"))
            }
        }
        if hidesVDSO {
            gaps.append(ProfileGap(line: nil, words: "vdso: hide: clock reads through the vDSO are not seen"))
        }
        return gaps
    }

    /// The errno that refusals have where nothing says another.
    var usualErrno: Int32 {
        if case .deny(let errno) = layers.map(\.defaultVerdict).reduce(.allow, Verdict.strictest) { return errno }
        return ErrnoName.EACCES
    }

    /// Whether anything outside the machine's own processes can be reached, or reach the program.
    var hasNetwork: Bool {
        [Transport.tcp, .udp, .unix].contains { !socketRights($0).isEmpty }
    }
}

extension Rule {
    /// Why a profile cannot say the rule, nil where registers tell all of it.
    fileprivate var gap: String? {
        switch verdict {
        case .rewrite, .reply, .ask, .warn: return "`\(verdict.word)` needs a supervisor"
        default: break
        }
        if when != nil { return "`when` needs somebody who counts" }
        let isPlain = conditions.allSatisfy { if case .item = $0.subject { true } else { false } }
        return isPlain ? nil : "what it asks lies in memory"
    }
}
