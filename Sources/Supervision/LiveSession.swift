// A live run: a launched program or attached processes, with the signals that a person sends us.

import CLinux
import Glibc
import Interception
import Lowering
import Messages
import Personalities

/// How far a session interferes.
public struct SessionOptions: Sendable {
    /// A process that runs another program is watched no longer.
    public var letsGoOnExec = false
    /// Signals that ask the supervisor to end do nothing (strace's `-I 3` and `-I 4`).
    public var ignoresEndRequests = false
    /// What is done to calls from outside.
    public var injector: Injector?
    /// The program takes our place in the process tree, and we watch as its grandchild; nil: we are its parent.
    public var daemon: Daemon?
    /// The calls of a launched program that stop, chosen by a filter in the kernel; nil: all stop. Attached processes
    /// and those that are let go at an exec get no filter: it stays for ever, and needs a tracer.
    public var stops: CallInterest?

    /// Where a supervisor that is the program's grandchild belongs.
    public enum Daemon: Int32, Sendable {
        /// To the program's process group, one of its own, or a session of its own.
        case grandchild = 1, group, session
    }

    public init() {}
}

/// Runs live tracees to their end.
public struct LiveSession<Source: LiveInterceptor, Watcher: Observer> {
    private var interceptor: Source
    private let observer: Watcher
    private var child: LaunchedChild?
    private let launch: Launch?
    private let session: SessionOptions
    private var broker: Broker?
    private var deadline: Deadline?
    private let say: ((String) -> Void)?
    /// The program was let go after a failure that was not its own, and may still run.
    public private(set) var programRunsOn = false
    /// How many calls were seen and could not be kept.
    public private(set) var lostCalls: UInt64 = 0

    /// Starts a program, ready to run.
    /// - Parameter make: makes the interceptor; it is told whether a filter in the kernel chooses what stops.
    /// - Throws: `TraceError` where no child can be made or it may not be traced.
    public init(
        launching launch: Launch, with make: (_ awaitsFilter: Bool) throws -> Source, observer: Watcher,
        session: SessionOptions = SessionOptions(), enforcement: Enforcement? = nil
    ) throws {
        say = enforcement?.say
        self.launch = launch
        self.session = session
        self.observer = observer
        var failure: Int32 = 0
        let mayFilter = enforcement == nil && !session.letsGoOnExec
        let stops = mayFilter ? session.stops.map { Confinement(stoppingAt: $0) } : nil
        guard
            let child = LaunchedChild(
                launch, daemon: session.daemon, confinement: enforcement?.confinement ?? stops, error: &failure)
        else {
            throw TraceError.spawn(errno: failure)
        }
        self.child = child
        enforcement?.confinement.release()
        // The child is ours until its exec, and as visible as we were; whoever it becomes shall not look at us.
        if enforcement != nil {
            abitrace_hide_self()
            abitrace_raise_descriptor_limit()
        }
        // The child has its own dispositions by now: ours are not inherited. An interceptor may want others for SIGCHLD.
        abitrace_watch_signals()
        do {
            interceptor = try make(stops != nil)
            if let enforcement {
                let broker = Broker(
                    listener: Listener(descriptor: child.listener), authority: enforcement.authority,
                    launching: child.process, taskLimit: enforcement.confinement.tasks,
                    opens: enforcement.confinement.opens)
                try broker.start()
                self.broker = broker
                interceptor.ending = { broker.ends($0) }
                deadline = try enforcement.confinement.time.map { try Deadline(seconds: $0) }
            }
            try interceptor.adopt(launched: child.process, go: child.go)
        } catch {
            _ = abitrace_kill(child.process, SIGKILL)
            throw error
        }
    }

    /// Attaches to running processes. All or none: where one may not be traced, the others are let go.
    /// - Parameter attached: told each process and how many threads it has.
    /// - Throws: `TraceError`.
    public init(
        attaching processes: [Int32], interceptor: Source, observer: Watcher,
        session: SessionOptions = SessionOptions(), attached: (Int32, Int) -> Void
    ) throws {
        launch = nil
        say = nil
        self.session = session
        self.observer = observer
        abitrace_watch_signals()
        self.interceptor = interceptor
        for process in processes {
            do {
                attached(process, try self.interceptor.attach(process: process))
            } catch {
                self.interceptor.detachAll()
                throw error
            }
        }
    }

