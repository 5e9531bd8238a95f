// What is no mistake but worth a second look: lines that decide nothing, lines that give more than they say.

import Messages

extension Policy {
    /// What this policy makes programs do that is worse than what it keeps them from: whoever runs one hears of it.
    public var unsafeFallbacks: [Diagnostic] { layers.flatMap(\.fallbacks) }

    /// Findings about the lines of one file.
    public func findings(in file: String) -> [Diagnostic] {
        guard let layer = layers.first(where: { $0.file == file }) else { return [] }
        return
            (layer.idleLines + layer.wideGrants + layer.fallbacks + layer.advisoryRules + layer.unportable)
            .filter { $0.line.file == file }
            .sorted { ($0.line.line, $0.line.column) < ($1.line.line, $1.line.column) }
    }
}

extension PolicyLayer {
    func finding(_ line: PolicyLine, _ message: String, _ hint: String) -> Diagnostic {
        Diagnostic(severity: .warning, line: line, message: message, hint: hint)
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

    private struct UnsafeFallback {
        var operations: [Operation]
        /// The mildest verdict that has this effect; `stub` says that it has none other.
        var from: Verdict
        var to: Verdict = .kill
        var words: String
        var hint: String
    }

    /// What a verdict makes programs do that is worse than what it keeps them from.
    private static let unsafeFallbacks = [
        UnsafeFallback(
            operations: [.sysRandom], from: .stub,
            words: "without it programs read /dev/urandom, or seed themselves from the clock", hint: "leave it allowed"),
        UnsafeFallback(
            operations: [.credSet], from: .stub, to: .deny(0),
            words: "programs that mean to give up rights keep them, and not all of them look",
            hint: "leave it allowed, or `kill`: nobody gains rights by it that it may not take anyway"),
        UnsafeFallback(
            operations: [.fdSync, .memSync], from: .stub, to: .stub,
            words: "programs are told that data is safe which is not", hint: "allow it, or `deny EIO`"),
        UnsafeFallback(
            operations: [.fdLock], from: .stub, to: .stub,
            words: "two programs hold one lock, and databases break", hint: "allow it, or `deny ENOLCK`"),
        UnsafeFallback(
            operations: [.memProtect], from: .stub, to: .stub,
            words: "memory that the program thinks closed stays open", hint: "allow it, or `deny`"),
    ]

    fileprivate var fallbacks: [Diagnostic] {
        var list: [Diagnostic] = []
        for fallback in Self.unsafeFallbacks {
            let range = fallback.from.strictness...fallback.to.strictness
            for operation in fallback.operations {
                // Who switches everything off knows it.
                let grant = classGrant(operation).flatMap { $0.name == "any" ? nil : ($0.verdict, $0.line) }
                let all =
                    [grant].compactMap { $0 }
                    + rules.filter { $0.operations.contains(operation) }.map { ($0.verdict, $0.line) }
                // `ask` and `reply` lie between: whoever answers knows what they do.
                for (verdict, line) in all where range.contains(verdict.strictness) && verdict != .ask {
                    if case .reply = verdict { continue }
                    list.append(finding(line, "`\(operation.name)` is switched: \(fallback.words)", fallback.hint))
                }
            }
        }
        for path in ["/dev/urandom", "/dev/random"] {
            let components = pathComponents(Array(path.utf8))
            // What says nothing of /dev in particular leaves it out as it leaves out everything.
            guard let grant = fileGrant(components),
                grant.pattern.fixedPrefix.first.map({ $0[...] }) == components.first,
                grant.isHidden || !grant.rights.contains(.read)
            else { continue }
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
        // What such a system answers is no use of it.
        let absent = ErrnoName.number("EPROTONOSUPPORT").map { Verdict.deny($0) }
        return rules.filter { rule in
            rule.verdict != absent && rule.conditions.contains { $0.predicate.names("SOCK_SEQPACKET") }
        }.map { rule in
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
