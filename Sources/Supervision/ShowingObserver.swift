// The showing side: events become messages, filters choose, a form prints.

import Messages
import Personalities
import Rendering

/// What of a trace is shown.
public struct Choice: Sendable {
    /// Whether a call is of interest, by its row's name, operation, personality and number.
    public var call: @Sendable (Message, UInt64) -> Bool = { _, _ in true }
    public var signal: @Sendable (Int32) -> Bool = { _ in true }
    public var showsSuccess = true
    public var showsFailure = true
    /// Paths of which a call must name one, none for any.
    public var paths: [String] = []
    public var showsExits = true
    /// The thread that is asked for, 0 for all.
    public var thread: Int32 = 0

    public init() {}

    /// Whether only the end of a call can say if it is shown.
    var waitsForOutcome: Bool { !showsSuccess || !showsFailure }
}

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
    private var pending: [Int32: (event: Event, message: Message, isShown: Bool)] = [:]
    private let flush: () -> Void

    public init(choice: Choice, form: Form, counts: Bool, flush: @escaping () -> Void) {
        self.choice = choice
        self.form = form
        self.flush = flush
        summary = counts ? Summary() : nil
    }

    public func see(_ event: borrowing Event, _ snapshot: borrowing Snapshot) throws {
        let event = copy event
        if choice.thread != 0 && event.thread != choice.thread && event.process != choice.thread { return }
        switch event.happening {
        case .entry: begin(event, copy snapshot)
        case .exit(let result): end(event, copy snapshot, result)
        default: other(event)
        }
    }

    private func begin(_ event: Event, _ snapshot: Snapshot) {
        let message = decoder.entry(snapshot)
        let isShown = choice.call(message, snapshot.stop.number) && namesPath(message)
        pending[event.thread] = (event, message, isShown)
        if isShown, !choice.waitsForOutcome, case .text(let printer) = form { printer.begin(event, message) }
    }

    private func end(_ event: Event, _ snapshot: Snapshot, _ result: Int64) {
        guard let call = pending.removeValue(forKey: event.thread), call.isShown else { return }
        let start = call.event
        var message = call.message
        decoder.exit(&message, snapshot, result: result)
        let failed = message.reply?.errno != nil
        if failed ? !choice.showsFailure : !choice.showsSuccess { return }
        summary?.count(message, duration: event.time - start.time)
        switch form {
        case .text(let printer):
            if choice.waitsForOutcome { printer.begin(start, message) }
            printer.end(event, message)
        case .messages(let text, let write):
            write(text.line(message, thread: event.thread) + [10], event.process)
        case .json(let lines, let write): write(lines.call(start, message, end: event), event.process)
        case .nothing: break
        }
    }

    private func other(_ event: Event) {
        if case .executed(let former) = event.happening, former != event.thread {
            pending[event.thread] = pending.removeValue(forKey: former)
        }
        var isShown = true
        switch event.happening {
        case .signal(let info): isShown = choice.signal(info.number)
        case .stopped(let signal): isShown = choice.signal(signal)
        case .exited, .killed:
            isShown = choice.showsExits
            leave(event)
        case .detached: leave(event)
        default: break
        }
        switch form {
        case .text(let printer): printer.other(event, isShown: isShown)
        case .messages(_, let write):
            if isShown, let line = LineText(style: TextStyle()).line(of: event) {
                write(Array("\(event.thread) ".utf8) + line + [10], event.process)
            }
        case .json(let lines, let write): if isShown { write(lines.other(event), event.process) }
        case .nothing: break
        }
    }

    /// A call that never came back is shown without a result in the forms that show a call once.
    private func leave(_ event: Event) {
        guard let (start, message, isShown) = pending.removeValue(forKey: event.thread), isShown else { return }
        switch form {
        case .messages(let text, let write):
            write(text.line(message, thread: event.thread) + [10], event.process)
        case .json(let lines, let write): write(lines.call(start, message, end: nil), event.process)
        default: break
        }
    }

    private func namesPath(_ message: Message) -> Bool {
        if choice.paths.isEmpty { return true }
        return message.arguments.contains { argument in
            guard case .path(let bytes) = argument.value else { return false }
            return choice.paths.contains { Array($0.utf8) == bytes.bytes }
        }
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

    public init(recorder: RecordingObserver?, shower: ShowingObserver?) {
        self.recorder = recorder
        self.shower = shower
    }

    public func see(_ event: borrowing Event, _ snapshot: borrowing Snapshot) throws {
        try recorder?.see(event, snapshot)
        try shower?.see(event, snapshot)
    }
    public func tick() throws {
        try recorder?.tick()
        shower?.tick()
    }
    public func finish() throws {
        try recorder?.finish()
        shower?.finish()
    }
}
