// Events to calls, for forms that want a call whole: with its end, what made it, and what its descriptors stand for.

import Messages
import Objects
import Personalities
import Rendering

/// A call from its beginning to its end.
public struct ExportedCall {
    public var entry: Event
    /// Nil where it never came back.
    public var end: Event?
    public var number: UInt64
    public var message: Message
    /// The path of the image that made it, empty where that is not known.
    public var program: [UInt8]

    var duration: Int64 { end.map { max(0, $0.time - entry.time) } ?? 0 }
}

/// A form that recordings are written in.
public protocol ExportForm: AnyObject {
    /// The recording begins with an event of this time.
    func begin(at time: Int64)
    func call(_ call: ExportedCall) throws
    /// An event that is no call.
    func other(_ event: Event) throws
    /// The recording has ended; `lives` are the processes that were seen.
    func finish(_ lives: Lives) throws
}

extension ExportForm {
    public func begin(at time: Int64) {}
}

/// Feeds a form with a recording's events.
public final class ExportFeed {
    private let form: any ExportForm
    private let decoder = Decoder()
    private let world = World()
    private let handles: HandleText
    private var pending: [Int32: ExportedCall] = [:]
    private var lives = Lives()

    public init(_ form: any ExportForm) {
        self.form = form
        handles = HandleText(world: world, detail: .all)
    }

    /// Takes the next event in.
    public func see(_ event: Event, _ snapshot: Snapshot) throws {
        if lives.first == nil { form.begin(at: event.time) }
        switch event.happening {
        case .entry: begin(event, snapshot)
        case .exit(let result):
            lives.see(event, nil)
            world.see(event, snapshot.asMeant)
            guard var call = pending.removeValue(forKey: event.thread) else { return }
            decoder.exit(&call.message, snapshot, result: result)
            handles.tell(&call.message, thread: event.thread)
            call.end = event
            try form.call(call)
        case .executed(let former):
            if former != event.thread {
                try abandon(event.thread)
                pending[event.thread] = pending.removeValue(forKey: former)
            }
            try other(event, snapshot)
        case .exited, .killed, .detached:
            try abandon(event.thread)
            try other(event, snapshot)
        default: try other(event, snapshot)
        }
    }

    /// The recording has ended.
    public func finish() throws {
        for thread in pending.keys.sorted() { try abandon(thread) }
        try form.finish(lives)
    }

    private func begin(_ event: Event, _ snapshot: Snapshot) {
        let passed = decoder.entry(snapshot)
        lives.see(event, passed)
        var message = passed
        handles.tell(&message, thread: event.thread)
        let program = world.threads[event.thread]?.image?.name ?? []
        world.see(event, snapshot.asMeant, passed)
        pending[event.thread] = ExportedCall(
            entry: event, number: snapshot.stop.number, message: message, program: program)
    }

    private func abandon(_ thread: Int32) throws {
        if let call = pending.removeValue(forKey: thread) { try form.call(call) }
    }

    private func other(_ event: Event, _ snapshot: Snapshot) throws {
        lives.see(event, nil)
        world.see(event, snapshot.asMeant)
        try form.other(event)
    }
}
