// What a kernel filter may decide of a call: the part of a policy that registers alone settle.

import Messages

/// What the kernel does with a call by itself.
public enum FilterAction: Hashable, Sendable {
    case allow
    /// It fails with the errno; 0 is success without effect.
    case errno(Int32)
    case kill
    /// The supervisor decides, and performs the call.
    case notify
    /// The supervisor decides at a ptrace stop.
    case trace
}

extension Policy {
    /// The action for concrete registers.
    public func filterAction(_ stop: Stop) -> FilterAction {
        FilterQuestions(once: self).action(stop.personality, stop.number, stop.arguments)
    }

    fileprivate func filterUnknown() -> FilterAction {
        let isKilled = layers.contains { $0.classGrant(.voidCall)?.verdict == .kill }
        return isKilled ? .kill : .errno(ErrnoName.ENOSYS)
    }

    /// Who holds the decision about a call.
    public func enforcement(_ stop: Stop) -> Enforcement {
        switch filterAction(stop) {
        case .allow, .errno, .kill: return .kernelFilter
        case .notify, .trace: break
        }
        switch stop.operation {
        case .procExec, .procFork: return .ptraceEvent
        case .fileContextSet:
            return .advisory(
                "another thread can change the name meanwhile; whatever is named from there is decided by itself")
        case .memProtect: return .advisory("another thread can map another file there between the look and the call")
        case .fileOpen where stop.opensNameOnly:
            return .advisory("another thread can change the name meanwhile, and learns whether there is such an object")
        default: return .broker
        }
    }
}

extension Stop {
    /// Open for O_PATH, which the kernel makes itself: no descriptor of that kind can be handed over.
    fileprivate var opensNameOnly: Bool {
        guard let row = SpecTables.row(personality, number) else { return false }
        let items = CallItems(row: row, personality: personality, registers: arguments, message: nil, request: nil)
        return (try? items.holds(ItemTest("flags", .max, .has, [.name("O_PATH")]))) ?? false
    }
}

/// What a filter may decide under one policy, asked of many calls: what all of them ask for again is summed up once.
public struct FilterQuestions: Sendable {
    public let policy: Policy
    private let layers: [LayerQuestions]
    /// Whether some call ends the program.
    private let mayKill: Bool

    public init(_ policy: Policy) {
        self.policy = policy
        layers = policy.layers.map { LayerQuestions(layer: $0, sum: HandleRights($0)) }
        mayKill = policy.layers.contains { $0.mayKill }
    }

    /// For one question: what it does not ask for is not summed up.
    fileprivate init(once policy: Policy) {
        self.policy = policy
        layers = policy.layers.map { LayerQuestions(layer: $0, sum: nil) }
        mayKill = true
    }

    /// What the kernel may do by itself with a call of this number. It throws the test that the answer hangs on where
    /// `registers` does not know it; what no register tells is `.notify`.
    public func action<R: Registers>(
        asking personality: Personality, _ number: UInt64, _ registers: R
    ) throws(Undecided) -> FilterAction {
        guard let row = SpecTables.row(personality, number) else { return policy.filterUnknown() }
        // Its flags lie in memory; programs fall back on clone (clone(2)).
        if row.call == .clone3 { return .errno(ErrnoName.ENOSYS) }
        let items = CallItems(row: row, personality: personality, registers: registers, message: nil, request: nil)
        let operation = try row.operation(registers)
        if let never = operation.never, try items.holds(never.tests) { return .allow }
        var sum = FilterSum(mayKill: mayKill)
        for layer in layers {
            try layer.layer.sumClass(operation, items, &sum)
            try layer.sumGrants(operation, items, &sum)
            try layer.layer.sumRules(operation, items, &sum)
            if sum.isSettled { break }
        }
        return sum.action
    }

    /// The action for concrete registers.
    public func action(_ personality: Personality, _ number: UInt64, _ registers: RawArguments) -> FilterAction {
        (try? action(asking: personality, number, registers)) ?? .notify
    }
}

/// Verdicts as they come in, and whether something is left to the supervisor.
struct FilterSum {
    private var verdict = Verdict.allow
    private var isOpen = false
    private let mayKill: Bool

    init(mayKill: Bool) { self.mayKill = mayKill }

    /// Whether nothing that comes in changes the action any more: the supervisor asks it all again, and only an end needs
    /// no asking.
    var isSettled: Bool { isOpen && !mayKill }

    mutating func add(_ verdict: Verdict) { self.verdict = Verdict.strictest(self.verdict, verdict) }

    /// What it hangs on is in memory, or in what the supervisor knows.
    mutating func leaveOpen() { isOpen = true }

