// Processes from their beginnings to their ends: who made them, what they ran, how they ended.

import Messages

/// A process, as far as it was seen. Numbers come back: two lives may have the same one.
public struct Life {
    /// A program that it ran.
    struct Run {
        var time: Int64
        var arguments: [String]
    }

    var process: Int32
    /// The place of its maker among the lives, nil for the first and for what was there before.
    var parent: Int?
    var parentProcess: Int32 = 0
    var began: Int64
    var ended: Int64?
    var ending: Happening?
    var runs: [Run] = []
    var calls = 0
    var threads = 1
}

/// Gathers lives.
public struct Lives {
    private(set) var all: [Life] = []
    private var current: [Int32: Int] = [:]
    private var processes: [Int32: Int32] = [:]
    /// The command lines of execs under way, by thread.
    private var pending: [Int32: [String]] = [:]
    private(set) var first: Int64?
    private(set) var last: Int64 = 0

    /// What a process ran last; where it ran nothing itself, what its maker ran when it made it.
    func command(of life: Life) -> [String] {
        var life = life
        var runs = life.runs[...]
        // A maker comes before what it makes, so this ends.
        while runs.isEmpty, let parent = life.parent {
            let made = life.began
            life = all[parent]
            runs = life.runs.prefix { $0.time <= made }
        }
        return runs.last?.arguments ?? []
    }

    /// A process's name: of what it runs, without directories.
    func name(of life: Life) -> String { command(of: life).first.map { Words.base(Array($0.utf8)) } ?? "(unknown)" }

    /// Takes an event in; `message` is what an entry's call passes.
    mutating func see(_ event: Event, _ message: Message?) {
        if first == nil { first = event.time }
        last = max(last, event.time)
        switch event.happening {
        case .entry:
            if current[event.process] == nil { begin(event, parent: 0) }
            if let place = current[event.process] { all[place].calls += 1 }
            if let message, message.operation == .procExec { pending[event.thread] = Self.commandLine(message) }
        case .started(let parent, _): start(event, parent)
        case .executed(let former):
            let words = pending.removeValue(forKey: former) ?? pending.removeValue(forKey: event.thread) ?? []
            if let place = current[event.process] { all[place].runs.append(.init(time: event.time, arguments: words)) }
        case .exit: pending[event.thread] = nil
        case .exited, .killed, .detached: end(event)
        default: break
        }
    }

    private mutating func start(_ event: Event, _ parent: Int32) {
        processes[event.thread] = event.process
        if let place = current[event.process], event.thread != event.process {
            all[place].threads += 1
        } else if current[event.process] == nil {
            begin(event, parent: parent)
        }
    }

    private mutating func begin(_ event: Event, parent: Int32) {
        processes[event.thread] = event.process
        let maker = processes[parent] ?? 0
        current[event.process] = all.count
        all.append(Life(process: event.process, parent: current[maker], parentProcess: maker, began: event.time))
    }

    private mutating func end(_ event: Event) {
        pending[event.thread] = nil
        processes[event.thread] = nil
        guard event.thread == event.process, let place = current.removeValue(forKey: event.process) else { return }
        all[place].ended = event.time
        all[place].ending = event.happening
    }

    /// What was passed to exec, a word each.
    private static func commandLine(_ message: Message) -> [String] {
        for argument in message.arguments where argument.item == "argv" {
            switch argument.value {
            case .list(let values): return values.compactMap(word)
            case .cutList(let values), .brokenList(let values, at: _): return values.compactMap(word) + ["…"]
            default: continue
            }
        }
        for argument in message.arguments { if let word = word(argument.value) { return [word] } }
        return []
    }

    private static func word(_ value: Value) -> String? {
        switch value {
        case .bytes(let bytes), .path(let bytes):
            Words.text(bytes.bytes) + (UInt64(bytes.bytes.count) < bytes.total ? "…" : "")
        default: nil
        }
    }
}
