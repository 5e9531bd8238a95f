// The difference between two policies in meaning: what one lets a program do and the other does not.

import Messages

/// What changes about one thing from the first policy to the second.
public struct PolicyChange: Equatable, Sendable {
    /// `files`, `network`, `operations`, …
    public var section: String
    /// The path, address, operation or handle.
    public var subject: String
    public var words: String
}

extension Policy {
    /// Everything that changes when `other` takes this policy's place, by section; empty where nothing does.
    public func changes(to other: Policy) -> [PolicyChange] {
        defaultChanges(other) + fileChanges(other) + networkChanges(other) + operationChanges(other)
            + refusalChanges(other) + ambientChanges(other) + handleChanges(other) + programChanges(other)
            + listChanges(other)
    }

    private func defaultChanges(_ other: Policy) -> [PolicyChange] {
        let (one, two) = (defaultVerdict, other.defaultVerdict)
        return one == two ? [] : [PolicyChange(section: "default", subject: "", words: "\(one.text) → \(two.text)")]
    }

    private var defaultVerdict: Verdict { layers.map(\.defaultVerdict).reduce(.allow, Verdict.strictest) }

    // MARK: Files

    private func fileChanges(_ other: Policy) -> [PolicyChange] {
        var patterns: [String: PathPattern] = [:]
        for layer in layers + other.layers { for grant in layer.files { patterns[grant.pattern.text] = grant.pattern } }
        if let root = PathPattern([UInt8(ascii: "/")]) { patterns["/"] = root }
        return patterns.sorted { $0.key < $1.key }.compactMap { text, pattern in
            let path = pattern.sample
            let words = Self.words(rights(of: path), other.rights(of: path))
            return words.isEmpty ? nil : PolicyChange(section: "files", subject: text, words: words)
        }
    }

    /// What became of rights; nil rights are an absent object.
    private static func words(_ one: Rights?, _ two: Rights?) -> String {
        switch (one, two) {
        case (nil, nil): return ""
        case (let rights?, nil): return "hidden; lost \(rights.expression)"
        case (nil, let rights?): return "no longer hidden; gained \(rights.expression)"
        case (let one?, let two?):
            var parts: [String] = []
            let (lost, gained) = (one.subtracting(two), two.subtracting(one))
            if !lost.isEmpty { parts.append("lost \(lost.expression)") }
            if !gained.isEmpty { parts.append("gained \(gained.expression)") }
            return parts.joined(separator: ", ")
        }
    }

    // MARK: Network

    private func networkChanges(_ other: Policy) -> [PolicyChange] {
        [("connect", \PolicyLayer.connect), ("listen", \PolicyLayer.listen)].flatMap { word, list in
            func grants(_ policy: Policy, _ pattern: NetworkPattern) -> Bool {
                policy.layers.allSatisfy { $0[keyPath: list].contains { $0.pattern.contains(pattern) } }
            }
            func missing(_ one: Policy, _ two: Policy, _ what: String) -> [PolicyChange] {
                var seen: Set<NetworkPattern> = []
                return one.layers.flatMap { $0[keyPath: list] }.map(\.pattern).filter {
                    seen.insert($0).inserted && grants(one, $0) && !grants(two, $0)
                }.map { PolicyChange(section: "network", subject: "\(word) \($0.text)", words: what) }
            }
            return missing(self, other, "lost") + missing(other, self, "gained")
        }
    }

    // MARK: Operations

    private func operationChanges(_ other: Policy) -> [PolicyChange] {
        OperationClass.allCases.flatMap { group -> [PolicyChange] in
            let members = Operation.allCases.filter { $0.operationClass == group }
            let words = members.map { operation -> String in
                let (one, two) = (classVerdict(operation), other.classVerdict(operation))
                return one == two ? "" : "\(one.text) → \(two.text)"
            }
            if let first = words.first, !first.isEmpty, words.allSatisfy({ $0 == first }) {
                return [PolicyChange(section: "operations", subject: "\(group.name) (all)", words: first)]
            }
            return zip(members, words).filter { !$1.isEmpty }.map {
                PolicyChange(section: "operations", subject: $0.name, words: $1)
            }
        }
    }

