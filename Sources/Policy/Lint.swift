// What is no mistake but worth a second look: lines that decide nothing, lines that give more than they say.

import Messages

extension Policy {
    /// Findings about the lines of one file.
    public func findings(in file: String) -> [Diagnostic] {
        guard let layer = layers.first(where: { $0.file == file }) else { return [] }
        return
            (layer.idleFiles + layer.idleNetwork + layer.idleClasses + layer.wideGrants + layer.fallbacks
            + layer.advisoryRules + layer.unportable).filter { $0.line.file == file }
            .sorted { ($0.line.line, $0.line.column) < ($1.line.line, $1.line.column) }
    }
}

extension PolicyLayer {
    private func finding(_ line: PolicyLine, _ message: String, _ hint: String) -> Diagnostic {
        Diagnostic(severity: .warning, line: line, message: message, hint: hint)
    }

    // MARK: Lines that decide nothing

    /// Entries that give just what the entry above them gives.
    fileprivate var idleFiles: [Diagnostic] {
        files.compactMap { grant in
            // What a link leads to is written by the same line.
            if files.filter({ $0.line == grant.line }).count > 1 || !grant.pattern.isLiteral { return nil }
            var without = self
            without.files.removeAll { $0.pattern == grant.pattern }
            guard let above = without.fileGrant(pathComponents(grant.pattern.sample)) else { return nil }
            guard above.isHidden == grant.isHidden, above.rights == grant.rights else { return nil }
            // A wider pattern between the two may decide below it.
            let isShield = files.contains { $0.pattern != grant.pattern && !$0.pattern.isLiteral }
            if isShield { return nil }
            return finding(
                grant.line, "`\(grant.pattern.text)` has what line \(above.line.line) gives it already",
                "leave the line out")
        }
    }

    fileprivate var idleNetwork: [Diagnostic] {
        [connect, listen].flatMap { list in
            list.enumerated().compactMap { index, grant in
                let cover = list.enumerated().first { other, wider in
                    other != index && wider.line != grant.line && wider.pattern.contains(grant.pattern)
                        && (wider.pattern != grant.pattern || other < index)
                }
                return cover.map { _, wider in
                    finding(
                        grant.line, "`\(grant.pattern.text)` is covered by `\(wider.pattern.text)`",
                        "leave one of the two out")
                }
            }
        }
    }

    /// Entries for a class whose every operation has its own, and entries that allow what nothing switches.
    fileprivate var idleClasses: [Diagnostic] {
        classes.compactMap { grant in
            let members = Operation.allCases.filter { $0.operationClass.name == grant.name }
            if !members.isEmpty, members.allSatisfy({ member in classes.contains { $0.name == member.name } }) {
                return finding(
                    grant.line,
                    "every operation of `\(grant.name)` has an entry of its own, so this one decides nothing",
                    "leave the line out")
            }
            guard grant.verdict == .allow, let operation = Operation.allCases.first(where: { $0.name == grant.name }),
                operation.refusals.isEmpty
            else { return nil }
            let isSwitched = classes.contains {
                ($0.name == operation.operationClass.name || $0.name == "any") && $0.verdict != .allow
            }
            if isSwitched { return nil }
            return finding(
                grant.line, "`\(grant.name)` is not refused by anything that this line could lift",
                "rights come from `files`, `network`, `handles` and `ambient`; leave the line out")
        }
    }

    // MARK: Lines that give more than they say

