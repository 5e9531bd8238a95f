// abitrace export: a recording in the forms of other programs.

import ArgumentParser
import Glibc
import Interception
import Recording
import Reporting

struct Export: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write a recording in the form of another program.",
        discussion: """
            perfetto and chrome are Trace Event JSON, for ui.perfetto.dev and chrome://tracing: a track a thread, a \
            slice a call. folded is for flame graphs: program;class;operation and a weight. sqlite is a database with \
            the tables calls, items, descriptors, signals and processes. jsonl is the form of show --json with \
            descriptors told, strace that of strace -f -ttt -T -y.

            Examples:
              abitrace export --to perfetto -o run.json run.mcap
              abitrace export --to folded --weight time run.mcap | flamegraph.pl > run.svg
              abitrace export --to sqlite -o run.db run.mcap
              sqlite3 run.db 'SELECT operation, count(*), sum(duration) FROM calls GROUP BY operation'
            """)

    @Option(name: .long, help: "perfetto, chrome, jsonl, strace, folded or sqlite.")
    var to: ExportTarget

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp("Write to FILE; - is standard output, which sqlite cannot be written to.", valueName: "file")
    )
    var output: String = "-"

    @Option(name: .long, help: "folded: what the number counts, count or time (nanoseconds).")
    var weight: FoldedStacks.Weight = .count

    @ArgumentParser.Argument(help: "The recording; - is standard input.")
    var recording: String

    func run() throws {
        switch to {
        case .jsonl: try show(["--json", "-y"])
        case .strace: try show(["-f", "-ttt", "-T", "-y"])
        case .perfetto, .chrome: try write { TraceEvents(write: $0) }
        case .folded: try write { FoldedStacks(weight, write: $0) }
        case .sqlite: try writeDatabase()
        }
    }

    private func show(_ options: [String]) throws {
        try replay(recording, try OutputOptions.parse(options + (output == "-" ? [] : ["-o", output])))
    }

    private func write(_ form: (@escaping ([UInt8]) -> Void) -> any ExportForm) throws {
        let target =
            output == "-"
            ? Output(descriptor: STDOUT_FILENO, isLive: false) : try Output(path: output, split: false)
        try feed(form { target.write($0, thread: 0) })
        target.close()
        if target.failed { throw Failure(description: "\(output) is not complete") }
    }

    /// The database is made beside its place and moved there when it is whole.
    private func writeDatabase() throws {
        guard output != "-" else { throw ValidationError("--to sqlite needs -o FILE") }
        let draft = "\(output).\(getpid()).part"
        unlink(draft)
        do {
            try feed(try SQLiteExport(path: draft))
        } catch {
            unlink(draft)
            guard let error = error as? DatabaseError else { throw error }
            throw Failure(description: "cannot write \(output): \(error)")
        }
        guard rename(draft, output) == 0 else {
            let reason = String(cString: strerror(errno))
            unlink(draft)
            throw Failure(description: "cannot write \(output): \(reason)")
        }
    }

    private func feed(_ form: any ExportForm) throws {
        let feed = ExportFeed(form)
        var count = 0
        var progress = Progress(recording)
        try RecordingFiles.eachEvent(of: recording) { event, snapshot in
            count += 1
            progress.step(count)
            try feed.see(event, snapshot)
        }
        progress.end()
        try feed.finish()
    }
}

enum ExportTarget: String, CaseIterable, ExpressibleByArgument {
    case perfetto, chrome, jsonl, strace, folded, sqlite
}

extension FoldedStacks.Weight: ExpressibleByArgument {}
