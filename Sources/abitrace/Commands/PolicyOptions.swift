// The options that hold a command to policies.

import ArgumentParser
import Glibc
import Lowering
import Policy
import Supervision

struct PolicyOptions: ParsableArguments {
    @Option(name: .long, help: "A policy: a file, or the name of a shipped one. Several narrow each other.")
    var policy: [String] = []

    @Flag(name: .long, help: "Decide and report, but let the command do what it likes.")
    var warn = false

    @Flag(name: .long, help: "Refuse policies that this kernel or this version cannot enforce without a race.")
    var strict = false

    @Option(
        name: .long,
        help: ArgumentHelp(
            """
            A program that answers for a person where a policy says ask: it reads each message as a line of JSON, and \
            writes a line: allow, always, never, deny ERRNO, kill, stub, reply ITEM=VALUE or rewrite ITEM=VALUE.
            """, valueName: "program"))
    var hook: String?

    /// What the command is to be held to, nil for nothing.
    /// - Parameter outputs: files that are written about the run, which are none of the command's business.
    /// - Throws: `Failure` where a policy cannot be read, or not be held.
    func held(writing outputs: [String]) throws -> HeldPolicy? {
        guard !policy.isEmpty else {
            if warn || strict || hook != nil {
                throw ValidationError("--warn, --strict and --hook need --policy")
            }
            return nil
        }
        return try HeldPolicy(policy, onlyWarns: warn, isStrict: strict, hook: hook, outputs: outputs)
    }
}

/// Policies that a command runs under, ready to be enforced.
struct HeldPolicy {
    let policy: Policy
    private let names: [String]
    private let onlyWarns: Bool
    private let isStrict: Bool
    private let gaps: [String]
    private let hook: Hook?
    private let hookName: String?
    private let trail = PolicyTrail()
    /// Files that the program may not change, whatever the policy says.
    private let kept: [String]
    private let filter: SeccompProgram
    /// What the command starts with; to be restored in the end.
    let descriptors: InitialDescriptors

    init(_ names: [String], onlyWarns: Bool, isStrict: Bool, hook: String?, outputs: [String]) throws {
        self.names = names
        self.onlyWarns = onlyWarns
        self.isStrict = isStrict
        let policies = try names.map { [trail] in try PolicyFiles.policy($0, trail) }
        // What the next run would obey, or this one's account, is not the program's to write.
        let hookPath = try hook.map { try Launch.program(named: $0) }
        let read = (trail.sources.map(\.file) + [hookPath].compactMap { $0 }).filter { PolicyFiles.realPath($0) != nil }
        kept = PolicyFiles.places(of: outputs + read)
        policy = PolicyFiles.protecting(kept, policies.dropFirst().reduce(policies[0]) { $0.narrowed(by: $1) })
        try Self.requireKernel()
        filter = try Self.filter(policy)
        self.hook = try hookPath.map { try Hook($0) }
        hookName = hook
        descriptors = onlyWarns ? InitialDescriptors.asInherited() : try InitialDescriptors(policy)
        for remark in descriptors.remarks { complain("warning: \(remark)") }
        gaps = descriptors.gaps + Self.gaps(policy)
        for gap in gaps { complain("warning: not enforced: \(gap)") }
        if isStrict && !gaps.isEmpty {
            descriptors.restore()
            throw Failure(description: "--strict: the policy cannot be enforced as it is")
        }
    }

    /// - Parameter isWatched: somebody wants to know what is decided.
    /// - Parameter say: says what is refused, between the lines of a trace; nil: it is said at once.
    /// - Parameter isLate: who watches sees calls some time after they ended.
    func enforcement(isWatched: Bool, isLate: Bool, say: ((String) -> Void)?) -> Supervision.Enforcement {
        let countsTasks = policy.limits.contains { $0.kind == .processes } && !onlyWarns
        var confinement = Confinement(
            filter, descriptors, countsTasks: countsTasks, onlyWarns: onlyWarns)
        for limit in policy.limits {
            confinement.add(limit)
        }
        if !onlyWarns {
            let domain = SecondLine.domain(policy)
            (confinement.rulesets, confinement.opens) = (domain.rulesets, domain.opens)
        }
        var enforcement = Supervision.Enforcement(
            confinement: confinement,
            authority: PolicyAuthority(
                policy, onlyWarns: onlyWarns, isStrict: isStrict, descriptors: descriptors,
                log: isWatched ? DecisionLog(isLate: isLate) : nil,
                isHeard: say != nil, hook: hook))
        enforcement.say = say
        return enforcement
    }

