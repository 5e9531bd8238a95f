// How exposed a policy leaves the system: points for what a program under it could do, with the line for each.

import Messages

/// One reason of an exposure score.
public struct ExposureReason: Equatable, Sendable {
    public var points: Int
    public var words: String
}

extension Policy {
    /// What a program under the policy could do to others, from the worst; the points add up to at most 100.
    ///
    /// Each question is one harm, and its points say how far it reaches: beyond the machine or to all of its data 15,
    /// to one user's secrets 10, to other programs 8, to resources 4.
    public var exposure: (score: Int, reasons: [ExposureReason]) {
        let all = fileExposure + networkExposure + operationExposure
        return (min(100, all.reduce(0) { $0 + $1.points }), all.sorted { $0.points > $1.points })
    }

    private func rights(_ path: String) -> Rights { rights(of: Array(path.utf8)) ?? [] }

    private var fileExposure: [ExposureReason] {
        let probes: [(Int, String, Rights, String)] = [
            (15, "/etc/\u{1}any", .write, "it can change the system's settings (/etc)"),
            (15, "/usr/bin/\u{1}any", .write, "it can change programs that others run (/usr)"),
            (10, "/etc/shadow", .read, "it can read password hashes (/etc/shadow)"),
            (8, "/proc/1/environ", .read, "it can read other processes through /proc"),
            (8, "/home/\u{1}any/\u{1}any", .read, "it can read the files of users (/home)"),
            (8, "/home/\u{1}any/\u{1}any", .write, "it can write the files of users (/home)"),
            (8, "/dev/\u{1}any", .write, "it can write to any device"),
            (4, "/proc/sys/kernel/\u{1}any", .write, "it can change kernel settings (/proc/sys)"),
        ]
        var list = probes.filter { rights($0.1).contains($0.2) }.map { ExposureReason(points: $0.0, words: $0.3) }
        let runnable = layers.first?.files.filter { grant in
            let rights = self.rights(of: grant.pattern.sample) ?? []
            return rights.contains(.write) && rights.contains(.exec)
        }
        if let place = runnable?.first {
            list.append(
                ExposureReason(
                    points: 6, words: "it can run what it wrote itself (\(place.pattern.text), \(place.line.place))"))
        }
        return list
    }

    private var networkExposure: [ExposureReason] {
        var list: [ExposureReason] = []
        let outside = InternetAddress(ipv4: 0xC633_6407)  // 198.51.100.7, of the block for examples (RFC 5737)
        let reaches = [Transport.tcp, .udp].contains { transport in
            [80, 443, 50_000].contains { network(AddressFact(.peer, transport, .internet(outside, port: $0))) }
        }
        let isSwitched = classVerdict(.sockConnect).strictness >= Verdict.ask.strictness
        if !isSwitched {
            if reaches {
                list.append(ExposureReason(points: 15, words: "it can send what it reads to any host"))
            } else if layers.allSatisfy({ !$0.connect.isEmpty }) {
                list.append(ExposureReason(points: 4, words: "it can talk to the peers that it names"))
            }
            if network(AddressFact(.peer, .unix, .unixPath(Array("/run/dbus/system_bus_socket".utf8)))) {
                list.append(ExposureReason(points: 8, words: "it can ask services of the system over unix sockets"))
            }
        }
        let any = AddressFact(.local, .tcp, .internet(InternetAddress(ipv4: 0), port: 50_000))
        if network(any), classVerdict(.sockBind).strictness < Verdict.ask.strictness {
            list.append(ExposureReason(points: 6, words: "it can wait for connections from anywhere"))
        }
        return list
    }

    private var operationExposure: [ExposureReason] {
        var list: [ExposureReason] = []
        for operation in Operation.allCases {
            for refusal in operation.refusals where verdict(of: refusal, operation).strictness < Verdict.ask.strictness
            {
                if verdict(of: refusal, operation) == .stub { continue }
                if classVerdict(operation).strictness >= Verdict.ask.strictness { continue }
                // Many such lines are one policy that refuses nothing.
                if list.count >= 8 { return list }
                list.append(ExposureReason(points: 4, words: "`\(refusal.name)` is let through: \(refusal.reason)"))
            }
        }
        let others = rights(of: .procs)
        if !others.isEmpty { list.append(ExposureReason(points: 8, words: "it can act on other processes (procs)")) }
        if limits.isEmpty {
            list.append(ExposureReason(points: 4, words: "nothing limits its processes, memory or time"))
        }
        return list
    }

    /// The score in words.
    public func exposureText() -> String {
        let (score, reasons) = exposure
        let word = score < 15 ? "little" : score < 40 ? "some" : score < 70 ? "much" : "nearly everything"
        return "exposure \(score) of 100: \(word)\n"
            + reasons.map { "  +\($0.points) \($0.words)\n" }.joined()
    }
}
