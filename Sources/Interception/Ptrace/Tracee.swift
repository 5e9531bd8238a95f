// What the ptrace interceptor remembers of a thread and of its process.

import CLinux
import Glibc
import Messages
import Personalities

/// Memory and identity that the threads of a process share.
final class TracedProcess {
    let id: Int32
    /// `/proc/PID/mem`, opened when first needed; it shows the image that ran when it was opened, so that an exec
    /// closes it (proc(5)).
    private var memory: Int32 = -1
    private var memoryError: Int32 = 0
    /// How many words were read without it: who makes few calls has no use for it.
    private var peeks = 0
    private static let fewPeeks = 4
    /// A thread that stands still.
    var stopped: Int32 = 0
    var threads = 0
    /// Where the process's io_uring queues lie.
    var rings = RingTable()

    init(id: Int32) { self.id = id }

    deinit { forgetImage() }

    func forgetImage() {
        rings = RingTable()
        if memory >= 0 { close(memory) }
        memory = -1
        memoryError = 0
        peeks = 0
    }

    /// Reads through `/proc/PID/mem`: unlike process_vm_readv it cannot be held up by userfaultfd.
    func read(_ address: UInt64, into buffer: UnsafeMutableRawBufferPointer) -> Int {
        if memory < 0 {
            if buffer.count <= 8, peeks < Self.fewPeeks {
                peeks += 1
                var word: UInt64 = 0
                // Where the word reaches into a page that is not there, less may be.
                if abitrace_peek(stopped, address, &word) >= 0 {
                    withUnsafeBytes(of: word) {
                        buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[..<buffer.count]))
                    }
                    return buffer.count
                }
            }
            if memoryError != 0 { return -Int(memoryError) }
            // A number of ours may be somebody else's in another namespace's /proc.
            let name = ProcessIdentities.hasOwnTable ? id : ProcessIdentities().place(of: id)
            let descriptor = name.map { abitrace_open("/proc/\($0)/mem", O_RDONLY | O_CLOEXEC, 0) } ?? -ESRCH
            guard descriptor >= 0 else {
                memoryError = -descriptor
                return Int(descriptor)
            }
            memory = descriptor
        }
        // The file's position is signed: what lies beyond it is no user memory (pread(2) would say EINVAL).
        guard address <= UInt64(Int64.max), let base = buffer.baseAddress, buffer.count > 0 else {
            return buffer.count == 0 ? 0 : -Int(EFAULT)
        }
        let got = pread(memory, base, buffer.count, Int(address))
        if got > 0 { return got }
        // The file answers EIO where ptrace and the calls themselves answer EFAULT; end of file is a dead image.
        return got == 0 || errno == EIO ? -Int(EFAULT) : -Int(errno)
    }
}

/// A thread under watch.
final class Tracee {
    let thread: Int32
    var process: TracedProcess
    /// The call it is in, between its entry and its exit.
    var call = Stop()
    var callID: UInt64 = 0
    var isInCall = false
    /// The result of a call that is not made, until it returns.
    var injected: Int64?
    /// The call is delayed before or after; how long it will stand still when it has returned.
    var isDelayed = false
    var delayAfter: Int64 = 0
    var interruptions = Interruptions()
    /// Between resume and the next stop, outside a call: it uses a processor.
    var runsUserCode = false
    /// Its affinity is narrowed to the supervisor's processor.
    var isPinned = false
    /// How many times in a row it made its next call soon.
    var shortRuns = 0
    /// When it was let go last, and how long it ran until it stopped; -1 where it was in a call. In nanoseconds.
    var resumed: Int64 = 0
    var lastRun: Int64 = -1
    /// The signal that it stops for, handed over on resume.
    var signal: Int32 = 0
    var isGroupStopped = false
    /// The launch's own calls, before the program's exec, are nobody's business.
    var isHidden = false
    /// Waits at its first stop for the event that names its parent.
    var awaitsParent = false
    var awaitsSince: Int64 = 0
    /// In a ptrace stop that we know of: nothing more will come from it until it is resumed.
    var isStopped = false
    var isStarted = false

    init(thread: Int32, process: TracedProcess) {
        self.thread = thread
        self.process = process
    }
}
