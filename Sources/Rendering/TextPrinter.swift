// Events to lines, in strace's manner: calls that are interrupted by others' lines are taken up again later.

import Messages

/// What stands before each line.
public struct LinePrefix: Sendable {
    /// Which lines begin with the thread's id: those while several live, those since there were several, or all.
    public enum Thread: Sendable { case none, bracketed, bareOfSeveral, bare }
    public enum Clock: Sendable { case none, ofDay, epoch }
    public var thread = Thread.none
    public var clock = Clock.none
    /// Digits after the second: 0, 3, 6 or 9.
    public var clockDigits = 0
    /// Digits of the time since the last line, nil for none.
    public var relativeDigits: Int?
    /// The number of the thread's latest call.
    public var showsNumber = false
    /// Where the thread's latest call was made.
    public var showsInstructionPointer = false

    public init() {}
}

/// How calls become lines.
public struct LineOptions: Sendable {
    public var prefix = LinePrefix()
    /// Digits of the time that a call took, nil for none.
    public var durationDigits: Int?
    /// A call that was interrupted by another line is shown whole, when it returns.
    public var wholeLines = false
    /// Every thread's lines go to a place of their own, so that nothing interrupts them.
    public var isSplit = false
    /// Whether a call's structs are shown in short; nil: as the style says.
    public var abbreviates: (@Sendable (Message) -> Bool)?

    public init() {}
}

/// Prints events as lines.
public final class TextPrinter {
    private let text: LineText
    /// The same with structs in full.
    private let fullText: LineText
    private let options: LineOptions
    private var prefix: LinePrefix { options.prefix }
    private var wholeLines: Bool { options.wholeLines }
    /// Gets each line, or part of one, and the thread it belongs to.
    private let write: ([UInt8], Int32) -> Void
    private let secondsEastOfUTC: (Int64) -> Int64

    /// A thread's call that has begun and not ended.
    private struct Pending {
        var message: Message
        var time: Int64
        var isInterrupted = false
        /// What will become of it was said before it came: exit never returns.
        var isAnswered = false
        var width = 0
    }
    private var pending: [Int32: Pending] = [:]
    /// The name of a thread's command, where lines begin with it.
    public var name: ((Int32) -> [UInt8]?)?
    /// Per place that lines go to, the thread whose beginning stands at its end, unfinished.
    private var open: [Int32: Int32] = [:]
    private var last: Int64 = 0
    /// Threads that live: with one only, a bracketed prefix says nothing.
    private var threads: Set<Int32> = []
    private var hadSeveral = false
    /// Each thread's latest call, where lines begin with it.
    private var stops: [Int32: (call: Stop, isThere: Bool)] = [:]

    /// - Parameter secondsEastOfUTC: the local time's offset at a time in seconds since 1970.
    public init(
        style: TextStyle, options: LineOptions, secondsEastOfUTC: @escaping (Int64) -> Int64,
        write: @escaping ([UInt8], Int32) -> Void
    ) {
        text = LineText(style: style)
        var full = style
        full.abbreviates = false
        fullText = LineText(style: full)
        self.options = options
        self.secondsEastOfUTC = secondsEastOfUTC
        self.write = write
    }

    private func text(for message: Message) -> LineText {
        guard let abbreviates = options.abbreviates else { return text }
        return abbreviates(message) ? text : fullText
    }

    private func place(_ thread: Int32) -> Int32 { options.isSplit ? thread : 0 }

    private func isOpen(_ thread: Int32) -> Bool { open[place(thread)] == thread }

    // MARK: Calls

    /// A call that is not shown is the thread's latest all the same.
    public func note(_ stop: Stop, of thread: Int32) {
        guard prefix.showsNumber || prefix.showsInstructionPointer else { return }
        stops[thread] = (stop, true)
    }

    /// The call begins. With whole lines nothing is shown before it ends.
    public func begin(_ event: Event, _ message: Message, _ stop: Stop) {
        pending[event.thread] = Pending(message: message, time: event.time)
        note(stop, of: event.thread)
        guard !wholeLines else { return }
        var line = lineStart(event)
        text(for: message).beginning(message, &line)
        pending[event.thread]?.width = LineText.visibleWidth(line[...])
        write(line, event.thread)
        open[place(event.thread)] = event.thread
    }

