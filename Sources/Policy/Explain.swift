// A policy in words: what each line allows, and who holds it; and a refusal in words, with the line that would lift it.

import Messages

extension Policy {
    /// Everything that the policy says, a line each. `isLandlocked` tells what a second line holds by itself.
    public func explanation(isLandlocked: (PolicyLayer, FileGrant) -> Bool = { _, _ in false }) -> String {
        layers.map { $0.explanation(isLandlocked) }.joined(separator: "\n")
    }

    /// What the policy says about one operation.
    public func explanation(of operation: Messages.Operation) -> String {
        var text = "\(operation.name): \(operation.summary)\n"
        if let never = operation.never { text += "  never refused: \(never.reason)\n" }
        for need in operation.needs { text += "  needs \(need.text)\n" }
        for layer in layers {
            if let grant = layer.classGrant(operation) {
                text += "  \(grant.line.place): \(grant.name): \(grant.verdict.text)\n"
            }
            for refusal in operation.refusals {
                let isNamed = layer.names(refusal, operation)
                text +=
                    "  \(refusal.name) is \(isNamed ? "named" : "refused unless named (\(refusal.plainVerdict.text))"): \(refusal.reason)\n"
            }
            for rule in layer.rules where rule.operations.contains(operation) {
                text +=
                    "  \(rule.line.place): \(rule.verdict.text)\(rule.because.isEmpty ? "" : ", because \(rule.because)")\n"
            }
        }
        for (personality, name, words) in enforcements(of: operation) {
            text += "  \(name) (\(personality.name)): \(words)\n"
        }
        return text
    }

    /// Who decides each call of an operation, registers all zero and all ones.
    private func enforcements(of operation: Messages.Operation) -> [(Personality, String, String)] {
        var list: [(Personality, String, String)] = []
        for personality in Personality.allCases {
            let table = personality == .x86_64 ? SpecTables.x86_64 : SpecTables.i386
            for (number, index) in table.enumerated() where index >= 0 {
                let row = SpecTables.calls[Int(index)]
                guard row.operation == operation else { continue }
                let stops = [UInt64(0), .max].map { value in
                    Stop(
                        personality: personality, number: UInt64(number),
                        arguments: RawArguments(value, value, value, value, value, value))
                }
                let words = stops.map { enforcement($0).text }
                list.append((personality, row.name, Set(words).sorted().joined(separator: " or ")))
            }
        }
        return list
    }
}

extension PolicyLayer {
    func explanation(_ isLandlocked: (PolicyLayer, FileGrant) -> Bool) -> String {
        var text = "\(file)\(name.isEmpty ? "" : ": \(name)")\n"
        if !description.isEmpty { text += "  \(description)\n" }
        func add(_ line: PolicyLine?, _ words: String, _ enforced: String) {
            let place = line.map { "\($0.line)" } ?? "default"
            text += "  \(place): \(words) [\(enforced)]\n"
        }
        add(defaultLine, "what nothing allows: \(defaultVerdict.text)", "kernel filter, broker")
        for grant in files {
            let words = grant.isHidden ? "is not there" : grant.rights.expression
            add(
                grant.line, "\(grant.pattern.text) \(words)",
                isLandlocked(self, grant) ? "broker, Landlock too" : "broker")
        }
        for grant in connect { add(grant.line, "may connect to \(grant.line.text)", "broker") }
        for grant in listen { add(grant.line, "may listen on \(grant.line.text)", "broker") }
        for grant in programs ?? [] { add(grant.line, "\(grant.text) may run", "ptrace event") }
        for give in gives {
            add(give.line, "descriptor \(give.number) is \(give.name), \(give.rights.expression)", "before the start")
        }
        for handle in handles {
            add(handle.line, "\(handle.name): \(handle.rights?.expression ?? "closed")", "before the start")
        }
        for grant in classes { add(grant.line, "\(grant.name): \(grant.verdict.text)", "kernel filter") }
        for rule in rules {
            let isFiltered =
                rule.when == nil && rule.conditions.allSatisfy { if case .item = $0.subject { true } else { false } }
            let names = rule.operations.map(\.name).joined(separator: ", ")
            add(
                rule.line, "\(names): \(rule.verdict.text)",
                isFiltered ? "kernel filter where registers tell, else broker" : "broker")
        }
        for grant in ambients { add(grant.line, "has \(grant.ambient.name): \(grant.ambient.title)", "kernel filter") }
        for limit in limits { add(limit.line, "at most \(limit.value) \(limit.kind.rawValue)", limit.kind.holder) }
        return text
    }
}

extension Limit.Kind {
    /// Who holds it.
    var holder: String {
        switch self {
        case .processes: "broker"
        case .time: "supervisor"
        case .memory, .openFiles, .cpu: "before the start"
        }
    }
}

