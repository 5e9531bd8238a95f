// Lines of a policy that decide nothing: what another line says already, or what another line never lets come up.

import Messages

extension PolicyLayer {
    /// Findings about lines without which the policy would mean the same.
    var idleLines: [Diagnostic] {
        idleFiles + idleNetwork + idlePrograms + idleHandles + idleAmbients + idleClasses + idleRules
    }

    // MARK: Grants

    private var idleFiles: [Diagnostic] {
        // Beside promises an entry adds here and takes away there.
        if !promisers.isEmpty { return [] }
        return files.compactMap { grant in
            // What a link leads to is written by the same line.
            if files.filter({ $0.line == grant.line }).count > 1 { return nil }
            guard let other = cover(of: grant) else { return nil }
            return finding(
                grant.line, "`\(grant.pattern.text)` has what line \(other.line.line) gives it already",
                "leave the line out")
        }
    }

    /// The entry that says the same of everything that this one is about, where the policy means the same without it.
    private func cover(of grant: FileGrant) -> FileGrant? {
        func isSame(_ other: FileGrant) -> Bool { other.isHidden == grant.isHidden && other.rights == grant.rights }
        if grant.pattern.isLiteral {
            // Entries that are as deep or less deep cover the path itself; deeper ones decide with it and without it.
            var without = self
            without.files.removeAll { $0.pattern == grant.pattern }
            return without.fileGrant(pathComponents(grant.pattern.sample)).flatMap { isSame($0) ? $0 : nil }
        }
        let meeting = files.filter { $0.pattern != grant.pattern && $0.pattern.mayDecide(before: grant.pattern) }
        guard meeting.allSatisfy(isSame) else { return nil }
        return meeting.first { $0.pattern.coversAll(of: grant.pattern) }
    }

    private var idleNetwork: [Diagnostic] {
        let lists: [(grants: [NetworkGrant], word: String, operations: [Operation])] = [
            (connect, "connect", [.sockConnect]), (listen, "listen", [.sockBind, .sockListen]),
        ]
        return lists.flatMap { grants, word, operations in
            grants.enumerated().compactMap { index, grant -> Diagnostic? in
                let wider = grants.enumerated().first { other, wider in
                    other != index && wider.line != grant.line && wider.pattern.contains(grant.pattern)
                        && (wider.pattern != grant.pattern || other < index)
                }
                if let wider = wider?.element {
                    return finding(
                        grant.line,
                        "`\(grant.pattern.text)` is covered by `\(wider.pattern.text)` in line \(wider.line.line)",
                        "leave one of the two out")
                }
                return operations.lazy.compactMap(refusingClass).first.map { refusing in
                    finding(
                        grant.line,
                        "`\(word)` comes to nothing: `\(refusing.name)` is refused in line \(refusing.line.line)",
                        "leave one of the two lines out")
                }
            }
        }
    }

    /// The entry under `classes` that refuses an operation whatever else is said.
    private func refusingClass(_ operation: Operation) -> ClassGrant? {
        classGrant(operation).flatMap { $0.verdict.strictness >= Verdict.deny(0).strictness ? $0 : nil }
    }

    private var idlePrograms: [Diagnostic] {
        let programs = programs ?? []
        return programs.compactMap { grant in
            if let refusing = refusingClass(.procExec) {
                return finding(
                    grant.line, "nothing runs: `\(refusing.name)` is refused in line \(refusing.line.line)",
                    "leave one of the two lines out")
            }
            guard !grant.isBelow, let path = grant.pattern.literal else { return nil }
            let components = pathComponents(path)
            let others = programs.filter {
                $0.line != grant.line && $0.covers(components)
            }
            // The most exact of the others would decide.
            guard let next = others.max(by: { $0.pattern.literals < $1.pattern.literals }),
                next.digest == grant.digest, next.policyName == grant.policyName
            else { return nil }
            return finding(
                grant.line, "`\(grant.pattern.text)` may run by line \(next.line.line) already", "leave the line out")
        }
    }

