// A live run: a launched program or attached processes, with the signals that a person sends us.

import CLinux
import Glibc
import Interception
import Messages
import Personalities

/// Runs live tracees under ptrace to their end.
public struct LiveSession<Watcher: Observer> {
    private var interceptor: PtraceInterceptor
    private let observer: Watcher
    private var child: LaunchedChild?
    private let launch: Launch?

    /// Starts a program, ready to run.
    /// - Throws: `TraceError` where no child can be made or it may not be traced.
    public init(launching launch: Launch, capture: Capture, observer: Watcher, sharesProcessor: Bool) throws {
        self.launch = launch
        self.observer = observer
        var failure: Int32 = 0
        guard let child = LaunchedChild(launch, error: &failure) else { throw TraceError.spawn(errno: failure) }
        self.child = child
        // The child has its own dispositions by now: ours are not inherited.
        abitrace_watch_signals()
        interceptor = PtraceInterceptor(capture: capture, sharesProcessor: sharesProcessor)
        do {
            try interceptor.adopt(launched: child.process, go: child.go)
        } catch {
            _ = abitrace_kill(child.process, SIGKILL)
            throw error
        }
    }

    /// Attaches to running processes. All or none: where one may not be traced, the others are let go.
    /// - Throws: `TraceError`.
    public init(attaching processes: [Int32], capture: Capture, observer: Watcher, sharesProcessor: Bool) throws {
        launch = nil
        self.observer = observer
        abitrace_watch_signals()
        interceptor = PtraceInterceptor(capture: capture, sharesProcessor: sharesProcessor)
        for process in processes {
            do {
                try interceptor.attach(process: process)
            } catch {
                interceptor.detachAll()
                throw error
            }
        }
    }

    /// Runs until no tracee is left. A launched program that could not run throws `LaunchError`.
    public mutating func run() throws -> Ending {
        let root = child?.process ?? 0
        // A tracee that sleeps makes no events: what it did before must reach the recording all the same.
        abitrace_set_tick(200)
        defer { abitrace_set_tick(0) }
        var requests = EndRequests(root: root)
        var supervisor = Supervisor(source: interceptor, observer: observer, root: root)
        do {
            try supervisor.run(
                onSignal: { requests.act(on: &$0) },
                onStop: { source, signal in Self.stopWith(root, &source, signal) })
        } catch {
            if root != 0 { supervisor.source.killAll() }
            throw error
        }
        if let child, let launch, let failure = child.execFailure() {
            throw LaunchError.exec(launch.path, errno: failure)
        }
        return supervisor.ending
    }

    /// A shell sees us, not the program: when job control has stopped all that we watch, we stop too, and run again
    /// when it is continued.
    private static func stopWith(_ root: Int32, _ source: inout PtraceInterceptor, _ signal: Int32) {
        guard root != 0, source.allAreStopped else { return }
        abitrace_stop_self(signal)
        // Whoever continued us alone meant the program; who continued the group has reached it already.
        usleep(1000)
        if abitrace_has_event(root) == 0 { _ = abitrace_kill(root, SIGCONT) }
    }
}

/// What the signals mean that ask a supervisor to end.
struct EndRequests {
    let root: Int32
    private var asked = 0

    init(root: Int32) { self.root = root }

    mutating func act(on source: inout PtraceInterceptor) {
        var code: Int32 = 0
        let signal = abitrace_pending_signal(&code)
        guard signal != 0 else { return }
        if root == 0 {
            // Attached: they ran before us and run on after us.
            source.detachAll()
            return
        }
        // SI_KERNEL (sigaction(2)): the terminal sent it, to the program's group as well as to us.
        let fromTerminal = code == 0x80 && (signal == SIGINT || signal == SIGQUIT)
        if fromTerminal && source.isAlive(process: root) { return }
        asked += 1
        if asked > 1 || fromTerminal { source.killAll() } else { source.forward(signal: signal) }
    }
}
