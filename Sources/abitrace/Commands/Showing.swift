// From the options to what shows a trace.

import ArgumentParser
import Glibc
import Interception
import Messages
import Rendering
import Supervision

/// Everything that shows a trace, put together from the options.
struct Showing {
    let observer: ShowingObserver
    let output: Output
    private let options: OutputOptions

    /// - Parameter source: where the trace comes from, which decides what is worth a remark.
    init(_ options: OutputOptions, of source: Source) throws {
        self.options = options
        let path = options.isRecording ? nil : options.output
        output =
            path == nil && source == .recording
            ? Output(descriptor: STDOUT_FILENO, isLive: false)
            : try Output(path: path, split: options.isSplit, appends: options.appends)
        let output = output
        let write: ([UInt8], Int32) -> Void = { output.write($0, thread: $1) }
        let style = try Self.style(options, source, output)
        let choice = try Self.choice(options, source)
        var printer: TextPrinter?
        let form: Form
        if options.summary.only {
            form = .nothing
        } else if options.json {
            form = .json(JSONLines(), write)
        } else if options.messages {
            form = .messages(MessageText(style: style), write)
        } else {
            let bare = source == .recording || (path != nil && path != "-")
            let text = TextPrinter(
                style: style, options: try Self.lines(options, bare: bare),
                secondsEastOfUTC: Self.secondsEastOfUTC, write: write)
            printer = text
            form = .text(text)
        }
        layout = try Self.layout(options.summary, byClass: options.verbose)
        let details = try Self.details(options)
        needsFacts = details != nil || !options.paths.isEmpty
        asked = needsFacts || options.number || options.instructionPointer ? .all : choice.0.interest
        captured = options.summary.only && !needsFacts ? asked.toldByMemory : asked
        let overhead = try Self.overhead(options.summary)
        let counts = options.summary.only || options.summary.also
        let say: (String) -> Void = { [printer] text in
            // Where lines and remarks meet, a line is ended first.
            if path == nil { printer?.interruptAll() }
            output.flush()
            complain(text)
        }
        self.say = say
        observer = ShowingObserver(
            choice: choice.0, form: form, summary: counts ? Summary(overhead: overhead) : nil,
            handles: details, processes: try Self.processDetail(options, source), note: say, flush: { output.flush() })
        quiet = choice.0.quiet
        choice.remarks.forEach(complain)
    }

    /// Says something of abitrace's own between what is shown.
    let say: (String) -> Void

    /// Whether what is shown needs more than calls tell.
    let needsFacts: Bool
    /// The calls that may be shown, or that tell something of those.
    let asked: CallInterest
    /// The calls of which more than registers is needed.
    let captured: CallInterest

    /// What is shown comes from here.
    enum Source { case command, running, recording }

    /// Remarks that are kept back.
    let quiet: Quiet
    private let layout: Summary.Layout

    /// Prints what comes at the end and closes the output. Throws where some of the output was lost.
    func close() throws {
        if let summary = observer.summary { output.write(Array(summary.text(layout).utf8), thread: 0) }
        output.close()
        if output.failed { throw Failure(description: "the output is not complete") }
    }

