// The reference decision: request in, decision out. The kernel filter and everything else are proved against it.

import Messages

extension Policy {
    /// What happens to a call. `occurrences` counts the matches of rules with `when`.
    public func decide(_ request: Request, _ occurrences: inout Occurrences) -> Decision {
        let message = request.message
        occurrences.begin()
        guard let row = SpecTables.row(request.stop.personality, request.stop.number) else {
            return decideUnknown()
        }
        let items = CallItems(
            row: row, personality: request.stop.personality, registers: request.stop.arguments, message: message,
            request: request)
        if let never = message.operation.never, (try? items.holds(never.tests)) ?? false { return .allowed }
        var judgement = Judgement()
        for layer in layers {
            layer.judgeClass(message.operation, items, &judgement)
            layer.judgeGrants(request, items, &judgement)
            layer.judgeRules(request, items, &occurrences, &judgement)
        }
        return judgement.decision(self, request.stop)
    }

    /// Without rules that count.
    public func decide(_ request: Request) -> Decision {
        var occurrences = Occurrences()
        return decide(request, &occurrences)
    }

    func decideUnknown() -> Decision {
        var judgement = Judgement()
        for layer in layers {
            let grant = layer.classGrant(.voidCall)
            if let grant, grant.verdict != .allow {
                judgement.add(grant.verdict, .switched(grant.name), grant.line)
            }
            // A number without a meaning has none that a policy could allow.
            judgement.add(
                .deny(ErrnoName.ENOSYS), .refusedByDefault(name: "void.call", reason: "nothing is known about it"), nil)
        }
        return judgement.decision(self, nil)
    }
}

/// Reasons as they come in.
struct Judgement {
    private(set) var verdict = Verdict.allow
    private(set) var reasons: [Reason] = []

    mutating func add(_ verdict: Verdict, _ cause: Cause, _ line: PolicyLine?) {
        guard verdict != .allow else { return }
        self.verdict = Verdict.strictest(self.verdict, verdict)
        reasons.append(Reason(verdict, cause, line))
    }

    /// Refuses what could not be seen.
    mutating func addUnknown(_ what: String) { add(.deny(ErrnoName.EFAULT), .unknown(what), nil) }

    func decision(_ policy: Policy, _ stop: Stop?) -> Decision {
        if reasons.isEmpty { return .allowed }
        let order = reasons.enumerated().sorted { one, other in
            let (first, second) = (one.element.verdict, other.element.verdict)
            if first.strictness != second.strictness { return first.strictness > second.strictness }
            // The reason whose verdict it became comes first.
            if (first == verdict) != (second == verdict) { return first == verdict }
            return one.offset < other.offset
        }
        return Decision(
            verdict, reasons: order.map(\.element), enforcement: stop.map { policy.enforcement($0) } ?? .kernelFilter)
    }
}

extension PolicyLayer {
    // MARK: Classes

    func judgeClass<R>(_ operation: Operation, _ items: CallItems<R>, _ judgement: inout Judgement) {
        if let grant = classGrant(operation) { judgement.add(grant.verdict, .switched(grant.name), grant.line) }
        for refusal in operation.refusals {
            do throws(Undecided) {
                guard try items.holds(refusal.tests) else { continue }
            } catch {
                if names(refusal, operation) { continue }
                judgement.addUnknown(refusal.name)
                continue
            }
            judge(refusal, operation, &judgement)
        }
    }

    private func judge(_ refusal: RefusalRow, _ operation: Operation, _ judgement: inout Judgement) {
        if let grant = classGrant(named: refusal.name) {
            judgement.add(grant.verdict, .switched(grant.name), grant.line)
        } else if !names(refusal, operation) && refusesUnnamed {
            judgement.add(
                refusal.plainVerdict, .refusedByDefault(name: refusal.name, reason: refusal.reason), nil)
        }
    }

    // MARK: Grants

    func judgeGrants(
        _ request: Request, _ items: CallItems<RawArguments>, _ judgement: inout Judgement
    ) {
        var needed: [HandleRole: Rights] = [:]
        var order: [HandleRole] = []
        for need in request.operation.needs where items.row.names(need.role, request.operation) {
            // What cannot be seen is needed.
            guard (try? items.holds(need.tests)) ?? true else { continue }
            if needed[need.role] == nil { order.append(need.role) }
            needed[need.role, default: []].insert(Rights(need.right))
        }
        if request.operation == .procExec, programs != nil {
            judgePrograms(request, &judgement)
            needed[.object]?.remove(.exec)
        }
        for role in order { judge(role, needed[role] ?? [], request, items, &judgement) }
        judgeNetwork(request, items, &judgement)
        if request.operation == .fileRename || request.operation == .fileLink { judgeMove(request, &judgement) }
    }

