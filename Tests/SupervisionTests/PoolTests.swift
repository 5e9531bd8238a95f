// The broker's threads are made and end thousands of times in a long run.

import CLinux
import Glibc
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
            pool.works(isCrowded: true)
        }
        #expect(failure == 0)
        try await counted.wait(for: 20_000)
    }

    /// While a thread is in execve no other can be made (EAGAIN, copy_fs of kernel/fork.c), and that passes.
    @Test func threadsAreMadeWhileAnotherRunsAProgram() async throws {
        let pool = Pool()
        let counted = Counter()
        let asked = Counter()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                // AT_EXECVE_CHECK of execveat(2): the kernel goes into execve and comes back.
                while !Task.isCancelled {
                    _ = "/bin/true".withCString {
                        abitrace_call(322, UInt(bitPattern: -100), UInt(bitPattern: $0), 0, 0, 0x10000, 0)
                    }
                    _ = asked.next()
                    await Task.yield()
                }
            }
            try await asked.wait(for: 1)
            let failure = pool.start {
                guard counted.next() < 2_000 else { return }
                pool.works(isCrowded: true)
            }
            #expect(failure == 0)
            try await counted.wait(for: 2_000)
            group.cancelAll()
        }
    }

    /// Calls that are held up have others wait in their place, one after the other.
    @Test func aCallThatIsHeldUpHoldsUpNoOther() async throws {
        let pool = Pool()
        let (held, done) = (Counter(), Counter())
        let failure = pool.start {
            repeat {
                pool.works(isCrowded: false)
                if held.next() <= 50 {
                    while done.count == 0 { usleep(1000) }
                } else {
                    _ = done.next()
                    usleep(100)
                }
            } while pool.takesTurn(isCrowded: false) && done.count < 1000
        }
        #expect(failure == 0)
        try await done.wait(for: 1000)
        #expect(held.count > 50)
    }

    /// A call that is known to wait leaves another thread in its place at once, with no watchman's round between.
    @Test func aCallThatWaitsMakesWayFirst() async throws {
        let pool = Pool()
        let (waiting, refused, done) = (Counter(), Counter(), Counter())
        let failure = pool.start {
            repeat {
                pool.works(isCrowded: false)
                if waiting.next() > 300 {
                    _ = done.next()
                } else if pool.makesWay() {
                    while done.count == 0 { usleep(1000) }
                } else {
                    _ = refused.next()
                }
            } while pool.takesTurn(isCrowded: false) && done.count < 100
        }
        #expect(failure == 0)
        try await done.wait(for: 100)
        #expect(refused.count == 0)
    }

    /// Where no call is held up and none waits, one thread takes them all.
    @Test func oneThreadServesCallsThatComeAlone() async throws {
        let pool = Pool()
        let (threads, calls) = (Counter(), Counter())
        let failure = pool.start {
            _ = threads.next()
            repeat { pool.works(isCrowded: false) } while pool.takesTurn(isCrowded: false) && calls.next() < 100_000
        }
        #expect(failure == 0)
        try await calls.wait(for: 100_000)
        // A thread that has no processor for a round is taken for one that is held up.
        #expect(threads.count < 50)
    }
}

private final class Counter: Sendable {
    private let value = Atomic(0)
    var count: Int { value.load(ordering: .relaxed) }
    func next() -> Int { value.add(1, ordering: .relaxed).newValue }

    /// Comes back when that many were counted; a thread that was not made shows as a count that stands still.
    func wait(for goal: Int) async throws {
        var (last, still) = (-1, 0)
        while count < goal {
            still = count == last ? still + 1 : 0
            last = count
            try #require(still < 2_000, "no thread was made after \(last) of \(goal)")
            try await Task.sleep(for: .milliseconds(5))
        }
    }
}