    var action: FilterAction {
        if verdict == .kill { return .kill }
        if isOpen { return .notify }
        switch verdict {
        case .allow: return .allow
        case .deny(let errno): return .errno(errno)
        case .stub: return .errno(0)
        default: return .notify
        }
    }
}

extension PolicyLayer {
    fileprivate var mayKill: Bool {
        ([refusal] + classes.map(\.verdict) + rules.map(\.verdict)).contains(.kill)
    }

    func sumClass<R>(_ operation: Operation, _ items: CallItems<R>, _ sum: inout FilterSum) throws(Undecided) {
        if let grant = classGrant(operation) { sum.add(grant.verdict) }
        for refusal in operation.refusals {
            if sum.isSettled { return }
            do throws(Undecided) {
                guard try items.holds(refusal.tests) else { continue }
            } catch {
                guard error.test == nil else { throw error }
                sum.leaveOpen()
                continue
            }
            if let grant = classGrant(named: refusal.name) {
                sum.add(grant.verdict)
            } else if !names(refusal, operation) && refusesUnnamed {
                sum.add(refusal.plainVerdict)
            }
        }
    }

    func sumNetwork<R>(
        _ operation: Operation, _ items: CallItems<R>, _ sum: inout FilterSum
    ) throws(Undecided) {
        if defaultVerdict == .allow {
            // Only a path leads to what an entry is about.
            let isDecided = operation == .sockBind ? isUniversal(.createFile) : !files.contains { $0.isHidden }
            if isDecided { return }
        }
        switch operation {
        case .sockCreate:
            if defaultVerdict == .allow { return }
            if items.row.call == .socketcall { return sum.leaveOpen() }
            if !socketRights(try items.transport()).contains(.sockCreate) { sum.add(refusal) }
        case .sockConnect, .sockBind: sum.leaveOpen()
        case .sockListen: if defaultVerdict != .allow && !listen.isEmpty { sum.leaveOpen() }
        case .sockSend:
            if items.row.call == .sendto {
                if try items.holds(ItemTest("address", .max, .present, [])) { sum.leaveOpen() }
            } else {
                sum.leaveOpen()
            }
        default: return
        }
    }

    func sumRules<R>(_ operation: Operation, _ items: CallItems<R>, _ sum: inout FilterSum) throws(Undecided) {
        for rule in rules where rule.operations.contains(operation) {
            if sum.isSettled { return }
            do throws(Undecided) {
                guard try rule.holds(items) else { continue }
            } catch {
                guard error.test == nil else { throw error }
                sum.leaveOpen()
                continue
            }
            if rule.when == nil { sum.add(rule.verdict) } else { sum.leaveOpen() }
        }
    }
}

/// Whether a right is there for every object that a call can be about.
enum Coverage { case always, never, depends }

/// What is so of all the handles that a layer can give.
private struct HandleRights: Sendable {
    /// Rights that each has, or that the kernel holds it to; of sockets and what is given, and of files too.
    let ofOthers: Rights
    let ofAll: Rights
    /// Rights that each has that can be mapped.
    let ofMappable: Rights

    init(_ layer: PolicyLayer) {
        let (others, files) = (layer.otherRights, layer.fileRights)
        ofOthers = others.reduce(.all) { $0.intersection($1.union(Self.heldByKernel(without: $1))) }
        ofAll = files.reduce(ofOthers) {
            $0.intersection($1.union(Self.heldByKernel(without: $1)).union(Self.neverOpened(with: $1)))
        }
        ofMappable = (others + files).filter { $0.contains(.read) }.reduce(.all) { $0.intersection($1) }
    }

    /// Rights that the kernel checks itself by the mode that the descriptor was opened in (open(2), mmap(2),
    /// ftruncate(2), fallocate(2)).
    private static func heldByKernel(without rights: Rights) -> Rights {
        var held: Rights = []
        if !rights.contains(.read) { held.formUnion([.read, .map, .readdir]) }
        if !rights.contains(.write) { held.formUnion([.write, .resize, .allocate]) }
        return held
    }

    /// What can be opened for nothing has a descriptor with O_PATH at most, through which nothing is done to contents or
    /// position (fdget in fs/file.c answers EBADF). What is given or inherited was opened by somebody else.
    private static func neverOpened(with rights: Rights) -> Rights {
        rights.isDisjoint(with: [.read, .write, .readdir])
            ? [.mapExec, .seek, .tell, .sync, .lock, .poll, .advise, .control] : []
    }
}

/// A layer, and its sum where many questions are asked.
private struct LayerQuestions: Sendable {
    let layer: PolicyLayer
    let sum: HandleRights?

    private var handles: HandleRights { sum ?? HandleRights(layer) }

