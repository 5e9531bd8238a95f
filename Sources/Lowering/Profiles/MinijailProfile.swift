// A policy as a seccomp policy file of minijail0 (minijail0(5)).

import Messages
import Policy

extension Policy {
    /// For `minijail0 -n -S FILE`; the comment at its head has the options for files and network.
    public func minijailProfile(_ target: ProfileTarget) -> Profile {
        let calls = profileCalls
        var gaps = memoryGap(calls, "") + commonGaps(holdsFiles: true) + networkGaps("")
        var lines: [String] = []
        for call in calls where !call.isNewer(than: Self.minijailKernel) {
            guard let line = Self.minijailLine(call, usualErrno) else {
                lines.append("\(call.name): 1")
                gaps.append(
                    ProfileGap(
                        line: nil, words: "the arguments of \(call.name) cannot be told apart; it is let through"))
                continue
            }
            if !line.isEmpty { lines.append("\(call.name): \(line)") }
        }
        gaps.append(
            ProfileGap(
                line: nil,
                words:
                    "calls that are newer than Linux 6.1 are not listed: minijail0 refuses names that its headers lack")
        )
        gaps.append(ProfileGap(line: nil, words: "calls that are not listed end the program, 32-bit ones too"))
        var text =
            "# \(name.isEmpty ? "A policy" : PolicyText.visible(name)): made by abitrace policy export --to minijail.\n#\n"
        let options = ["-n", "-S FILE"] + minijailOptions(target)
        text += "# minijail0 \(options.joined(separator: " ")) -- PROGRAM\n#\n"
        if !gaps.isEmpty { text += "# Not said here:\n" + gaps.map { "#   \($0.text)\n" }.joined() }
        return Profile(text: text + lines.joined(separator: "\n") + "\n", gaps: gaps)
    }

    /// The kernel whose headers Debian 12 builds with: minijail0's names are those of its headers.
    private static let minijailKernel = [6, 1]

    /// What follows the name of a call; empty where leaving it out says the same, nil where it cannot be said.
    private static func minijailLine(_ call: ProfileCall, _ usual: Int32) -> String? {
        let leaves = call.tree.leaves
        if case .leaf(let action) = call.tree { return action == .kill ? "" : give(action) }
        let others = leaves.subtracting([.allow])
        // A line has one answer for what fits none of its tests.
        let isRefused = others.allSatisfy { if case .errno(let errno) = $0 { errno != 0 } else { false } }
        let all = others.count == 1 ? others.first : isRefused ? .errno(usual) : nil
        guard let other = all, let ways = call.tree.alternatives(to: .allow, limit: 64)
        else {
            return nil
        }
        let tests = ways.map { way in way.flatMap(\.minijail).joined(separator: " && ") }
        return tests.joined(separator: " || ") + (other == .kill ? "" : "; \(give(other))")
    }

    private static func give(_ action: FilterAction) -> String {
        switch action {
        case .allow, .notify, .trace: "1"
        case .kill: "kill"
        case .errno(let number): "return \(number)"
        }
    }

    private func minijailOptions(_ target: ProfileTarget) -> [String] {
        let places = profilePlaces.filter { !($0.rights ?? []).isEmpty }
        if layers.allSatisfy({ $0.defaultVerdict == .allow }) || places.contains(where: { $0.path == "/" }) {
            return hasNetwork ? [] : ["-e"]
        }
        var options = ["-v", "-P /var/empty", "-r", "-d"]
        options += profileLinks(target).map { "-b \($0.path),\($0.link)" }
        for place in places where !place.path.hasPrefix("/proc") && !place.path.hasPrefix("/dev") {
            guard target.kind(place.path) != nil else { continue }
            let isWritten = !(place.rights ?? []).isDisjoint(with: Self.changingRights)
            options.append("-b \(place.path),\(place.path)" + (isWritten ? ",1" : ""))
        }
        return options + (hasNetwork ? [] : ["-e"])
    }
}

extension ArgumentTest {
    /// As minijail's expressions have it: `in` has no bit outside a mask, `&` has a bit of one.
    fileprivate var minijail: [String] {
        func hex(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }
        let name = "arg\(register)"
        switch kind {
        case .atLeast: return ["\(name) >= \(hex(value))"]
        case .below: return ["\(name) < \(hex(value))"]
        // Rubbish above the 32 bits that the kernel reads is refused.
        case .equals where mask == .max || mask == 0xFFFF_FFFF: return ["\(name) == \(hex(value))"]
        case .equals:
            let clear = mask & ~value
            let set = (0..<64).map { UInt64(1) << UInt64($0) }.filter { mask & value & $0 != 0 }
            return (clear == 0 ? [] : ["\(name) in \(hex(~clear))"]) + set.map { "\(name) & \(hex($0))" }
        }
    }
}
