// The parts of a line: a call's beginning, its end, and the lines of signals and exits.

import Glibc
import Messages

/// Builds lines in strace's form.
public struct LineText: Sendable {
    public let values: ValueText
    var style: TextStyle { values.style }

    public init(style: TextStyle) { values = ValueText(style: style) }

    /// How many arguments are known when the call is made: those before the first that the kernel writes.
    static func known(_ message: Message) -> Int {
        message.arguments.firstIndex { $0.direction != .entry } ?? message.arguments.count
    }

    /// `openat(AT_FDCWD, "/etc/passwd", O_RDONLY`
    func beginning(_ message: Message, _ line: inout [UInt8]) {
        coloured(.call, &line) { $0 += message.name.utf8 }
        line += "(".utf8
        let known = Self.known(message)
        arguments(message, 0..<known, &line)
        if known > 0 && known < message.arguments.count { line += ", ".utf8 }
    }

    func arguments(_ message: Message, _ range: Range<Int>, _ line: inout [UInt8]) {
        for index in range {
            if index > range.lowerBound { line += ", ".utf8 }
            values.append(message.arguments[index].value, to: &line)
        }
    }

    /// The result, from the closing bracket on; `start` is where the visible line begins.
    func ending(_ message: Message, start: Int, duration: Int64?, _ line: inout [UInt8]) {
        line += ")".utf8
        let width = Self.visibleWidth(line[start...])
        let padding = max(1, style.column - width)
        line += repeatElement(UInt8(ascii: " "), count: padding)
        line += "= ".utf8
        result(message, &line)
        if let duration { line += " <\(Self.seconds(duration))>".utf8 }
    }

    private func result(_ message: Message, _ line: inout [UInt8]) {
        guard let reply = message.reply else { return line += "?".utf8 }
        guard let errno = reply.errno else {
            values.append(reply.value, to: &line)
            if let auxiliary = reply.auxiliary { self.auxiliary(auxiliary, &line) }
            return
        }
        if let restart = Self.restarts[errno] { return line += "? \(restart)".utf8 }
        coloured(.failure, &line) { line in
            guard let name = Names.errno(errno) else {
                return line += "-1 (errno \(errno))".utf8
            }
            line += "-1 \(name) (\(String(cString: strerror(errno))))".utf8
        }
        if let auxiliary = reply.auxiliary { self.auxiliary(auxiliary, &line) }
    }

    private func auxiliary(_ value: Value, _ line: inout [UInt8]) {
        line += " (".utf8
        if case .named(let name, let inner) = value {
            line += "\(name) ".utf8
            values.append(inner, to: &line)
        } else {
            values.append(value, to: &line)
        }
        line += ")".utf8
    }

    /// What a call answers inside the kernel when it is to be made again (linux/errno.h); no program sees it.
    static let restarts: [Int32: String] = [
        512: "ERESTARTSYS (To be restarted if SA_RESTART is set)", 513: "ERESTARTNOINTR (To be restarted)",
        514: "ERESTARTNOHAND (To be restarted if no handler)",
        516: "ERESTART_RESTARTBLOCK (Interrupted by signal)",
    ]

    static func seconds(_ nanoseconds: Int64) -> String {
        let micro = max(0, nanoseconds) / 1000
        return "\(micro / 1_000_000)." + padded(micro % 1_000_000, 6)
    }

    static func padded(_ number: Int64, _ width: Int) -> String {
        let digits = "\(number)"
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }

    /// Columns that a terminal fills: escape sequences fill none.
    private static func visibleWidth(_ bytes: ArraySlice<UInt8>) -> Int {
        var width = 0
        var isEscape = false
        for byte in bytes {
            if byte == 0x1B { isEscape = true }
            if !isEscape { width += 1 }
            if isEscape && byte == UInt8(ascii: "m") { isEscape = false }
        }
        return width
    }

    // MARK: Colour

    enum Role: String {
        case call = "\u{1B}[36m"
        case failure = "\u{1B}[31m"
        case signal = "\u{1B}[33m"
    }

    func coloured(_ role: Role, _ line: inout [UInt8], _ body: (inout [UInt8]) -> Void) {
        if style.hasColour { line += role.rawValue.utf8 }
        body(&line)
        if style.hasColour { line += "\u{1B}[0m".utf8 }
    }

    // MARK: Other events

    /// The line of an event that is no call; nil where there is none to show.
    public func line(of event: Event) -> [UInt8]? {
        var line: [UInt8] = []
        switch event.happening {
        case .signal(let info):
            coloured(.signal, &line) { $0 += "--- \(Names.signal(info.number)) ".utf8 }
            values.append(SignalText.record(info), to: &line)
            coloured(.signal, &line) { $0 += " ---".utf8 }
        case .stopped(let signal):
            coloured(.signal, &line) { $0 += "--- stopped by \(Names.signal(signal)) ---".utf8 }
        case .exited(let status): line += "+++ exited with \(status) +++".utf8
        case .killed(let signal, let core):
            coloured(.signal, &line) {
                $0 += "+++ killed by \(Names.signal(signal))\(core ? " (core dumped)" : "") +++".utf8
            }
        default: return nil
        }
        return line
    }
}
