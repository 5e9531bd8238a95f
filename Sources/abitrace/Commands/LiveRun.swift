// A live run from the options to the exit code.

import ArgumentParser
import Glibc
import Interception
import Personalities
import Recording
import Supervision

struct LiveRun {
    private let showing: Showing?
    private let recordingPath: String?
    /// Files that are written about the run.
    private let outputs: [String]
    private let program: ProgramOptions
    private let watch: WatchOptions
    private let policies: PolicyOptions
    private let injections: [InjectionRule]
    private let command: [String]
    private let processes: [Int32]
    private let capture: Capture

    init(
        options: OutputOptions, program: ProgramOptions, watch: WatchOptions, policies: PolicyOptions,
        command: [String],
        attach: [String]
    ) throws {
        try options.installNumbers(isDeciding: !policies.policy.isEmpty)
        recordingPath = options.isRecording ? options.output : options.record
        // "-" is standard output, and what begins like the others is a command (strace(1), -o).
        outputs = [options.output, options.record].compactMap { $0 }.filter {
            $0 != "-" && !$0.hasPrefix("|") && !$0.hasPrefix("!")
        }
        showing = options.isRecording ? nil : try Showing(options, of: command.isEmpty ? .running : .command)
        self.program = program
        self.watch = watch
        self.policies = policies
        self.command = command
        processes = try Self.processes(attach)
        let filter = try Showing.filter(options)
        injections = filter.injections
        // What is dumped is dumped whole, as far as one stop may take memory in.
        let dumps = filter.dumpedReads != .none || filter.dumpedWrites != .none
        let isWhole = options.verbose || filter.abbreviated != .all
        var capture = Capture(
            payloadLimit: max(max(0, options.stringLimit), dumps ? 1 << 20 : 0),
            elementLimit: isWhole ? 1024 : min(max(options.stringLimit, 32), 1024))
        capture.keepsEnvironment = isWhole
        self.capture = capture
    }

    init(
        recordingTo path: String?, stringLimit: Int?, program: ProgramOptions, watch: WatchOptions,
        policies: PolicyOptions, command: [String], attach: [String]
    ) throws {
        injections = []
        recordingPath = path
        outputs = path.map { [$0] } ?? []
        showing = nil
        self.program = program
        self.watch = watch
        self.policies = policies
        self.command = command
        processes = try Self.processes(attach)
        var capture = Capture()
        // What a program reads and sends may be anybody's secret: it is kept where that is asked for.
        capture.keepsData = stringLimit != nil
        if let stringLimit { capture.payloadLimit = max(0, stringLimit) }
        self.capture = capture
    }

    private static func processes(_ texts: [String]) throws -> [Int32] {
        try texts.flatMap { $0.split(whereSeparator: { ", \n\t".contains($0) }) }.map { text in
            guard let process = Int32(text), process > 0 else {
                throw ValidationError("'\(text)' is no process id")
            }
            return process
        }
    }

    func run() throws {
        try refuseForeignTable()
        let held = try self.held()
        defer { held?.descriptors.restore() }
        let launch: Launch? = command.isEmpty ? nil : try self.launch()
        if let launch { warnOfSetID(launch.path) }
        if processes.contains(getpid()) { throw Failure(description: "cannot trace itself") }
        let watching = watching(held)
        let sight = try sight(watching)
        let recorder = try recordingPath.map {
            try RecordingObserver(
                path: $0, command: command, policy: held?.parts ?? [], interceptor: sight.name)
        }
        let debug: ((String) -> Void)? = watch.debug ? { complain($0) } : nil
        let observers = Observers(recorder: recorder, shower: showing?.observer, debug: debug)
        let options = try sessionOptions()
        let run = Run(launch: launch, held: held, observers: observers, options: options, recorder: recorder)
        switch sight {
        case .ebpf(let interceptor): try perform(run) { _ in interceptor }
        case .both:
            let testimony = Testimony()
            try perform(run, atEnd: { report(testimony) }) { _ in
                try WitnessInterceptor(watching, testimony, ringBytes: watch.sight.ringBytes)
            }
        case .ptrace:
            try perform(run) { awaitsFilter in
                var options = watching
                options.awaitsFilter = awaitsFilter
                return PtraceInterceptor(options)
            }
        }
    }

    /// What a run is made of, whichever way calls are seen.
    private struct Run {
        let launch: Launch?
        let held: HeldPolicy?
        let observers: Observers
        let options: SessionOptions
        let recorder: RecordingObserver?
    }