    func sumGrants<R>(_ operation: Operation, _ items: CallItems<R>, _ sum: inout FilterSum) throws(Undecided) {
        for need in operation.needs where items.row.names(need.role, operation) {
            if sum.isSettled { return }
            do throws(Undecided) {
                guard try items.holds(need.tests) else { continue }
            } catch {
                guard error.test == nil else { throw error }
                // It may apply; if it would be met anyway, nothing hangs on it.
                if try coverage(need, operation, items) != .always { sum.leaveOpen() }
                continue
            }
            switch try coverage(need, operation, items) {
            case .always: continue
            case .never: sum.add(layer.refusal)
            case .depends: sum.leaveOpen()
            }
        }
        if operation == .procExec, layer.programs != nil { sum.leaveOpen() }
        if sum.isSettled { return }
        try layer.sumNetwork(operation, items, &sum)
        let movesNames = operation == .fileRename || operation == .fileLink
        if movesNames && !layer.isUniversal(PolicyLayer.objectRights) { sum.leaveOpen() }
    }

    private func coverage<R>(
        _ need: NeedRow, _ operation: Operation, _ items: CallItems<R>
    ) throws(Undecided) -> Coverage {
        let right = Rights(need.right)
        if let ambient = need.role.ambient {
            if ambient == .net { return .always }
            return right.isSubset(of: layer.rights(of: ambient)) ? .always : .never
        }
        switch need.role {
        case .who: return try layer.coverageOfWho(right, operation, items)
        case .object where items.row.names("path"), .from, .to:
            return layer.isUniversal(right) && !layer.reachesOthers(right) ? .always : .depends
        case .target where items.row.names("path"): return layer.isUniversal(right) ? .always : .depends
        case .object where items.row.call == .socketcall || items.row.call == .ipc: return .depends
        case .object where Self.passesNames.contains(operation) && !layer.isUniversal(right): return .depends
        // Some file can be mapped, and lacks the right.
        case .backing: return right.isSubset(of: handles.ofMappable) ? .always : .depends
        // To anything but a socket the kernel answers ENOTSOCK.
        default:
            let held = right.isSubset(of: PolicyLayer.rightsOfSockets) ? handles.ofOthers : handles.ofAll
            return right.isSubset(of: held) ? .always : .depends
        }
    }

    /// What the kernel does for descriptors opened with O_PATH too (open(2)). Those are made of a name in memory, and a
    /// race has one made of any object.
    private static let passesNames: Set<Operation> = [.fileStatGet, .fileFsStat]
}

extension PolicyLayer {
    fileprivate func coverageOfWho<R>(
        _ right: Rights, _ operation: Operation, _ items: CallItems<R>
    ) throws(Undecided) -> Coverage {
        let others = right.isSubset(of: rights(of: .procs))
        let own = right.isSubset(of: rights(of: .selfProcess))
        let children = right.isSubset(of: rights(of: .child))
        if others && own && children { return .always }
        if !others && !own && !children { return .never }
        guard own, operation != .signalSend else { return .depends }
        for place in try items.row.places(of: "who", items.personality, items.registers) {
            guard case .register(let item) = place, !item.isDescriptor,
                try items.registers.holds(RegisterTest(item.register, item.mask, .equals, 0))
            else { return .depends }
        }
        return .always
    }

    /// Every path has the right, whatever it is.
    public func isUniversal(_ rights: Rights) -> Bool {
        if defaultVerdict == .allow {
            return files.allSatisfy { !$0.isHidden && rights.isSubset(of: $0.rights) }
        }
        return files.contains { $0.pattern.components.isEmpty }
            && files.allSatisfy { !$0.isHidden && rights.isSubset(of: $0.rights) }
    }

    /// Names in /proc lead to what others have: processes outside, which takes a right to look into them, and processes
    /// under another policy, where there are such.
    fileprivate func reachesOthers(_ right: Rights) -> Bool {
        let mayLook = rights(of: .procs).contains(Right.inspect) && !(programs ?? []).contains { $0.policy != nil }
        return !mayLook && !right.isDisjoint(with: [.read, .write])
    }

    /// Rights that only sockets have a meaning for.
    static let rightsOfSockets: Rights = [
        .bind, .listen, .accept, .connect, .shutdown, .nameGet, .optionGet, .optionSet,
    ]

    fileprivate var fileRights: [Rights] { files.filter { !$0.isHidden && !$0.rights.isEmpty }.map(\.rights) }

    /// What handles of this policy can hold besides files: sockets, what it gives and what it is born with. A handle
    /// of another kind has every right that means something there.
    fileprivate var otherRights: [Rights] {
        var list = Transport.allCases.map { socketRights($0) }.filter { !$0.isEmpty }
        list += gives.map(\.rights)
        list += [0, 1, 2].compactMap { rightsOfInherited($0) }
        list += handles.compactMap(\.rights)
        return list
    }
}