    /// The call ended; `message` has its reply and what the kernel wrote. `dump` follows the line.
    public func end(_ event: Event, _ message: Message, dump: [UInt8] = []) {
        guard let begun = pending.removeValue(forKey: event.thread) else { return }
        let text = text(for: message)
        var (line, cut) = takeUp(event, begun, text)
        text.late(message, &line)
        let duration = options.durationDigits.map { LineText.seconds(event.time - begun.time, digits: $0) }
        text.ending(message, duration: duration, &line)
        line.append(UInt8(ascii: "\n"))
        write(Array(line[cut...]) + dump, event.thread)
        close(event.thread)
    }

    /// The call will not come back: exit, or a thread that is no more.
    private func abandon(_ event: Event) {
        guard let begun = pending.removeValue(forKey: event.thread), !begun.isAnswered else { return }
        let text = text(for: begun.message)
        var (line, cut) = takeUp(event, begun, text)
        if text.waitsForMore(begun.message) { line += " <unfinished ...>".utf8 }
        text.ending(begun.message, duration: nil, &line)
        line.append(UInt8(ascii: "\n"))
        write(Array(line[cut...]), event.thread)
        close(event.thread)
    }

    /// The thread is let go within a call.
    private func letGo(_ event: Event) {
        guard let begun = pending.removeValue(forKey: event.thread) else { return }
        guard wholeLines || isOpen(event.thread) else { return }
        var (line, cut) = takeUp(event, begun, text(for: begun.message))
        line += " <detached ...>\n".utf8
        write(Array(line[cut...]), event.thread)
        close(event.thread)
    }

    /// The line that a call's end is added to, and how much of it is out already.
    private func takeUp(_ event: Event, _ begun: Pending, _ text: LineText) -> (line: [UInt8], cut: Int) {
        if wholeLines {
            var line = lineStart(
                Event(thread: event.thread, process: event.process, time: begun.time, happening: event.happening))
            text.beginning(begun.message, &line)
            return (line, 0)
        }
        if begun.isInterrupted || !isOpen(event.thread) {
            var line = lineStart(event)
            line += "<... \(begun.message.name) resumed>".utf8
            return (line, 0)
        }
        // The beginning is out already: blanks stand for it while the column is counted.
        return ([UInt8](repeating: UInt8(ascii: " "), count: begun.width), begun.width)
    }

    private func close(_ thread: Int32) {
        if isOpen(thread) { open[place(thread)] = nil }
    }

    // MARK: Other events

    /// Anything but a call. `isShown` is false where a filter hides its line; it still counts. `signal` is what is said
    /// of a signal where it is more than the signal says. `decisions` is what a policy said of the call that ends with
    /// the thread.
    public func other(
        _ event: Event, isShown: Bool = true, signal: Value? = nil, decisions: [RecordedDecision] = []
    ) {
        if !decisions.isEmpty { pending[event.thread]?.message.decisions = decisions }
        switch event.happening {
        case .started:
            threads.insert(event.thread)
            hadSeveral = hadSeveral || threads.count > 1
        case .executed(let former): supersede(event, former, isShown)
        case .exited, .killed:
            abandon(event)
            stops[event.thread]?.isThere = false
        case .detached: letGo(event)
        // How the call that it was in came back is lost too.
        case .lost: abandon(event)
        default: break
        }
        if isShown, let line = text.line(of: event, signal: signal) { remark(event, line) }
        switch event.happening {
        case .exited, .killed, .detached:
            threads.remove(event.thread)
            stops[event.thread] = nil
        default: break
        }
    }

    /// A line of the thread's that is no call.
    public func remark(_ event: Event, _ text: [UInt8]) {
        write(lineStart(event) + text + [UInt8(ascii: "\n")], event.thread)
    }

    private func supersede(_ event: Event, _ former: Int32, _ isShown: Bool) {
        guard former != event.thread else { return }
        // What the leader waited for ends with it.
        abandon(event)
        if let call = pending.removeValue(forKey: former) {
            if isOpen(former) {
                open[place(former)] = nil
                write(Array(" <pid changed to \(event.thread) ...>\n".utf8), former)
            }
            pending[event.thread] = call
            pending[event.thread]?.isInterrupted = true
        }
        threads.remove(former)
        if isShown { remark(event, Array("+++ superseded by execve in pid \(former) +++".utf8)) }
    }