    private func refusalChanges(_ other: Policy) -> [PolicyChange] {
        Operation.allCases.flatMap { operation in
            operation.refusals.compactMap { refusal -> PolicyChange? in
                let (one, two) = (verdict(of: refusal, operation), other.verdict(of: refusal, operation))
                if one == two { return nil }
                return PolicyChange(section: "operations", subject: refusal.name, words: "\(one.text) → \(two.text)")
            }
        }
    }

    /// What becomes of a case that is refused unless named.
    public func verdict(of refusal: RefusalRow, _ operation: Operation) -> Verdict {
        layers.map { layer -> Verdict in
            if let grant = layer.classGrant(named: refusal.name) { return grant.verdict }
            return layer.names(refusal, operation) || !layer.refusesUnnamed ? .allow : refusal.plainVerdict
        }.reduce(.allow, Verdict.strictest)
    }

    /// Whether registers say that a call is a case that is refused.
    public func refusesCase(of stop: Stop) -> Bool {
        guard let row = SpecTables.row(stop.personality, stop.number) else { return true }
        let items = CallItems(
            row: row, personality: stop.personality, registers: stop.arguments, message: nil, request: nil)
        return stop.operation.refusals.contains { refusal in
            (try? items.holds(refusal.tests)) != false
                && verdict(of: refusal, stop.operation).strictness > Verdict.warn.strictness
        }
    }

    // MARK: What a program is born with

    private func ambientChanges(_ other: Policy) -> [PolicyChange] {
        Ambient.allCases.compactMap { ambient in
            let (one, two) = (rights(of: ambient), other.rights(of: ambient))
            let words = Self.words(one, two)
            return words.isEmpty ? nil : PolicyChange(section: "ambient", subject: ambient.name, words: words)
        }
    }

    private func handleChanges(_ other: Policy) -> [PolicyChange] {
        let numbered = Set((layers + other.layers).flatMap(\.handles).compactMap { Int32($0.name) }.filter { $0 > 2 })
        let all = [(Int32(0), "stdin"), (1, "stdout"), (2, "stderr")] + numbered.sorted().map { ($0, "\($0)") }
        // A number that no line names stands for every other descriptor.
        return (all + [(Int32.max, "inherited")]).compactMap { number, name in
            let (one, two) = (rightsOfInherited(number), other.rightsOfInherited(number))
            if one == two { return nil }
            let words =
                one == nil
                ? "no longer closed; \(Self.words([], two))" : two == nil ? "closed" : Self.words(one, two)
            return PolicyChange(section: "handles", subject: name, words: words)
        }
    }

    private func programChanges(_ other: Policy) -> [PolicyChange] {
        func texts(_ policy: Policy) -> Set<String> {
            Set(
                policy.layers.flatMap { layer -> [String] in
                    layer.programs?.map { program in
                        let digest = program.digest.isEmpty ? "" : " of one digest"
                        return program.text + digest + (program.policyName.map { " under \($0)" } ?? "")
                    } ?? ["whatever files lets run"]
                })
        }
        return compare(texts(self), texts(other), "programs")
    }

    /// Rules, descriptors, limits and the vDSO: these are there or they are not.
    private func listChanges(_ other: Policy) -> [PolicyChange] {
        func rules(_ policy: Policy) -> Set<String> { Set(policy.layers.flatMap(\.rules).map(\.meaning)) }
        func gives(_ policy: Policy) -> Set<String> {
            Set(policy.gives.map { "\($0.number) \($0.name) \($0.source) \($0.rights.expression)" })
        }
        func limits(_ policy: Policy) -> Set<String> { Set(policy.limits.map { "\($0.kind.rawValue) \($0.value)" }) }
        var list = compare(rules(self), rules(other), "rules") + compare(gives(self), gives(other), "give")
        list += compare(limits(self), limits(other), "limits")
        if hidesVDSO != other.hidesVDSO {
            list.append(
                PolicyChange(section: "vdso", subject: "", words: other.hidesVDSO ? "show → hide" : "hide → show"))
        }
        return list
    }

