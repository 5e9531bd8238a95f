// A thread whose calls are performed for it: its memory, its descriptors, who it is and where it stands.

import CLinux
import Glibc
import Personalities
import Synchronization

/// What is remembered of a thread from one of its calls to the next. Its end and its exec make it forgotten, before
/// another thread can have its id or it can have other memory. A thread is in one call at a time, so that one worker at
/// a time uses this.
final class CallingThread: TraceeMemory, @unchecked Sendable {
    let thread: Int32
    let process: Int32
    private let memory: Descriptor
    /// Leads to where it stands, wherever that is by then.
    private let placeName: [CChar]
    /// Opened when a descriptor of the caller's is first needed.
    private var handle: Descriptor?
    private var credentials: Credentials?
    private let service = Mutex(Service())
    private struct Service {
        /// The worker that performs a call of this thread's, 0 for none.
        var worker: Int32 = 0
        var isGone = false
    }

    init(thread: Int32) throws(CallError) {
        self.thread = thread
        process = Self.leads(thread) ? thread : try ThreadStatus(of: thread).process
        placeName = "/proc/\(thread)/cwd".utf8.map { CChar(bitPattern: $0) } + [0]
        memory = try Kernel.openPlainly(AT_FDCWD, Array("/proc/\(thread)/mem".utf8), flags: O_RDONLY)
    }

    /// Whether it is its process's first thread. The kernel compares the two numbers before it asks who may signal whom
    /// (do_send_specific in kernel/signal.c), and what /proc says of a thread takes it thirty times as long to write.
    private static func leads(_ thread: Int32) -> Bool {
        let answer = abitrace_call(Number.tgkill, UInt(thread), UInt(thread), 0, 0, 0, 0)
        return answer == 0 || answer == -Int(EPERM)
    }

    // MARK: Its end

    /// A worker takes a call of this thread's up.
    func isServed(by worker: Int32) { service.withLock { $0.worker = worker } }

    /// A worker has done with it. Once it is answered the thread may have made another, which is another worker's.
    func wasServed(by worker: Int32) { service.withLock { if $0.worker == worker { $0.worker = 0 } } }

    var isServed: Bool { service.withLock { $0.worker != 0 } }

    /// It was killed while it waited: nothing more is to be done for it.
    var isGone: Bool { service.withLock { $0.isGone } }

    /// It ends, and what is performed for it with it.
    /// - Returns: whether something still is.
    func isEnding() -> Bool {
        service.withLock { service in
            service.isGone = true
            guard service.worker != 0 else { return false }
            // Under the lock, so that no call is interrupted that this worker makes for somebody else.
            _ = abitrace_call(Number.tgkill, UInt(getpid()), UInt(service.worker), UInt(Waits.wakeSignal), 0, 0, 0)
            return true
        }
    }

    // MARK: Memory

    /// Reads through `/proc/PID/mem`, which userfaultfd cannot hold up.
    func read(_ address: UInt64, into buffer: UnsafeMutableRawBufferPointer) -> Int {
        guard buffer.count > 0 else { return 0 }
        guard address <= UInt64(Int64.max), let base = buffer.baseAddress else { return -Int(EFAULT) }
        let got = pread(memory.number, base, buffer.count, Int(address))
        if got > 0 { return got }
        return got == 0 || errno == EIO ? -Int(EFAULT) : -Int(errno)
    }

    /// All `count` bytes at an address.
    func bytes(_ address: UInt64, _ count: Int) throws(CallError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var done = 0
        while done < count {
            let got = bytes.withUnsafeMutableBytes {
                read(address &+ UInt64(done), into: UnsafeMutableRawBufferPointer(rebasing: $0[done...]))
            }
            guard got > 0 else { throw CallError(EFAULT) }
            done += got
        }
        return bytes
    }

