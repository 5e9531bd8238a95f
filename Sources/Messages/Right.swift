// Rights: what may be done through a handle, as a set that only ever narrows.

/// A set of rights. The members are generated from the spec; the width leaves room for twice as many.
public struct Rights: OptionSet, Hashable, Sendable {
    public let rawValue: UInt128

    public init(rawValue: UInt128) { self.rawValue = rawValue }
    public init(_ right: Right) { rawValue = 1 << UInt128(right.rawValue) }

    /// Every right there is.
    public static let all = Rights(rawValue: Right.allCases.reduce(0) { $0 | 1 << UInt128($1.rawValue) })

    public func contains(_ right: Right) -> Bool { rawValue >> UInt128(right.rawValue) & 1 != 0 }

    /// The members in the order of the spec.
    public var rights: [Right] { Right.allCases.filter { contains($0) } }

    /// The names of the members, in the order of the spec.
    public var names: [String] { rights.map(\.name) }

    /// As a policy would write it: the groups that fit whole, then what is left by name.
    public var expression: String {
        if isEmpty { return "none" }
        var left = self
        var words: [String] = []
        for group in [
            RightsGroup.rw, .ro, .append, .create, .delete, .attr, .run, .listen, .dial, .procs, .events, .power,
        ]
        where isSuperset(of: group.rights) && !left.isDisjoint(with: group.rights) {
            words.append(group.name)
            left.subtract(group.rights)
        }
        return (words + left.names).joined(separator: "+")
    }
}

extension Ambient {
    /// The entry under `ambient` that brings these rights with what it brings anyway.
    public func entry(with rights: Rights) -> String {
        let more = rights.subtracting(self.rights)
        return more.isEmpty ? name : name + "+" + more.expression
    }
}

extension Rights {
    /// As people write it where a little more does no harm: the groups that cover it, and what is in none by name.
    public var grouped: String {
        var words: [String] = []
        var left = self
        func take(_ group: RightsGroup) {
            guard !left.isDisjoint(with: group.rights) else { return }
            words.append(group.name)
            left.subtract(group.rights)
        }
        if left.isDisjoint(with: RightsGroup.rw.rights.subtracting(RightsGroup.ro.rights)) {
            take(.ro)
        } else if left.isSubset(of: RightsGroup.append.rights) {
            take(.append)
        } else {
            take(.rw)
        }
        for group in [RightsGroup.create, .delete, .attr, .run] { take(group) }
        return words.isEmpty && left.isEmpty ? "stat" : (words + left.names).joined(separator: "+")
    }

    /// What `grouped` grants.
    public var covered: Rights {
        grouped.split(separator: "+").reduce(self) { all, word in
            all.union(RightsGroup.allCases.first { $0.name == word }?.rights ?? [])
        }
    }
}

/// A condition on one item of a message, as the spec writes it.
public struct ItemTest: Sendable, Equatable {
    /// A value to compare with: a number, or a name out of the item's own set, or a constant.
    public enum Value: Sendable, Equatable {
        case number(UInt64)
        case name(String)
    }

    public enum Kind: Sendable {
        /// The item is there; a pointer is not NULL.
        case present
        /// The call has such an argument, whatever its value.
        case named
        /// It equals one of the values, or none of them.
        case `is`, isnt
        /// It has one of the values among its bits, or none of them.
        case has, lacks
    }

    public let item: String
    public let mask: UInt64
    public let kind: Kind
    public let values: [Value]

    public init(_ item: String, _ mask: UInt64, _ kind: Kind, _ values: [Value]) {
        self.item = item
        self.mask = mask
        self.kind = kind
        self.values = values
    }
}

/// A right that the handle in a role must hold, where all tests hold.
public struct NeedRow: Sendable {
    public let role: HandleRole
    public let right: Right
    public let tests: [ItemTest]

    public init(_ role: HandleRole, _ right: Right, _ tests: [ItemTest]) {
        self.role = role
        self.right = right
        self.tests = tests
    }
}

/// What is refused unless a policy names it: an operation, or a case of one that has a name of its own.
public struct RefusalRow: Sendable {
    /// `debug.trace`, `file.open.handle`: what a policy writes under `classes` to allow it.
    public let name: String
    /// An errno's name, or `stub`.
    public let verdict: String
    public let reason: String
    public let tests: [ItemTest]

    public init(_ name: String, _ verdict: String, _ reason: String, _ tests: [ItemTest]) {
        self.name = name
        self.verdict = verdict
        self.reason = reason
        self.tests = tests
    }
}

/// An operation that no policy may refuse, where all tests hold.
public struct NeverRow: Sendable {
    public let operation: Operation
    public let reason: String
    public let tests: [ItemTest]

    public init(_ operation: Operation, _ reason: String, _ tests: [ItemTest]) {
        self.operation = operation
        self.reason = reason
        self.tests = tests
    }
}

extension Operation {
    /// The rights it needs, by role and condition. A need whose role the message does not name does not apply.
    public var needs: ArraySlice<NeedRow> {
        let range = SpecTables.needRanges[Int(rawValue)]
        return SpecTables.needs[range.first..<range.first + range.count]
    }

    /// Its cases that are refused unless named.
    public var refusals: ArraySlice<RefusalRow> {
        let range = SpecTables.refusalRanges[Int(rawValue)]
        return SpecTables.refusals[range.first..<range.first + range.count]
    }

    /// Why it must never be refused, nil where it may.
    public var never: NeverRow? { SpecTables.neverRefused.first { $0.operation == self } }
}