    private func perform<Source: LiveInterceptor>(
        _ run: Run, atEnd: () -> Void = {}, with make: (_ awaitsFilter: Bool) throws -> Source
    ) throws {
        let (observers, held) = (run.observers, run.held)
        let ending: Ending
        var begun: LiveSession<Source, Observers>?
        do {
            var session = try session(run, make)
            defer { begun = session }
            ending = try session.run()
        } catch {
            // What was seen so far is kept, whatever went wrong.
            try? observers.finish()
            try? showing?.close()
            if let begun, begun.programRunsOn {
                complain("\(error); the program runs on unwatched")
                begun.waitForProgram()
                exit(ExitStatus.failure)
            }
            throw error
        }
        try showing?.close()
        tellClockReads()
        // Who sees calls late holds nobody up: what does not fit is lost, and told.
        if let recorder = run.recorder, !Source.seesCallsLate { Self.tell(recorder.backpressure) }
        if let lost = begun?.lostCalls, lost > 0 {
            complain("\(lost) calls were lost: the program made them faster than they could be kept (see --ring)")
        }
        held?.descriptors.restore()
        atEnd()
        leave(as: run.options.daemon == nil ? ending : .detached)
    }

    /// A program that was held up ran slower than it would under the watch alone: never silently.
    private static func tell(_ pressure: Backpressure) {
        guard pressure.nanoseconds >= 10_000_000 else { return }
        complain(
            "the program waited \(pressure.nanoseconds / 1_000_000) ms in all, \(pressure.waits) times, for the "
                + "recording to be written; nothing was lost")
    }

    /// What the command is held to.
    private func held() throws -> HeldPolicy? {
        if watch.ignoresForks { try refuseIgnoringForks() }
        guard let held = try policies.held(writing: outputs) else { return nil }
        if command.isEmpty { throw ValidationError("--policy needs a COMMAND: what runs already cannot be held") }
        if watch.daemon > 0 || watch.detachOn != nil {
            throw ValidationError("--policy and \(watch.daemon > 0 ? "-D" : "-b") cannot go together")
        }
        return held
    }

    /// What /proc says of an id would be said of another process.
    private func refuseForeignTable() throws {
        guard !ProcessIdentities.hasOwnTable else { return }
        let needs =
            !policies.policy.isEmpty
            ? "--policy" : recordingPath != nil ? "a recording" : showing?.needsFacts ?? false ? "-y or -P" : ""
        guard !needs.isEmpty else { return }
        throw Failure(
            description:
                "/proc is that of another namespace of processes, so \(needs) cannot be had: mount one of this "
                + "(unshare --mount-proc)")
    }

    /// What cannot be had where only the first process is watched.
    private func refuseIgnoringForks() throws {
        if !policies.policy.isEmpty { throw ValidationError("--no-follow-forks: a policy holds for children too") }
        if recordingPath != nil { throw ValidationError("--no-follow-forks: a recording has every process in it") }
        if watch.seccompFilter {
            throw ValidationError(
                "--no-follow-forks: children inherit --seccomp-bpf's filter, and need a tracer with it")
        }
        if watch.sight.interceptor == .ebpf || watch.sight.interceptor == .both {
            throw ValidationError("--no-follow-forks needs --interceptor ptrace")
        }
    }

    private func session<Source: LiveInterceptor>(
        _ run: Run, _ make: (_ awaitsFilter: Bool) throws -> Source
    ) throws -> LiveSession<Source, Observers> {
        if let launch = run.launch {
            return try LiveSession(
                launching: launch, with: make, observer: run.observers, session: run.options,
                enforcement: run.held?.enforcement(
                    isWatched: isWatched, isLate: Source.seesCallsLate, say: showing?.say))
        }
        return try LiveSession(
            attaching: processes, interceptor: try make(false), observer: run.observers, session: run.options,
            attached: tellAttached)
    }

    private var isWatched: Bool { recordingPath != nil || showing != nil }

    private func watching(_ held: HeldPolicy?) -> PtraceOptions {
        var watching = PtraceOptions(
            capture: capture, facts: recordingPath != nil ? .all : showing?.needsFacts ?? false ? .handles : .none,
            hidesVDSO: program.vdso == .hide || held?.policy.hidesVDSO ?? false,
            sharesProcessor: !watch.noCompanion && held == nil)
        watching.watchesCalls = isWatched || held == nil
        watching.followsChildren = !watch.ignoresForks
        if recordingPath == nil, let showing { watching.interest = showing.captured }
        return watching
    }

    // MARK: Interceptors

    /// The way in which calls are seen. A program in the kernel is there before the command begins.
    private enum Sight {
        case ptrace, both
        case ebpf(EBPFInterceptor)

        var name: String {
            switch self {
            case .ptrace: SightOptions.Interceptor.ptrace.rawValue
            case .both: SightOptions.Interceptor.both.rawValue
            case .ebpf: SightOptions.Interceptor.ebpf.rawValue
            }
        }
    }

    /// As --interceptor says. Where it says nothing calls stop, but for those of a held program that is recorded: what
    /// the filter allows is to cost next to nothing, recorded too.
    private func sight(_ watching: PtraceOptions) throws -> Sight {
        switch watch.sight.interceptor {
        case nil: recordsHeld ? try bestSight(watching) : .ptrace
        case .auto: recordsHeld || policies.policy.isEmpty ? try bestSight(watching) : .ptrace
        case .ptrace: .ptrace
        case .ebpf, .both: try askedSight(watching)
        }
    }