extension PathPattern {
    /// As it is written in a policy.
    public var text: String {
        if components.isEmpty { return "/" }
        return components.map { component in
            switch component {
            case .literal(let name): "/" + PolicyText.pattern(name)
            case .glob(let glob): "/" + glob.text
            case .many: "/**"
            }
        }.joined()
    }
}

extension Glob {
    var text: String {
        parts.split(separator: .any, omittingEmptySubsequences: false).map { run in
            PolicyText.pattern(run.compactMap { if case .byte(let byte) = $0 { byte } else { nil } })
        }.joined(separator: "*")
    }
}

extension PolicyLine {
    public var place: String { "\(file):\(line)" }
}

extension Verdict {
    /// As a policy writes it.
    public var text: String {
        switch self {
        case .deny(let errno): "deny " + ErrnoName.name(errno)
        case .rewrite(let changes), .reply(let changes):
            word + " " + changes.map { "\($0.item)=\($0.value)" }.joined(separator: ", ")
        default: word
        }
    }
}

extension Enforcement {
    public var text: String {
        if case .advisory(let race) = self { return "advisory: \(race)" }
        return word
    }
}

extension NeedRow {
    /// As the spec writes it.
    var text: String {
        let conditions = tests.map(\.text).joined(separator: " and ")
        return "\(right.name) on \(role.name)" + (conditions.isEmpty ? "" : " if \(conditions)")
    }
}

extension ItemTest {
    var text: String {
        let values = self.values.map { value in
            switch value {
            case .number(let number): "0x" + String(number, radix: 16)
            case .name(let name): name
            }
        }.joined(separator: "|")
        switch kind {
        case .present: return "\(item) is there"
        case .named: return "the call has \(item)"
        default: return "\(item) \(kind) \(values)"
        }
    }
}

extension Decision {
    /// A refusal in words: the program, what it tried, the line that decided, and the line that would allow it.
    public func refusal(_ request: Request) -> String {
        let program = PolicyText.visible(request.caller.program)
        let things =
            request.paths.map { PolicyText.visible($0.path) }
            + request.addresses.map(\.entry)
        var text = "\(program.isEmpty ? "the program" : program)[\(request.caller.process)]: "
        text += ([request.operation.name] + things).joined(separator: " ") + ": \(verdict.text)"
        guard let reason = reasons.first else { return text }
        text += ": \(reason.cause.text)"
        if let line = reason.line { text += "\n    decided by \(line.place): \(line.text)" }
        if let cure = cure(request) { text += "\n    allowed by \(cure)" }
        return text
    }

    /// The line that would lift the first reason.
    public func cure(_ request: Request) -> String? {
        guard let cause = reasons.first?.cause else { return nil }
        switch cause {
        case .switched(let name), .refusedByDefault(let name, _): return "classes: {\(name): allow}"
        case .hidden(let path): return "files: {\(Self.quoted(path)): ro}"
        case .missing(let rights, let role, let object):
            if let fact = request.addresses.first, !rights.isDisjoint(with: [.connect, .bind, .listen]) {
                return Decision(verdict, reasons: [Reason(verdict, .address(fact), nil)]).cure(request)
            }
            if let path = request.path(role), path.path == object || role.ambient == nil,
                object.first == UInt8(ascii: "/")
            {
                return "files: {\(Self.quoted(object)): \(rights.grouped)}, beside what it has"
            }
            if role == .net { return "network: {connect: [\"\(request.unknownPeer)\"]}" }
            if let ambient = role.ambient ?? (role == .who ? .procs : nil) {
                return "ambient: [\(ambient.entry(with: rights))]"
            }
            return nil
        case .address(let fact):
            return "network: {\(fact.role == .peer ? "connect" : "listen"): [\(PolicyText.scalar(fact.entry))]}"
        case .program(let path): return "programs: {\(Self.quoted(path)): {}}"
        case .widening, .unknown, .rule: return nil
        }
    }

    private static func quoted(_ path: [UInt8]) -> String { PolicyText.scalar(PolicyText.pattern(path)) }
}

extension Cause {
    public var text: String {
        switch self {
        case .switched(let name): return "`\(name)` is switched"
        case .refusedByDefault(let name, let reason): return "`\(name)` is refused unless named: \(reason)"
        case .hidden: return "it is not there for this program"
        case .missing(let rights, let role, let object):
            let name = PolicyText.visible(object)
            return "\(name.isEmpty ? role.name : name) lacks \(rights.names.joined(separator: ", "))"
        case .address(let fact): return "no entry covers \(fact.entry)"
        case .program(let path):
            return "\(PolicyText.visible(path)) is not one of the programs, or not the file that was named"
        case .widening(_, let to):
            return "as \(PolicyText.visible(to)) it would have rights that it lacks where it is"
        case .unknown(let what): return "\(what) could not be seen"
        case .rule(let because): return because.isEmpty ? "a rule" : because
        }
    }
}
