// The showing side: events become messages, filters choose, a form prints.

import Messages
import Objects
import Personalities
import Rendering

/// The form that events are shown in.
public enum Form {
    case text(TextPrinter)
    case messages(MessageText, ([UInt8], Int32) -> Void)
    case json(JSONLines, ([UInt8], Int32) -> Void)
    /// Nothing but the summary.
    case nothing
}

/// Shows what it sees.
public final class ShowingObserver: Observer {
    private let choice: Choice
    private let form: Form
    private let decoder = Decoder()
    /// Counts calls, where asked for.
    public private(set) var summary: Summary?
    private struct Pending {
        var event: Event
        var message: Message
        /// The same without what descriptors and process ids stand for.
        var plain: Message
        var stop: Stop
        var isShown: Bool
    }
    private var pending: [Int32: Pending] = [:]
    /// The personality of each process's latest call, where it is not the native one.
    private var foreign: [Int32: Personality] = [:]
    private let note: (String) -> Void
    /// The name of each thread's last call, where a signal interrupted it.
    private var interrupted: [Int32: String] = [:]
    private let flush: () -> Void
    /// Whether the call of an id is asked for; only its end tells. Where there is a question, nothing but calls is shown.
    public var isWanted: ((UInt64) -> Bool)?
    /// What is seen is taken note of, and not shown.
    public var isSilent = false
    private var waits: Bool { choice.waitsForOutcome || isWanted != nil }
    /// What descriptors stand for, kept where somebody wants to know.
    private let world: World?
    private let handles: HandleText?
    private let processes: ProcessRemarks?

    /// - Parameter handles: how much is said of descriptors, nil for their numbers alone.
    /// - Parameter processes: what is said of process ids, which only a live system knows.
    /// - Parameter note: says something of ours about the watched processes.
    public init(
        choice: Choice, form: Form, summary: Summary?, handles: HandleDetail?,
        processes: ProcessDetail = [], note: @escaping (String) -> Void,
        flush: @escaping () -> Void
    ) {
        let world = handles != nil || !choice.paths.isEmpty ? World() : nil
        self.world = world
        self.handles = handles.flatMap { detail in world.map { HandleText(world: $0, detail: detail) } }
        self.processes = processes.isEmpty ? nil : ProcessRemarks(processes)
        self.choice = choice
        self.form = form
        if let processes = self.processes, processes.hasNames, case .text(let printer) = form {
            printer.name = { processes.name(of: $0) }
        }
        self.summary = summary
        self.note = note
        self.flush = flush
    }

    public func see(_ event: borrowing Event, _ snapshot: borrowing Snapshot) throws {
        let event = copy event
        if choice.thread != 0 && event.thread != choice.thread && event.process != choice.thread { return }
        switch event.happening {
        case .entry: begin(event, copy snapshot)
        case .exit(let result):
            world?.see(event, snapshot.asMeant)
            end(event, copy snapshot, result)
        default:
            world?.see(event, copy snapshot)
            other(event, copy snapshot)
        }
    }

    /// Where calls are only counted, nobody asks what they say.
    private var onlyCounts: Bool {
        if case .nothing = form { return world == nil && isWanted == nil }
        return false
    }

    private func begin(_ event: Event, _ snapshot: Snapshot) {
        let stop = snapshot.stop
        if case .text(let printer) = form { printer.note(stop, of: event.thread) }
        notice(stop.personality, event)
        if world == nil, isSilent || !choice.interest.contains(stop) {
            pending[event.thread] = nil
            return
        }
        var message = onlyCounts ? decoder.outline(snapshot) : decoder.entry(snapshot)
        if message.name == "restart_syscall" {
            message.interrupted = event.restarts == 0 ? "" : interrupted[event.thread] ?? ""
        }
        let isShown = !isSilent && choice.call(message, stop.number) && namesPath(message, event.thread)
        let passed = message
        handles?.tell(&message, thread: event.thread)
        if isShown { processes?.tell(&message, thread: event.thread) }
        world?.see(event, snapshot.asMeant, passed)
        pending[event.thread] = Pending(event: event, message: message, plain: passed, stop: stop, isShown: isShown)
        if isShown, !waits, case .text(let printer) = form {
            printer.begin(event, choice.shape(message, stop), stop)
        }
    }

    private func end(_ event: Event, _ snapshot: Snapshot, _ result: Int64) {
        let call = pending.removeValue(forKey: event.thread)
        interrupted[event.thread] = Reply.isRestart(result) ? decoder.outline(snapshot).name : nil
        guard let call, call.isShown, isWanted?(call.event.id) ?? true else { return }
        var message = call.plain
        if onlyCounts {
            decoder.outcome(&message, snapshot, result: result)
        } else {
            decoder.exit(&message, snapshot, result: result)
            // What the call did not change stands for what it stood for before: a descriptor may be closed by now.
            for (index, before) in call.message.arguments.enumerated()
            where index < message.arguments.count && message.arguments[index] == call.plain.arguments[index] {
                message.arguments[index].value = before.value
            }
        }
        handles?.tell(&message, thread: event.thread)
        processes?.tell(&message, thread: event.thread)
        summary?.count(message, number: call.stop.number, duration: event.time - call.event.time)
        guard choice.statuses.contains(message.reply?.errno == nil ? .successful : .failed) else { return }
        let dump = choice.dumps(message, call.stop) ? HexDump.text(of: message) : []
        let shown = choice.shape(message, call.stop)
        switch form {
        case .text(let printer):
            if waits { printer.begin(call.event, shown, call.stop) }
            printer.end(event, shown, dump: dump)
        case .messages(let text, let write):
            write(text.line(call.event, shown) + [10] + dump, event.thread)
        case .json(let lines, let write): write(lines.call(call.event, message, end: event), event.thread)
        case .nothing: break
        }
    }

