// abitrace report: a recording as a page to read.

import ArgumentParser
import Glibc
import Interception
import Messages
import Recording
import Reporting

struct WriteReport: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Write a page that says what a recorded program touched.",
        discussion: """
            One HTML file that loads nothing: files as a tree with what was done to each, network, programs, a \
            timeline of processes, operations by time, failures by errno. Of a recording that was made under a policy also \
            what that said, and with --policy what another would refuse, and by which line.

            Examples:
              abitrace record -o run.mcap -- make && abitrace report -o run.html run.mcap
              abitrace report --policy build.yaml -o run.html run.mcap
            """)

    @Option(name: .shortAndLong, help: ArgumentHelp("Write to FILE; - is standard output.", valueName: "file"))
    var output: String = "-"

    @Option(name: .long, help: "Say what this policy would refuse.")
    var policy: String?

    @ArgumentParser.Argument(help: "The recording; - is standard input.")
    var recording: String

    func run() throws {
        let policy = try policy.map { (name: $0, policy: try PolicyFiles.policy($0)) }
        let reader = try RecordingReader(path: recording)
        let data = ReportData(policy: policy, recorded: reader.policy)
        var source = ReplayInterceptor(reader)
        var event = Event(thread: 0, process: 0, time: 0, happening: .detached)
        var snapshot = Snapshot()
        var interrupted = false
        var count = 0
        var progress = Progress(recording)
        while try source.next(&event, &snapshot, interrupted: &interrupted) {
            count += 1
            progress.step(count)
            data.see(event, snapshot)
        }
        progress.end()
        let remark = source.incompleteness
        if let remark { complain("\(recording): \(remark)") }
        let page = Report(data, title: recording, remark: remark).page()
        let target =
            output == "-"
            ? Output(descriptor: STDOUT_FILENO, isLive: false) : try Output(path: output, split: false)
        target.write(Array(page.utf8), thread: 0)
        target.close()
        if target.failed { throw Failure(description: "\(output) is not complete") }
    }
}
