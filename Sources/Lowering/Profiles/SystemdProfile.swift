// A policy as settings of a systemd service: systemd.exec(5), systemd.resource-control(5).

import Messages
import Policy

extension Policy {
    /// A drop-in for a service: `/etc/systemd/system/NAME.service.d/policy.conf`.
    public func systemdProfile(_ target: ProfileTarget) -> Profile {
        let calls = profileCalls
        var gaps = memoryGap(calls, " where the settings for files and network do not tell")
        gaps += commonGaps(holdsFiles: true)
        var lines = ["[Service]", "NoNewPrivileges=yes"]
        lines += systemdFiles(target, &gaps)
        lines += systemdNetwork(&gaps)
        lines += systemdCalls(calls, &gaps)
        lines += systemdLimits
        lines += systemdPowers
        if !isWideOpen {
            gaps.append(
                ProfileGap(line: nil, words: "the program has no capabilities, not even root's over files of others"))
        }
        var text =
            "# \(name.isEmpty ? "A policy" : PolicyText.visible(name)): made by abitrace policy export --to systemd.\n"
        if !gaps.isEmpty {
            text += "# Not said here:\n" + gaps.map { "#   \($0.text)\n" }.joined()
        }
        return Profile(text: text + lines.joined(separator: "\n") + "\n", gaps: gaps)
    }

    // MARK: Files

    private func systemdFiles(_ target: ProfileTarget, _ gaps: inout [ProfileGap]) -> [String] {
        let places = profilePlaces
        let isOpen = layers.allSatisfy { $0.defaultVerdict == .allow } || places.contains { $0.path == "/" }
        var settings: [(String, String)] = isOpen ? [] : [("TemporaryFileSystem", "/:ro")]
        var runnable: [String] = []
        for link in profileLinks(target) where !isOpen {
            settings.append(("BindReadOnlyPaths", "\(Self.escaped(link.path)):\(Self.escaped(link.link))"))
            if link.rights.contains(.mapExec) { runnable.append(link.link) }
        }
        var hasDevices = false
        for place in places {
            let path = Self.escaped(place.path)
            guard let rights = place.rights, !rights.isEmpty else {
                settings.append(("InaccessiblePaths", "-" + path))
                continue
            }
            if place.path.hasPrefix("/dev/") { hasDevices = true }
            if place.path.hasPrefix("/proc") || place.path.hasPrefix("/dev") { continue }
            let isWritten = !rights.isDisjoint(with: Self.changingRights)
            settings.append(
                isOpen
                    ? (isWritten ? "ReadWritePaths" : "ReadOnlyPaths", "-" + path)
                    : (isWritten ? "BindPaths" : "BindReadOnlyPaths", "-" + path))
            if rights.contains(.mapExec) { runnable.append(place.path) }
            if isWritten && target.kind(place.path) == .directory && !rights.isSuperset(of: Self.changingRights) {
                gaps.append(
                    ProfileGap(line: place.line, words: "where files can be written they can be made and removed too"))
            }
        }
        if !isOpen {
            settings += hasDevices || places.contains { $0.path == "/dev" } ? [("PrivateDevices", "yes")] : []
            settings.append(("NoExecPaths", "/"))
            settings += runnable.map { ("ExecPaths", "-" + Self.escaped($0)) }
        }
        return settings.map { "\($0.0)=\($0.1)" }
    }

    /// Specifiers and spaces as systemd.unit(5) and systemd.syntax(7) have them.
    private static func escaped(_ path: String) -> String {
        let text = path.replacing("%", with: "%%")
        return text.contains { " \t\"'\\:".contains($0) }
            ? "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing(":", with: "\\:") + "\""
            : text
    }

    // MARK: Network

    private func systemdNetwork(_ gaps: inout [ProfileGap]) -> [String] {
        let families = [
            ("AF_UNIX", Transport.unix), ("AF_INET AF_INET6", .tcp), ("AF_INET AF_INET6", .udp),
            ("AF_NETLINK", .netlink),
        ].filter { !socketRights($0.1).isEmpty }.map(\.0)
        if layers.allSatisfy({ $0.defaultVerdict == .allow }) { return [] }
        var names: [String] = []
        for family in families where !names.contains(family) { names.append(family) }
        var lines = ["RestrictAddressFamilies=" + (names.isEmpty ? "none" : names.joined(separator: " "))]
        let connects = layers.flatMap(\.connect)
        let listens = layers.flatMap(\.listen)
        let isInternet = names.contains("AF_INET AF_INET6")
        if !isInternet {
            lines.append("PrivateNetwork=yes")
        } else {
            lines.append("IPAddressDeny=any")
            lines += connects.compactMap(\.pattern.hosts).map { "IPAddressAllow=\($0)" }
            if !listens.isEmpty {
                lines.append("IPAddressAllow=any")
                gaps += connects.filter { $0.pattern.hosts != nil }.map {
                    ProfileGap(line: $0.line, words: "who listens to anybody can also reach anybody")
                }
            }
            lines.append("SocketBindDeny=any")
            lines += listens.compactMap(\.pattern.bound).map { "SocketBindAllow=\($0)" }
            gaps += connects.filter { $0.pattern.ports != nil }.map {
                ProfileGap(line: $0.line, words: "hosts are said, ports that are connected to cannot be")
            }
            gaps += listens.filter { $0.pattern.hosts != "any" && $0.pattern.transport != .unix }.map {
                ProfileGap(line: $0.line, words: "ports are said, the address that is listened on cannot be")
            }
        }
        gaps += (connects + listens).filter { $0.pattern.transport == .unix }.map {
            ProfileGap(line: $0.line, words: "which unix sockets cannot be said; abstract ones are all within reach")
        }
        return lines
    }

