// A counting semaphore (sem_overview(7)), for threads that wait for each other and hold no lock meanwhile.

import Glibc

/// Unsafe because a `sem_t` must stay where it was made: it lies in memory of its own.
final class Semaphore: @unchecked Sendable {
    private let place = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

    /// Begins with nothing to take.
    init() { sem_init(place, 0, 0) }

    deinit {
        sem_destroy(place)
        place.deallocate()
    }

    /// Waits until there is one to take, whatever signals arrive.
    func wait() { while sem_wait(place) != 0 {} }

    func signal() { sem_post(place) }
}
