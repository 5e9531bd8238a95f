// The broker: performs, on a caller's behalf, the calls that a filter hands over.

import CLinux
import Glibc
import Interception
import Messages
import Policy
import Synchronization

/// Serves the calls of one listener until the supervisor ends.
public final class Broker: Sendable {
    let listener: Listener
    let authority: any Authority
    let callers = Callers()
    let tasks: Tasks
    let pool = Pool()
    let waits: Waits
    let interrupted = Interrupted()
    /// What the callers' Landlock domain holds.
    let opens: KernelOpens
    /// Whether names are remembered whose opening was left to the kernel.
    let remembersNames: Bool
    private let names = Mutex(UsedNames())
    private let endsAll = Mutex(false)
    /// The scripts that a thread's latest execve was decided on. The kernel tells of none: what it loads for them is all
    /// that is seen, and whoever may run that may give it any script.
    private let scripts = Mutex<[Int32: [PathFact]]>([:])
    /// The process that is to become the program: until its exec its calls are ours, and no policy's business.
    private let launching: Mutex<Int32>

    public init(
        listener: Listener, authority: any Authority, launching process: Int32, taskLimit: UInt64? = nil,
        opens: KernelOpens = .none
    ) {
        self.opens = opens
        remembersNames = !opens.isEmpty && authority.remembers
        launching = Mutex(process)
        tasks = Tasks(limit: taskLimit)
        self.listener = listener
        self.authority = authority
        waits = Waits(listener: listener)
        authority.begins(process)
    }

    /// What `learn` wants of a name, nil for one that is known.
    func unknown(_ name: UsedName) -> UInt64? { names.withLock { $0.unknown(name) } }

    func learn(_ name: UsedName, since: UInt64) { names.withLock { $0.insert(name, since: since) } }

    /// A name may lead elsewhere from now on.
    func forgetNames() { if remembersNames { names.withLock { $0.forget() } } }

    /// Starts the first threads.
    /// - Throws: `TraceError.spawn` where there can be none.
    public func start() throws(TraceError) {
        let failure = waits.start()
        guard failure == 0 else { throw .spawn(errno: failure) }
        let other = pool.start { [self] in
            // A thread that cannot serve leaves the calls to the others; where none can, callers wait and the
            // supervisor can still be ended.
            guard let worker = try? Worker(broker: self) else { return pool.fails() }
            worker.run()
        }
        guard other == 0 else { throw .spawn(errno: other) }
    }

    /// The whole tree ends: the caller at once, the others when the supervisor sees that.
    func endAll(_ process: Int32) {
        endsAll.withLock { $0 = true }
        _ = abitrace_kill(process, SIGKILL)
    }

    /// Whether a call is one that the launch itself makes; its exec is the program's.
    func isLaunch(_ notification: Notification) -> Bool {
        launching.withLock { $0 == notification.thread } && notification.stop.operation != .procExec
    }

    /// A thread's execve is about to be made, of these scripts if any.
    func runs(_ thread: Int32, _ files: [PathFact]) {
        scripts.withLock { $0[thread] = files.isEmpty ? nil : files }
    }

    /// A thread is about to end, by its own call or killed in one that is performed for it. That one ends first: as bare,
    /// nothing happens any more in the name of whoever is seen to be dead.
    func ends(_ thread: Int32) {
        guard let caller = callers.known(thread) else { return }
        var patience = Self.patience
        while caller.isEnding() && patience > 0 {
            usleep(Self.pause)
            patience -= 1
        }
    }

    /// Microseconds, and how often: a file system may keep a call that is to end, and all others wait for this.
    private static let pause: UInt32 = 100
    private static let patience = 2000

    /// Whether every process is to be ended now.
    var mustEndAll: Bool { endsAll.withLock { $0 } }