    /// What a recording says of it: every file, and what was asked and could be given.
    var parts: [(name: String, text: [UInt8])] {
        let surroundings = PolicyFiles.surroundings
        var text = "format=1\nspec=1\n"
        for name in names { text += "policy=\(Self.line(name))\n" }
        text += "warn=\(onlyWarns)\nstrict=\(isStrict)\n"
        if let hookName { text += "hook=\(Self.line(hookName))\n" }
        text += "cwd=\(Self.line(surroundings.workingDirectory))\nhome=\(Self.line(surroundings.home))\n"
        for name in trail.variables {
            guard let value = surroundings.variables[name] else { continue }
            text += "variable=\(name)\t\(Self.line(value))\n"
        }
        for found in trail.lookups {
            text += "source=\(Self.line(found.name))\t\(Self.line(found.from))\t\(Self.line(found.file))\n"
        }
        for (name, target) in trail.links { text += "link=\(Self.line(name))\t\(Self.line(target))\n" }
        for path in kept { text += "kept=\(Self.line(path))\n" }
        for layer in policy.layers { text += "layer=\(Self.line(layer.file))\n" }
        for gap in gaps { text += "gap=\(Self.line(gap))\n" }
        for feature in KernelFeatures.all() {
            text += "feature=\(feature.name)\t\(Self.line(feature.finding))\n"
        }
        text += "filter_instructions=\(filter.instructions.count)\n"
        return [("effective", Array(text.utf8))] + trail.sources.map { ("file/" + $0.file, $0.bytes) }
    }

    private static func line(_ text: String) -> String {
        String(text.map { $0 == "\n" || $0 == "\t" ? " " : $0 })
    }

    // MARK: Whether it can be held

    private static func filter(_ policy: Policy) throws -> SeccompProgram {
        do {
            let options = LoweringOptions(
                reportsRefusals: true, narrower: policy.nested.map { policy.narrowed(by: $0) })
            // The two tables are half the work each, and nothing else runs yet.
            let filter = try SeccompProgram(
                Parallel.map(SeccompProgram.personalities) { TableAnswers($0, policy, options) })
            for proof in Parallel.map(SeccompProgram.personalities, { part in Result { try filter.prove(part) } }) {
                _ = try proof.get()
            }
            return filter
        } catch LoweringError.tooLong {
            throw Failure(description: "the policy is too long for this kernel's filters")
        } catch {
            throw Failure(description: "the policy's filter does not do what the policy says: \(error)")
        }
    }

    private static func requireKernel() throws {
        let missing = KernelFeatures.all().filter { $0.isNeeded && !$0.isThere }
        if missing.isEmpty { return }
        let names = missing.map(\.name).joined(separator: ", ")
        throw Failure(description: "this kernel cannot hold a program to a policy: it lacks \(names)")
    }

    /// What a policy says and nobody does yet is never passed over in silence.
    private static func gaps(_ policy: Policy) -> [String] {
        var gaps: [String] = []
        // A program that runs already has its descriptors, its limits and its clock.
        for layer in policy.nested.flatMap(\.layers)
        where !(layer.handles.isEmpty && layer.gives.isEmpty && layer.limits.isEmpty) || layer.hidesVDSO {
            gaps.append("\(layer.file): handles, give, limits and vdso of a policy that begins at an exec")
        }
        for layer in policy.layers {
            gaps += layer.rules.flatMap { rule in
                VerdictGaps.words(rule.verdict, rule.operations).map { "\(rule.line.place): \($0)" }
            }
            gaps += layer.classes.flatMap { grant in
                VerdictGaps.words(grant.verdict, grant.operations).map { "\(grant.line.place): \($0)" }
            }
        }
        return gaps + CaselessNames.words(policy)
    }
}
