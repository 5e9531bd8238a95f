// The loop: next event, look at it, let the thread go on; live and replayed alike.

import CLinux
import Glibc
import Interception
import Messages

/// Whoever looks at events: recorder, printer, summary.
public protocol Observer: AnyObject {
    func see(_ event: borrowing Event, _ snapshot: borrowing Snapshot) throws
    /// Nothing happened for a while, or a signal came.
    func tick() throws
    /// Nothing more will come.
    func finish() throws
    /// Whether the call that the thread has just made is one that is asked for: others are not tampered with.
    func asks(for thread: Int32) -> Bool
}

extension Observer {
    public func asks(for thread: Int32) -> Bool { true }
}

/// How the watched program ended.
public enum Ending: Equatable, Sendable {
    case exited(Int32)
    case killed(Int32)
    /// It was let go, or was never ours to end.
    case detached
}

/// Runs one interceptor to its end.
public struct Supervisor<Source: Interceptor, Watcher: Observer> {
    public private(set) var source: Source
    let observer: Watcher
    /// The process whose ending is ours, 0 for none.
    let root: Int32
    /// A process that runs another program is watched no longer (strace's `-b execve`); the launch itself is not meant.
    let letsGoOnExec: Bool
    private var hasLaunched = false
    private var injector: Injector?
    public private(set) var ending = Ending.detached

    public init(
        source: Source, observer: Watcher, root: Int32 = 0, letsGoOnExec: Bool = false,
        injector: Injector? = nil
    ) {
        self.injector = injector
        self.letsGoOnExec = letsGoOnExec
        self.source = source
        self.observer = observer
        self.root = root
    }

    /// Runs until no thread is left.
    /// - Throws: what the interceptor or the observer throws; the tracees are the caller's to end then.
    /// `onEvent` sees each event before the observer does, and may add to its snapshot;
    /// `onSeen` comes after.
    public mutating func run(
        onSignal: (inout Source) -> Void, onStop: (inout Source, Int32) -> Void,
        onEvent: (inout Source, Event, inout Snapshot) -> Void = { _, _, _ in }, onSeen: () -> Void = {}
    ) throws {
        var event = Event(thread: 0, process: 0, time: 0, happening: .detached)
        var snapshot = Snapshot()
        var interrupted = false
        while try source.next(&event, &snapshot, interrupted: &interrupted) {
            if interrupted {
                try observer.tick()
                onSignal(&source)
                continue
            }
            onEvent(&source, event, &snapshot)
            try observer.see(event, snapshot)
            onSeen()
            note(event)
            try source.resume(event, plan(event, snapshot))
            if case .stopped(let signal) = event.happening { onStop(&source, signal) }
        }
        try observer.finish()
    }

    private mutating func plan(_ event: borrowing Event, _ snapshot: borrowing Snapshot) -> Plan {
        guard letsGoOnExec, case .executed = event.happening else {
            guard injector != nil else { return .proceed }
            if case .entry = event.happening, !observer.asks(for: event.thread) { return .proceed }
            return injector?.plan(event, snapshot.stop) ?? .proceed
        }
        if event.thread == root && !hasLaunched {
            hasLaunched = true
            return .proceed
        }
        return .letGo
    }

    /// Lets every thread go, and takes note of what ended meanwhile.
    mutating func letGo(_ detach: (inout Source) -> Void) throws {
        detach(&source)
        var event = Event(thread: 0, process: 0, time: 0, happening: .detached)
        var snapshot = Snapshot()
        var interrupted = false
        while try source.next(&event, &snapshot, interrupted: &interrupted), !interrupted { note(event) }
    }

    private mutating func note(_ event: borrowing Event) {
        guard event.thread == root else { return }
        switch event.happening {
        case .exited(let status): ending = .exited(status)
        case .killed(let signal, _): ending = .killed(signal)
        default: break
        }
    }
}

/// Ends this process as the signal does, so that whoever waits for us sees what the program did. No core file is
/// written: the program's own counts.
public func endBySignal(_ signal: Int32) -> Never {
    abitrace_die_of(signal)
    exit(128 + signal)
}
