// A compiled policy: what a program holds, as layers of which the narrowest answer counts.

import Messages

/// An entry under `files`.
public struct FileGrant: Sendable, Equatable {
    public var pattern: PathPattern
    public var rights: Rights
    /// The object is absent for the program, not merely refused.
    public var isHidden: Bool
    public var line: PolicyLine
    /// Whose entry it is: 0 for the policy's own, else the number of a promise.
    var promise = 0
}

/// An entry under `network`.
public struct NetworkGrant: Sendable, Equatable {
    public var pattern: NetworkPattern
    public var line: PolicyLine
}

/// An entry under `programs`: images that may run, and the policy that narrows this one once they do.
public struct ProgramGrant: Sendable, Equatable {
    public var pattern: PathPattern
    /// `/**` stands at its end: everything below, and not the object itself.
    public var isBelow = false
    /// SHA-256 of the file, empty where any content will do.
    public var digest: [UInt8]
    /// The name of the policy as it is written.
    public var policyName: String?
    /// The policy that it runs under from exec on, with this one.
    public var policy: Policy?
    public var line: PolicyLine
}

extension ProgramGrant {
    func covers(_ components: [ArraySlice<UInt8>]) -> Bool {
        guard let depth = pattern.depth(in: components) else { return false }
        return isBelow ? depth < components.count : depth == components.count
    }

    /// As it is written in a policy.
    public var text: String { isBelow ? (pattern.text == "/" ? "" : pattern.text) + "/**" : pattern.text }
}

/// A descriptor that is made before the program starts.
public struct Give: Sendable, Equatable {
    public enum Source: Sendable, Equatable {
        case open([UInt8])
        case listen(Transport, Address)
        case connect(Transport, Address)
    }

    public var name: String
    public var source: Source
    public var rights: Rights
    public var number: Int32
    public var line: PolicyLine
}

/// What a descriptor that the program is born with may do; nil rights close it.
public struct HandleGrant: Sendable, Equatable {
    /// `stdin`, `stdout`, `stderr`, a number, or `inherited` for every other.
    public var name: String
    public var rights: Rights?
    public var line: PolicyLine
}

/// An entry under `classes`.
public struct ClassGrant: Sendable, Equatable {
    /// `any`, a class, an operation, or a case of one.
    public var name: String
    public var verdict: Verdict
    public var line: PolicyLine
    /// Whose entry it is: 0 for the policy's own, else the number of a promise.
    var promise = 0
}

extension ClassGrant {
    /// The operations that it is about.
    public var operations: [Operation] {
        Operation.allCases.filter { $0.name == name || $0.operationClass.name == name || name == "any" }
    }
}

/// An ambient handle that the program has.
public struct AmbientGrant: Sendable, Equatable {
    public var ambient: Ambient
    public var rights: Rights
    public var line: PolicyLine?
}

/// An entry under `limits`.
public struct Limit: Sendable, Equatable {
    public enum Kind: String, Sendable, CaseIterable {
        case processes, memory
        case openFiles = "open files"
        /// Seconds of the processor, and of the clock on the wall.
        case cpu, time
    }

    public var kind: Kind
    public var value: UInt64
    public var line: PolicyLine
}

/// One policy file, with the promises it is made of.
public struct PolicyLayer: Sendable, Equatable {
    public var file: String
    public var name: String
    public var description: String
    /// For each promise who made it: 0 for this policy, or an earlier promise that has promises of its own.
    var promisers: [Int] = []
    /// What no grant allows.
    public var defaultVerdict: Verdict = .deny(ErrnoName.EACCES)
    public var defaultLine: PolicyLine?
    public var files: [FileGrant] = []
    public var connect: [NetworkGrant] = []
    public var listen: [NetworkGrant] = []
    /// Nil where `files` says what runs.
    public var programs: [ProgramGrant]?
    public var gives: [Give] = []
    public var handles: [HandleGrant] = []
    public var classes: [ClassGrant] = []
    public var rules: [Rule] = []
    public var ambients: [AmbientGrant] = PolicyLayer.usualAmbients
    public var limits: [Limit] = []
    public var hidesVDSO = false

