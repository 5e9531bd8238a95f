// A policy as a Landlock ruleset, in the JSON form of the Landlock project's own configuration files
// (landlock-lsm/landlockconfig): which accesses are held, and where each is allowed (landlock(7)).

import Messages
import Policy

extension Policy {
    /// A ruleset for ABI 5 (Linux 6.10). Loaders leave out what an older kernel does not know.
    public func landlockProfile(_ target: ProfileTarget) -> Profile {
        var gaps = commonGaps(holdsFiles: true)
        let isOpen = layers.allSatisfy { $0.defaultVerdict == .allow }
        var members: [(String, JSONText)] = [("abi", .number(5))]
        var held: [(String, JSONText)] = [("handledAccessFs", .texts(LandlockAccess.all.map(\.name)))]
        held.append(("handledAccessNet", .texts(["bind_tcp", "connect_tcp"])))
        members.append(("ruleset", .list([.object(isOpen ? [] : held)])))
        if !isOpen {
            members.append(("pathBeneath", .list(beneath(target, &gaps))))
            let ports = ports(&gaps)
            if !ports.isEmpty { members.append(("netPort", .list(ports))) }
        }
        for layer in layers {
            gaps += layer.classes.map { ProfileGap(line: $0.line, words: "calls cannot be said") }
            gaps += layer.limits.map { ProfileGap(line: $0.line, words: "limits cannot be said") }
        }
        gaps.append(
            ProfileGap(
                line: nil,
                words:
                    "looking at files (stat), changing their modes, owners and times, chdir, and every call that is about no file are not held"
            ))
        return Profile(text: JSONText.object(members).written() + "\n", gaps: gaps)
    }

    private func beneath(_ target: ProfileTarget, _ gaps: inout [ProfileGap]) -> [JSONText] {
        var rules: [([String], [String])] = []
        let places = profilePlaces
        for place in places {
            let rights = place.rights ?? []
            let above = places.filter {
                $0.path != place.path && (place.path.hasPrefix($0.path + "/") || $0.path == "/")
            }
            let inherited = above.reduce(Rights()) { $0.union($1.rights ?? []) }
            let surplus = LandlockAccess.all.filter {
                !inherited.isDisjoint(with: $0.rights) && rights.isDisjoint(with: $0.rights)
            }
            if !surplus.isEmpty {
                gaps.append(
                    ProfileGap(
                        line: place.line,
                        words: "what an entry above allows cannot be taken away below it: "
                            + surplus.map(\.name).joined(separator: ", ")))
            }
            guard let kind = target.kind(place.path) else {
                if !rights.isEmpty {
                    gaps.append(ProfileGap(line: place.line, words: "nothing is there yet, so no rule can name it"))
                }
                continue
            }
            let access = LandlockAccess.all.filter {
                !rights.isDisjoint(with: $0.rights) && (kind == .directory || !$0.isForDirectories)
            }.map(\.name)
            if access.isEmpty { continue }
            if let index = rules.firstIndex(where: { $0.0 == access }) {
                rules[index].1.append(place.path)
            } else {
                rules.append((access, [place.path]))
            }
        }
        return rules.map { .object([("allowedAccess", .texts($0.0)), ("parent", .texts($0.1))]) }
    }

    private func ports(_ gaps: inout [ProfileGap]) -> [JSONText] {
        var rules: [JSONText] = []
        for (word, grants) in [("connect_tcp", layers.flatMap(\.connect)), ("bind_tcp", layers.flatMap(\.listen))] {
            for grant in grants {
                guard grant.pattern.transport == .tcp || grant.pattern.transport == nil else {
                    gaps.append(ProfileGap(line: grant.line, words: "only TCP is held; everything else is open"))
                    continue
                }
                guard let ports = grant.pattern.ports, ports.count <= 1024 else {
                    gaps.append(
                        ProfileGap(line: grant.line, words: "every port, or very many: no rule says that; refused"))
                    continue
                }
                if case .block(_, let length) = grant.pattern.place, length > 0 {
                    gaps.append(ProfileGap(line: grant.line, words: "ports are said, hosts cannot be"))
                }
                rules.append(
                    .object([("allowedAccess", .texts([word])), ("port", .list(ports.map { .number(UInt64($0)) }))]))
            }
        }
        return rules
    }
}

/// An access of Landlock's, and the rights of which any asks for it.
private struct LandlockAccess {
    let name: String
    let rights: Rights
    let isForDirectories: Bool

    private init(_ name: String, _ rights: Rights, isForDirectories: Bool = true) {
        (self.name, self.rights, self.isForDirectories) = (name, rights, isForDirectories)
    }

    /// LANDLOCK_ACCESS_FS_* (linux/landlock.h).
    static let all = [
        LandlockAccess("execute", [.exec], isForDirectories: false),
        LandlockAccess("write_file", [.write], isForDirectories: false),
        LandlockAccess("read_file", [.read], isForDirectories: false),
        LandlockAccess("read_dir", [.readdir]),
        LandlockAccess("remove_dir", [.unlink]),
        LandlockAccess("remove_file", [.unlink]),
        LandlockAccess("make_char", [.createNode]),
        LandlockAccess("make_dir", [.createDir]),
        LandlockAccess("make_reg", [.createFile]),
        LandlockAccess("make_sock", [.createNode]),
        LandlockAccess("make_fifo", [.createNode]),
        LandlockAccess("make_block", [.createNode]),
        LandlockAccess("make_sym", [.symlink]),
        LandlockAccess("refer", [.linkTarget, .renameTarget, .renameSource]),
        LandlockAccess("truncate", [.resize], isForDirectories: false),
        LandlockAccess("ioctl_dev", [.control], isForDirectories: false),
    ]
}