    private func bestSight(_ watching: PtraceOptions) throws -> Sight {
        guard canUseEBPF else { return .ptrace }
        do {
            let interceptor = try EBPFInterceptor(watching, ringBytes: watch.sight.ringBytes)
            tellChosen()
            return .ebpf(interceptor)
        } catch {
            complain("\(error); calls stop instead (ptrace)")
            return .ptrace
        }
    }

    private func askedSight(_ watching: PtraceOptions) throws -> Sight {
        guard let asked = watch.sight.interceptor, watching.watchesCalls else { return .ptrace }
        if watch.seccompFilter { throw ValidationError("--seccomp-bpf chooses what stops; nothing stops with eBPF") }
        if !injections.isEmpty {
            throw ValidationError("-e inject= and fault= change calls that stop; nothing stops with eBPF")
        }
        if asked == .both && !processes.isEmpty {
            throw ValidationError("--interceptor both needs a COMMAND: a call under way has one witness")
        }
        return asked == .both ? .both : try .ebpf(EBPFInterceptor(watching, ringBytes: watch.sight.ringBytes))
    }

    private func tellChosen() {
        if recordingPath != nil {
            complain(
                "recorded through eBPF: where links in paths lead is not in the recording (--interceptor ptrace looks)")
        } else if showing?.observer.summary != nil {
            complain("calls are seen through eBPF")
        }
    }

    private var recordsHeld: Bool { recordingPath != nil && !policies.policy.isEmpty }

    /// Whether it can be had, and nothing was asked for that only a thread standing still can answer.
    private var canUseEBPF: Bool {
        !watch.ignoresForks && !watch.seccompFilter && injections.isEmpty && capture.elementLimit <= 32
            && capture.payloadLimit <= 4096 && EBPFInterceptor.isAvailable
    }

    /// Says what two witnesses of one run did not agree on, and ends with a failure where there is anything.
    private func report(_ testimony: Testimony) {
        complain("ptrace and eBPF saw \(testimony.calls) calls, \(testimony.differences.count) kinds of difference")
        for (difference, count) in testimony.differences.sorted(by: { $0.key < $1.key }) {
            complain("\(difference) (\(count) times)")
        }
        if !testimony.differences.isEmpty { exit(ExitStatus.failure) }
    }

    private func sessionOptions() throws -> SessionOptions {
        var options = SessionOptions()
        options.letsGoOnExec = watch.detachOn != nil
        if watch.daemon > 0 {
            guard !command.isEmpty else { throw ValidationError("-D needs a COMMAND") }
            options.daemon = .init(rawValue: Int32(min(3, watch.daemon)))
        }
        options.injector = Injector(injections)
        if watch.seccompFilter && policies.policy.isEmpty && injections.isEmpty { options.stops = try stops() }
        options.ignoresEndRequests = try watch.ignoresEndRequests() ?? (options.daemon != nil)
        return options
    }

    /// The calls that --seccomp-bpf lets stop; nil where every call is wanted, or no filter can be had.
    private func stops() throws -> CallInterest? {
        if command.isEmpty { complain("--seccomp-bpf has no effect on processes that run already") }
        if watch.detachOn != nil { complain("--seccomp-bpf has no effect with -b") }
        guard recordingPath == nil, let showing, !showing.asked.isAll else { return nil }
        return showing.asked
    }

    /// The kernel takes a set-id program's privileges away under a tracer without CAP_SYS_PTRACE (ptrace(2)).
    private func warnOfSetID(_ path: String) {
        var info = stat()
        guard geteuid() != 0, stat(path, &info) == 0 else { return }
        let gainsUser = info.st_mode & S_ISUID != 0 && info.st_uid != geteuid()
        let gainsGroup = info.st_mode & S_ISGID != 0 && info.st_mode & S_IXGRP != 0 && info.st_gid != getegid()
        guard gainsUser || gainsGroup else { return }
        complain(
            "\(path): set-id programs run without their privileges under a tracer "
                + "(as root, abitrace -u USER keeps them)")
    }

    /// A count of calls says nothing of what the vDSO answers (vdso(7)).
    private func tellClockReads() {
        guard let showing, showing.observer.summary != nil, program.vdso != .hide, showing.quiet.isEmpty else { return }
        complain("clock reads that the vDSO answers are no calls and are not counted; --vdso hide makes them calls")
    }

    private func tellAttached(_ process: Int32, _ threads: Int) {
        if showing?.quiet.contains(.attach) ?? false { return }
        complain("Process \(process) attached" + (threads > 1 ? " with \(threads) threads" : ""))
    }

    private func launch() throws(LaunchError) -> Launch {
        try Launch(command, environment: program.variables(), identity: identity())
    }

    private func identity() throws(LaunchError) -> Identity? {
        guard let user = program.user else { return nil }
        return try Identity(named: user)
    }
}
