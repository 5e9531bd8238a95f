// The file under a writer: whole writes or none, so that a full disk leaves a readable recording.

import Glibc

/// A file that only ever grows by whole pieces.
struct OutputFile: ~Copyable {
    let path: String
    private let descriptor: Int32
    /// Whether we opened it, and so close it.
    private let isOwned: Bool
    /// Whether it can be cut back; never the standard output, whose start may be another's.
    private let canTruncate: Bool
    private var isOpen = true
    /// How many bytes are safely in the file.
    private(set) var length: UInt64 = 0

    /// Opens the file for this user alone; "-" is the standard output.
    init(path: String) throws(RecordingError) {
        self.path = path
        if path == "-" {
            (descriptor, isOwned, canTruncate) = (1, false, false)
            return
        }
        var opened: Int32
        repeat {
            opened = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        } while opened < 0 && errno == EINTR
        guard opened >= 0 else { throw .cannotOpen(path: path, errno: errno) }
        var status = stat()
        let isRegular = fstat(opened, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
        (descriptor, isOwned, canTruncate) = (opened, true, isRegular)
    }

    deinit {
        if isOwned && isOpen { _ = Glibc.close(descriptor) }
    }

    /// Writes all of `bytes`, or cuts the file back to what it was and throws.
    mutating func write(_ bytes: UnsafeRawBufferPointer) throws(RecordingError) {
        var done = 0
        while done < bytes.count, let base = bytes.baseAddress {
            let wrote = Glibc.write(descriptor, base + done, bytes.count - done)
            if wrote > 0 {
                done += wrote
                continue
            }
            let number = wrote == 0 ? EIO : errno
            if number == EINTR { continue }
            if number == EAGAIN {
                var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = poll(&waiting, 1, -1)
                continue
            }
            if canTruncate { _ = ftruncate(descriptor, off_t(length)) }
            throw .write(path: path, errno: number)
        }
        length += UInt64(bytes.count)
    }

    /// Closes the file. A file system may say only now that the bytes did not fit.
    mutating func close() throws(RecordingError) {
        guard isOpen else { return }
        isOpen = false
        guard isOwned else { return }
        // After EINTR the descriptor is closed on Linux; a second close could hit another file.
        if Glibc.close(descriptor) != 0 && errno != EINTR { throw .write(path: path, errno: errno) }
    }
}