    /// Writes as the caller itself could: unlike `/proc/PID/mem`, process_vm_writev respects what is read-only.
    func write(_ bytes: [UInt8], to address: UInt64) throws(CallError) {
        guard !bytes.isEmpty else { return }
        // Its number may be another's soon.
        if isGone { throw CallError(EINTR) }
        let count = bytes.count
        let got = bytes.withUnsafeBytes { source in
            var local = iovec(iov_base: UnsafeMutableRawPointer(mutating: source.baseAddress), iov_len: count)
            var remote = iovec(iov_base: UnsafeMutableRawPointer(bitPattern: UInt(address)), iov_len: count)
            return withUnsafeMutablePointer(to: &local) { local in
                withUnsafeMutablePointer(to: &remote) { remote in
                    abitrace_call(
                        Number.processVMWritev, UInt(thread), UInt(bitPattern: local), 1, UInt(bitPattern: remote), 1,
                        0)
                }
            }
        }
        guard got == count else { throw CallError(EFAULT) }
    }

    // MARK: Descriptors and places

    /// A copy of the caller's descriptor: what is decided on is what is used, whatever happens to the number.
    func descriptor(_ number: Int32) throws(CallError) -> Descriptor {
        guard number >= 0 else { throw CallError(EBADF) }
        if handle == nil {
            // PIDFD_THREAD is O_EXCL (Linux 6.9); before it only a process has a handle.
            let opened = abitrace_call(Number.pidfdOpen, UInt(thread), UInt(O_EXCL), 0, 0, 0, 0)
            handle = Descriptor(
                Int32(opened >= 0 ? opened : try Kernel.call(Number.pidfdOpen, Int(process))))
        }
        guard let handle else { throw CallError(EBADF) }
        return Descriptor(Int32(try Kernel.call(Number.pidfdGetfd, Int(handle.number), Int(number))))
    }

    /// The directory that a relative name starts from.
    func base(_ directory: Int32) throws(CallError) -> Descriptor {
        if directory != AT_FDCWD { return try descriptor(directory) }
        let number = open(placeName, O_PATH | O_DIRECTORY | O_CLOEXEC)
        guard number >= 0 else { throw CallError(errno) }
        return Descriptor(number)
    }

    /// Which directory relative names start from now, nil where that cannot be learned.
    var workingDirectory: (device: UInt64, inode: UInt64)? {
        var status = stat()
        guard stat(placeName, &status) == 0 else { return nil }
        return (UInt64(status.st_dev), UInt64(status.st_ino))
    }

    /// The kernel takes a number for a descriptor before it opens anything (do_sys_openat2 in fs/open.c): where there
    /// is none left, nothing is made and nothing truncated.
    func requireNumber() throws(CallError) {
        var limit = rlimit()
        try withUnsafeMutablePointer(to: &limit) { limit throws(CallError) in
            // RLIMIT_NOFILE is 7 (asm-generic/resource.h).
            _ = try Kernel.call(Number.prlimit64, Int(process), 7, 0, Int(bitPattern: limit))
        }
        // The size of the directory is how many are open, from Linux 6.2 on; before, it is 0.
        var status = stat()
        let folder = "/proc/\(thread)/fd"
        guard stat(folder, &status) == 0, UInt64(status.st_size) >= limit.rlim_cur else { return }
        guard let list = opendir(folder) else { return }
        defer { closedir(list) }
        var taken: UInt64 = 0
        while let entry = readdir(list) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if let number = UInt64(name), number < limit.rlim_cur { taken += 1 }
        }
        if taken >= limit.rlim_cur { throw CallError(EMFILE) }
    }

    /// Whether its process has other threads. The directory of a process's threads has one link for each of them, and two
    /// of its own (proc_task_getattr in fs/proc/base.c).
    func hasCompany() throws(CallError) -> Bool {
        var status = stat()
        guard stat("/proc/\(process)/task", &status) == 0 else { throw CallError(errno) }
        return status.st_nlink != 3
    }

    // MARK: Identity

    func currentCredentials() throws(CallError) -> Credentials {
        if let credentials { return credentials }
        let now = try Credentials.current(of: thread)
        credentials = now
        return now
    }

    /// It makes a call that may change them, which only the thread itself can: at its next call that one is done.
    func changesCredentials() { credentials = nil }

    func umask() throws(CallError) -> UInt32 { try ThreadStatus(of: thread).umask }
}
