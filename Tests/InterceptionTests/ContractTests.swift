// The interceptor contract by itself: one suite for a source that answers at once and for one that answers late. It
// uses nothing but `next` and `resume`, which is all that a loop over an interceptor may need.

import Interception
import Messages
import Testing

/// Yields what it was given: each event at once, or only after it was asked several times in vain.
private struct Scripted: Interceptor {
    private var events: ArraySlice<Event>
    /// How often `next` says that it was interrupted before it has an event.
    private let delay: Int
    private var left: Int
    private(set) var resumed: [Event] = []

    init(_ events: [Event], delay: Int) {
        self.events = events[...]
        self.delay = delay
        left = delay
    }

    mutating func next(
        _ event: inout Event, _ snapshot: inout Snapshot, interrupted: inout Bool
    ) throws(TraceError) -> Bool {
        interrupted = false
        if events.isEmpty { return false }
        if left > 0 {
            left -= 1
            interrupted = true
            return true
        }
        left = delay
        guard let first = events.popFirst() else { return false }
        event = first
        return true
    }

    mutating func resume(_ event: borrowing Event, _ plan: Plan) throws(TraceError) { resumed.append(copy event) }
}

/// The loop as the contract allows it, over any interceptor.
private func drive(_ source: inout some Interceptor) throws -> [Event] {
    var event = Event(thread: 0, process: 0, time: 0, happening: .detached)
    var snapshot = Snapshot()
    var interrupted = false
    var seen: [Event] = []
    while try source.next(&event, &snapshot, interrupted: &interrupted) {
        if interrupted { continue }
        seen.append(event)
        try source.resume(event, .proceed)
    }
    return seen
}

/// Two threads whose calls overlap: one waits in a read while the other makes a call and returns.
private let overlapping: [Event] = {
    func event(_ thread: Int32, _ id: UInt64, _ happening: Happening) -> Event {
        Event(thread: thread, process: 1, time: Int64(id), id: id, happening: happening)
    }
    return [
        event(1, 0, .started(parent: 0, attached: false)), event(2, 0, .started(parent: 1, attached: false)),
        event(1, 1, .entry), event(2, 2, .entry), event(2, 2, .exit(result: 0)), event(1, 1, .exit(result: 5)),
        event(2, 0, .exited(status: 0)), event(1, 0, .exited(status: 0)),
    ]
}()

@Suite struct ContractTests {
    @Test(arguments: [0, 1, 3])
    func lateAnswersAreTheSameAnswers(delay: Int) throws {
        var source = Scripted(overlapping, delay: delay)
        let seen = try drive(&source)
        #expect(seen == overlapping)
        #expect(source.resumed == overlapping)
    }

    /// An exit belongs to the entry with its id, whichever thread's call returned first.
    @Test(arguments: [0, 2])
    func repliesFindTheirCalls(delay: Int) throws {
        var source = Scripted(overlapping, delay: delay)
        var open: [UInt64: Int32] = [:]
        for event in try drive(&source) {
            switch event.happening {
            case .entry: open[event.id] = event.thread
            case .exit: #expect(open.removeValue(forKey: event.id) == event.thread)
            default: break
            }
        }
        #expect(open.isEmpty)
    }

    @Test func nothingFollowsTheEnd() throws {
        var source = Scripted(overlapping, delay: 1)
        _ = try drive(&source)
        #expect(try drive(&source).isEmpty)
    }
}