    private func judge(
        _ role: HandleRole, _ needed: Rights, _ request: Request, _ items: CallItems<RawArguments>,
        _ judgement: inout Judgement
    ) {
        if needed.isEmpty { return }
        if let ambient = role.ambient {
            // Sockets are judged by what they can reach.
            if ambient == .net { return }
            let missing = needed.subtracting(rights(of: ambient))
            if missing.isEmpty { return }
            let line = ambients.first { $0.ambient == ambient }?.line
            judgement.add(refusal, .missing(missing, role: role, object: Array(ambient.name.utf8)), line)
            return
        }
        if role == .who { return judgeWho(needed, request, items, &judgement) }
        let paths = request.paths.filter { $0.role == role && !runsInMemory($0, request) }
        let handles = request.handles.filter { $0.role == role }
        for path in paths { judge(path, needed, &judgement) }
        for handle in handles {
            var missing = needed.subtracting(handle.rights)
            // What lies in the tree is no socket, and the kernel says so (ENOTSOCK).
            if handle.name.first == UInt8(ascii: "/") { missing.subtract(Self.rightsOfSockets) }
            if missing.isEmpty { continue }
            judgement.add(refusal, .missing(missing, role: role, object: handle.name), line(of: handle))
        }
        if paths.isEmpty && handles.isEmpty && !items.row.mayLack(role) && request.path(role) == nil {
            judgement.addUnknown(role.name)
        }
    }

    private func judge(_ path: PathFact, _ needed: Rights, _ judgement: inout Judgement) {
        let components = pathComponents(path.path)
        let grant = fileGrant(components)
        guard let rights = rights(of: path.path) else {
            judgement.add(.deny(ErrnoName.ENOENT), .hidden(path.path), grant?.line)
            return
        }
        let missing = needed.subtracting(rights.union(path.derived))
        if missing.isEmpty { return }
        judgement.add(refusal, .missing(missing, role: path.role, object: path.path), grant?.line)
    }

    /// Another process: the caller itself, one that was looked up, or any.
    private func judgeWho(
        _ needed: Rights, _ request: Request, _ items: CallItems<RawArguments>, _ judgement: inout Judgement
    ) {
        var rights = rights(of: .procs)
        var name = Ambient.procs.name
        if items.isCaller(request) {
            rights = self.rights(of: .selfProcess)
            name = Ambient.selfProcess.name
        } else if let handle = request.handle(.who) {
            rights = handle.rights
            name = String(decoding: handle.name, as: UTF8.self)
        }
        let missing = needed.subtracting(rights)
        if missing.isEmpty { return }
        judgement.add(
            refusal, .missing(missing, role: .who, object: Array(name.utf8)),
            ambients.first { $0.ambient.name == name }?.line)
    }

    /// A program without a place, where a policy has said by name that those may run.
    private func runsInMemory(_ path: PathFact, _ request: Request) -> Bool {
        guard request.operation == .procExec, path.path.first != UInt8(ascii: "/") else { return false }
        return classGrant(named: "proc.exec.memory").map { $0.verdict.strictness <= Verdict.warn.strictness } ?? false
    }

    private func judgePrograms(_ request: Request, _ judgement: inout Judgement) {
        for path in request.paths where (path.role == .object || path.role == .target) && !runsInMemory(path, request) {
            guard let program = program(path.path) else {
                judgement.add(refusal, .program(path.path), programs?.first?.line)
                continue
            }
            if !program.digest.isEmpty && program.digest != path.digest {
                judgement.add(refusal, .program(path.path), program.line)
            }
        }
    }

    private func judgeNetwork(
        _ request: Request, _ items: CallItems<RawArguments>, _ judgement: inout Judgement
    ) {
        for fact in request.addresses { judgeSocketName(fact, &judgement) }
        if defaultVerdict == .allow { return }
        switch request.operation {
        case .sockCreate:
            guard let transport = try? items.transport(), socketRights(transport).contains(.sockCreate) else {
                judgement.add(
                    refusal, .missing(.sockCreate, role: .net, object: Array("net".utf8)),
                    (connect + listen).first?.line)
                return
            }
        case .sockConnect, .sockBind, .sockSend, .sockListen:
            for fact in request.addresses {
                if fact.address == .unspecified && request.operation == .sockConnect { continue }
                if network(fact) != nil { continue }
                if fact.transport == .netlink && connect.contains(where: { $0.pattern.admits(.netlink) }) { continue }
                let list = fact.role == .peer ? connect : listen
                judgement.add(refusal, .address(fact), list.first { $0.pattern.admits(fact.transport) }?.line)
            }
            let isNamed =
                request.operation == .sockConnect || request.operation == .sockBind
                || (try? items.holds(ItemTest("address", .max, .present, []))) ?? true
            if isNamed && request.addresses.isEmpty && request.operation != .sockListen {
                judgement.addUnknown("address")
            }
        default: return
        }
    }

