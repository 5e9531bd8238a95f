// abitrace tree: the processes of a recording, and what they hold at a point of it.

import ArgumentParser
import Glibc
import Interception
import Messages
import Recording
import Rendering

struct Tree: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show the processes of a recording as a tree.",
        discussion: """
            Without --at: every process with what it ran, its calls and its end. With --at: the processes that were \
            alive at that point, their working directories and descriptors.

            Examples:
              abitrace tree run.mcap
              abitrace tree --at 0.25 run.mcap     a quarter of a second after the start
              abitrace tree --at '#57' run.mcap    just before the call with this id (see show --json)
            """)

    @Option(name: .long, help: "A point: seconds since the start, or #ID for the call of that id.")
    var at: String?

    @Flag(name: .customShort("y"), help: "Twice: sockets by protocol and address, devices by number.")
    var descriptorPaths: Int

    @ArgumentParser.Argument(help: "The recording; - is standard input.")
    var recording: String

    func run() throws {
        let point = try at.map { try Point($0, of: "--at") }
        var source = ReplayInterceptor(try RecordingReader(path: recording))
        let tree = ProcessTree()
        var event = Event(thread: 0, process: 0, time: 0, happening: .detached)
        var snapshot = Snapshot()
        var interrupted = false
        var isReached = point == nil
        while try source.next(&event, &snapshot, interrupted: &interrupted) {
            if let point, point.isPassed(event, start: tree.start ?? event.time) {
                isReached = true
                break
            }
            tree.see(event, snapshot)
        }
        guard isReached else { throw Failure(description: "\(recording): it ends before \(at ?? "")") }
        let text = point == nil ? tree.history() : tree.presence(descriptorPaths > 1 ? .all : .path)
        let output = Output(descriptor: STDOUT_FILENO, isLive: false)
        output.write(text, thread: 0)
        output.close()
        if output.failed { throw Failure(description: "the output is not complete") }
        if point == nil, let remark = source.incompleteness { complain("\(recording): \(remark)") }
    }
}