    public init(file: String, name: String = "", description: String = "") {
        self.file = file
        self.name = name
        self.description = description
    }

    /// Their names.
    public static var usualAmbientNames: [String] { usualAmbients.map(\.ambient.name) }

    /// What a process has where a policy does not say: itself, its children, its memory, the clocks to read.
    static let usualAmbients: [AmbientGrant] = [Ambient.selfProcess, .child, .mm, .clock].map {
        AmbientGrant(ambient: $0, rights: $0.rights, line: nil)
    }
}

/// A policy: the file that was asked for, and every policy that narrows it.
public struct Policy: Sendable, Equatable {
    /// Never empty once read.
    public var layers: [PolicyLayer]

    public init(layers: [PolicyLayer]) { self.layers = layers }

    public var name: String { layers.first?.name ?? "" }
    public var description: String { layers.first?.description ?? "" }

    /// Both policies: on every message the narrower answer.
    public func narrowed(by other: Policy) -> Policy { Policy(layers: layers + other.layers) }

    /// What a handle that is opened at a path may do and hand on: the deepest entry of each layer decides, and the
    /// layers narrow each other. Nil where the object is absent for the program.
    public func rights(of path: [UInt8]) -> Rights? {
        var rights = Rights.all
        for layer in layers {
            guard let found = layer.rights(of: path) else { return nil }
            rights.formIntersection(found)
        }
        return rights
    }

    /// Whether entries are about what lies below a path.
    public func reaches(below path: [UInt8]) -> Bool {
        let components = pathComponents(path)
        return layers.contains { layer in layer.files.contains { $0.pattern.reaches(below: components) } }
    }

    /// Whether an address may be connected or sent to (`.peer`), or bound (`.local`).
    public func network(_ fact: AddressFact) -> Bool { layers.allSatisfy { $0.network(fact) != nil } }

    /// What a socket of this transport may do, empty where none may be made.
    public func socketRights(_ transport: Transport) -> Rights {
        layers.reduce(.all) { $0.intersection($1.socketRights(transport)) }
    }

    /// The verdict on an operation as such: its own entry under `classes`, else its class's, else the one for any.
    public func classVerdict(_ operation: Operation) -> Verdict {
        layers.map { $0.classGrant(operation)?.verdict ?? .allow }.reduce(.allow, Verdict.strictest)
    }

    /// What may be done through an ambient handle.
    public func rights(of ambient: Ambient) -> Rights {
        layers.reduce(.all) { $0.intersection($1.rights(of: ambient)) }
    }

    /// Descriptors to make before the program starts.
    public var gives: [Give] { layers.flatMap(\.gives) }

    /// What the program's own descriptor of this number may do, nil where it is closed before the program starts.
    public func rightsOfInherited(_ number: Int32) -> Rights? {
        var rights = Rights.all
        for layer in layers {
            guard let found = layer.rightsOfInherited(number) else { return nil }
            rights.formIntersection(found)
        }
        return rights
    }

    /// The lowest of each limit.
    public var limits: [Limit] {
        Limit.Kind.allCases.compactMap { kind in
            layers.flatMap(\.limits).filter { $0.kind == kind }.min { $0.value < $1.value }
        }
    }

    /// Clock reads through the vDSO are to be made calls.
    public var hidesVDSO: Bool { layers.contains { $0.hidesVDSO } }

    /// The policy of a process once it runs these files, scripts and interpreters among them: narrower where `programs`
    /// says so.
    public func afterExec(of files: [[UInt8]]) -> Policy {
        var policy = self
        for layer in layers {
            for narrower in files.compactMap({ layer.program($0)?.policy })
            where !narrower.layers.allSatisfy({ policy.layers.contains($0) }) {
                policy = policy.narrowed(by: narrower)
            }
        }
        return policy
    }