    private func other(_ event: Event, _ snapshot: Snapshot) {
        var isShown = isWanted == nil && !isSilent
        switch event.happening {
        case .started(let parent, let attached):
            if parent != 0 && !attached { noteAttachment("Process \(event.thread) attached") }
        case .signal(let info): isShown = isShown && choice.signal(info.number)
        case .stopped(let signal): isShown = isShown && choice.signal(signal)
        case .executed(let former):
            isShown = isShown && !choice.quiet.contains(.threadExecve)
            if former != event.thread {
                leave(event, .unfinished)
                pending[event.thread] = pending.removeValue(forKey: former)
            }
        case .exited, .killed:
            pending[event.thread]?.message.decisions = snapshot.decisions
            isShown = isShown && !choice.quiet.contains(.exit)
            if case .killed(let signal, _) = event.happening { isShown = isShown && choice.signal(signal) }
            leave(event, .unfinished)
            foreign[event.process] = event.thread == event.process ? nil : foreign[event.process]
        case .detached: leave(event, .detached)
        case .lost(let calls):
            leave(event, .unfinished)
            summary?.lose(calls)
        default: break
        }
        switch form {
        case .text(let printer):
            var signal: Value?
            if case .signal(let info) = event.happening { signal = processes?.tell(info.record(), event.thread) }
            printer.other(event, isShown: isShown, signal: signal, decisions: Self.lastWords(event, snapshot))
        case .messages(_, let write):
            if isShown, let line = LineText(style: TextStyle()).line(of: event) {
                write(Array("\(event.thread) ".utf8) + line + [10], event.thread)
            }
        case .json(let lines, let write):
            if isShown { write(lines.other(event, auxiliary: AuxiliaryVector.value(snapshot)), event.thread) }
        case .nothing: break
        }
        if case .detached = event.happening { noteAttachment("Process \(event.thread) detached") }
    }

    /// What was decided about a call that will not come back.
    private static func lastWords(_ event: Event, _ snapshot: Snapshot) -> [RecordedDecision] {
        if case .executed = event.happening { [] } else { snapshot.decisions }
    }

    private func noteAttachment(_ text: String) {
        if !choice.quiet.contains(.attach) { note(text) }
    }

    /// A process that goes from one table of calls to another.
    private func notice(_ personality: Personality, _ event: Event) {
        guard foreign[event.process, default: .x86_64] != personality else { return }
        foreign[event.process] = personality == .x86_64 ? nil : personality
        guard !isSilent, !choice.quiet.contains(.personality) else { return }
        let text = "[ Process PID=\(event.process) runs in \(personality == .x86_64 ? 64 : 32) bit mode. ]"
        if case .text(let printer) = form { printer.remark(event, Array(text.utf8)) }
    }

    /// A call that never came back: in lines it ends with the thread, the other forms show it without a result.
    private func leave(_ event: Event, _ status: Statuses) {
        guard let call = pending.removeValue(forKey: event.thread), call.isShown,
            isWanted?(call.event.id) ?? true, choice.statuses.contains(status)
        else { return }
        let shown = choice.shape(call.message, call.stop)
        switch form {
        case .text(let printer): if waits { printer.begin(call.event, shown, call.stop) }
        case .messages(let text, let write):
            write(text.line(call.event, shown) + [10], event.thread)
        case .json(let lines, let write): write(lines.call(call.event, call.message, end: nil), event.thread)
        case .nothing: break
        }
    }

    /// A path that is passed, or one that a descriptor stands for.
    private func namesPath(_ message: Message, _ thread: Int32) -> Bool {
        if choice.paths.isEmpty { return true }
        return message.arguments.contains { names(choice.paths, $0.value, thread) }
    }

    private func names(_ paths: [String], _ value: Value, _ thread: Int32) -> Bool {
        let name: [UInt8]?
        switch value {
        case .path(let bytes): name = bytes.bytes
        case .descriptor(let number), .directory(let number): name = world?.handle(number, of: thread)?.file.name
        default: return value.parts.contains { names(paths, $0, thread) }
        }
        return name.map { name in paths.contains { $0.utf8.elementsEqual(name) } } ?? false
    }

    /// As strace takes it, what a filter of calls or paths hides is not meant by `inject=` either.
    public func asks(for thread: Int32) -> Bool {
        choice.paths.isEmpty && choice.interest.isAll || pending[thread]?.isShown ?? false
    }

    public func tick() { flush() }

    public func finish() {
        if case .text(let printer) = form { printer.finish() }
        flush()
    }
}

/// Several observers, one after the other.
public final class Observers: Observer {
    private let recorder: RecordingObserver?
    private let shower: ShowingObserver?
    /// Is told each event, for people who look into the watching itself.
    private let debug: ((String) -> Void)?

    public init(recorder: RecordingObserver?, shower: ShowingObserver?, debug: ((String) -> Void)? = nil) {
        self.debug = debug
        self.recorder = recorder
        self.shower = shower
    }

    public func see(_ event: borrowing Event, _ snapshot: borrowing Snapshot) throws {
        debug?("\(event.time) thread \(event.thread) of \(event.process): \(event.happening)")
        try recorder?.see(event, snapshot)
        try shower?.see(event, snapshot)
    }
    public func asks(for thread: Int32) -> Bool { shower?.asks(for: thread) ?? true }
    public func tick() throws {
        try recorder?.tick()
        shower?.tick()
    }
    public func finish() throws {
        try recorder?.finish()
        shower?.finish()
    }
}