    private var idleHandles: [Diagnostic] {
        let numbers = ["0": "stdin", "1": "stdout", "2": "stderr"]
        return handles.enumerated().compactMap { index, grant in
            let name = numbers[grant.name] ?? grant.name
            guard let first = handles[..<index].first(where: { (numbers[$0.name] ?? $0.name) == name }) else {
                return nil
            }
            return finding(
                grant.line, "`\(grant.name)` is spoken of in line \(first.line.line) already, and that line counts",
                "leave one of the two out")
        }
    }

    private var idleAmbients: [Diagnostic] {
        ambients.enumerated().compactMap { index, grant in
            let others = ambients[..<index].filter { $0.ambient == grant.ambient }
            guard let line = grant.line, let first = others.first,
                grant.rights.isSubset(of: others.reduce(Rights()) { $0.union($1.rights) })
            else { return nil }
            return finding(
                line,
                "`\(grant.ambient.name)` is there twice\(first.line == line ? "" : ", in line \(first.line?.line ?? 0) first")",
                "leave one of the two out")
        }
    }

    // MARK: Switches

    /// Entries for a class whose every operation has its own, entries that say what their class says, and entries that
    /// allow what nothing switches.
    private var idleClasses: [Diagnostic] {
        if !promisers.isEmpty { return [] }
        return classes.compactMap { grant in
            let members = Operation.allCases.filter { $0.operationClass.name == grant.name }
            if !members.isEmpty, members.allSatisfy({ member in classes.contains { $0.name == member.name } }) {
                return finding(
                    grant.line,
                    "every operation of `\(grant.name)` has an entry of its own, so this one decides nothing",
                    "leave the line out")
            }
            guard let operation = Operation.allCases.first(where: { $0.name == grant.name }) else { return nil }
            var without = self
            without.classes.removeAll { $0.name == grant.name }
            if let above = without.classGrant(operation), above.verdict == grant.verdict {
                return finding(
                    grant.line, "`\(above.name)` in line \(above.line.line) says the same of `\(grant.name)`",
                    "leave the line out")
            }
            guard grant.verdict == .allow, operation.refusals.isEmpty, without.classGrant(operation) == nil else {
                return nil
            }
            return finding(
                grant.line, "`\(grant.name)` is not refused by anything that this line could lift",
                "rights come from `files`, `network`, `handles` and `ambient`; leave the line out")
        }
    }

    // MARK: Rules

    private var idleRules: [Diagnostic] {
        rules.enumerated().compactMap { index, rule in
            if rule.verdict == .allow {
                return finding(
                    rule.line, "a rule that allows decides nothing: the strictest answer counts",
                    "what refuses is lifted where it stands, under `files`, `network` or `classes`")
            }
            if rule.conditions.contains(where: \.isImpossible) {
                return finding(
                    rule.line, "no message meets this `where`", "`from` is the lower end, `to` the upper one")
            }
            let stricter = rule.operations.map { operation in
                classGrant(operation).flatMap { $0.verdict.strictness > rule.verdict.strictness ? $0 : nil }
            }
            if let first = stricter.first ?? nil, stricter.allSatisfy({ $0 != nil }) {
                return finding(
                    rule.line,
                    "`\(first.name): \(first.verdict.text)` in line \(first.line.line) is stricter, so this rule never decides",
                    "leave one of the two out")
            }
            if let other = rules.enumerated().first(where: { $0 != index && $1.shadows(rule, isEarlier: $0 < index) })?
                .element
            {
                return finding(
                    rule.line, "line \(other.line.line) decides every message that this rule is about",
                    "leave the rule out, or say in its `where` what the other's leaves open")
            }
            return ungranted(rule)
        }
    }