    /// The name of one of this machine's interfaces.
    private static func interfaceName(_ index: UInt32) -> String? {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(IF_NAMESIZE)) { name in
            guard let start = name.baseAddress, if_indextoname(index, start) != nil else { return nil }
            return String(cString: start)
        }
    }

    private static func style(_ options: OutputOptions, _ source: Source, _ output: Output) throws -> TextStyle {
        var style = TextStyle()
        if source != .recording { style.interfaceName = interfaceName }
        style.abbreviates = !options.verbose
        style.stringLimit = max(0, options.stringLimit)
        style.column = options.column
        style.quoting =
            options.hexEscapes
            ? .escapedInHexadecimal : [.escaped, .hexadecimalWhereNeeded, .hexadecimal][min(2, options.hexadecimal)]
        switch options.names {
        case "raw": style.naming = .numbers
        case "abbrev": style.naming = .names
        case "verbose": style.naming = .both
        default: throw ValidationError("-X takes raw, abbrev or verbose, not '\(options.names)'")
        }
        switch options.color {
        case "always": style.hasColour = true
        case "never": style.hasColour = false
        case "auto": style.hasColour = output.isTerminal && getenv("NO_COLOR") == nil
        default: throw ValidationError("--color takes auto, always or never, not '\(options.color)'")
        }
        return style
    }

    private static func choice(_ options: OutputOptions, _ source: Source) throws -> (Choice, remarks: [String]) {
        let filter = try filter(options)
        var choice = Choice()
        choice.call = test(filter.trace)
        choice.interest = filter.trace.interest
        if filter.raw != .none { choice.isRaw = test(filter.raw) }
        if filter.verbose != .all { choice.isVerbose = test(filter.verbose) }
        let (signals, reads, writes) = (filter.signals, filter.dumpedReads, filter.dumpedWrites)
        choice.signal = { signals.contains($0) }
        if reads != .none { choice.dumpsRead = { reads.contains($0) } }
        if writes != .none { choice.dumpsWrite = { writes.contains($0) } }
        choice.statuses = filter.statuses
        choice.quiet = filter.quiet.union(Quiet.repeated(options.quiet))
        // strace's rule: a command's trace in a file is no place, and a terminal no reader, for remarks.
        if source == .command, options.output != nil, choice.quiet.isEmpty { choice.quiet = Quiet.repeated(1) }
        if source == .recording { choice.quiet.insert(.attach) }
        choice.paths = options.paths
        guard source != .recording else { return (choice, []) }
        var remarks: [String] = []
        for path in options.paths {
            guard let resolved = realpath(path, nil) else { continue }
            let text = String(cString: resolved)
            free(resolved)
            if text == path { continue }
            choice.paths.append(text)
            if !choice.quiet.contains(.pathResolution) {
                remarks.append("Requested path \"\(path)\" resolved into \"\(text)\"")
            }
        }
        return (choice, remarks)
    }

    private static func test(_ selection: Selection) -> Choice.Test {
        { message, number in
            selection.contains(
                call: message.name, operation: message.operation, personality: message.personality, number: number)
        }
    }

    static func filter(_ options: OutputOptions) throws -> Filter {
        var filter = Filter()
        for expression in options.expressions { try filter.apply(expression) }
        for set in [options.trace, options.only].compactMap({ $0 }) { try filter.apply("trace=" + set) }
        if options.successful { filter.showOnly(.successful) }
        if options.failed { filter.showOnly(.failed) }
        return filter
    }

    /// What is said of descriptors: -y is decode-fds=path, -yy decode-fds=all.
    private static func details(_ options: OutputOptions) throws -> HandleDetail? {
        var details = try filter(options).descriptorDetails
        if options.descriptorPaths > 0 { details.formUnion(options.descriptorPaths > 1 ? .all : .path) }
        return details.isEmpty ? nil : details
    }

    private static func lines(_ options: OutputOptions, bare: Bool) throws -> LineOptions {
        var lines = LineOptions()
        lines.isSplit = options.isSplit
        lines.wholeLines = options.wholeLines
        if !options.isSplit { lines.prefix.thread = bare ? options.follow > 0 ? .bare : .bareOfSeveral : .bracketed }
        lines.prefix.showsNumber = options.number
        lines.prefix.showsInstructionPointer = options.instructionPointer
        if options.timeOfDay > 0 {
            lines.prefix.clock = options.timeOfDay > 2 ? .epoch : .ofDay
            lines.prefix.clockDigits = options.timeOfDay > 1 ? 6 : 0
        }
        if !options.clock.isEmpty {
            let text = options.clock.joined(separator: ",")
            guard let clock = clock(parsing: text) else {
                throw ValidationError(
                    "--absolute-timestamps takes none, time or unix, and s, ms, us or ns, not '\(text)'")
            }
            (lines.prefix.clock, lines.prefix.clockDigits) = clock
        }
        lines.prefix.relativeDigits =
            try precision("--relative-timestamps", options.relativePrecision) ?? (options.relativeTime ? 6 : nil)
        lines.durationDigits =
            try precision("--syscall-times", options.durationPrecision) ?? (options.duration ? 6 : nil)
        let abbreviated = try filter(options).abbreviated
        if abbreviated != .all && !options.verbose {
            lines.abbreviates = { message in
                abbreviated.contains(
                    call: message.name, operation: message.operation, personality: message.personality)
            }
        }
        return lines
    }

    private static func processDetail(_ options: OutputOptions, _ source: Source) throws -> ProcessDetail {
        var detail: ProcessDetail = []
        for word in options.processIDs.flatMap({ $0.split(separator: ",") }) {
            switch word {
            case "comm": detail.insert(.names)
            case "pidns": detail.insert(.ourIDs)
            case "all": detail = [.names, .ourIDs]
            case "none": detail = []
            default: throw ValidationError("--decode-pids takes comm, pidns, all or none, not '\(word)'")
            }
        }
        if source == .recording, !detail.isEmpty {
            throw ValidationError("--decode-pids: a recording has no names of commands and no ids of other namespaces")
        }
        return detail
    }

    private static func precision(_ option: String, _ text: String?) throws -> Int? {
        guard let text else { return nil }
        guard let digits = digits(ofPrecision: text) else {
            throw ValidationError("\(option) takes s, ms, us or ns, not '\(text)'")
        }
        return digits
    }

    private static func layout(_ options: SummaryOptions, byClass: Bool) throws -> Summary.Layout {
        var layout = Summary.Layout()
        layout.byClass = byClass
        guard let order = Summary.Order(named: options.order) else {
            throw ValidationError(
                "-S takes \(Summary.Order.allCases.map(\.rawValue).joined(separator: ", ")), not '\(options.order)'")
        }
        layout.order = order
        guard let columns = options.columns else { return layout }
        layout.columns = try columns.split(separator: ",").map { name in
            guard let column = Summary.Column(named: String(name)) else {
                throw ValidationError(
                    "-U takes \(Summary.Column.allCases.map(\.rawValue).joined(separator: ", ")), not '\(name)'")
            }
            return column
        }
        if !layout.columns.contains(.name) { layout.columns.append(.name) }
        return layout
    }

    private static func overhead(_ options: SummaryOptions) throws -> Int64 {
        guard let text = options.overhead else { return 0 }
        guard let span = nanoseconds(parsing: text) else {
            throw ValidationError("-O takes a number with s, ms, us or ns, not '\(text)'")
        }
        return span
    }

    private static func secondsEastOfUTC(_ seconds: Int64) -> Int64 {
        var time = time_t(seconds)
        var local = tm()
        localtime_r(&time, &local)
        return Int64(local.tm_gmtoff)
    }
}