    // MARK: Calls

    private func systemdCalls(_ calls: [ProfileCall], _ gaps: inout [ProfileGap]) -> [String] {
        var allowed: [String] = []
        for call in calls {
            let leaves = call.tree.leaves
            // RestrictNamespaces answers clone3 with ENOSYS, so that programs fall back on clone.
            guard leaves.contains(.allow) || leaves.contains(.errno(0)) || call.name == "clone3" else { continue }
            allowed.append(call.name)
            let isHeld = ["socket", "clone", "unshare", "setns", "clone3"].contains(call.name)
            if leaves.count > 1 && !isHeld {
                gaps.append(
                    ProfileGap(
                        line: nil, words: "the arguments of \(call.name) cannot be told apart; it is let through"))
            }
            if leaves.contains(.errno(0)) {
                gaps.append(
                    ProfileGap(line: nil, words: "\(call.name) is to succeed without effect; it is let through"))
            }
        }
        var lines = [
            "SystemCallArchitectures=native", "SystemCallErrorNumber=\(ErrnoName.name(usualErrno))",
            "RestrictNamespaces=yes", "LockPersonality=yes",
        ]
        var line = "SystemCallFilter="
        for name in allowed.sorted() {
            if line.utf8.count + name.utf8.count > 110 {
                lines.append(line)
                line = "SystemCallFilter="
            }
            line += (line.hasSuffix("=") ? "" : " ") + name
        }
        gaps.append(ProfileGap(line: nil, words: "calls are refused with one errno; calls of 32-bit programs end them"))
        return lines + [line]
    }

    private var isWideOpen: Bool { layers.allSatisfy { $0.defaultVerdict == .allow } }

    /// What the policy refuses is taken away at its root too, where systemd has a word for it.
    private var systemdPowers: [String] {
        func isRefused(_ operation: Messages.Operation) -> Bool {
            classVerdict(operation).strictness >= Verdict.ask.strictness
                || operation.refusals.contains {
                    $0.tests.isEmpty && verdict(of: $0, operation).strictness >= Verdict.ask.strictness
                }
        }
        var lines: [String] = []
        if isRefused(.sysAdmin) { lines += ["ProtectKernelModules=yes", "ProtectHostname=yes"] }
        if isRefused(.sysLog) { lines.append("ProtectKernelLogs=yes") }
        if isRefused(.timeSet) { lines.append("ProtectClock=yes") }
        if isRefused(.schedSet) { lines.append("RestrictRealtime=yes") }
        func isWritten(_ path: String) -> Bool { rights(of: Array(path.utf8))?.contains(.write) ?? false }
        if !isWritten("/proc/sys/any") && !isWritten("/sys/any") { lines.append("ProtectKernelTunables=yes") }
        if !isWritten("/sys/fs/cgroup/any") { lines.append("ProtectControlGroups=yes") }
        if isWideOpen { return lines }
        let isLow = layers.flatMap(\.listen).contains { $0.pattern.ports.map { $0.lowerBound < 1024 } ?? true }
        let changesUser = !isRefused(.credSet) && rights(of: .selfProcess).contains(.credSet)
        let kept = (isLow ? ["CAP_NET_BIND_SERVICE"] : []) + (changesUser ? ["CAP_SETUID", "CAP_SETGID"] : [])
        lines.append("CapabilityBoundingSet=" + kept.joined(separator: " "))
        lines += ["AmbientCapabilities=", "RestrictSUIDSGID=yes", "KeyringMode=private"]
        if rights(of: .procs).isEmpty { lines.append("ProtectProc=invisible") }
        return lines
    }

    private var systemdLimits: [String] {
        limits.map { limit in
            switch limit.kind {
            case .processes: "TasksMax=\(limit.value)"
            case .memory: "MemoryMax=\(limit.value)"
            case .openFiles: "LimitNOFILE=\(limit.value)"
            case .cpu: "LimitCPU=\(limit.value)"
            case .time: "RuntimeMaxSec=\(limit.value)"
            }
        }
    }
}

extension NetworkPattern {
    /// The hosts as IPAddressAllow= has them, nil for what is no internet address.
    fileprivate var hosts: String? {
        guard transport != .unix, transport != .netlink else { return nil }
        switch place {
        case .anywhere: return "any"
        case .block(let address, let length): return "\(address.text)/\(length)"
        case .path, .abstract, .below: return nil
        }
    }

    /// The ports as SocketBindAllow= has them.
    fileprivate var bound: String? {
        guard transport == .tcp || transport == .udp, let transport else { return nil }
        guard let ports else { return transport.name }
        let range = ports.count == 1 ? "\(ports.lowerBound)" : "\(ports.lowerBound)-\(ports.upperBound)"
        return "\(transport.name):\(range)"
    }
}
