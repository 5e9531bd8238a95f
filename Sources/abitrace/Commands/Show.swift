// abitrace show: a recording through the same path as a live run.

import ArgumentParser
import Authoring
import Glibc
import Interception
import Messages
import Recording
import Reporting
import Supervision

struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show a recording, with the options of a trace.",
        discussion: """
            Examples:
              abitrace show run.mcap
              abitrace show --failed -e %file run.mcap
              abitrace show --json run.mcap | jq -r 'select(.event == "call").operation' | sort | uniq -c
              abitrace show -c run.mcap
              abitrace show --where 'file.open and path under /etc and failed' run.mcap
              abitrace show --from 12.5 --to 12.75 run.mcap
              abitrace show --where 'class = sock and not (errno = EAGAIN or duration < 5ms)' run.mcap

            --where asks of each call: an operation, a class (sock.*) or a call by its name; failed, succeeded, \
            interrupted, unfinished; path, object (behind a descriptor) and program, with = GLOB or under PATH; class, \
            operation, call, errno, address and port with =; pid, tid, id, result and duration with = != < <= > >=; \
            any item of the message with those, has and lacks. They join by and, or, not and parentheses.
            """)

    @OptionGroup var options: OutputOptions

    @Option(name: .customLong("where"), help: ArgumentHelp("Only calls for which this holds.", valueName: "question"))
    var question: String?

    @Option(
        name: .customLong("from"),
        help: ArgumentHelp("Begin there: seconds since the start, or #ID for the call of that id.", valueName: "point"))
    var from: String?

    @Option(name: .customLong("to"), help: ArgumentHelp("End there.", valueName: "point"))
    var end: String?

    @ArgumentParser.Argument(help: "The recording; - is standard input.")
    var recording: String

    func run() throws {
        try options.installNumbers(isDeciding: false)
        let excerpt = Excerpt(
            from: try from.map { try Point($0, of: "--from") }, to: try end.map { try Point($0, of: "--to") })
        try replay(recording, options, question: question.map { try Question($0) }, excerpt: excerpt)
    }
}

/// The part of a recording that is shown.
struct Excerpt {
    var from: Point?
    var to: Point?

    static let all = Excerpt(from: nil, to: nil)
    var isAll: Bool { from == nil && to == nil }
}

/// Feeds a recording to the loop that live runs use.
func replay(
    _ path: String, _ options: OutputOptions, question: Question? = nil, excerpt: Excerpt = .all
) throws {
    var reader = try RecordingReader(path: path)
    let showing = try Showing(options, of: .recording)
    question?.ask(for: showing.observer)
    // What descriptors and processes are at the point is told by what went before: then all of it is read.
    if question == nil, !showing.needsFacts, let from = excerpt.from { try reader.seek(from) }
    var start = excerpt.isAll ? nil : reader.firstTime()
    var source = ReplayInterceptor(reader)
    var isCut = false
    if let to = excerpt.to {
        source.isBeyond = { event in
            if start == nil { start = event.time }
            isCut = to.isPassed(event, start: start ?? 0)
            return isCut
        }
    }
    let excerpted = Answered(question, showing.observer, from: excerpt.from, start: start)
    var supervisor = Supervisor(source: source, observer: excerpted)
    do {
        try supervisor.run(onSignal: { _ in }, onStop: { _, _ in })
        if let missed = excerpted.missed, !isCut { throw Failure(description: "\(path): it ends before \(missed)") }
    } catch {
        showing.observer.finish()
        try? showing.close()
        throw error
    }
    try showing.close()
    if let remark = supervisor.source.incompleteness { complain("\(path): \(remark)") }
}

extension RecordingReader {
    /// Goes near a point where an index says where that is.
    fileprivate mutating func seek(_ point: Point) throws {
        switch point {
        case .call(let id): _ = try seek(call: id)
        case .time(let offset): if let first = firstTime() { _ = try seek(time: first &+ offset) }
        }
    }
}

/// A question, and the calls for which it holds.
final class Question {
    private let test: Where
    private let judge = Judge(Observations.nothing)
    private var answer: UInt64?

    /// - Throws: `Failure` where the text is no question.
    init(_ text: String) throws {
        do {
            test = try Where(text)
        } catch {
            throw Failure(description: "--where, \(error)", status: ExitStatus.usage)
        }
    }

    func ask(for shower: ShowingObserver) { shower.isWanted = { [unowned self] in answer == $0 } }

    /// Answers for the call that the event ends, if it ends one.
    func see(_ event: Event, _ snapshot: Snapshot) {
        answer = nil
        switch event.happening {
        case .exited, .killed, .detached: note(judge.unfinished(event.thread), end: nil)
        case .executed(let former) where former != event.thread: note(judge.unfinished(event.thread), end: nil)
        default: break
        }
        if let call = judge.see(event, snapshot) { note(call, end: event) }
    }

    private func note(_ call: JudgedCall?, end: Event?) {
        if let call, test.holds(call, end: end) { answer = call.entry.id }
    }
}

/// What is shown of a recording, after the question has seen it.
private final class Answered: Observer {
    private let question: Question?
    private let shower: ShowingObserver
    /// Where to begin; nil once that was reached.
    private(set) var missed: Point?
    private var start: Int64?

    init(_ question: Question?, _ shower: ShowingObserver, from point: Point?, start: Int64?) {
        self.question = question
        self.shower = shower
        self.start = start
        missed = point
        shower.isSilent = point != nil
    }

    func see(_ event: borrowing Event, _ snapshot: borrowing Snapshot) throws {
        if let point = missed {
            if start == nil { start = event.time }
            if point.isPassed(event, start: start ?? 0) {
                missed = nil
                shower.isSilent = false
            }
        }
        question?.see(copy event, copy snapshot)
        try shower.see(event, snapshot)
    }

    func tick() { shower.tick() }
    func finish() { shower.finish() }
}