    private func compare(_ one: Set<String>, _ two: Set<String>, _ section: String) -> [PolicyChange] {
        one.subtracting(two).sorted().map { PolicyChange(section: section, subject: $0, words: "lost") }
            + two.subtracting(one).sorted().map { PolicyChange(section: section, subject: $0, words: "gained") }
    }
}

extension Rule {
    /// What it says, wherever it is written.
    var meaning: String {
        let conditions = conditions.map(\.meaning).sorted().joined(separator: ", ")
        let times = when.map { ", from \($0.from) every \($0.every) count \($0.count)" } ?? ""
        let names = operations.map(\.name).joined(separator: ", ")
        return "\(names)\(conditions.isEmpty ? "" : " where \(conditions)")\(times): \(verdict.text)"
    }
}

extension Condition {
    fileprivate var meaning: String {
        switch subject {
        case .item(let name): "\(name) \(predicate)"
        case .path(let role, let pattern, let under): "\(role.name) \(pattern.text)\(under ? "/**" : "")"
        case .objectPath(let pattern, let under): "object \(pattern.text)\(under ? "/**" : "")"
        case .objectKind(let word): "object is \(word)"
        case .address(let patterns): "address \(patterns.map(\.text).joined(separator: ", "))"
        case .port: "port \(predicate)"
        case .program(let pattern, let under): "program \(pattern.text)\(under ? "/**" : "")"
        }
    }
}

extension PathPattern {
    /// A path that it covers, and that nothing names by chance.
    var sample: [UInt8] {
        if components.isEmpty { return [UInt8(ascii: "/")] }
        return components.flatMap { component -> [UInt8] in
            switch component {
            case .literal(let name): [UInt8(ascii: "/")] + name
            case .glob(let glob):
                [UInt8(ascii: "/")]
                    + glob.parts.flatMap { part -> [UInt8] in
                        if case .byte(let byte) = part { [byte] } else { Array("\u{1}any\u{1}".utf8) }
                    }
            case .many: Array("/\u{1}any\u{1}".utf8)
            }
        }
    }
}

extension NetworkPattern {
    /// As a policy writes it.
    public var text: String {
        guard let transport else { return "any" }
        let port = ports.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" } ?? "*"
        switch place {
        case .anywhere:
            return transport == .tcp || transport == .udp ? "\(transport.name) *:\(port)" : "\(transport.name) *"
        case .block(let host, let length):
            let width = host.isIPv4 ? 32 : 128
            let block = length == width ? host.text : "\(host.text)/\(length)"
            return "\(transport.name) \(host.isIPv4 ? block : "[\(block)]"):\(port)"
        case .path(let pattern): return "unix \(pattern.text)"
        case .below(let pattern): return "unix \(pattern.text)/**"
        case .abstract(let glob): return "unix @\(glob.text)"
        }
    }

    /// Whether it covers everything that another does, as far as the forms tell.
    func contains(_ other: NetworkPattern) -> Bool {
        guard transport == nil || transport == other.transport else { return false }
        if transport == nil { return true }
        let (mine, theirs) = (ports ?? 0...UInt16.max, other.ports ?? 0...UInt16.max)
        guard mine.lowerBound <= theirs.lowerBound, mine.upperBound >= theirs.upperBound else { return false }
        switch (place, other.place) {
        case (.anywhere, _): return true
        case (.block(let base, let length), .block(let inner, let innerLength)):
            let drop = UInt128((base.isIPv4 ? 32 : 128) - length)
            return base.isIPv4 == inner.isIPv4 && length <= innerLength
                && (drop >= 128 || base.bits >> drop == inner.bits >> drop)
        case (.below(let one), .path(let two)), (.below(let one), .below(let two)):
            return one.depth(in: pathComponents(two.sample)) != nil
        case (.path(let one), .path(let two)):
            let components = pathComponents(two.sample)
            return one == two || one.depth(in: components) == components.count
        case (.abstract(let one), .abstract(let two)):
            return one == two || two.literal.map { one.matches($0[...]) } == true
        default: return false
        }
    }
}
