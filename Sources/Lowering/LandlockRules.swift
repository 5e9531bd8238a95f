// A policy as Landlock rules: a second line that knows directories and ports, and is never narrower than the policy.
// Rules of Landlock add up on the way from an object to the root, so that what a deeper entry of a policy takes away
// cannot be said: what is said is at least what the policy grants (what can be said less of: LandlockOpens.swift).

import Messages
import Policy

/// LANDLOCK_ACCESS_FS_* (linux/landlock.h).
public struct LandlockRights: OptionSet, Sendable, Hashable {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    public static let execute = LandlockRights(rawValue: 1 << 0)
    public static let writeFile = LandlockRights(rawValue: 1 << 1)
    public static let readFile = LandlockRights(rawValue: 1 << 2)
    public static let readDirectory = LandlockRights(rawValue: 1 << 3)
    static let removeDirectory = LandlockRights(rawValue: 1 << 4)
    static let remove = LandlockRights(rawValue: 1 << 4 | 1 << 5)
    static let makeDevice = LandlockRights(rawValue: 1 << 6 | 1 << 11)
    static let makeDirectory = LandlockRights(rawValue: 1 << 7)
    public static let makeFile = LandlockRights(rawValue: 1 << 8 | 1 << 9 | 1 << 10)
    static let makeLink = LandlockRights(rawValue: 1 << 12)
    static let refer = LandlockRights(rawValue: 1 << 13)
    public static let truncate = LandlockRights(rawValue: 1 << 14)

    /// What a rule about something that is no directory may say.
    public static let ofFiles: LandlockRights = [.execute, .writeFile, .readFile, .truncate]

    /// What the kernel asks of this for each right. The kernel reads a program that it runs.
    init(_ rights: Rights) {
        var access: LandlockRights = []
        func add(_ right: Right, _ more: LandlockRights) { if rights.contains(right) { access.formUnion(more) } }
        add(.exec, [.execute, .readFile])
        add(.read, .readFile)
        add(.write, .writeFile)
        add(.resize, .truncate)
        add(.readdir, .readDirectory)
        add(.createFile, .makeFile)
        add(.createDir, .makeDirectory)
        add(.createNode, .makeDevice)
        add(.symlink, .makeLink)
        add(.unlink, .remove)
        add(.linkSource, .refer)
        add(.linkTarget, [.refer, .makeFile, .makeLink, .makeDevice])
        add(.renameSource, [.refer, .remove])
        add(.renameTarget, [.refer, .remove, .makeFile, .makeDirectory, .makeLink, .makeDevice])
        self = access
    }
}

/// What Landlock is told of one layer of a policy.
public struct LandlockRules: Sendable, Equatable {
    /// Everything that is denied where no rule grants it; empty where files are left alone.
    public let handled: LandlockRights
    public internal(set) var places: [Place] = []
    /// LANDLOCK_ACCESS_NET_*: what is denied but for `ports`.
    public private(set) var handledNetwork: UInt64 = 0
    public private(set) var ports: [UInt16: UInt64] = [:]
    /// LANDLOCK_SCOPE_*.
    public private(set) var scoped: UInt64 = 0

    /// An object and what may be done at it and below.
    public struct Place: Sendable, Hashable {
        public let path: [UInt8]
        public let access: LandlockRights

        public init(path: [UInt8], access: LandlockRights) {
            self.path = path
            self.access = access
        }

        /// Whether a path is the place's own, or below it.
        public func covers(_ path: [UInt8]) -> Bool { Self.isUnder(self.path, path) }

        /// Whether a path is the directory's own, or below it.
        public static func isUnder(_ directory: [UInt8], _ path: [UInt8]) -> Bool {
            directory.count == 1
                || path.starts(with: directory)
                    && (path.count == directory.count || path[directory.count] == UInt8(ascii: "/"))
        }
    }

    /// What the version of the interface can say (landlock(7)): files whole from 2 on, because before it nothing may
    /// change its directory; sizes from 3, TCP ports from 4, scopes from 6.
    /// - Parameter anchor: the object that a rule about a path is put on: the nearest one that is there and, for
    ///   programs, that stays there as long as the policy holds. Nil: there shall be none.
    public init?(_ layer: PolicyLayer, version: Int, anchor: (_ path: [UInt8], _ runs: Bool) -> [UInt8]?) {
        guard version >= 2, layer.isClosed else { return nil }
        var all = LandlockRights(rawValue: (1 << 14) - 1)
        if version >= 3 { all.insert(.truncate) }
        // No mount may be changed under rules about files.
        handled = layer.changesMounts ? [] : all
        if !handled.isEmpty { addPlaces(layer, anchor) }
        if version >= 4 { addPorts(layer) }
        if version >= 6 { addScopes(layer) }
    }