    /// Looks at what happened to a thread, before it goes on and before anybody else sees it: what was decided about
    /// it is added.
    func note(_ event: Event, _ snapshot: inout Snapshot) {
        switch event.happening {
        // What a call without an end has left behind.
        case .entry: _ = authority.decisions(event, snapshot.stop)
        case .exit: snapshot.decisions = authority.decisions(event, snapshot.stop)
        case .exited, .killed, .detached:
            snapshot.decisions = authority.decisions(event, snapshot.stop)
            callers.forget(event.thread)
            interrupted.forget(event.thread)
            runs(event.thread, [])
            tasks.settled(event.thread)
            if event.thread == event.process { authority.forget(event.process) }
        case .executed(let former):
            launching.withLock { if $0 == event.thread { $0 = 0 } }
            callers.forget(event.thread)
            callers.forget(former)
            snapshot.decisions = judgeImage(event, former)
        case .signal: interrupted.repeats(event.thread) { [authority] in authority.isAsked($0) }
        case .created(let child, _):
            tasks.settled(event.thread)
            authority.created(child, by: event.process)
        default: break
        }
    }

    /// The image that was loaded, before its first instruction: its file may be another than the one that was
    /// decided on when the call was made. Answers what was decided of the image.
    private func judgeImage(_ event: Event, _ former: Int32) -> [RecordedDecision] {
        var caller = event
        caller.thread = former
        let ofCall = authority.decisions(caller, Stop())
        judgeImage(event, scripts.withLock { $0.removeValue(forKey: former) } ?? [])
        let ofImage = authority.decisions(event, Stop())
        authority.keep(ofCall, thread: event.thread)
        return ofImage
    }

    private func judgeImage(_ event: Event, _ scripts: [PathFact]) {
        do throws(CallError) {
            if let loaded = try Image.loaded(event.process, by: authority) {
                let call = Calling(
                    id: 0, stop: Stop(number: 59), made: Stop(number: 59), thread: event.thread, process: event.process)
                let files = scripts + loaded
                switch authority.judge(.programs(files), call, .ofImage) {
                case .allow, .stub, .rewrite, .reply:
                    authority.executed(event.process, loaded[0].path, with: files.map(\.path))
                    return
                case .refuse: break
                case .kill: endAll(event.process)
                }
            }
        } catch {
            // What cannot be looked at may not run.
        }
        _ = abitrace_kill(event.process, SIGKILL)
    }
}

/// The callers that are known, by thread.
final class Callers: Sendable {
    private struct Table {
        var callers: [Int32: CallingThread] = [:]
        /// A process was made that shares its maker's descriptors without being one of its threads.
        var haveSharedTables = false
    }
    private let table = Mutex(Table())

    /// How many are remembered. Each has two descriptors of ours, and what is performed for them takes others.
    private static let limit: Int = {
        var limit = rlimit()
        // RLIMIT_NOFILE is 7 (asm-generic/resource.h).
        _ = withUnsafeMutablePointer(to: &limit) {
            abitrace_call(Number.prlimit64, 0, 7, 0, UInt(bitPattern: $0), 0, 0)
        }
        return Int(clamping: limit.rlim_cur / 4)
    }()

    /// Nil for a thread that no longer waits. One that does when it is entered here is forgotten after that: its end
    /// and its exec are yet to be seen.
    /// - Parameter worker: who serves it from now on.
    func caller(_ thread: Int32, for worker: Int32, waits: () -> Bool) throws(CallError) -> CallingThread? {
        let known = table.withLock { table in
            let known = table.callers[thread]
            known?.isServed(by: worker)
            return known
        }
        if let known { return known }
        makeRoom()
        let caller = try CallingThread(thread: thread)
        return table.withLock { table in
            guard waits() else { return nil }
            table.callers[thread] = caller
            caller.isServed(by: worker)
            return caller
        }
    }

    /// Whoever has no call under way is met anew at the next one.
    private func makeRoom() {
        let gone = table.withLock { table in
            guard table.callers.count >= Self.limit else { return [Int32: CallingThread]() }
            let all = table.callers
            table.callers = all.filter { $0.value.isServed }
            return all
        }
        _ = consume gone
    }

    func known(_ thread: Int32) -> CallingThread? { table.withLock { $0.callers[thread] } }

    var haveSharedTables: Bool { table.withLock { $0.haveSharedTables } }
    func shareTables() { table.withLock { $0.haveSharedTables = true } }

    func forget(_ thread: Int32) {
        // Whatever the last reference closes is closed after the lock is let go. Its number may be another's from now on.
        let gone = table.withLock { $0.callers.removeValue(forKey: thread) }
        _ = gone?.isEnding()
    }
}
