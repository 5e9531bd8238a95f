// The broker's threads are made and end thousands of times in a long run.

import Synchronization
import Testing

@testable import Supervision

@Suite struct PoolTests {
    /// Each thread finds work at once, so that the next one is made: none may need more stack than the one before.
    @Test func threadsFollowEachOther() async throws {
        let pool = Pool()
        let counted = Counter()
        let failure = pool.start {
            guard counted.next() < 20_000 else { return }
            pool.waits()
            pool.works()
        }
        #expect(failure == 0)
        while counted.count < 20_000 { try await Task.sleep(for: .milliseconds(5)) }
    }
}

private final class Counter: Sendable {
    private let value = Atomic(0)
    var count: Int { value.load(ordering: .relaxed) }
    func next() -> Int { value.add(1, ordering: .relaxed).newValue }
}
