// A process's descriptors, and where its threads stand in the file system.

/// One slot of a table.
public struct Handle {
    public let file: OpenFile
    /// FD_CLOEXEC (fcntl(2)).
    public var closeOnExec: Bool
}

/// A table of descriptors (the kernel's `files_struct`): shared by threads, copied by fork.
public final class DescriptorTable {
    public internal(set) var handles: [Int32: Handle]

    init(_ handles: [Int32: Handle] = [:]) { self.handles = handles }

    func copy() -> DescriptorTable { DescriptorTable(handles) }
}

/// Working directory, root and mask (the kernel's `fs_struct`): shared by threads, copied by fork.
public final class FileSystemContext {
    public internal(set) var workingDirectory: OpenFile?
    public internal(set) var root: OpenFile?
    /// umask(2), nil until it is known.
    public internal(set) var mask: UInt32?

    init(workingDirectory: OpenFile? = nil, root: OpenFile? = nil, mask: UInt32? = nil) {
        self.workingDirectory = workingDirectory
        self.root = root
        self.mask = mask
    }

    func copy() -> FileSystemContext {
        FileSystemContext(workingDirectory: workingDirectory, root: root, mask: mask)
    }
}

/// A thread with what it shares.
public struct ThreadObjects {
    public internal(set) var process: Int32
    public internal(set) var parent: Int32
    public internal(set) var table: DescriptorTable
    public internal(set) var context: FileSystemContext
    /// The file whose image the process runs, nil until it is known.
    public internal(set) var image: OpenFile?
}
