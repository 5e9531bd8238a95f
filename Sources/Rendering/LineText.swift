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
        switch message.call {
        case .clone: min(2, message.arguments.count)
        case .clone3 where !asksForAnswer(message): message.arguments.count
        default: message.arguments.firstIndex { $0.direction != .entry } ?? message.arguments.count
        }
    }

    /// Whether a clone3 has flags that make the kernel write ids: CLONE_PIDFD, CLONE_PARENT_SETTID (linux/sched.h).
    private static func asksForAnswer(_ message: Message) -> Bool {
        guard case .record(let fields)? = message.arguments.first?.value,
            case .flags(_, let bits)? = fields.first?.value
        else { return true }
        return bits & 0x10_1000 != 0
    }

    /// Calls whose late arguments bring their comma with them, as strace writes them.
    private static func bringsComma(_ message: Message) -> Bool { message.call == .clone || message.call == .ioctl }

    /// `openat(AT_FDCWD, "/etc/passwd", O_RDONLY`
    func beginning(_ message: Message, _ line: inout [UInt8]) {
        coloured(.call, &line) { $0 += message.name.utf8 }
        line += "(".utf8
        if let name = message.interrupted {
            line += "<... resuming interrupted \(name.isEmpty ? "system call" : name) ...>".utf8
        }
        let known = Self.known(message)
        arguments(message, 0..<known, &line)
        if let early = Self.early(message) {
            if case .change(let before, _) = early {
                values.append(before, to: &line)
            } else {
                values.append(early, to: &line)
            }
        } else if known > 0, !Self.bringsComma(message), message.arguments[known...].contains(where: { !$0.isRemark }) {
            line += ", ".utf8
        }
    }

    /// The first argument that the kernel writes, where what is passed in it is shown before the call returns.
    private static func early(_ message: Message) -> Value? {
        guard message.call == .clone3, asksForAnswer(message) else { return nil }
        return message.arguments.first { $0.direction == .both }?.value
    }

    /// Whether there are arguments to show when the call has returned.
    func waitsForMore(_ message: Message) -> Bool {
        Self.early(message) != nil || message.arguments[Self.known(message)...].contains { !$0.isRemark }
    }

    /// The arguments that are known only when the call has returned.
    func late(_ message: Message, _ line: inout [UInt8]) {
        let known = Self.known(message)
        guard known < message.arguments.count else { return }
        guard let early = Self.early(message) else {
            if Self.bringsComma(message), known > 0 { line += ", ".utf8 }
            return arguments(message, known..<message.arguments.count, &line)
        }
        if case .change(_, let after) = early {
            line += " => ".utf8
            values.append(after, to: &line)
        }
        for argument in message.arguments[(known + 1)...] {
            line += ", ".utf8
            values.append(argument.value, to: &line)
        }
    }

    func arguments(_ message: Message, _ range: Range<Int>, _ line: inout [UInt8]) {
        for index in range {
            let argument = message.arguments[index]
            if argument.isRemark {
                remark(argument, &line)
                continue
            }
            if index > range.lowerBound { line += ", ".utf8 }
            values.append(argument.value, to: &line)
        }
    }

    /// ` /* sqes=[…] */`; nothing where there is nothing to say.
    private func remark(_ argument: Argument, _ line: inout [UInt8]) {
        if argument.value == .list([]) { return }
        line += " /* \(argument.name)=".utf8
        values.append(argument.value, to: &line)
        line += " */".utf8
    }

    /// The result, from the closing bracket on. The column counts from the line's first character, prefix included.
    func ending(_ message: Message, duration: String?, _ line: inout [UInt8]) {
        line += ")".utf8
        let width = Self.visibleWidth(line[...])
        let padding = max(1, style.column - width)
        line += repeatElement(UInt8(ascii: " "), count: padding)
        line += "= ".utf8
        result(message, &line)
        verdict(message, &line)
        if let duration { line += " <\(duration)>".utf8 }
    }

    private func result(_ message: Message, _ line: inout [UInt8]) {
        guard let reply = message.reply else { return line += "?".utf8 }
        guard let errno = reply.errno else {
            values.append(reply.value, to: &line)
            if let auxiliary = reply.auxiliary { self.auxiliary(auxiliary, of: message, &line) }
            return
        }
        if let restart = Self.restarts[errno] { return line += "? \(restart)".utf8 }
        coloured(.failure, &line) { line in
            guard let name = Names.errno(errno) else {
                return line += "-1 (errno \(errno))".utf8
            }
            line += "-1 \(name) (\(String(cString: strerror(errno))))".utf8
        }
        if let auxiliary = reply.auxiliary { self.auxiliary(auxiliary, of: message, &line) }
    }

    /// ` (DENIED by build.yaml:12)`, in the place and manner of strace's ` (INJECTED)`.
    private func verdict(_ message: Message, _ line: inout [UInt8]) {
        let said = message.decisions.filter { !$0.isAllowed }
        for decision in said.allSatisfy(\.isOfCommandLine) ? said[...] : said.suffix(1) {
            coloured(.failure, &line) { $0 += " (\(DecisionText.remark(decision)))".utf8 }
        }
    }

    private func auxiliary(_ value: Value, of message: Message, _ line: inout [UInt8]) {
        // What a number means beside it is said in names however numbers are shown, of commands' answers at least.
        var plain = values
        switch (message.call, value) {
        // What these answer has no meaning beside it where numbers are asked for.
        case (.ioprioGet, _) where plain.style.naming == .numbers: return
        case (.prctl, .flags) where plain.style.naming == .numbers: return
        case (.prctl, .written) where plain.style.naming == .numbers: return
        case (.archPrctl, .flags) where plain.style.naming == .numbers: return
        case (.fcntl, .named(_, .flags(.descriptorFlags, _))), (.fcntl, .named(_, .flags(.seals, _))): break
        case (.fcntl, _), (.fcntl64, _), (.prctl, _), (.archPrctl, _), (.ioctl, _), (.rtSigtimedwait, _),
            (.rtSigtimedwaitTime64, _):
            plain.style.naming = .names
        default: break
        }
        line += " (".utf8
        if case .named(let name, let inner) = value {
            line += "\(name) ".utf8
            plain.append(inner, to: &line)
        } else {
            plain.append(value, to: &line)
        }
        line += ")".utf8
    }

    /// What a call answers inside the kernel when it is to be made again (linux/errno.h); no program sees it.
    static let restarts: [Int32: String] = [
        512: "ERESTARTSYS (To be restarted if SA_RESTART is set)", 513: "ERESTARTNOINTR (To be restarted)",
        514: "ERESTARTNOHAND (To be restarted if no handler)",
        516: "ERESTART_RESTARTBLOCK (Interrupted by signal)",
    ]

    /// Seconds with 0 to 9 digits after the point; what is beyond them is cut, as strace does.
    static func seconds(_ nanoseconds: Int64, digits: Int = 6) -> String {
        let time = max(0, nanoseconds)
        guard digits > 0 else { return "\(time / 1_000_000_000)" }
        var unit: Int64 = 1_000_000_000
        for _ in 0..<digits { unit /= 10 }
        return "\(time / 1_000_000_000)." + padded(time % 1_000_000_000 / max(1, unit), digits)
    }

    static func padded(_ number: Int64, _ width: Int) -> String {
        let digits = "\(number)"
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }

    /// Columns that a terminal fills: escape sequences fill none.
    static func visibleWidth(_ bytes: ArraySlice<UInt8>) -> Int {
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

    /// The line of an event that is no call; nil where there is none to show. `signal` is said of a signal.
    public func line(of event: Event, signal: Value? = nil) -> [UInt8]? {
        var line: [UInt8] = []
        switch event.happening {
        case .signal(let info):
            coloured(.signal, &line) { $0 += "--- \(Names.signal(info.number)) ".utf8 }
            values.append(signal ?? info.record(), to: &line)
            coloured(.signal, &line) { $0 += " ---".utf8 }
        case .stopped(let signal):
            coloured(.signal, &line) { $0 += "--- stopped by \(Names.signal(signal)) ---".utf8 }
        case .exited(let status): line += "+++ exited with \(status) +++".utf8
        case .killed(let signal, let core):
            coloured(.signal, &line) {
                $0 += "+++ killed by \(Names.signal(signal))\(core ? " (core dumped)" : "") +++".utf8
            }
        case .lost(let calls):
            coloured(.signal, &line) { $0 += "+++ \(calls) calls lost +++".utf8 }
        default: return nil
        }
        return line
    }
}