    /// Runs until no tracee is left. A launched program that could not run throws `LaunchError`.
    public mutating func run() throws -> Ending {
        let root = child?.process ?? 0
        // A tracee that sleeps makes no events: what it did before must reach the recording all the same.
        abitrace_set_tick(100)
        defer { abitrace_set_tick(0) }
        var requests = EndRequests(root: root, areIgnored: session.ignoresEndRequests)
        var supervisor = Supervisor(
            source: interceptor, observer: observer, root: root, letsGoOnExec: session.letsGoOnExec,
            injector: session.injector)
        let isJob = session.daemon == nil
        // Whoever stopped a tracee last, where it is nobody that we watch; -1 before any signal: a child that was
        // stopped when it came under watch was stopped by somebody who cannot mean us.
        var stranger: Int32 = -1
        defer { lostCalls = supervisor.source.lostCalls }
        do {
            try supervisor.run(
                onSignal: { [deadline] source in
                    requests.act(on: &source)
                    if deadline?.isOver ?? false { source.killAll() }
                },
                onStop: { source, signal in if isJob && stranger == 0 { Self.stopWith(root, &source, signal) } },
                onEvent: { [broker, deadline] source, event, snapshot in
                    if case .signal(let info) = event.happening, Self.stopSignals.contains(info.number) {
                        stranger = source.isAlive(process: info.senderProcess) ? 0 : info.senderProcess
                    }
                    broker?.tasks.count(living: source.taskCount)
                    broker?.note(event, &snapshot)
                    if broker?.mustEndAll ?? false || deadline?.isOver ?? false { source.killAll() }
                },
                onSeen: { [broker, say] in if let broker, let say { broker.authority.remarks().forEach(say) } })
            if let broker, let say { broker.authority.remarks().forEach(say) }
        } catch let error where error is TraceError || broker != nil || supervisor.source.stopsByFilter {
            // Under enforcement nothing runs unwatched, and a filter's calls fail without a tracer (seccomp(2)).
            if root != 0 { supervisor.source.killAll() }
            throw error
        } catch {
            // Whoever looked on failed, a full disk perhaps: the program is not to suffer for it.
            try supervisor.letGo { $0.detachAll() }
            programRunsOn = root != 0 && supervisor.ending == .detached
            throw error
        }
        if let child, let launch, let failure = child.execFailure() {
            throw LaunchError.exec(launch.path, errno: failure)
        }
        return supervisor.ending
    }

    /// Waits for a program that was let go; who asks us to end means the program.
    public func waitForProgram() {
        guard programRunsOn, let root = child?.process else { return }
        var status: Int32 = 0
        while abitrace_wait_for(root, &status, 1) == -EINTR {
            var code: Int32 = 0
            let signal = abitrace_pending_signal(&code)
            if signal != 0 && code != EndRequests.fromKernel { _ = abitrace_kill(root, signal) }
        }
    }

    private static var stopSignals: [Int32] { [SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU] }

    /// A shell sees us, not the program: when job control has stopped all that we watch, we stop too, and run again
    /// when it is continued. Another process that stopped the program alone will continue it alone: it knows nothing
    /// of us, and a tracee that is continued waits for its tracer.
    private static func stopWith(_ root: Int32, _ source: inout Source, _ signal: Int32) {
        // A daemon in a session of its own is no part of the shell's job.
        let session = getsid(0)
        guard root != 0, source.areStopped({ getsid($0) == session }) else { return }
        abitrace_stop_self(signal)
        // Whoever continued us alone meant the program; who continued the group has reached it already.
        usleep(1000)
        if abitrace_has_event(root) == 0 { _ = abitrace_kill(root, SIGCONT) }
    }
}

/// What a launched program is held to.
public struct Enforcement {
    public let confinement: Confinement
    public let authority: any Authority
    /// Says what the authority has to say, where that waits to be asked for.
    public var say: ((String) -> Void)?

    public init(confinement: Confinement, authority: any Authority) {
        self.confinement = confinement
        self.authority = authority
    }
}

/// What the signals mean that ask a supervisor to end.
struct EndRequests {
    /// SI_KERNEL (sigaction(2)): the terminal sent it, to the program's group as well as to us.
    static let fromKernel: Int32 = 0x80
    let root: Int32
    let areIgnored: Bool
    private var asked = 0

    init(root: Int32, areIgnored: Bool) {
        self.root = root
        self.areIgnored = areIgnored
    }

    mutating func act(on source: inout some LiveInterceptor) {
        var code: Int32 = 0
        let signal = abitrace_pending_signal(&code)
        guard signal != 0, !areIgnored else { return }
        if root == 0 {
            // Attached: they ran before us and run on after us.
            source.detachAll()
            return
        }
        let fromTerminal = code == Self.fromKernel && (signal == SIGINT || signal == SIGQUIT)
        if fromTerminal && source.isAlive(process: root) { return }
        asked += 1
        if asked > 1 || fromTerminal { source.killAll() } else { source.forward(signal: signal) }
    }
}
