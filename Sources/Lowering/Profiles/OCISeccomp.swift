// The seccomp section of an OCI runtime configuration, which docker, podman and Kubernetes read by itself too
// (opencontainers/runtime-spec, config-linux.md).

import Messages
import Policy

extension Policy {
    /// A profile for `docker run --security-opt seccomp=FILE` and its like.
    public func seccompProfile() -> Profile {
        let (section, gaps) = ociSeccomp()
        return Profile(text: section.written() + "\n", gaps: gaps + commonGaps(holdsFiles: false) + networkGaps(""))
    }

    /// Addresses, which no container runtime can tell apart.
    func networkGaps(_ instead: String) -> [ProfileGap] {
        layers.flatMap { $0.connect + $0.listen }.map {
            ProfileGap(line: $0.line, words: "addresses cannot be said\(instead)")
        }
    }

    func ociSeccomp() -> (JSONText, [ProfileGap]) {
        let calls = profileCalls
        let usual = FilterAction.errno(usualErrno)
        var plain: [FilterAction: [String]] = [:]
        var rules: [JSONText] = []
        var gaps = memoryGap(calls, "")
        for call in calls {
            if case .leaf(let action) = call.tree {
                if action != usual { plain[action, default: []].append(call.name) }
                continue
            }
            guard let found = Self.rules(call, usual) else {
                plain[.allow, default: []].append(call.name)
                gaps.append(
                    ProfileGap(
                        line: nil, words: "the arguments of \(call.name) cannot be told apart; it is let through"))
                continue
            }
            rules += found
        }
        let lists = plain.sorted { Self.order($0.key) < Self.order($1.key) }.map { action, names in
            JSONText.object([("names", .texts(names.sorted()))] + Self.words(action))
        }
        gaps.append(
            ProfileGap(
                line: nil,
                words: "calls of 32-bit programs end them, and calls that are newer than this list are refused"))
        let section = JSONText.object([
            ("defaultAction", .text("SCMP_ACT_ERRNO")), ("defaultErrnoRet", .number(UInt64(usualErrno))),
            ("architectures", .texts(["SCMP_ARCH_X86_64"])), ("syscalls", .list(lists + rules)),
        ])
        return (section, gaps)
    }

    /// The rules of a call whose registers matter; what none of them covers is refused as is usual.
    private static func rules(_ call: ProfileCall, _ usual: FilterAction) -> [JSONText]? {
        var rules: [JSONText] = []
        for action in call.tree.leaves.sorted(by: { order($0) < order($1) }) where action != usual {
            guard let ways = call.tree.alternatives(to: action) else { return nil }
            rules += ways.map { tests in
                JSONText.object(
                    [("names", .texts([call.name]))] + words(action)
                        + (tests.isEmpty ? [] : [("args", .list(tests.map(argument)))]))
            }
        }
        return rules
    }

    private static func argument(_ test: ArgumentTest) -> JSONText {
        var members: [(String, JSONText)] = [("index", .number(UInt64(test.register)))]
        switch test.kind {
        case .equals where test.mask == .max:
            members += [("value", .number(test.value)), ("op", .text("SCMP_CMP_EQ"))]
        case .equals:
            members += [
                ("value", .number(test.mask)), ("valueTwo", .number(test.value)), ("op", .text("SCMP_CMP_MASKED_EQ")),
            ]
        case .atLeast: members += [("value", .number(test.value)), ("op", .text("SCMP_CMP_GE"))]
        case .below: members += [("value", .number(test.value)), ("op", .text("SCMP_CMP_LT"))]
        }
        return .object(members)
    }

    private static func words(_ action: FilterAction) -> [(String, JSONText)] {
        switch action {
        case .allow, .notify, .trace: [("action", .text("SCMP_ACT_ALLOW"))]
        case .kill: [("action", .text("SCMP_ACT_KILL_PROCESS"))]
        case .errno(let number):
            [("action", .text("SCMP_ACT_ERRNO")), ("errnoRet", .number(UInt64(UInt32(bitPattern: number))))]
        }
    }

    private static func order(_ action: FilterAction) -> Int {
        switch action {
        case .allow, .notify, .trace: -1
        case .errno(let number): Int(number)
        case .kill: 10_000
        }
    }
}
