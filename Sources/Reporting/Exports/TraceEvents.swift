// Trace Event JSON, which chrome://tracing, Perfetto and Speedscope open: a track a thread, a slice a call
// ("Trace Event Format", the Chromium project; ui.perfetto.dev reads it too).

import Messages
import Rendering

/// Writes calls as complete events (`X`), signals and execs as instants (`i`), names as metadata (`M`).
public final class TraceEvents: ExportForm {
    private let write: ([UInt8]) -> Void
    private var start: Int64 = 0
    private struct Thread: Hashable {
        var process: Int32
        var thread: Int32
    }
    private var threads: [Thread] = []
    private var known: Set<Thread> = []
    private var isFirst = true

    public init(write: @escaping ([UInt8]) -> Void) {
        self.write = write
        write(Array("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n".utf8))
    }

    public func begin(at time: Int64) { start = time }

    public func call(_ call: ExportedCall) {
        note(call.entry)
        var event = head(call.entry, "X", call.message.name)
        event.add("cat", .string(call.message.operation.operationClass.name))
        event.add("dur", .raw(Self.microseconds(call.duration)))
        var arguments = JSONObject()
        arguments.add("operation", .string(call.message.operation.name))
        if call.entry.id != 0 { arguments.add("id", .raw("\(call.entry.id)")) }
        arguments.add("items", .raw(JSONLines.items(call.message).text))
        if let failure = Words.failure(call.message) {
            arguments.add("errno", .string(failure))
        } else if let reply = call.message.reply {
            arguments.add("result", JSONLines.value(reply.value))
        } else {
            arguments.add("result", .string("never came back"))
        }
        event.add("args", .raw(arguments.text))
        put(event)
    }

    public func other(_ event: Event) {
        switch event.happening {
        case .started: note(event)
        case .executed:
            var object = head(event, "i", "exec")
            object.add("s", .string("p"))
            put(object)
        case .signal(let info):
            var object = head(event, "i", Names.signal(info.number))
            object.add("s", .string("t"))
            object.add("args", .raw("{\"info\":\(JSONLines.value(info.record()).text)}"))
            put(object)
        case .exited, .killed:
            var object = head(event, "i", Words.ending(event.happening))
            object.add("s", .string("t"))
            put(object)
        default: break
        }
    }

    /// Names are known only now: a process is named for what it ran last.
    public func finish(_ lives: Lives) {
        for (index, life) in lives.all.enumerated() {
            label("process_sort_index", life.process, life.process, "sort_index", .raw("\(index)"))
            let words = lives.command(of: life)
            label("process_name", life.process, life.process, "name", .string(lives.name(of: life)))
            if !words.isEmpty {
                label("process_labels", life.process, life.process, "labels", .string(words.joined(separator: " ")))
            }
        }
        for (index, known) in threads.enumerated() {
            let name = known.thread == known.process ? "main" : "thread \(known.thread)"
            label("thread_name", known.process, known.thread, "name", .string(name))
            label("thread_sort_index", known.process, known.thread, "sort_index", .raw("\(index)"))
        }
        write(Array("\n],\"otherData\":{\"start\":\"\(start)\",\"version\":\"abitrace\"}}\n".utf8))
    }

    private func note(_ event: Event) {
        let thread = Thread(process: event.process, thread: event.thread)
        if known.insert(thread).inserted { threads.append(thread) }
    }

    private func label(_ kind: String, _ process: Int32, _ thread: Int32, _ item: String, _ value: JSONText) {
        var object = JSONObject()
        object.add("ph", .string("M"))
        object.add("name", .string(kind))
        object.add("pid", .raw("\(process)"))
        object.add("tid", .raw("\(thread)"))
        object.add("args", .raw("{\"\(item)\":\(value.text)}"))
        put(object)
    }

    /// Times count from the first event: as nanoseconds since 1970 they would not fit the numbers that viewers use.
    private func head(_ event: Event, _ phase: String, _ name: String) -> JSONObject {
        var object = JSONObject()
        object.add("ph", .string(phase))
        object.add("name", .string(name))
        object.add("pid", .raw("\(event.process)"))
        object.add("tid", .raw("\(event.thread)"))
        object.add("ts", .raw(Self.microseconds(event.time - start)))
        return object
    }

    private func put(_ object: JSONObject) {
        write(Array(((isFirst ? "" : ",\n") + object.text).utf8))
        isFirst = false
    }

    private static func microseconds(_ nanoseconds: Int64) -> String {
        let time = max(0, nanoseconds)
        let rest = "\(time % 1000)"
        return "\(time / 1000)." + String(repeating: "0", count: 3 - rest.count) + rest
    }
}
