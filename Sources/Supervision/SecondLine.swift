// The second line behind filter and broker: Landlock with what a policy can say in it.

import CLinux
import Glibc
import Lowering
import Messages
import Policy

/// Landlock as the running kernel has it (landlock(7)).
public enum SecondLine {
    /// Numbers of the x86_64 table.
    private static let createRuleset = 444, addRule = 445

    /// The version of the interface, 0 where there is none.
    public static var version: Int {
        // LANDLOCK_CREATE_RULESET_VERSION
        max(0, abitrace_call(createRuleset, 0, 0, 1, 0, 0, 0))
    }

    /// The rules of one layer, nil where Landlock can say nothing of it.
    public static func rules(_ layer: PolicyLayer) -> LandlockRules? {
        LandlockRules(layer, version: version) { path, runs in anchor(path, runs, layer).path }
    }

    /// What a policy's programs are put under, and what that lets the kernel do by itself.
    public struct Domain {
        public let rulesets: [Int32]
        public let opens: KernelOpens
    }

    /// A ruleset for each layer of which something can be said, else one that keeps the supervisor apart. Without Landlock,
    /// or where it fails, there is no second line: the first one holds.
    public static func domain(_ policy: Policy) -> Domain {
        // Where a directory can be moved unseen, nobody knows which places have a rule.
        let movesAreSeen = leading.allSatisfy { policy.filterAction(Stop(number: $0)) != .allow }
        if movesAreSeen && policy.opensHangOnPlaces, let domain = holdingOpens(policy) { return domain }
        return Domain(rulesets: plainRulesets(policy), opens: .none)
    }

    /// What makes names lead elsewhere: symlink, symlinkat, rename, renameat, renameat2, link, linkat, rmdir and unlinkat in
    /// the table of x86_64.
    private static let leading: [UInt64] = [88, 266, 82, 264, 316, 86, 265, 84, 263]

    /// Rules that grant no less than the policy does.
    static func plainRulesets(_ policy: Policy) -> [Int32] {
        let rulesets = policy.layers.prefix(limit).compactMap { rules($0).flatMap(ruleset) }
        // No mount may be changed under rules about files. mount is 165 in the table of x86_64.
        let mayMount = policy.filterAction(Stop(number: 165)) == .allow
        guard rulesets.isEmpty, version >= 2, !mayMount else { return rulesets }
        return ruleset(.boundary).map { [$0] } ?? []
    }

    /// A thread can be under sixteen rulesets; some are left to others.
    private static let limit = 8

    /// Rules for each layer that grant no more than it does, nil where one has none.
    private static func holdingOpens(_ policy: Policy) -> Domain? {
        guard policy.layers.count <= limit, let processes = processMounts() else { return nil }
        var (rulesets, layers): ([Int32], [[LandlockRules.Place]]) = ([], [])
        for layer in policy.layers {
            let rules = LandlockRules(layer, version: version) { path, runs in
                // A directory that is taken away is one that the broker takes away, and then knows of.
                if runs && isDirectory(path) { return path }
                let anchor = anchor(path, runs, layer)
                // What is not there and is not made under the policy either needs no rule.
                let isAbsent = anchor.missing.map { !layer.mayMake($0) } ?? false
                return isAbsent ? nil : anchor.path
            }
            let narrowed = rules?.withoutExcess(layer) { path in
                !processes.contains { LandlockRules.Place.isUnder(path, $0) || LandlockRules.Place.isUnder($0, path) }
            }
            guard let narrowed, !narrowed.held.isEmpty, let ruleset = ruleset(narrowed.rules) else {
                for ruleset in rulesets { close(ruleset) }
                return nil
            }
            rulesets.append(ruleset)
            layers.append(
                narrowed.rules.places.filter { isDirectory($0.path) || isDevice($0.path) }.map {
                    LandlockRules.Place(path: $0.path, access: $0.access.intersection([narrowed.held, .execute]))
                })
        }
        return Domain(rulesets: rulesets, opens: KernelOpens(layers: layers))
    }

    /// Where procfs is mounted: names there mean another object to each who asks, and what they say of others takes more
    /// than a place's rights. Nil where that cannot be learned.
    private static func processMounts() -> [[UInt8]]? {
        try? Mount.all().filter(\.isProcesses).map(\.path)
    }

    private static func isDirectory(_ path: [UInt8]) -> Bool { kind(path) == S_IFDIR }

    /// A file is replaced by others of its name all the time; a device is not.
    private static func isDevice(_ path: [UInt8]) -> Bool { kind(path) == S_IFCHR }

