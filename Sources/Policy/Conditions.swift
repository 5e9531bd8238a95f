// Whether the conditions of a rule hold for a call.

import Messages

extension Rule {
    /// Whether every condition holds.
    func holds<R: Registers>(_ items: CallItems<R>) throws(Undecided) -> Bool {
        for condition in conditions { if try !condition.holds(items) { return false } }
        return true
    }
}

extension Condition {
    func holds<R: Registers>(_ items: CallItems<R>) throws(Undecided) -> Bool {
        if case .item(let name) = subject { return try items.holds(predicate, name) }
        guard let request = items.request else { throw Undecided(test: nil) }
        switch subject {
        case .item: return false
        case .path(let role, let pattern, let under):
            guard let path = request.path(role) else { return false }
            return pattern.covers(path.path, under: under)
        case .objectPath(let pattern, let under):
            if let handle = request.handle(.object) { return pattern.covers(handle.name, under: under) }
            return request.path(.object).map { pattern.covers($0.path, under: under) } ?? false
        case .objectKind(let word):
            let kind = request.handle(.object)?.kind ?? request.path(.object)?.kind ?? .unknown
            return kind.name == word
        case .address(let patterns):
            return request.addresses.contains { fact in
                patterns.contains { $0.covers(fact.transport, fact.address, asPeer: fact.role == .peer) }
            }
        case .port:
            return request.addresses.contains { fact in
                guard case .internet(_, let port) = fact.address else { return false }
                return predicate.holds(number: UInt64(port))
            }
        case .program(let pattern, let under): return pattern.covers(request.caller.program, under: under)
        }
    }
}

extension Predicate {
    /// For a plain number.
    func holds(number: UInt64) -> Bool {
        switch self {
        case .equals(.number(let value)): number == value
        case .equals(.text(let text)): Glob(text).matches(Array("\(number)".utf8)[...])
        case .range(let low, let high): (low...high).contains(Int64(clamping: number))
        case .any(let list): list.contains { $0.holds(number: number) }
        case .not(let inner): !inner.holds(number: number)
        default: false
        }
    }
}

extension PathPattern {
    /// The object itself, or with `under` everything below it too.
    func covers(_ path: [UInt8], under: Bool) -> Bool {
        guard path.first == UInt8(ascii: "/") else { return false }
        let components = pathComponents(path)
        guard let depth = depth(in: components) else { return false }
        return under || depth == components.count
    }
}