    /// The path of a socket is a name of a file: a hidden one is not there, and where no `listen` is asked for, binding
    /// makes a file.
    private func judgeSocketName(_ fact: AddressFact, _ judgement: inout Judgement) {
        guard case .unixPath(let path) = fact.address else { return }
        let line = fileGrant(pathComponents(path))?.line
        guard let rights = rights(of: path) else {
            judgement.add(.deny(ErrnoName.ENOENT), .hidden(path), line)
            return
        }
        if defaultVerdict == .allow && fact.role == .local && !rights.contains(.createFile) {
            judgement.add(refusal, .missing(.createFile, role: .object, object: path), line)
        }
    }

    /// A new name must not give an object rights that it does not have under the old one.
    private func judgeMove(_ request: Request, _ judgement: inout Judgement) {
        guard let from = request.path(.from), let to = request.path(.to) else { return }
        let isExchange = (try? exchange(request)) ?? true
        let isWidening = widens(from, to) || (isExchange && to.exists && widens(to, from))
        if isWidening {
            judgement.add(
                .deny(ErrnoName.EXDEV), .widening(from: from.path, to: to.path),
                fileGrant(pathComponents(from.path))?.line)
        }
    }

    private func exchange(_ request: Request) throws(Undecided) -> Bool {
        guard let row = SpecTables.row(request.stop.personality, request.stop.number) else { return false }
        let items = CallItems(
            row: row, personality: request.stop.personality, registers: request.stop.arguments,
            message: request.message, request: request)
        return try items.holds(ItemTest("flags", .max, .has, [.name("RENAME_EXCHANGE")]))
    }

    private func widens(_ object: PathFact, _ place: PathFact) -> Bool {
        let (old, new) = (pathComponents(object.path), pathComponents(place.path))
        let before = (rights(of: object.path) ?? []).union(object.derived).intersection(Self.objectRights)
        let after = (rights(of: place.path) ?? []).union(place.derived).intersection(Self.objectRights)
        if !after.isSubset(of: before) { return true }
        guard object.kind == .directory || object.kind == .unknown else { return false }
        // What lies in a directory moves with it, past the entries that are about it.
        return files.contains { entry in
            let rights = entry.isHidden ? [] : entry.rights.intersection(Self.objectRights)
            return (entry.pattern.reaches(below: old) && !after.isSubset(of: rights))
                || (entry.pattern.reaches(below: new) && !rights.isSubset(of: before))
        }
    }

    /// Rights to an object itself, whatever its name.
    public static let objectRights: Rights = [
        .read, .write, .seek, .resize, .allocate, .map, .mapExec, .exec, .timesSet, .modeSet, .ownerSet, .xattrSet,
        .control,
    ]

    // MARK: Rules

    func judgeRules(
        _ request: Request, _ items: CallItems<RawArguments>, _ occurrences: inout Occurrences,
        _ judgement: inout Judgement
    ) {
        for rule in rules where rule.operations.contains(request.operation) {
            do throws(Undecided) {
                guard try rule.holds(items) else { continue }
            } catch {
                if rule.verdict.strictness > Verdict.warn.strictness { judgement.addUnknown("rule") }
                continue
            }
            if let when = rule.when, !when.acts(on: occurrences.next(request.caller.process, rule)) { continue }
            judgement.add(rule.verdict, .rule(because: rule.because), rule.line)
        }
    }

    /// What becomes of what no grant allows. Where all else is allowed, what an entry does not grant at its own place
    /// is refused.
    var refusal: Verdict { defaultVerdict == .allow ? .deny(ErrnoName.EACCES) : defaultVerdict }

    private func line(of handle: HandleFact) -> PolicyLine? {
        if handle.name.first == UInt8(ascii: "/") { return fileGrant(pathComponents(handle.name))?.line }
        let names = ["stdin", "stdout", "stderr"]
        if names.indices.contains(Int(handle.number)) {
            return handles.first { $0.name == names[Int(handle.number)] }?.line
        }
        return gives.first { $0.number == handle.number }?.line
    }
}

extension RefusalRow {
    /// What happens where no policy names it.
    var plainVerdict: Verdict { verdict == "stub" ? .stub : .deny(ErrnoName.number(verdict) ?? ErrnoName.EPERM) }
}