    /// Rules that refuse nothing. Whoever is under any can neither trace nor read whoever is not, and so not the supervisor
    /// (landlock(7), ptrace restrictions): for root nothing else keeps `/proc/PID/mem` shut.
    public static let boundary = LandlockRules(granting: .refer)

    /// Rules that refuse to move or remove directories, and nothing else.
    public static let movingFiles = LandlockRules(granting: .refer, withholding: .removeDirectory)

    private init(granting rights: LandlockRights, withholding others: LandlockRights = []) {
        handled = rights.union(others)
        places = [Place(path: [UInt8(ascii: "/")], access: rights)]
    }

    private mutating func addPlaces(_ layer: PolicyLayer, _ anchor: (_ path: [UInt8], _ runs: Bool) -> [UInt8]?) {
        var sums: [[UInt8]: LandlockRights] = [:]
        func add(_ pattern: PathPattern, _ access: LandlockRights) {
            let path = Self.path(pattern)
            if access.contains(.execute), let place = anchor(path, true) {
                sums[place, default: []].formUnion([.execute, .readFile])
            }
            let rest = access.subtracting(.execute)
            if !rest.isEmpty, let place = anchor(path, false) { sums[place, default: []].formUnion(rest) }
        }
        for grant in layer.files where !grant.isHidden { add(grant.pattern, Self.access(grant, layer)) }
        for program in layer.programs ?? [] { add(program.pattern, [.execute, .readFile]) }
        places = sums.map { Place(path: $0.key, access: $0.value.intersection(handled)) }
            .filter { !$0.access.isEmpty }
            .sorted { $0.path.lexicographicallyPrecedes($1.path) }
    }

    /// The part of a pattern that is spelled out.
    private static func path(_ pattern: PathPattern) -> [UInt8] {
        let parts = pattern.fixedPrefix
        return parts.isEmpty ? [UInt8(ascii: "/")] : parts.flatMap { [UInt8(ascii: "/")] + $0 }
    }

    private static func access(_ grant: FileGrant, _ layer: PolicyLayer) -> LandlockRights {
        // Where programs are named, what runs does not hang on files.
        LandlockRights(layer.programs == nil ? grant.rights : grant.rights.subtracting(.exec))
    }

    /// Whether Landlock holds an entry by itself: at its place no rule, its own or one above, says more.
    public func holds(_ grant: FileGrant, of layer: PolicyLayer) -> Bool {
        guard !handled.isEmpty, !grant.isHidden, grant.pattern.isLiteral else { return false }
        let path = Self.path(grant.pattern)
        let above = places.filter { $0.covers(path) }
        let sum = above.reduce(LandlockRights()) { $0.union($1.access) }
        return sum == Self.access(grant, layer).intersection(handled)
    }

    // MARK: Network and scopes

    /// More ports than this are not told one by one.
    private static let portLimit = 1024
    private static let bindTCP: UInt64 = 1, connectTCP: UInt64 = 2

    private mutating func addPorts(_ layer: PolicyLayer) {
        for (list, right) in [(layer.listen, Self.bindTCP), (layer.connect, Self.connectTCP)] {
            let patterns = list.map(\.pattern).filter { $0.transport == nil || $0.transport == .tcp }
            guard patterns.allSatisfy({ $0.ports != nil }),
                patterns.reduce(0, { $0 + ($1.ports?.count ?? 0) }) <= Self.portLimit
            else { continue }
            handledNetwork |= right
            for port in patterns.flatMap({ $0.ports.map(Array.init) ?? [] }) { ports[port, default: 0] |= right }
        }
    }

    private mutating func addScopes(_ layer: PolicyLayer) {
        let reachesAbstract = layer.connect.contains { grant in
            switch (grant.pattern.transport, grant.pattern.place) {
            case (nil, _), (.unix, .anywhere), (.unix, .abstract): true
            default: false
            }
        }
        // LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET, LANDLOCK_SCOPE_SIGNAL
        if !reachesAbstract { scoped |= 1 << 0 }
        if !layer.signalsOthers { scoped |= 1 << 1 }
    }
}
