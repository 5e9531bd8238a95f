// The union of policies, written out: every entry of any of them, with the rights that any of them gives there.

import Messages

/// Writes what any of several policies allows.
public struct UnionWriter {
    private let policies: [Policy]
    /// What a union has no words for, and leaves refused.
    public let left: [String]

    public init(_ policies: [Policy]) {
        self.policies = policies
        var left: [String] = []
        for layer in policies.flatMap(\.layers) {
            for rule in layer.rules { left.append("\(rule.line.place): \(rule.meaning)") }
            for give in layer.gives { left.append("\(give.line.place): descriptor \(give.number)") }
            for program in layer.programs ?? [] { left.append("\(program.line.place): \(program.line.text)") }
            for limit in layer.limits { left.append("\(limit.line.place): \(limit.line.text)") }
        }
        self.left = left
    }

    public func text(_ names: [String]) -> String {
        var lines = [
            "abitrace: policy/1", "name: union",
            "description: \(PolicyText.scalar("What any of \(names.joined(separator: ", ")) allows."))",
            "default: \(defaultVerdict.text)",
        ]
        lines += section("files:", files)
        let network = list("connect", \.connect) + list("listen", \.listen)
        lines += section("network:", network)
        lines += section("handles:", handles)
        lines += section("classes:", classes)
        let ambients = Ambient.allCases.filter { ambient in
            policies.contains { !$0.rights(of: ambient).isEmpty } && (ambient != .net || network.isEmpty)
        }
        let usual = PolicyLayer.usualAmbientNames.filter { name in !ambients.contains { $0.name == name } }
        lines += ["", "ambient: [\((ambients.map(\.name) + usual).joined(separator: ", "))]"]
        if policies.allSatisfy(\.hidesVDSO) { lines += ["vdso: hide"] }
        return lines.joined(separator: "\n") + "\n"
    }

    private func section(_ title: String, _ entries: [String]) -> [String] {
        entries.isEmpty ? [] : ["", title] + entries
    }

    private var defaultVerdict: Verdict {
        policies.map { policy in policy.layers.map(\.defaultVerdict).reduce(.allow, Verdict.strictest) }
            .min { $0.strictness < $1.strictness } ?? .deny(ErrnoName.EACCES)
    }

    private var files: [String] {
        var patterns: [String: PathPattern] = [:]
        for grant in policies.flatMap(\.layers).flatMap(\.files) { patterns[grant.pattern.text] = grant.pattern }
        return patterns.sorted { $0.key < $1.key }.map { text, pattern in
            let rights: [Rights] = policies.compactMap { $0.rights(of: pattern.sample) }
            let words = rights.isEmpty ? "none" : rights.reduce(Rights()) { $0.union($1) }.expression
            // `none` hides; an entry without rights is there and refuses.
            return "  \(PolicyText.scalar(text)): \(words == "none" && !rights.isEmpty ? "stat-stat" : words)"
        }
    }

    private func list(_ word: String, _ path: KeyPath<PolicyLayer, [NetworkGrant]>) -> [String] {
        var patterns: Set<NetworkPattern> = []
        for policy in policies {
            for grant in policy.layers.flatMap({ $0[keyPath: path] })
            where policy.layers.allSatisfy({ $0[keyPath: path].contains { $0.pattern.contains(grant.pattern) } }) {
                patterns.insert(grant.pattern)
            }
        }
        if patterns.isEmpty { return [] }
        return ["  \(word):"] + patterns.map { "    - \(PolicyText.scalar($0.text))" }.sorted()
    }

    private var handles: [String] {
        let names = [(Int32(0), "stdin"), (1, "stdout"), (2, "stderr"), (Int32.max, "inherited")]
        return names.compactMap { number, name -> String? in
            let rights: [Rights] = policies.compactMap { $0.rightsOfInherited(number) }
            guard !rights.isEmpty else { return number == .max ? nil : "  \(name): none" }
            return "  \(name): \(rights.reduce(Rights()) { $0.union($1) }.expression)"
        }
    }

    /// What all of them switch, at the mildest; and what any of them names.
    private var classes: [String] {
        let switched = Operation.allCases.compactMap { operation -> String? in
            let mildest = policies.map { $0.classVerdict(operation) }.min { $0.strictness < $1.strictness } ?? .allow
            return mildest == .allow ? nil : "  \(operation.name): \(mildest.text)"
        }
        let refusals = Operation.allCases.flatMap { operation in
            operation.refusals.filter { refusal in
                policies.contains { $0.verdict(of: refusal, operation) == .allow }
            }.map { "  \($0.name): allow" }
        }
        return switched + refusals.filter { line in !switched.contains { $0.hasPrefix(line.prefix { $0 != ":" }) } }
    }
}
