// The file under a reader: read in order, so that a pipe serves as well and a file that shrinks does no harm.

import Glibc

/// An open file and how far it was read.
final class InputFile {
    let path: String
    private let descriptor: Int32
    private let isOwned: Bool
    /// How many bytes were read.
    private(set) var position: UInt64 = 0
    /// The size of a regular file, nil for a pipe.
    let size: UInt64?
    /// Whether a regular file ends with MCAP's magic, which says that its writer closed it.
    let endsWhole: Bool

    init(path: String) throws(RecordingError) {
        self.path = path
        var opened: Int32 = 0
        if path != "-" {
            repeat { opened = open(path, O_RDONLY | O_CLOEXEC) } while opened < 0 && errno == EINTR
            guard opened >= 0 else { throw .cannotOpen(path: path, errno: errno) }
        }
        descriptor = opened
        isOwned = path != "-"
        var status = stat()
        let magic = MCAPFormat.magic
        guard isOwned, fstat(opened, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            (size, endsWhole) = (nil, false)
            return
        }
        size = UInt64(max(0, status.st_size))
        var tail = [UInt8](repeating: 0, count: magic.count)
        let got =
            status.st_size >= off_t(magic.count)
            ? pread(opened, &tail, magic.count, status.st_size - off_t(magic.count)) : 0
        endsWhole = got == magic.count && tail == magic
    }

    deinit { if isOwned { _ = close(descriptor) } }

    /// Whether a regular file has fewer than `length` bytes left. False where that is not known.
    func isShort(of length: UInt64) -> Bool {
        guard let size else { return false }
        return size < position || size - position < length
    }

    /// Goes to a byte of a regular file. False for a pipe.
    func seek(to offset: UInt64) -> Bool {
        guard size != nil, let place = off_t(exactly: offset), lseek(descriptor, place, SEEK_SET) == place else {
            return false
        }
        position = offset
        return true
    }

    /// Bytes of a regular file, whatever was read before; nil where they are not all there.
    func bytes(at offset: UInt64, count: Int) -> [UInt8]? {
        guard size != nil, let place = off_t(exactly: offset) else { return nil }
        var bytes = [UInt8](repeating: 0, count: count)
        return pread(descriptor, &bytes, count, place) == count ? bytes : nil
    }

    /// Fills `room`; answers how many bytes there were, fewer at the end of the file alone.
    func read(into room: UnsafeMutableRawBufferPointer) throws(RecordingError) -> Int {
        var done = 0
        while done < room.count, let base = room.baseAddress {
            let got = Glibc.read(descriptor, base + done, room.count - done)
            if got == 0 { break }
            if got < 0 {
                if errno == EINTR { continue }
                throw .read(path: path, errno: errno)
            }
            done += got
            position += UInt64(got)
        }
        return done
    }
}
