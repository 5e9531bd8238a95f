// abitrace show and replay: a recording through the same path as a live run.

import ArgumentParser
import Glibc
import Interception
import Recording
import Supervision

struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Show a recording, with the options of a trace.")

    @OptionGroup var options: OutputOptions

    @Argument(help: "The recording; - is standard input.")
    var recording: String

    func run() throws { try replay(recording, options) }
}

struct Replay: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run a recording through the supervisor again, as if it happened now.")

    @OptionGroup var options: OutputOptions

    @Argument(help: "The recording; - is standard input.")
    var recording: String

    func run() throws { try replay(recording, options) }
}

/// Feeds a recording to the loop that live runs use.
private func replay(_ path: String, _ options: OutputOptions) throws {
    let source = ReplayInterceptor(try RecordingReader(path: path))
    let showing = try Showing(options, defaultToStandardOutput: true)
    var supervisor = Supervisor(source: source, observer: showing.observer)
    do {
        try supervisor.run(onSignal: { _ in }, onStop: { _, _ in })
    } catch {
        showing.observer.finish()
        try? showing.close()
        throw error
    }
    try showing.close()
    if let truncation = supervisor.source.truncation { complain("\(path): \(truncation)") }
}
