// What would lift a refusal: the exact lines, and what they would let in besides.

import Messages
import Policy

/// One line that would allow something, as a change of a policy file.
public struct Cure: Equatable, Sendable {
    /// Paths and addresses are text as policies write it.
    public enum Change: Equatable, Sendable {
        case file(path: String, rights: Rights)
        case address(list: String, text: String)
        case operation(String)
        case ambient(String)
        case handle(String, Rights)
        case program(String)
    }

    public var change: Change

    /// Each line once; rights of one path, or one handle, add up.
    public static func together(_ cures: [Cure]) -> [Cure] {
        var result: [Cure] = []
        for cure in cures {
            if let index = result.firstIndex(where: { $0.joined(cure) != nil }) {
                result[index] = result[index].joined(cure) ?? cure
            } else if !result.contains(cure) {
                result.append(cure)
            }
        }
        return result
    }

    /// Whether both are lines for the same object.
    func isAbout(_ other: Cure) -> Bool { joined(other) != nil }

    private func joined(_ other: Cure) -> Cure? {
        switch (change, other.change) {
        case (.file(let path, let one), .file(let same, let two)) where path == same:
            Cure(change: .file(path: path, rights: one.union(two)))
        case (.handle(let name, let one), .handle(let same, let two)) where name == same:
            Cure(change: .handle(name, one.union(two)))
        default: nil
        }
    }

    /// The line as the policy would hold it.
    public var text: String {
        switch change {
        case .file(let path, let rights): "files: {\(PolicyText.scalar(path)): \(rights.expression)}"
        case .address(let list, let text): "network: {\(list): [\(PolicyText.scalar(text))]}"
        case .operation(let name): "classes: {\(name): allow}"
        case .ambient(let name): "ambient: [\(name)]"
        case .handle(let name, let rights): "handles: {\(name): \(rights.expression)}"
        case .program(let path): "programs: {\(PolicyText.scalar(path)): {}}"
        }
    }

    /// Makes the change in a policy file. Places under the working directory and the home are said by name.
    public func apply(to editor: inout PolicyEditor, _ surroundings: Surroundings) {
        switch change {
        case .file(let path, let rights):
            editor.set("files", spelled(path, surroundings), rights.expression) { key in
                surroundings.absolute(key) == path
            }
        case .address(let list, let text): editor.add(PolicyText.scalar(text), to: "network", list)
        case .operation(let name): editor.set("classes", name, "allow") { $0 == name }
        case .ambient(let name): editor.add(name, to: "ambient", else: PolicyLayer.usualAmbientNames)
        case .handle(let name, let rights): editor.set("handles", name, rights.expression) { $0 == name }
        case .program(let path): editor.set("programs", spelled(path, surroundings), "{}") { _ in false }
        }
    }

    private func spelled(_ path: String, _ surroundings: Surroundings) -> String {
        PolicyText.scalar(
            ProtectedPlaces.spelled(
                path, workingDirectory: PolicyText.pattern(surroundings.workingDirectory.utf8),
                home: PolicyText.pattern(surroundings.home.utf8)))
    }
}

/// What a refusal can be met with.
public struct Remedy: Equatable, Sendable {
    /// The usual line for each reason: rights by their groups.
    public var usual: [Cure]
    /// Just what was missing, where that is less.
    public var narrow: [Cure]
    /// Reasons that no line lifts, in words.
    public var left: [String]
}

extension Remedy {
    /// With what other refusals ask for the same objects: one answer serves for all of them.
    public func joined(with others: [Remedy]) -> Remedy {
        func together(_ own: [Cure], _ more: [Cure]) -> [Cure] {
            Cure.together(own + more.filter { cure in own.contains { $0.isAbout(cure) } })
        }
        return Remedy(
            usual: together(usual, others.flatMap(\.usual)), narrow: together(narrow, others.flatMap(\.narrow)),
            left: left)
    }
}

extension JudgedCall {
    /// What would lift every reason of the refusal.
    public func remedy(under policy: Policy) -> Remedy {
        var remedy = Remedy(usual: [], narrow: [], left: [])
        for reason in decision.reasons where reason.verdict.strictness > Verdict.reply([]).strictness {
            let cures = cures(for: reason.cause, policy)
            guard let first = cures.first, let last = cures.last else {
                remedy.left.append(words(for: reason.cause))
                continue
            }
            if !remedy.usual.contains(first) { remedy.usual.append(first) }
            if !remedy.narrow.contains(last) { remedy.narrow.append(last) }
        }
        return remedy
    }

    /// Why no line lifts a refusal, and what to do to have one.
    private func words(for cause: Cause) -> String {
        guard case .missing(_, role: .net, _) = cause else { return cause.text }
        return
            "nobody knows what the socket was to reach, for it was refused: record it with --warn, or without the policy; "
            + "the line will be network: {connect: [\"\(request.unknownPeer)\"]}"
    }

    /// The lines for one cause, the widest first.
    private func cures(for cause: Cause, _ policy: Policy) -> [Cure] {
        switch cause {
        case .missing(let rights, let role, let object):
            // Sockets have what `network` gives their addresses.
            if !rights.isDisjoint(with: [.connect, .bind, .listen]), role == .object, !request.addresses.isEmpty {
                return request.addresses.flatMap { self.cures(for: .address($0), policy) }
            }
            if let ambient = Ambient.allCases.first(where: { $0.name == role.name && role.isAmbient }) {
                return ambient == .net ? [] : [Cure(change: .ambient(ambient.entry(with: rights)))]
            }
            if object.first == UInt8(ascii: "/") { return files(object, rights, policy) }
            if role == .who { return [Cure(change: .ambient(Ambient.procs.entry(with: rights)))] }
            guard let handle = request.handle(role), handle.number >= 0 else { return [] }
            let name = Observations.name(handle.number)
            let whole = (policy.rightsOfInherited(handle.number) ?? []).union(rights)
            return [Cure(change: .handle(name, whole.covered)), Cure(change: .handle(name, whole))]
        case .hidden(let path): return files(path, [.stat, .lookup], policy)
        case .address(let fact):
            guard fact.transport != .other else { return [] }
            let list = fact.role == .peer ? "connect" : "listen"
            return [Cure(change: .address(list: list, text: fact.entry))]
        case .switched(let name), .refusedByDefault(let name, _): return [Cure(change: .operation(name))]
        case .program(let path): return [Cure(change: .program(PolicyText.pattern(path)))]
        case .widening, .unknown, .rule: return []
        }
    }

    private func files(_ path: [UInt8], _ missing: Rights, _ policy: Policy) -> [Cure] {
        let name = PolicyText.pattern(path)
        let whole = (policy.rights(of: path) ?? []).union(missing)
        return [
            Cure(change: .file(path: name, rights: whole.covered)),
            Cure(change: .file(path: name, rights: whole)),
        ]
    }
}
