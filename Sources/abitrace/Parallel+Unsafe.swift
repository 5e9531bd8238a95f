// Work on as many processors as there are: a thread for each, elements handed out in order.

import Glibc
import Synchronization

enum Parallel {
    /// The results of `body` for every element, in the order of the elements.
    static func map<Element: Sendable, Result: Sendable>(
        _ elements: [Element], _ body: @escaping @Sendable (Element) -> Result
    ) -> [Result] {
        let threads = min(elements.count, processors)
        if threads < 2 { return elements.map(body) }
        let work = Work(elements, body)
        let handles = (1..<threads).compactMap { _ in start(work.run) }
        // What no thread could be made for is done here.
        work.run()
        for handle in handles { pthread_join(handle, nil) }
        return work.finished
    }

    /// Those that are there (sysconf(3)).
    static var processors: Int { max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))) }

    private final class Work<Element: Sendable, Result: Sendable>: Sendable {
        private struct State {
            var next = 0
            var results: [Int: Result] = [:]
        }

        private let elements: [Element]
        private let body: @Sendable (Element) -> Result
        private let state = Mutex(State())

        init(_ elements: [Element], _ body: @escaping @Sendable (Element) -> Result) {
            (self.elements, self.body) = (elements, body)
        }

        @Sendable func run() {
            while true {
                let index = state.withLock { state in
                    defer { state.next += 1 }
                    return state.next
                }
                guard index < elements.count else { return }
                let result = body(elements[index])
                state.withLock { $0.results[index] = result }
            }
        }

        var finished: [Result] { state.withLock { state in elements.indices.compactMap { state.results[$0] } } }
    }

    private final class Start: Sendable {
        let body: @Sendable () -> Void

        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    /// A thread, nil where the system has none to give.
    private static func start(_ body: @escaping @Sendable () -> Void) -> pthread_t? {
        let start = Unmanaged.passRetained(Start(body))
        var handle = pthread_t()
        let failure = pthread_create(
            &handle, nil,
            { argument in
                if let argument { Unmanaged<Start>.fromOpaque(argument).takeRetainedValue().body() }
                return nil
            }, start.toOpaque())
        if failure == 0 { return handle }
        start.release()
        return nil
    }
}