    /// Whether another policy refuses all that this one does, as far as their layers tell.
    public func contains(_ other: Policy) -> Bool { layers.allSatisfy { other.layers.contains($0) } }

    /// The policies that programs of this one come to run under, and theirs.
    public var nested: [Policy] {
        layers.flatMap { $0.programs ?? [] }.compactMap(\.policy).flatMap { [$0] + $0.nested }
    }

    /// Whether running a file asks for its digest.
    public func wantsDigest(of path: [UInt8]) -> Bool {
        layers.contains { !($0.program(path)?.digest.isEmpty ?? true) }
    }
}

extension PolicyLayer {
    /// The entry that decides about a path: the deepest that covers it; of those the most exact; of those the
    /// narrower.
    func fileGrant(_ components: [ArraySlice<UInt8>]) -> FileGrant? {
        answer(among: files) { grant in
            grant.pattern.depth(in: components).map { $0 << 32 | grant.pattern.literals }
        }
    }

    /// Directories above an entry can be walked and looked at, so that programs find their way to it.
    public static let wayRights: Rights = [.lookup, .stat, .readlink]

    /// What a handle opened at a path may do, nil where there is no such object. What has no path has no rights.
    func rights(of path: [UInt8]) -> Rights? {
        if path.first != UInt8(ascii: "/") { return defaultVerdict == .allow ? .all : [] }
        let components = pathComponents(path)
        if let grant = fileGrant(components) { return grant.isHidden ? nil : grant.rights }
        if defaultVerdict == .allow { return .all }
        let isOnTheWay = files.contains { !$0.rights.isEmpty && $0.pattern.reaches(below: components) }
        return isOnTheWay ? Self.wayRights : []
    }

    /// The entry that covers an address.
    func network(_ fact: AddressFact) -> NetworkGrant? {
        let list = fact.role == .peer ? connect : listen
        return list.first { $0.pattern.covers(fact.transport, fact.address, asPeer: fact.role == .peer) }
    }

    func socketRights(_ transport: Transport) -> Rights {
        if defaultVerdict == .allow { return .all }
        let withheld: Rights = [.sockCreate, .connect, .bind, .listen, .accept]
        var rights: Rights = []
        if connect.contains(where: { $0.pattern.admits(transport) }) { rights.formUnion([.sockCreate, .connect]) }
        if listen.contains(where: { $0.pattern.admits(transport) }) {
            rights.formUnion([.sockCreate, .bind, .listen, .accept])
        }
        // Netlink sockets have no peer worth the name; libraries bind them to read answers.
        if transport == .netlink, rights.contains(.connect) { rights.formUnion([.bind]) }
        return rights.isEmpty ? [] : rights.union(Rights.all.subtracting(withheld))
    }

    /// Whether what is refused unless named is: in a policy that allows all, and holds nothing back from that, nothing is.
    var refusesUnnamed: Bool { defaultVerdict != .allow || holdsBack }

    /// Something is kept from programs, or changed for them: what goes round that would make it void.
    private var holdsBack: Bool {
        func holds(_ verdict: Verdict) -> Bool { verdict.strictness > Verdict.warn.strictness }
        return !files.isEmpty || programs != nil || !handles.isEmpty || !limits.isEmpty
            || classes.contains { holds($0.verdict) } || rules.contains { holds($0.verdict) }
    }

    /// The entry for an operation as a whole.
    func classGrant(_ operation: Operation) -> ClassGrant? {
        answer(among: classes) { grant in
            if grant.name == operation.name { return 2 }
            if grant.name == operation.operationClass.name { return 1 }
            return grant.name == "any" ? 0 : nil
        }
    }

    /// The entry that has a case's own name.
    func classGrant(named name: String) -> ClassGrant? { answer(among: classes) { $0.name == name ? 0 : nil } }

    /// Whether a case that is refused unless named is named, or its operation or class where it is the whole of it.
    func names(_ refusal: RefusalRow, _ operation: Operation) -> Bool {
        if classes.contains(where: { $0.name == refusal.name }) { return true }
        return refusal.name == operation.name && classes.contains { $0.name == operation.operationClass.name }
    }

