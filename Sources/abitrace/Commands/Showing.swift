// From the options to what shows a trace.

import ArgumentParser
import Glibc
import Messages
import Rendering
import Supervision

/// Everything that shows a trace, put together from the options.
struct Showing {
    let observer: ShowingObserver
    let output: Output
    private let options: OutputOptions

    init(_ options: OutputOptions, defaultToStandardOutput: Bool = false) throws {
        self.options = options
        if options.descriptorPaths > 0 {
            complain("-y is not available yet: descriptors are shown by number")
        }
        let path = options.isRecording ? nil : options.output
        output =
            path == nil && defaultToStandardOutput
            ? Output(descriptor: STDOUT_FILENO, isLive: false)
            : try Output(path: path, split: options.follow > 1)
        let output = output
        let write: ([UInt8], Int32) -> Void = { output.write($0, process: $1) }
        let style = try Self.style(options, output)
        let form: Form
        if options.summaryOnly {
            form = .nothing
        } else if options.json {
            form = .json(JSONLines(), write)
        } else if options.messages {
            form = .messages(MessageText(style: style), write)
        } else {
            var prefix = LinePrefix()
            if options.follow < 2 {
                prefix.thread = (path == nil || path == "-") && !defaultToStandardOutput ? .bracketed : .bare
            }
            prefix.time = Self.time(options)
            form = .text(
                TextPrinter(
                    style: style, prefix: prefix, showsDuration: options.duration, wholeLines: options.wholeLines,
                    secondsEastOfUTC: Self.secondsEastOfUTC, write: write))
        }
        observer = ShowingObserver(
            choice: try Self.choice(options), form: form, counts: options.summary || options.summaryOnly,
            flush: { output.flush() })
    }

    /// Prints what comes at the end and closes the output. Throws where some of the output was lost.
    func close() throws {
        if let summary = observer.summary {
            let order = Summary.Order(rawValue: options.sortBy) ?? .time
            output.write(Array(summary.text(order: order, byClass: options.verbose).utf8), process: 0)
        }
        output.close()
        if output.failed { throw Failure(description: "the output is not complete") }
    }

    private static func style(_ options: OutputOptions, _ output: Output) throws -> TextStyle {
        var style = TextStyle()
        style.abbreviates = !options.verbose
        style.stringLimit = max(0, options.stringLimit)
        style.column = options.column
        style.quoting = [.escaped, .hexadecimalWhereNeeded, .hexadecimal][min(2, options.hexadecimal)]
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
        if Summary.Order(rawValue: options.sortBy) == nil {
            throw ValidationError("-S takes time, calls, errors, name or nothing, not '\(options.sortBy)'")
        }
        return style
    }

    private static func choice(_ options: OutputOptions) throws -> Choice {
        var filter = Filter()
        for expression in options.expressions { try filter.apply(expression) }
        for set in [options.trace, options.only].compactMap({ $0 }) { try filter.apply("trace=" + set) }
        try filter.requireEffect()
        if options.successful { filter.showOnly(.successful) }
        if options.failed { filter.showOnly(.failed) }
        var choice = Choice()
        let selected = filter.trace
        choice.call = { message, number in
            selected.contains(
                call: message.name, operation: message.operation, personality: message.personality, number: number)
        }
        let signals = filter.signals
        choice.signal = { signals.contains($0) }
        choice.showsSuccess = filter.statuses.contains(.successful)
        choice.showsFailure = filter.statuses.contains(.failed)
        choice.paths = options.paths
        let quiet = filter.quiet.union(Quiet.repeated(options.quiet))
        choice.showsExits = !quiet.contains(.exit)
        return choice
    }

    private static func time(_ options: OutputOptions) -> LinePrefix.Time {
        if options.relativeTime { return .relative }
        return [LinePrefix.Time.none, .ofDay, .microseconds, .epoch][min(3, options.timeOfDay)]
    }

    private static func secondsEastOfUTC(_ seconds: Int64) -> Int64 {
        var time = time_t(seconds)
        var local = tm()
        localtime_r(&time, &local)
        return Int64(local.tm_gmtoff)
    }
}