    fileprivate var wideGrants: [Diagnostic] {
        let writing: Rights = [.write, .resize]
        let places = ["/", "/etc", "/usr", "/home", "/dev", "/proc", "/sys", "/var", "/root", "/boot"]
        var list = files.compactMap { grant -> Diagnostic? in
            let text = grant.pattern.text
            guard places.contains(text), !grant.rights.isDisjoint(with: writing) else { return nil }
            return finding(
                grant.line, "all of `\(text)` can be written", "name the directories that the program writes")
        }
        list += files.filter {
            !$0.rights.isDisjoint(with: writing) && $0.rights.contains(.exec) && $0.pattern.text != "/"
        }
        .filter { grant in ["/tmp", "/var/tmp", "/dev/shm"].contains(grant.pattern.text) }.map { grant in
            finding(
                grant.line, "what anybody writes to `\(grant.pattern.text)` can be run",
                "take `run` away, or give the program a directory of its own")
        }
        list += connect.filter { $0.pattern.transport == nil || $0.pattern.isWholeInternet }.map { grant in
            finding(
                grant.line, "`\(grant.pattern.text)` reaches every host",
                "name the hosts and ports; what the program reads can leave by this line")
        }
        for refusal in ["proc.trace", "debug", "mount", "any"] {
            for grant in classes where grant.name == refusal && grant.verdict == .allow {
                list.append(
                    finding(
                        grant.line, "`\(refusal)` as a whole lets everything in it through",
                        "name the operations that are needed"))
            }
        }
        return list
    }

    // MARK: What programs do when something is refused

    /// A refused operation, what programs do instead, and what to write.
    private static let unsafeFallbacks: [(operation: Operation, words: String, hint: String)] = [
        (.sysRandom, "without it programs read /dev/urandom, or seed themselves from the clock", "leave it allowed")
    ]

    fileprivate var fallbacks: [Diagnostic] {
        var list: [Diagnostic] = []
        for fallback in Self.unsafeFallbacks {
            guard let grant = classGrant(fallback.operation), grant.verdict.strictness >= Verdict.stub.strictness else {
                continue
            }
            list.append(
                finding(grant.line, "`\(fallback.operation.name)` is switched: \(fallback.words)", fallback.hint))
        }
        for path in ["/dev/urandom", "/dev/random"] {
            let components = pathComponents(Array(path.utf8))
            guard let grant = fileGrant(components), grant.isHidden || !grant.rights.contains(.read) else { continue }
            list.append(
                finding(
                    grant.line, "`\(path)` cannot be read: old programs then make worse random numbers",
                    "add `\(path): ro`"))
        }
        return list
    }

    // MARK: Where it is enforced

    fileprivate var advisoryRules: [Diagnostic] {
        let policy = Policy(layers: [self])
        return rules.compactMap { rule in
            for operation in rule.operations {
                for (number, index) in SpecTables.x86_64.enumerated() where index >= 0 {
                    let row = SpecTables.calls[Int(index)]
                    guard row.operations.contains(operation) else { continue }
                    let stop = Stop(number: UInt64(number))
                    if case .advisory(let race) = policy.enforcement(stop) {
                        return finding(
                            rule.line, "this can only be held as advice for `\(row.name)`: \(race)",
                            "--strict refuses it; decide on items that registers hold")
                    }
                }
            }
            return nil
        }
    }

    /// What means something else on other systems that policies of this language are written for.
    fileprivate var unportable: [Diagnostic] {
        rules.filter { rule in rule.conditions.contains { $0.predicate.names("SOCK_SEQPACKET") } }.map { rule in
            finding(
                rule.line,
                "`SOCK_SEQPACKET` over unix sockets is Linux's own; BSD and macOS lack it or keep no records",
                "a rule on SOCK_STREAM too keeps the meaning where programs fall back")
        }
    }
}

extension NetworkPattern {
    /// Every host of IPv4 or of IPv6.
    var isWholeInternet: Bool {
        guard transport == .tcp || transport == .udp else { return false }
        switch place {
        case .anywhere: return true
        case .block(_, let length): return length == 0
        default: return false
        }
    }
}

extension Predicate {
    /// Whether a symbol is compared with.
    fileprivate func names(_ symbol: String) -> Bool {
        func isIt(_ operand: Operand) -> Bool {
            if case .text(let text) = operand { text.split(separator: "|").contains { $0 == symbol } } else { false }
        }
        switch self {
        case .equals(let operand): return isIt(operand)
        case .has(let list), .all(let list), .lacks(let list): return list.contains(where: isIt)
        case .any(let list): return list.contains { $0.names(symbol) }
        case .not(let inner): return inner.names(symbol)
        case .range: return false
        }
    }
}
