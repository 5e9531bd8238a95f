// What of a recording means something else on other systems, or nothing: where a program would have to fall back.

import Messages
import Policy

/// Something that other Unix systems lack, and what stands in for it there.
public struct Unportable: Hashable, Sendable {
    public var words: String
    public var hint: String
}

extension JudgedCall {
    /// What is not portable about a call that succeeded, nil for what every POSIX system has.
    public var unportable: Unportable? {
        if let result, Reply.errno(of: result) != nil { return nil }
        if makesSequencedSocket {
            return Unportable(
                words: "makes SOCK_SEQPACKET sockets, which other systems lack or mean otherwise",
                hint:
                    "to see whether it falls back: rules: [{on: [sock.create, fd.create], where: {type: SOCK_SEQPACKET}, deny: EPROTONOSUPPORT}]"
            )
        }
        for fact in request.addresses {
            if case .unixAbstract = fact.address {
                return Unportable(
                    words: "uses abstract unix sockets (@NAME), which Linux alone has",
                    hint: "a socket in a directory of its own serves everywhere, and file rights hold it")
            }
        }
        if request.paths.contains(where: { $0.path.starts(with: "/proc/".utf8) }), message.operation == .fileOpen {
            return Unportable(
                words: "reads /proc, which other systems lack or lay out otherwise",
                hint: "to see whether it goes on without: files: {/proc: none}")
        }
        return Self.linuxOnly[message.call]
    }

    private static let linuxOnly: [SystemCall: Unportable] = {
        func calls(_ list: [SystemCall], _ words: String, _ hint: String) -> [(SystemCall, Unportable)] {
            list.map { ($0, Unportable(words: words, hint: hint)) }
        }
        let all =
            calls(
                [.epollCreate, .epollCreate1], "waits by epoll; BSD and macOS have kqueue",
                "to see whether it falls back on poll: classes: {event.create: {deny: ENOSYS}}")
            + calls(
                [.inotifyInit, .inotifyInit1, .fanotifyInit], "watches files by inotify; BSD and macOS have kqueue",
                "to see whether it goes on without: classes: {event.create: {deny: ENOSYS}}")
            + calls(
                [.eventfd, .eventfd2, .signalfd, .signalfd4, .timerfdCreate],
                "has descriptors of events, signals or timers (eventfd, signalfd, timerfd), which Linux has",
                "a pipe, a handler, a time-out of poll stand in for them")
            + calls([.memfdCreate], "has memory by memfd_create; POSIX has shm_open", "FreeBSD has it as well")
            + calls(
                [.splice, .tee, .vmsplice, .copyFileRange],
                "moves data inside the kernel (splice, tee, copy_file_range), as Linux does",
                "read and write stand in for it")
            + calls([.ioUringSetup], "submits by io_uring, which Linux has", "classes: {async.ring: {deny: ENOSYS}}")
            + calls([.prctl], "steers itself by prctl, which Linux has", "its effects have other names elsewhere")
        return Dictionary(all, uniquingKeysWith: { one, _ in one })
    }()
}

/// What programs of recordings rest on, each once.
public struct PortabilityCensus: Sendable {
    private struct Key: Hashable {
        var program: String
        var finding: Unportable
    }

    private var counts: [Key: Int] = [:]

    public init() {}

    public mutating func add(_ call: JudgedCall) {
        guard let finding = call.unportable else { return }
        counts[Key(program: call.request.caller.name, finding: finding), default: 0] += 1
    }

    /// In words, by program, the most frequent first.
    public var lines: [String] {
        counts.sorted {
            ($0.key.program, $1.value, $0.key.finding.words) < ($1.key.program, $0.value, $1.key.finding.words)
        }
        .map { key, count in
            "\(key.program) \(key.finding.words) (\(count) call\(count == 1 ? "" : "s"))\n    hint: \(key.finding.hint)"
        }
    }
}