    private static func kind(_ path: [UInt8]) -> mode_t {
        var status = stat()
        return stat(path.map { CChar(bitPattern: $0) } + [0], &status) == 0 ? status.st_mode & S_IFMT : 0
    }

    /// One under which no directory can be moved, nil where the kernel knows none such.
    static var movingFiles: Int32? { version >= 2 ? ruleset(.movingFiles) : nil }

    private static func ruleset(_ rules: LandlockRules) -> Int32? {
        // struct landlock_ruleset_attr: files, network (from version 4), scopes (6); what the kernel does not know of
        // must be left off or zero.
        var attributes = (rules.handled.rawValue, rules.handledNetwork, rules.scoped)
        let size: UInt = version >= 6 ? 24 : version >= 4 ? 16 : 8
        let answer = withUnsafeMutablePointer(to: &attributes) {
            abitrace_call(createRuleset, UInt(bitPattern: $0), size, 0, 0, 0, 0)
        }
        guard answer >= 0 else { return nil }
        let ruleset = Int32(answer)
        let isWhole =
            rules.places.allSatisfy { add($0, to: ruleset) } && rules.ports.allSatisfy { add($0, $1, to: ruleset) }
        if isWhole { return ruleset }
        // Half of the rules would refuse what the policy allows.
        close(ruleset)
        return nil
    }

    private static func add(_ place: LandlockRules.Place, to ruleset: Int32) -> Bool {
        guard let object = try? Kernel.openPlainly(AT_FDCWD, place.path, flags: O_PATH),
            let status = try? Kernel.status(object.number)
        else { return false }
        let isDirectory = status.st_mode & S_IFMT == S_IFDIR
        let access = isDirectory ? place.access : place.access.intersection(.ofFiles)
        if access.isEmpty { return true }
        // struct landlock_path_beneath_attr is packed: access, then the descriptor.
        var bytes = [UInt8](repeating: 0, count: 12)
        bytes.withUnsafeMutableBytes { room in
            room.storeBytes(of: access.rawValue, toByteOffset: 0, as: UInt64.self)
            room.storeBytes(of: object.number, toByteOffset: 8, as: Int32.self)
        }
        // LANDLOCK_RULE_PATH_BENEATH
        return bytes.withUnsafeBytes {
            abitrace_call(addRule, UInt(ruleset), 1, UInt(bitPattern: $0.baseAddress), 0, 0, 0) == 0
        }
    }

    private static func add(_ port: UInt16, _ access: UInt64, to ruleset: Int32) -> Bool {
        // struct landlock_net_port_attr, LANDLOCK_RULE_NET_PORT.
        var attributes = (access, UInt64(port))
        return withUnsafeMutablePointer(to: &attributes) {
            abitrace_call(addRule, UInt(ruleset), 2, UInt(bitPattern: $0), 0, 0, 0) == 0
        }
    }

    // MARK: Where rules are put

    /// The nearest object that is there. A rule holds on to the object and not to its name; the kernel itself looks at
    /// names only to run programs, so that for those the object must be one that nobody replaces: a directory, and one
    /// that the policy's own programs cannot take away.
    /// - Returns: it, and the first name on the way that is not there.
    private static func anchor(
        _ path: [UInt8], _ runs: Bool, _ layer: PolicyLayer
    ) -> (path: [UInt8], missing: [UInt8]?) {
        var (path, missing): ([UInt8], [UInt8]?) = (path, nil)
        while path.count > 1 {
            var status = stat()
            let name = path.map { CChar(bitPattern: $0) } + [0]
            if stat(name, &status) == 0 {
                if !runs { return (path, missing) }
                if status.st_mode & S_IFMT == S_IFDIR && !isRemovable(path, status, layer) { return (path, missing) }
            } else {
                missing = path
            }
            path = Array(path[..<(path.lastIndex(of: UInt8(ascii: "/")) ?? 0)])
        }
        return ([UInt8(ascii: "/")], missing)
    }

    private static func isRemovable(_ path: [UInt8], _ status: stat, _ layer: PolicyLayer) -> Bool {
        guard layer.mayRemove(path) else { return false }
        let parent = path[..<(path.lastIndex(of: UInt8(ascii: "/")) ?? 0)]
        let name = parent.isEmpty ? [CChar(47), 0] : parent.map { CChar(bitPattern: $0) } + [0]
        var above = stat()
        guard stat(name, &above) == 0 else { return true }
        // What something is mounted on stays (unlink(2), rename(2): EBUSY).
        return above.st_dev == status.st_dev && access(name, W_OK) == 0
    }
}
