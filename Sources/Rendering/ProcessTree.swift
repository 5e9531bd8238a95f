// The tree of processes: who made whom, what each ran, how it ended, and what it holds at a point.

import Messages
import Objects
import Personalities

/// Gathers processes from events, and prints them as a tree.
public final class ProcessTree {
    /// A process from its beginning to its end, as far as it was seen.
    private struct Life {
        var parent: Int32 = 0
        var began: Int64
        var ended: Int64?
        /// The command lines it ran, one an exec.
        var images: [[UInt8]] = []
        var ending: Happening?
        var calls = 0
        var threads = 1
    }

    public let world = World()
    private let decoder = Decoder()
    private var lives: [Int32: Life] = [:]
    private var order: [Int32] = []
    private var pending: [Int32: Message] = [:]
    private var first: Int64?

    public init() {}

    /// The time of the first event, in nanoseconds since 1970; nil before there is one.
    public var start: Int64? { first }

    public func see(_ event: Event, _ snapshot: Snapshot) {
        if first == nil { first = event.time }
        switch event.happening {
        case .entry:
            let message = decoder.entry(snapshot)
            pending[event.thread] = message
            lives[event.process]?.calls += 1
            world.see(event, snapshot.asMeant, message)
            return
        case .started(let parent, _): start(event, parent)
        case .executed(let former): execute(event, former)
        case .exited, .killed, .detached:
            pending[event.thread] = nil
            if event.thread == event.process {
                lives[event.process]?.ended = event.time
                lives[event.process]?.ending = event.happening
            }
        default: break
        }
        world.see(event, snapshot.asMeant)
    }

    private func start(_ event: Event, _ parent: Int32) {
        guard lives[event.process] == nil else {
            if event.thread != event.process { lives[event.process]?.threads += 1 }
            return
        }
        let parentProcess = world.threads[parent]?.process ?? 0
        lives[event.process] = Life(parent: parentProcess, began: event.time)
        order.append(event.process)
    }

    private func execute(_ event: Event, _ former: Int32) {
        guard let call = pending[former] ?? pending[event.thread] else { return }
        lives[event.process]?.images.append(Self.commandLine(call))
    }

    /// What was passed to exec, as a person would type it.
    private static func commandLine(_ message: Message) -> [UInt8] {
        for argument in message.arguments where argument.item == "argv" {
            var words: [[UInt8]] = []
            var isCut = false
            switch argument.value {
            case .list(let values): words = values.compactMap(word)
            case .cutList(let values), .brokenList(let values, at: _):
                words = values.compactMap(word)
                isCut = true
            default: continue
            }
            return Array(words.joined(separator: [0x20])) + (isCut ? Array(" ...".utf8) : [])
        }
        for argument in message.arguments { if case .path(let path) = argument.value { return quoted(path.bytes) } }
        return Array(message.name.utf8)
    }

    private static func word(_ value: Value) -> [UInt8]? {
        switch value {
        case .bytes(let bytes), .path(let bytes):
            quoted(bytes.bytes) + (UInt64(bytes.bytes.count) < bytes.total ? Array("...".utf8) : [])
        default: nil
        }
    }

    /// Bare where a shell would take it so, otherwise in quotes with escapes: nothing reaches the terminal raw.
    private static func quoted(_ word: [UInt8]) -> [UInt8] {
        let special = "\"'\\$`*?[]{}()<>|&;#~!".utf8
        let isBare = !word.isEmpty && word.allSatisfy { $0 > 0x20 && $0 < 0x7F && !special.contains($0) }
        if isBare { return word }
        var line: [UInt8] = []
        ValueText(style: TextStyle()).append(.path(Bytes(word)), to: &line)
        return line
    }

    // MARK: Text

    /// Every process that was seen, under the one that made it.
    public func history() -> [UInt8] {
        draw(of: order) { process, life in
            var line = Array("\(process) ".utf8)
            line += life.images.isEmpty ? Array("(no exec)".utf8) : Array(life.images.joined(separator: " => ".utf8))
            line += "  [\(life.calls) calls".utf8
            if life.threads > 1 { line += ", \(life.threads) threads".utf8 }
            if let first { line += ", at \(LineText.seconds(life.began - first)) s".utf8 }
            if let ended = life.ended { line += " for \(LineText.seconds(ended - life.began)) s".utf8 }
            line += ", \(Self.ending(life.ending))]".utf8
            return [line]
        }
    }

    /// The processes that are alive, with what they run and hold.
    public func presence(_ detail: HandleDetail) -> [UInt8] {
        let alive = world.processes
        return draw(of: order.filter { alive.contains($0) }) { process, life in
            [Array("\(process) ".utf8) + (life.images.last ?? Array("(no exec)".utf8))] + holdings(process, detail)
        }
    }

    private func holdings(_ process: Int32, _ detail: HandleDetail) -> [[UInt8]] {
        guard let objects = world.thread(of: process) else { return [] }
        let handles = HandleText(world: world, detail: detail)
        var lines: [[UInt8]] = []
        func line(_ head: String, _ file: OpenFile, _ tail: String = "") {
            var line = Array("  \(head) ".utf8)
            let name = handles.referent(file)
            ValueText(style: TextStyle()).append(.referring(.word(""), name), to: &line)
            lines.append(line + Array(tail.utf8))
        }
        if let image = objects.image { line("image", image) }
        if let directory = objects.context.workingDirectory { line("cwd", directory) }
        if let root = objects.context.root, root.name != [UInt8(ascii: "/")] { line("root", root) }
        for (number, handle) in objects.table.handles.sorted(by: { $0.key < $1.key }) {
            line("\(number)", handle.file, " \(handle.file.kind.name)\(handle.closeOnExec ? " close-on-exec" : "")")
        }
        let sharers = world.processes.filter { $0 != process && world.thread(of: $0)?.table === objects.table }
        if !sharers.isEmpty {
            let names = sharers.map(String.init).joined(separator: ", ")
            lines.append(Array("  shares its descriptors with \(names)".utf8))
        }
        return lines
    }

    private func draw(of processes: [Int32], _ describe: (Int32, Life) -> [[UInt8]]) -> [UInt8] {
        var out: [UInt8] = []
        let shown = Set(processes)
        func put(_ process: Int32, _ first: String, _ rest: String) {
            guard let life = lives[process] else { return }
            for (index, line) in describe(process, life).enumerated() {
                out += Array((index == 0 ? first : rest).utf8) + line + [10]
            }
            let children = processes.filter { lives[$0]?.parent == process }
            for child in children {
                let isLast = child == children.last
                put(child, rest + (isLast ? "└─ " : "├─ "), rest + (isLast ? "   " : "│  "))
            }
        }
        for process in processes where !shown.contains(lives[process]?.parent ?? 0) { put(process, "", "") }
        return out
    }

    private static func ending(_ happening: Happening?) -> String {
        switch happening {
        case .exited(let status): "exited with \(status)"
        case .killed(let signal, let core): "killed by \(Names.signal(signal))\(core ? " (core dumped)" : "")"
        case .detached: "let go"
        default: "still running"
        }
    }
}
