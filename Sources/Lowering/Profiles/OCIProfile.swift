// A policy as the configuration of an OCI bundle: places become mounts over an empty root, calls become seccomp, no
// network becomes a namespace without one (opencontainers/runtime-spec, config.md and config-linux.md).

import Messages
import Policy

extension Policy {
    /// A `config.json` for runc, crun and their like. The bundle's `rootfs` is an empty directory: everything that the
    /// program finds is mounted there.
    public func ociProfile(_ target: ProfileTarget) -> Profile {
        let (seccomp, seccompGaps) = ociSeccomp()
        var gaps = seccompGaps + commonGaps(holdsFiles: true)
        gaps += hasNetwork ? networkGaps("; the program has the machine's whole network") : []
        let places = ociPlaces(target, &gaps)
        let members: [(String, JSONText)] = [
            ("ociVersion", .text("1.0.2")),
            ("process", ociProcess(target, &gaps)),
            ("root", .object([("path", .text("rootfs")), ("readonly", .truth(true))])),
            ("hostname", .text(hasNetwork ? "localhost" : "sandbox")),
            ("mounts", .list(places.mounts)),
            (
                "linux",
                .object([
                    ("namespaces", namespaces), ("maskedPaths", .texts(places.masked)),
                    ("resources", resources), ("seccomp", seccomp),
                ])
            ),
        ]
        gaps.append(
            ProfileGap(line: nil, words: "the program has no capabilities, not even root's over files of others"))
        return Profile(text: JSONText.object(members).written() + "\n", gaps: gaps)
    }

    private var namespaces: JSONText {
        let names = ["mount", "ipc", "uts", "pid"] + (hasNetwork ? [] : ["network"])
        return .list(names.map { .object([("type", .text($0))]) })
    }

    private func ociProcess(_ target: ProfileTarget, _ gaps: inout [ProfileGap]) -> JSONText {
        let empty = JSONText.list([])
        let sets = ["bounding", "effective", "inheritable", "permitted", "ambient"]
        var limits: [JSONText] = []
        for limit in self.limits {
            switch limit.kind {
            case .openFiles: limits.append(Self.limit("RLIMIT_NOFILE", limit.value))
            case .cpu: limits.append(Self.limit("RLIMIT_CPU", limit.value))
            case .processes, .memory: break
            case .time: gaps.append(ProfileGap(line: limit.line, words: "time on the wall cannot be said"))
            }
        }
        return .object([
            ("terminal", .truth(false)), ("user", .object([("uid", .number(0)), ("gid", .number(0))])),
            ("args", .texts(target.command.isEmpty ? ["sh"] : target.command)),
            ("env", .texts(["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"])),
            ("cwd", .text(target.workingDirectory)),
            ("capabilities", .object(sets.map { ($0, empty) })),
            ("rlimits", .list(limits)), ("noNewPrivileges", .truth(true)),
        ])
    }

    private static func limit(_ name: String, _ value: UInt64) -> JSONText {
        .object([("type", .text(name)), ("hard", .number(value)), ("soft", .number(value))])
    }

    private var resources: JSONText {
        var members: [(String, JSONText)] = []
        for limit in limits {
            switch limit.kind {
            case .processes: members.append(("pids", .object([("limit", .number(limit.value))])))
            case .memory: members.append(("memory", .object([("limit", .number(limit.value))])))
            default: break
            }
        }
        return .object(members)
    }

    // MARK: Places

    private func ociPlaces(_ target: ProfileTarget, _ gaps: inout [ProfileGap]) -> (
        mounts: [JSONText], masked: [String]
    ) {
        var mounts: [JSONText] = []
        var masked: [String] = []
        let places = profilePlaces
        if layers.allSatisfy({ $0.defaultVerdict == .allow }), !places.contains(where: { $0.path == "/" }) {
            mounts.append(Self.mount("/", "bind", "/", ["rbind", "rw"]))
        }
        mounts += Self.kernelMounts
        mounts += profileLinks(target).map { Self.mount($0.link, "bind", $0.path, Self.options($0.rights)) }
        for place in places {
            let kind = target.kind(place.path)
            guard let rights = place.rights, !rights.isEmpty else {
                if kind != nil { masked.append(place.path) }
                continue
            }
            if ["/proc", "/dev", "/sys"].contains(where: { place.path == $0 || place.path.hasPrefix($0 + "/") }) {
                if !Self.isUsualDevice(place.path) {
                    gaps.append(ProfileGap(line: place.line, words: "the container has its own /proc and /dev"))
                }
                continue
            }
            guard let kind else {
                gaps.append(ProfileGap(line: place.line, words: "nothing is there yet, so nothing can be mounted"))
                continue
            }
            let isWritten = !rights.isDisjoint(with: Self.changingRights)
            if kind == .directory || kind == .file || kind == .socket {
                mounts.append(Self.mount(place.path, "bind", place.path, Self.options(rights)))
            }
            if isWritten && !rights.contains(.read) {
                gaps.append(ProfileGap(line: place.line, words: "what can be written there can be read as well"))
            } else if isWritten && kind == .directory && !rights.isSuperset(of: Self.changingRights) {
                gaps.append(
                    ProfileGap(line: place.line, words: "where files can be written they can be made and removed too"))
            }
        }
        return (mounts, masked)
    }

    private static func mount(_ destination: String, _ type: String, _ source: String, _ options: [String]) -> JSONText
    {
        .object([
            ("destination", .text(destination)), ("type", .text(type)), ("source", .text(source)),
            ("options", .texts(options)),
        ])
    }

    private static let kernelMounts = [
        mount("/proc", "proc", "proc", ["nosuid", "noexec", "nodev"]),
        mount("/dev", "tmpfs", "tmpfs", ["nosuid", "strictatime", "mode=755", "size=65536k"]),
        mount("/dev/pts", "devpts", "devpts", ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]),
        mount("/dev/shm", "tmpfs", "shm", ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]),
    ]

    private static func options(_ rights: Rights) -> [String] {
        ["rbind", rights.isDisjoint(with: changingRights) ? "ro" : "rw", "nosuid"]
            + (rights.contains(.mapExec) ? [] : ["noexec"])
    }

    /// What every container has under /dev (runtime-spec, config-linux.md, "Default Devices"), and its own /proc.
    private static func isUsualDevice(_ path: String) -> Bool {
        let devices = ["null", "zero", "full", "random", "urandom", "tty", "console", "ptmx", "pts", "shm", "fd"]
        return path.hasPrefix("/proc/self") || path == "/proc" || path == "/dev"
            || devices.contains { path == "/dev/\($0)" || path.hasPrefix("/dev/\($0)/") }
    }
}