    /// A change of what the grants refuse: that is refused, and not changed.
    private func ungranted(_ rule: Rule) -> Diagnostic? {
        guard rule.verdict.strictness < Verdict.deny(0).strictness,
            defaultVerdict.strictness >= Verdict.deny(0).strictness
        else { return nil }
        for condition in rule.conditions {
            guard case .path(.object, let pattern, _) = condition.subject, let path = pattern.literal else { continue }
            let isRefused = rule.operations.allSatisfy { operation in
                let needs = operation.needs.filter { $0.role == .object }
                guard let rights = rights(of: path) else { return true }
                return needs.contains { $0.tests.isEmpty && !rights.contains($0.right) }
                    || needs.allSatisfy { !rights.contains($0.right) || Self.wayRights.contains($0.right) }
            }
            guard isRefused else { continue }
            return finding(
                rule.line,
                "nothing under `files` grants `\(pattern.text)`, so it is refused before this rule can \(rule.verdict.word) it",
                "add `\(PolicyText.scalar(pattern.text)): ro` under `files`")
        }
        return nil
    }
}

extension Rule {
    /// Whether this rule's answer is the stricter one on every message that the other is about.
    fileprivate func shadows(_ other: Rule, isEarlier: Bool) -> Bool {
        guard when == nil, other.operations.allSatisfy(operations.contains),
            verdict.strictness > other.verdict.strictness
                || (verdict == other.verdict
                    && (other.when != nil || isEarlier || conditions.count < other.conditions.count))
        else { return false }
        return conditions.allSatisfy { mine in other.conditions.contains { $0.implies(mine) } }
    }
}

extension Condition {
    fileprivate var isImpossible: Bool { predicate.isImpossible }

    /// Whether every message that meets this one meets the other, as far as the forms tell.
    fileprivate func implies(_ other: Condition) -> Bool {
        if self == other { return true }
        switch (subject, other.subject) {
        case (.path(let role, let mine, _), .path(let otherRole, let theirs, true)):
            return role == otherRole && theirs.coversAll(of: mine)
        case (.program(let mine, _), .program(let theirs, true)),
            (.objectPath(let mine, _), .objectPath(let theirs, true)):
            return theirs.coversAll(of: mine)
        case (.item(let mine), .item(let theirs)): return mine == theirs && predicate.implies(other.predicate)
        case (.port, .port): return predicate.implies(other.predicate)
        default: return false
        }
    }
}

extension Predicate {
    fileprivate var isImpossible: Bool {
        if case .range(let low, let high) = self { low > high } else { false }
    }

    fileprivate func implies(_ other: Predicate) -> Bool {
        if self == other { return true }
        switch (self, other) {
        case (.any(let list), _): return list.allSatisfy { $0.implies(other) }
        case (_, .any(let list)): return list.contains { implies($0) }
        case (.equals(.number(let value)), .range(let low, let high)):
            return low <= high && (low...high).contains(Int64(bitPattern: value))
        default: return false
        }
    }
}

extension PathPattern {
    /// Whether the pattern may decide about something that another covers, where that one is not the deeper.
    fileprivate func mayDecide(before other: PathPattern) -> Bool {
        if hasMany || other.hasMany { return true }
        guard components.count <= other.components.count else { return false }
        return zip(components, other.components).allSatisfy { mine, theirs in
            switch (mine, theirs) {
            case (.literal(let one), .literal(let two)): one == two
            case (.literal(let name), .glob(let glob)), (.glob(let glob), .literal(let name)): glob.matches(name[...])
            default: true
            }
        }
    }

    /// Whether the pattern covers everything that another covers, as far as the forms tell.
    fileprivate func coversAll(of other: PathPattern) -> Bool {
        if hasMany || components.count > other.components.count { return self == other }
        return zip(components, other.components).allSatisfy { mine, theirs in
            switch (mine, theirs) {
            case (.glob(let glob), _) where glob == Glob("*"): theirs != .many
            case (.glob(let glob), .literal(let name)): glob.matches(name[...])
            default: mine == theirs
            }
        }
    }

    private var hasMany: Bool { components.contains(.many) }
}
