// Promises: policies whose grants are added to those of the policy that makes them.

import Messages

/// An entry that a promise can have beside the policy's own.
protocol PromisedGrant {
    /// 0 for the policy's own, else the number of the promise.
    var promise: Int { get set }
    /// As the policy's own it takes the place of what promises say of the same thing, and is not added to that.
    var standsAlone: Bool { get }
    /// With another entry of the same policy for the same thing.
    func narrowed(by other: Self) -> Self
    /// With what another promise says.
    func widened(by other: Self) -> Self
}

extension FileGrant: PromisedGrant {
    var standsAlone: Bool { isHidden }

    func narrowed(by other: FileGrant) -> FileGrant {
        var both = other.isHidden ? other : self
        both.rights = rights.intersection(other.rights)
        return both
    }

    func widened(by other: FileGrant) -> FileGrant {
        var both = isHidden ? other : self
        both.rights = rights.union(other.rights)
        return both
    }
}

extension ClassGrant: PromisedGrant {
    var standsAlone: Bool { true }

    func narrowed(by other: ClassGrant) -> ClassGrant {
        other.verdict.strictness > verdict.strictness ? other : self
    }

    func widened(by other: ClassGrant) -> ClassGrant {
        other.verdict.strictness < verdict.strictness ? other : self
    }
}

extension PolicyLayer {
    /// The entry that answers for a thing: in the policy and in each of its promises the one of the highest rank.
    ///
    /// What the promises say adds up: none takes away what another gives, however deep its entry. The policy's own
    /// entry takes the place of all that ranks below it.
    func answer<Grant: PromisedGrant>(among grants: [Grant], rank: (Grant) -> Int?) -> Grant? {
        if promisers.isEmpty {
            var best: (grant: Grant, rank: Int)?
            for grant in grants { if let rank = rank(grant) { Self.keep(grant, rank, in: &best) } }
            return best?.grant
        }
        var own = [(grant: Grant, rank: Int)?](repeating: nil, count: promisers.count + 1)
        for grant in grants { if let rank = rank(grant) { Self.keep(grant, rank, in: &own[grant.promise]) } }
        var sums = own
        // Who makes a promise comes before it.
        for (promise, promiser) in promisers.enumerated().reversed() {
            guard let said = sums[promise + 1] else { continue }
            if let mine = own[promiser], said.rank < mine.rank || said.rank == mine.rank && mine.grant.standsAlone {
                continue
            }
            sums[promiser] = sums[promiser].map { ($0.grant.widened(by: said.grant), max($0.rank, said.rank)) } ?? said
        }
        return sums[0]?.grant
    }

    private static func keep<Grant: PromisedGrant>(
        _ grant: Grant, _ rank: Int, in best: inout (grant: Grant, rank: Int)?
    ) {
        guard let known = best, rank <= known.rank else {
            best = (grant, rank)
            return
        }
        if rank == known.rank { best = (known.grant.narrowed(by: grant), rank) }
    }

    /// Adds a promise.
    mutating func add(_ other: PolicyLayer) {
        let number = promisers.count + 1
        promisers += [0] + other.promisers.map { $0 + number }
        func numbered<Grant: PromisedGrant>(_ grants: [Grant]) -> [Grant] {
            grants.map { grant in
                var grant = grant
                grant.promise += number
                return grant
            }
        }
        files += numbered(other.files)
        classes += numbered(other.classes)
        connect += other.connect
        listen += other.listen
        if let programs = other.programs { self.programs = (self.programs ?? []) + programs }
        for grant in other.ambients where !ambients.contains(grant) { ambients.append(grant) }
        rules += other.rules
    }
}

extension PolicyReader {
    /// Promises are policies whose grants are added to this one's.
    mutating func readPromises(_ node: Node) {
        for name in list(node) {
            guard let policy = readOther(name)?.policy, let other = policy.layers.first else { continue }
            // What narrows would be lost in a sum.
            if policy.layers.count > 1 { fail(name, "a promise includes nothing", hint: "include it in this policy") }
            let unpromised: [(key: String, isThere: Bool)] = [
                ("default", other.defaultLine != nil), ("give", !other.gives.isEmpty),
                ("handles", !other.handles.isEmpty), ("limits", !other.limits.isEmpty), ("vdso", other.hidesVDSO),
            ]
            for (key, _) in unpromised.filter(\.isThere) {
                fail(name, "a promise has no `\(key)`", hint: "say it in the policy that makes the promise")
            }
            layer.add(other)
        }
    }
}