    /// Closes what stands open, for something else that is said in the same place.
    public func interruptAll() {
        for thread in open.values { interrupt(thread) }
    }

    /// Closes what stands open at the end.
    public func finish() { interruptAll() }

    // MARK: The beginnings of lines

    private func interrupt(_ thread: Int32) {
        guard let opener = open.removeValue(forKey: place(thread)) else { return }
        pending[opener]?.isInterrupted = true
        guard let begun = pending[opener], begun.message.call == .exit || begun.message.call == .exitGroup else {
            return write(Array(" <unfinished ...>\n".utf8), opener)
        }
        pending[opener]?.isAnswered = true
        var line = [UInt8](repeating: UInt8(ascii: " "), count: begun.width)
        text(for: begun.message).ending(begun.message, duration: nil, &line)
        write(line[begun.width...] + [UInt8(ascii: "\n")], opener)
    }

    private func lineStart(_ event: Event) -> [UInt8] {
        interrupt(event.thread)
        var line: [UInt8] = []
        switch prefix.thread {
        case .none: break
        case .bareOfSeveral where !hadSeveral: break
        case .bare, .bareOfSeveral:
            let digits = "\(event.thread)"
            if let name = name?(event.thread), !name.isEmpty {
                line += digits.utf8
                append(name, &line)
                line += " ".utf8
            } else {
                line += (digits + String(repeating: " ", count: max(1, 6 - digits.count))).utf8
            }
        case .bracketed where threads.count > 1:
            let digits = "\(event.thread)"
            line += ("[pid " + String(repeating: " ", count: max(0, 5 - digits.count)) + digits).utf8
            if let name = name?(event.thread), !name.isEmpty { append(name, &line) }
            line += "] ".utf8
        case .bracketed: break
        }
        clock(event.time, &line)
        place(of: event.thread, &line)
        return line
    }

    private func append(_ name: [UInt8], _ line: inout [UInt8]) {
        text.values.refer(Referent(name: name), &line)
    }

    private func clock(_ time: Int64, _ line: inout [UInt8]) {
        switch prefix.clock {
        case .none: break
        case .epoch: line += "\(LineText.seconds(time, digits: prefix.clockDigits)) ".utf8
        case .ofDay:
            let seconds = time / 1_000_000_000
            let local = seconds + secondsEastOfUTC(seconds)
            let parts = [local / 3600 % 24, local / 60 % 60, local % 60].map { LineText.padded($0, 2) }
            line += parts.joined(separator: ":").utf8
            line += LineText.seconds(time % 1_000_000_000, digits: prefix.clockDigits).dropFirst().utf8
            line += " ".utf8
        }
        guard let digits = prefix.relativeDigits else { return }
        let text = LineText.seconds(last == 0 ? 0 : time - last, digits: digits)
        last = time
        let width = 6 + (digits == 0 ? 0 : digits + 1)
        let padded = String(repeating: " ", count: max(0, width - text.utf8.count)) + text
        line += (prefix.clock == .none ? "\(padded) " : "(+\(padded)) ").utf8
    }

    /// strace's `-n` and `-i`: number and place of the thread's latest call.
    private func place(of thread: Int32, _ line: inout [UInt8]) {
        guard prefix.showsNumber || prefix.showsInstructionPointer else { return }
        let stop = stops[thread]
        if prefix.showsNumber {
            let digits = stop.map { "\($0.call.number)" } ?? "?"
            line += ("[" + String(repeating: " ", count: max(0, 4 - digits.utf8.count)) + digits + "] ").utf8
        }
        guard prefix.showsInstructionPointer else { return }
        let word = stop?.call.personality == .i386 ? 8 : 16
        let unknown = String(repeating: "?", count: word)
        let digits = stop.map { $0.isThere ? String($0.call.instructionPointer, radix: 16) : unknown } ?? unknown
        line += ("[" + String(repeating: "0", count: max(0, word - digits.utf8.count)) + digits + "] ").utf8
    }
}
