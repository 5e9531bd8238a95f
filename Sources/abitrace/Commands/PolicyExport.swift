// abitrace policy export: a policy as other programs read it, with a list of what they cannot be told.

import ArgumentParser
import Glibc
import Lowering
import Policy

struct PolicyExport: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Write a policy for another program, and list what it cannot be told.",
        discussion: """
            oci is the config.json of a bundle with an empty rootfs, for runc and crun; what follows -- is the program \
            in it. seccomp is the part that docker, podman and Kubernetes take by itself. systemd is a drop-in for a \
            service, minijail a policy file for minijail0, landlock a ruleset in JSON. bpf is a listing of the \
            kernel filter, bpf-binary the program as seccomp(2) and bwrap --seccomp take it.

            No program but abitrace decides on what lies in memory: what of a policy is lost is listed on standard \
            error, by line; --strict makes that an error. A filter for abitrace itself (bpf without --standalone) \
            leaves such calls to a listener (SECCOMP_RET_USER_NOTIF).

            Examples:
              abitrace policy export --to oci build.yaml -- make -B > bundle/config.json
              abitrace policy export --to seccomp untrusted > seccomp.json; docker run --security-opt seccomp=seccomp.json …
              abitrace policy export --to systemd -o /etc/systemd/system/web.service.d/policy.conf web.yaml
              abitrace policy export --to bpf-binary --standalone build.yaml > filter; bwrap … --seccomp 3 3< filter
            """)

    enum Form: String, ExpressibleByArgument, CaseIterable {
        case oci, seccomp, systemd, landlock, minijail, bpf
        case binary = "bpf-binary"
    }

    @ArgumentParser.Argument(help: "A policy file, or the name of a shipped policy.")
    var policy: String

    @Option(name: .customLong("to"), help: "oci, seccomp, systemd, landlock, minijail, bpf or bpf-binary.")
    var form: Form = .bpf

    @Option(
        name: .shortAndLong, help: ArgumentHelp("Write the profile to FILE; - is standard output.", valueName: "file"))
    var output: String = "-"

    @Flag(name: .long, help: "bpf: for use without abitrace; what only memory tells is let through.")
    var standalone = false

    @Flag(name: .long, help: "Fail where anything of the policy is left out.")
    var strict = false

    @ArgumentParser.Argument(
        parsing: .postTerminator, help: ArgumentHelp("oci: the program and its arguments.", valueName: "command"))
    var command: [String] = []

    func run() throws {
        let policy = try PolicyFiles.policy(self.policy)
        let target = PolicyFiles.profileTarget(command)
        let profile: Profile
        switch form {
        case .oci: profile = policy.ociProfile(target)
        case .seccomp: profile = policy.seccompProfile()
        case .systemd: profile = policy.systemdProfile(target)
        case .landlock: profile = policy.landlockProfile(target)
        case .minijail: profile = policy.minijailProfile(target)
        case .bpf, .binary: return try writeProgram(policy)
        }
        for gap in profile.gaps { complain("not in the profile: \(gap.text)") }
        if strict, !profile.gaps.isEmpty {
            throw Failure(description: "--strict: the profile says less than the policy")
        }
        try PolicyFiles.write(profile.text, to: output)
    }

    private func writeProgram(_ policy: Policy) throws {
        let program = try SeccompProgram(policy, LoweringOptions(hasListener: !standalone))
        try program.prove()
        let target = try Output(path: output, split: false)
        target.write(form == .bpf ? Array(program.text.utf8) : program.bytes, thread: 0)
        target.close()
        if target.failed { throw Failure(description: "the output is not complete") }
    }
}

extension PolicyFiles {
    /// What profiles ask about this machine.
    fileprivate static func profileTarget(_ command: [String]) -> ProfileTarget {
        let surroundings = surroundings
        return ProfileTarget(
            workingDirectory: surroundings.workingDirectory, command: command,
            kind: { path in
                var info = stat()
                return stat(path, &info) == 0 ? FileKind(mode: info.st_mode) : nil
            },
            realPath: { realPath($0) })
    }
}
