// The broker's threads: always one more than there is work, so that a call that waits holds up no other.

import CLinux
import Glibc
import Synchronization

/// Grows by a thread whenever the last idle one finds work, and shrinks when many are idle.
final class Pool: Sendable {
    private struct Count {
        var threads = 0
        var idle = 0
    }
    private let count = Mutex(Count())
    /// In a box: a function that stands in a generic place is wrapped once more by each look at it, and calling it
    /// takes a frame for each wrapping.
    private let body = Mutex<Body?>(nil)

    /// How many threads may wait in a call at once. Beyond it the callers of this one policy wait for each other.
    private static let limit = 4096
    private static let idleLimit = 4

    /// Starts two threads. Answers an errno, 0 for success.
    func start(_ body: @escaping @Sendable () -> Void) -> Int32 {
        let boxed = Body(body)
        self.body.withLock { $0 = boxed }
        let first = grow()
        return first == 0 ? grow() : first
    }

    private func grow() -> Int32 {
        guard let body = body.withLock({ $0 }) else { return 0 }
        count.withLock { $0.threads += 1 }
        let failure = startThread { [self] in
            body.run()
            count.withLock { $0.threads -= 1 }
        }
        if failure != 0 { count.withLock { $0.threads -= 1 } }
        return failure
    }

    /// A thread waits for a call.
    func waits() { count.withLock { $0.idle += 1 } }

    /// A thread has one, and another must stand by.
    func works() {
        let mustGrow = count.withLock { count in
            count.idle -= 1
            return count.idle == 0 && count.threads < Self.limit
        }
        if mustGrow { _ = grow() }
    }

    /// Whether the asking thread is one too many.
    func hasTooMany() -> Bool { count.withLock { $0.idle > Self.idleLimit } }
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
    while failure == EAGAIN, tries < 1000 {
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
