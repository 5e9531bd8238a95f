// Events to lines, in strace's manner: calls that are interrupted by others' lines are taken up again later.

import Messages

/// What stands before each line.
public struct LinePrefix: Sendable {
    public enum Thread: Sendable { case none, bracketed, bare }
    public enum Time: Sendable { case none, ofDay, microseconds, epoch, relative }
    public var thread = Thread.none
    public var time = Time.none

    public init() {}
}

/// Prints events as lines.
public final class TextPrinter {
    private let text: LineText
    private let prefix: LinePrefix
    private let showsDuration: Bool
    private let wholeLines: Bool
    /// Gets each line, or part of one, and the process it belongs to.
    private let write: ([UInt8], Int32) -> Void
    private let secondsEastOfUTC: (Int64) -> Int64

    /// A thread's call that has begun and not ended.
    private struct Pending {
        var message: Message
        var time: Int64
        var isInterrupted = false
        var width = 0
    }
    private var pending: [Int32: Pending] = [:]
    /// The thread whose beginning stands at the end of the output, unfinished.
    private var open: Int32?
    private var last: Int64 = 0
    /// Threads that live: with one only, a bracketed prefix says nothing.
    private var threads: Set<Int32> = []

    /// - Parameter secondsEastOfUTC: the local time's offset at a time in seconds since 1970.
    public init(
        style: TextStyle, prefix: LinePrefix, showsDuration: Bool, wholeLines: Bool,
        secondsEastOfUTC: @escaping (Int64) -> Int64, write: @escaping ([UInt8], Int32) -> Void
    ) {
        text = LineText(style: style)
        self.prefix = prefix
        self.showsDuration = showsDuration
        self.wholeLines = wholeLines
        self.secondsEastOfUTC = secondsEastOfUTC
        self.write = write
    }

    // MARK: Calls

    /// The call begins. With whole lines nothing is shown before it ends.
    public func begin(_ event: Event, _ message: Message) {
        pending[event.thread] = Pending(message: message, time: event.time)
        guard !wholeLines else { return }
        var line = lineStart(event)
        let start = line.count
        text.beginning(message, &line)
        pending[event.thread]?.width = line.count - start
        write(line, event.process)
        open = event.thread
    }

    /// The call ended; `message` has its reply and what the kernel wrote.
    public func end(_ event: Event, _ message: Message) {
        guard let begun = pending.removeValue(forKey: event.thread) else { return }
        var line: [UInt8] = []
        var start = 0
        let known = LineText.known(message)
        if wholeLines {
            line = lineStart(
                Event(
                    thread: event.thread, process: event.process, time: begun.time, happening: event.happening))
            start = line.count
            text.beginning(message, &line)
        } else if begun.isInterrupted || open != event.thread {
            line = lineStart(event)
            start = line.count
            line += "<... \(message.name) resumed>".utf8
        } else {
            // The beginning is out already: blanks stand for it while the column is counted.
            line = [UInt8](repeating: UInt8(ascii: " "), count: begun.width)
        }
        let cut = wholeLines || begun.isInterrupted || open != event.thread ? 0 : begun.width
        if known < message.arguments.count {
            text.arguments(message, known..<message.arguments.count, &line)
        }
        text.ending(message, start: start, duration: showsDuration ? event.time - begun.time : nil, &line)
        line.append(UInt8(ascii: "\n"))
        write(Array(line[cut...]), event.process)
        if open == event.thread { open = nil }
    }

    /// The call will not come back: exit, or a thread that is no more.
    private func abandon(_ event: Event) {
        guard let begun = pending.removeValue(forKey: event.thread) else { return }
        var line: [UInt8] = []
        if wholeLines {
            line = lineStart(event)
            text.beginning(begun.message, &line)
        } else if begun.isInterrupted || open != event.thread {
            line = lineStart(event)
            line += "<... \(begun.message.name) resumed>".utf8
        } else {
            line = [UInt8](repeating: UInt8(ascii: " "), count: begun.width)
        }
        let cut = wholeLines || begun.isInterrupted || open != event.thread ? 0 : begun.width
        text.ending(begun.message, start: 0, duration: nil, &line)
        line.append(UInt8(ascii: "\n"))
        write(Array(line[cut...]), event.process)
        if open == event.thread { open = nil }
    }

    // MARK: Other events

    /// Anything but a call. `isShown` is false where a filter hides its line; it still counts.
    public func other(_ event: Event, isShown: Bool = true) {
        switch event.happening {
        case .started: threads.insert(event.thread)
        case .executed(let former): supersede(event, former)
        case .exited, .killed, .detached: abandon(event)
        default: break
        }
        if isShown, var line = text.line(of: event) {
            line = lineStart(event) + line
            line.append(UInt8(ascii: "\n"))
            write(line, event.process)
        }
        switch event.happening {
        case .exited, .killed, .detached: threads.remove(event.thread)
        default: break
        }
    }

    private func supersede(_ event: Event, _ former: Int32) {
        guard former != event.thread else { return }
        if let old = pending.removeValue(forKey: event.thread), open == event.thread { _ = old; interrupt() }
        if let call = pending.removeValue(forKey: former) {
            interrupt()
            pending[event.thread] = call
            pending[event.thread]?.isInterrupted = true
        }
        var line = lineStart(event)
        line += "+++ superseded by execve in pid \(former) +++\n".utf8
        write(line, event.process)
        threads.remove(former)
    }

    /// Closes what stands open at the end.
    public func finish() {
        interrupt()
    }

    // MARK: The beginnings of lines

    private func interrupt() {
        guard let thread = open else { return }
        open = nil
        pending[thread]?.isInterrupted = true
        write(Array(" <unfinished ...>\n".utf8), thread)
    }

    private func lineStart(_ event: Event) -> [UInt8] {
        interrupt()
        var line: [UInt8] = []
        switch prefix.thread {
        case .none: break
        case .bare:
            let digits = "\(event.thread)"
            line += (digits + String(repeating: " ", count: max(1, 6 - digits.count))).utf8
        case .bracketed where threads.count > 1:
            let digits = "\(event.thread)"
            line += ("[pid " + String(repeating: " ", count: max(0, 5 - digits.count)) + digits + "] ").utf8
        case .bracketed: break
        }
        time(event.time, &line)
        return line
    }

    private func time(_ time: Int64, _ line: inout [UInt8]) {
        let seconds = time / 1_000_000_000
        let micro = time % 1_000_000_000 / 1000
        switch prefix.time {
        case .none: return
        case .epoch: line += "\(seconds).\(LineText.padded(micro, 6)) ".utf8
        case .ofDay, .microseconds:
            let local = seconds + secondsEastOfUTC(seconds)
            let parts = [local / 3600 % 24, local / 60 % 60, local % 60].map { LineText.padded($0, 2) }
            line += parts.joined(separator: ":").utf8
            if case .microseconds = prefix.time { line += ".\(LineText.padded(micro, 6))".utf8 }
            line += " ".utf8
        case .relative:
            let digits = LineText.seconds(last == 0 ? 0 : time - last)
            line += (String(repeating: " ", count: max(0, 12 - digits.count)) + digits + " ").utf8
            last = time
        }
    }
}