    func rights(of ambient: Ambient) -> Rights {
        if defaultVerdict == .allow { return .all }
        var rights = ambients.filter { $0.ambient == ambient }.reduce(Rights()) { $0.union($1.rights) }
        if ambient == .net, !(connect.isEmpty && listen.isEmpty) { rights.formUnion(Ambient.net.rights) }
        return rights
    }

    /// What nothing grants is refused, and by nobody allowed after all.
    public var isClosed: Bool {
        switch defaultVerdict {
        case .deny, .kill: true
        default: false
        }
    }

    public var changesMounts: Bool { rights(of: .mounts).contains(Right.nsChange) }
    /// Whether the name of an object can be taken away or moved.
    public func mayRemove(_ path: [UInt8]) -> Bool {
        !(rights(of: path) ?? []).isDisjoint(with: [.unlink, .renameSource, .renameTarget])
    }
    public var signalsOthers: Bool { rights(of: .procs).contains(Right.signal) }

    func rightsOfInherited(_ number: Int32) -> Rights? {
        let standard: [Int32: String] = [0: "stdin", 1: "stdout", 2: "stderr"]
        let names = ["\(number)", standard[number]].compactMap { $0 }
        if let grant = handles.first(where: { names.contains($0.name) }) { return grant.rights }
        if let give = gives.first(where: { $0.number == number }) { return give.rights }
        if defaultVerdict == .allow { return .all }
        if standard[number] != nil { return Self.standardRights }
        return handles.first { $0.name == "inherited" }?.rights
    }

    /// What standard input, output and error may do where a policy does not say.
    static let standardRights: Rights = [RightsGroup.rw.rights, .control, .shutdown, .nameGet, .optionGet, .optionSet]
        .reduce([]) { $0.union($1) }

    /// The entry under `programs` that covers a file, the most exact where several do.
    func program(_ path: [UInt8]) -> ProgramGrant? {
        let components = pathComponents(path)
        return programs?.filter { $0.covers(components) }
            .max { $0.pattern.literals < $1.pattern.literals }
    }
}

extension Verdict {
    /// The stricter of two; of two refusals the one that hides more, so that no order matters.
    public static func strictest(_ one: Verdict, _ other: Verdict) -> Verdict {
        if one.strictness != other.strictness { return one.strictness > other.strictness ? one : other }
        switch (one, other) {
        case (.deny(let first), .deny(let second)):
            for errno in [ErrnoName.ENOENT, ErrnoName.ENOSYS] where first == errno || second == errno {
                return .deny(errno)
            }
            return .deny(min(first, second))
        case (.rewrite(let first), .rewrite(let second)): return .rewrite(merge(first, second))
        case (.reply(let first), .reply(let second)): return .reply(merge(first, second))
        default: return one
        }
    }

    private static func merge(_ one: [Change], _ other: [Change]) -> [Change] {
        one + other.filter { change in !one.contains { $0.item == change.item } }
    }
}

/// Errnos by name (asm-generic/errno-base.h, errno.h).
public enum ErrnoName {
    public static let EPERM: Int32 = 1, ENOENT: Int32 = 2, EACCES: Int32 = 13, EFAULT: Int32 = 14, EXDEV: Int32 = 18
    public static let ENOSYS: Int32 = 38

    /// The number of a name, nil for a name that is none.
    public static func number(_ name: String) -> Int32? {
        SpecTables.value(of: name, in: .errno).map { Int32(truncatingIfNeeded: $0) }
    }

    /// The kernel's name, the number where it has none.
    public static func name(_ number: Int32) -> String {
        let row = SpecTables.symbolSets[Int(SymbolSet.errno.rawValue)]
        return SpecTables.symbols[Int(row.firstSymbol)..<Int(row.firstSymbol) + Int(row.count)]
            .first { $0.value == UInt64(UInt32(bitPattern: number)) }?.name ?? "\(number)"
    }
}
