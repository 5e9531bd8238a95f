// The broker's threads: one waits for calls, so that no call wakes more than one, and another takes its place as soon as
// a call holds that one up.

import CLinux
import Glibc
import Synchronization

/// Has one thread wait for calls. The kernel wakes every thread that waits on a listener for every call (recv_wait_event
/// in kernel/seccomp.c), and on the caller's processor where there is one: so one waits, performs a call and waits
/// again. Another, which is parked until then, goes on waiting in its place where a call waits already when one is taken,
/// before a call that is known to wait for somebody, and where one takes longer than a watchman's round.
final class Pool: Sendable {
    private struct State {
        var threads = 0
        var parked = 0
        var isGrowing = false
        /// Threads that wait for calls, or are on their way to.
        var receiving = 0
        /// How many calls were taken.
        var taken: UInt64 = 0
        /// The watchman makes his rounds. He does whenever nobody waits for calls.
        var isWatched = false
    }
    private let state = Mutex(State())
    /// In a box: a function that stands in a generic place is wrapped once more by each look at it, and calling it
    /// takes a frame for each wrapping.
    private let body = Mutex<Body?>(nil)
    private let parking = Semaphore()
    private let watch = Semaphore()

    /// How many threads may wait in a call at once. Beyond it no call may wait.
    private static let limit = 4096
    private static let parkedLimit = 4
    /// Microseconds between two rounds, and to a second look where nobody waits for calls: together the longest that a
    /// call waits because another is held up unforeseen. Each round takes a processor from somebody, or wakes one.
    private static let round: UInt32 = 4000
    private static let pause: UInt32 = 1000
    /// Rounds without a call, after which the watchman rests until there is one.
    private static let quietRounds = 5

    /// Starts the first thread, and the watchman.
    /// - Parameter body: what a thread does: makes what it needs, and takes calls until it is one too many.
    /// - Returns: an errno, 0 for success.
    func start(_ body: @escaping @Sendable () -> Void) -> Int32 {
        let boxed = Body(body)
        self.body.withLock { $0 = boxed }
        state.withLock { ($0.receiving, $0.threads) = (1, 1) }
        let first = grow(parked: false)
        return first == 0 ? startThread { [self] in while true { keepWatch() } } : first
    }

    /// A thread that is counted already.
    private func grow(parked: Bool) -> Int32 {
        guard let body = body.withLock({ $0 }) else { return 0 }
        return startThread { [self] in
            if parked { parking.wait() }
            body.run()
            state.withLock { $0.threads -= 1 }
        }
    }

    /// The thread that waited for calls has one. To be said while it wears nobody's identity: a thread that is made has
    /// its maker's (credentials(7)).
    /// - Parameter isCrowded: another call waits already.
    func works(isCrowded: Bool) {
        leave(with: 1)
        keepOneParked()
        if isCrowded { standsBack() }
    }

    /// The thread that was to wait for calls cannot.
    func fails() { leave(with: 0) }

    private func leave(with calls: UInt64) {
        let begins = state.withLock { state in
            state.receiving -= 1
            state.taken &+= calls
            defer { state.isWatched = true }
            return !state.isWatched
        }
        if begins { watch.signal() }
    }

    private func keepOneParked() {
        let mustGrow = state.withLock { state in
            if state.parked > 0 || state.isGrowing || state.threads >= Self.limit { return false }
            state.isGrowing = true
            state.threads += 1
            return true
        }
        guard mustGrow else { return }
        let isMade = grow(parked: true) == 0
        state.withLock { state in
            state.isGrowing = false
            if isMade { state.parked += 1 } else { state.threads -= 1 }
        }
    }

    /// Before a call that may wait for somebody: another thread waits for calls, or is about to be made for that.
    /// - Returns: false where none can be: the call would hold up every other.
    func makesWay() -> Bool {
        for _ in 0..<100 {
            if standsBack() { return true }
            usleep(Self.pause)
        }
        return false
    }

    /// Has a parked thread wait for calls where none does.
    /// - Returns: false where none is parked.
    @discardableResult
    private func standsBack() -> Bool {
        let isThere: Bool? = state.withLock { state in
            if state.receiving > 0 { return true }
            if state.parked == 0 { return false }
            state.parked -= 1
            state.receiving = 1
            return nil
        }
        if let isThere { return isThere }
        parking.signal()
        return true
    }

    /// The thread's call is done with.
    /// - Parameter isCrowded: whether another call waits, asked only where it matters.
    /// - Returns: whether the thread waits for calls now; false where it is one too many, and ends.
    func takesTurn(isCrowded: @autoclosure () -> Bool) -> Bool {
        if state.withLock({ $0.receiving > 0 }) && !isCrowded() { return parks() }
        state.withLock { $0.receiving += 1 }
        return true
    }

    private func parks() -> Bool {
        let mustPark: Bool? = state.withLock { state in
            if state.receiving == 0 {
                state.receiving = 1
                return false
            }
            if state.parked == Self.parkedLimit { return nil }
            state.parked += 1
            return true
        }
        guard let mustPark else { return false }
        // Whoever wakes it has counted it among those who wait for calls.
        if mustPark { parking.wait() }
        return true
    }

    /// From a first call until there have been none for some rounds.
    private func keepWatch() {
        watch.wait()
        var (last, quiet, isAlarmed): (UInt64?, Int, Bool) = (nil, 0, false)
        while true {
            usleep(isAlarmed ? Self.pause : Self.round)
            let now = state.withLock { state in
                quiet = state.receiving > 0 && state.taken == last ? quiet + 1 : 0
                if quiet == Self.quietRounds { state.isWatched = false }
                return state
            }
            if !now.isWatched { return }
            isAlarmed = now.receiving == 0
            if isAlarmed && now.taken == last {
                keepOneParked()
                standsBack()
            }
            last = now.taken
        }
    }
}

private final class Body: Sendable {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}

/// Starts a thread that takes no signal but the one that ends waits. Answers an errno, 0 for success.
func startThread(_ run: @escaping @Sendable () -> Void) -> Int32 {
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    pthread_attr_setstacksize(&attributes, 1 << 20)
    var all = sigset_t()
    var former = sigset_t()
    sigfillset(&all)
    sigdelset(&all, Waits.wakeSignal)
    pthread_sigmask(SIG_SETMASK, &all, &former)
    defer { pthread_sigmask(SIG_SETMASK, &former, nil) }
    let body = Unmanaged.passRetained(Body(run))
    var failure = create(&attributes, body)
    // EAGAIN passes: the kernel answers it too while another thread of the process is in execve (copy_fs of
    // kernel/fork.c), and where threads are used up until some end.
    var tries = 0
    while failure == EAGAIN, tries < 100 {
        usleep(1000)
        failure = create(&attributes, body)
        tries += 1
    }
    if failure != 0 { body.release() }
    return failure
}

/// Answers an errno, 0 for success, and then the thread owns the body.
private func create(_ attributes: inout pthread_attr_t, _ body: Unmanaged<Body>) -> Int32 {
    var thread = pthread_t()
    return pthread_create(
        &thread, &attributes,
        { argument in
            guard let argument else { return nil }
            Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run()
            return nil
        }, body.toOpaque())
}
