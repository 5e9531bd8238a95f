// A decision on facts that were looked up: the one way, whether they were found just now or stand in a recording.

import Messages

extension Policy {
    /// Decides a call on facts.
    /// - Returns: the request that the facts make, for people who want to know, and the decision.
    public func decide(
        _ stop: Stop, _ message: Message, caller: Caller, facts: [DecisionFact], _ occurrences: inout Occurrences
    ) -> (request: Request, decision: Decision) {
        var request = Request(stop, message, caller: caller)
        // Nothing was looked up where nothing hangs on it.
        if facts.isEmpty, let stub = stub(request) { return (request, stub) }
        for fact in facts { add(fact, to: &request) }
        let decision = decide(request, &occurrences)
        // What cannot be named is the reason, whatever else was looked for in vain because of it.
        if let fact = facts.first(where: { $0.kind == .unnameable }), decision.verdict != .kill {
            let cause = Cause.unknown(PolicyText.visible(fact.path))
            return (request, Decision(.deny(ErrnoName.EACCES), reasons: [Reason(.deny(ErrnoName.EACCES), cause, nil)]))
        }
        guard decision.isAllowed else { return (request, decision) }
        return (request, withheld(facts) ?? decision)
    }

    private func add(_ fact: DecisionFact, to request: inout Request) {
        switch fact.kind {
        case .object:
            request.paths.append(
                PathFact(
                    fact.role, path: fact.path, kind: FileKind(mode: fact.mode), exists: fact.exists,
                    derived: fact.derived))
        case .program:
            request.paths.append(
                PathFact(fact.role, path: fact.path, kind: FileKind(mode: fact.mode), digest: fact.digest))
        case .handle: request.handles.append(handle(fact))
        case .address:
            let transport = Transport(
                family: UInt64(bitPattern: Int64(fact.family)), type: UInt64(bitPattern: Int64(fact.type)),
                protocol: UInt64(bitPattern: Int64(fact.protocolNumber)))
            let address = fact.path.isEmpty ? Address(sockaddr: fact.address) : .unixPath(fact.path)
            request.addresses.append(AddressFact(fact.isLocal ? .local : .peer, transport, address))
            request.handles.append(HandleFact(rights: socketRights(transport)))
        case .unnameable: break
        }
    }

    private func handle(_ fact: DecisionFact) -> HandleFact {
        if fact.role == .who {
            return HandleFact(.who, number: fact.number, rights: rights(of: .child), name: fact.path)
        }
        var rights = fact.derived
        if fact.path.first == UInt8(ascii: "/") { rights.formUnion(self.rights(of: fact.path) ?? []) }
        let kind = FileKind(mode: fact.mode)
        // What is no socket can do nothing of a socket's: the kernel's answer is ENOTSOCK.
        if kind != .socket { rights.formUnion(Self.socketRights) }
        return HandleFact(fact.role, number: fact.number, rights: rights, name: fact.path, kind: kind)
    }

    private static let socketRights: Rights = [
        .bind, .listen, .accept, .connect, .shutdown, .nameGet, .optionGet, .optionSet,
    ]

    /// What the call does with an object is said twice: by its message, and by what the broker is about to do. Memory
    /// may have changed between the two readings, so that the second must be allowed too.
    private func withheld(_ facts: [DecisionFact]) -> Decision? {
        let data: Rights = [.read, .write, .resize, .createFile, .createDir]
        for fact in facts where fact.kind == .object {
            let missing = fact.rights.intersection(data).subtracting(
                (rights(of: fact.path) ?? []).union(fact.derived))
            if missing.isEmpty { continue }
            let reason = Reason(
                .deny(ErrnoName.EACCES), .missing(missing, role: fact.role, object: fact.path), nil)
            return Decision(.deny(ErrnoName.EACCES), reasons: [reason])
        }
        return nil
    }

    /// What every filter refuses whatever the policy says, and the calls that have no meaning; nil for any other.
    public func fixedRefusal(_ stop: Stop) -> Decision? {
        guard let row = SpecTables.row(stop.personality, stop.number) else { return decideUnknown() }
        func refuse(_ errno: Int32, _ why: String) -> Decision {
            Decision(
                .deny(errno), reasons: [Reason(.deny(errno), .unknown(why), nil)], enforcement: .kernelFilter)
        }
        switch row.call {
        case .clone3: return refuse(ErrnoName.ENOSYS, "what it asks for lies in memory")
        // CLONE_UNTRACED (linux/sched.h)
        case .clone where stop.arguments.a0 & 0x0080_0000 != 0:
            return refuse(ErrnoName.EPERM, "it would leave the watch")
        // SECCOMP_FILTER_FLAG_NEW_LISTENER (linux/seccomp.h); EBUSY
        case .seccomp where stop.arguments.a1 & 1 << 3 != 0:
            return refuse(16, "its listener would be asked before ours")
        // TIOCSCTTY (asm-generic/ioctls.h)
        case .ioctl where stop.arguments.a1 & 0xFFFF_FFFF == 0x540E && stop.arguments.a2 != 0:
            return refuse(ErrnoName.EPERM, "it would take the terminal away from another session")
        default: return nil
        }
    }

    /// Operations of which some calls may have no effect.
    public var stubbedOperations: Set<Operation> {
        Set(
            Operation.allCases.filter { operation in
                operation.refusals.contains { $0.plainVerdict == .stub }
                    || layers.contains { layer in
                        layer.classGrant(operation)?.verdict == .stub
                            || layer.rules.contains { $0.verdict == .stub && $0.operations.contains(operation) }
                    }
            })
    }

    /// Whether registers alone settle that a call succeeds without effect.
    public func isStub(_ stop: Stop) -> Bool { filterAction(stop) == .errno(0) }

    private func stub(_ request: Request) -> Decision? {
        guard isStub(request.stop), let row = SpecTables.row(request.stop.personality, request.stop.number) else {
            return nil
        }
        let items = CallItems(
            row: row, personality: request.stop.personality, registers: request.stop.arguments,
            message: request.message, request: request)
        var judgement = Judgement()
        var occurrences = Occurrences()
        for layer in layers {
            layer.judgeClass(request.operation, items, &judgement)
            layer.judgeRules(request, items, &occurrences, &judgement)
        }
        return judgement.decision(self, request.stop)
    }
}

extension Decision {
    /// As a recording keeps it.
    public func recorded(
        _ effect: DecisionEffect, caller: Caller, facts: [DecisionFact], counts: [RuleCount] = []
    ) -> RecordedDecision {
        var record = RecordedDecision(verdict: verdict.word)
        record.errno = errno ?? 0
        record.changes = verdict.changes.map { ItemChange(item: $0.item, value: $0.value) }
        record.file = line?.file ?? ""
        record.line = line?.line ?? 0
        record.reason = reasons.first?.cause.text ?? ""
        record.enforcement = enforcement.text
        record.effect = effect
        record.program = caller.program
        record.facts = facts
        record.counts = counts
        return record
    }
}

extension Verdict {
    /// The items of a rewrite or a reply.
    public var changes: [Change] {
        switch self {
        case .rewrite(let changes), .reply(let changes): changes
        default: []
        }
    }
}
