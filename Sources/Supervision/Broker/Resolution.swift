// Finds the object that a caller's name stands for, as the kernel would for the caller itself.

import Glibc
import Messages

/// The object that a name leads to, held so that nothing can be put in its place.
struct Found {
    /// Opened with O_PATH.
    let object: Descriptor
    /// Where the object is, as the kernel names it now.
    let path: [UInt8]
    let status: stat
    /// Where the last step went through `/proc/PID/fd/N`: the access mode of that descriptor.
    var throughHandle: Int32?
    /// Where it lies in a procfs, nil for what does not.
    let processFile: ProcessFile?
    /// The directory of the caller's that the name led from, where that may matter.
    private let base: [UInt8]?

    init(_ object: Descriptor, throughHandle: Int32? = nil, base: [UInt8]? = nil) throws(CallError) {
        self.object = object
        let path = try Resolution.path(of: object)
        status = try Kernel.status(object.number)
        processFile = try ProcessFile(object, path, status)
        self.throughHandle = throughHandle
        self.base = base
        // The kernel's mark of an object whose last name is gone; one that has a name may be called so.
        let mark = Array(" (deleted)".utf8)
        let isGone = status.st_nlink == 0 && path.suffix(mark.count).elementsEqual(mark)
        self.path = isGone ? path.dropLast(mark.count) : path
    }

    /// Whether it lies, or lay, somewhere in the tree of names: pipes, sockets and memfd_create's files do not.
    var isNamed: Bool {
        path.first == slash && !(status.st_nlink == 0 && path.starts(with: "/memfd:".utf8))
    }
    var kind: mode_t { status.st_mode & S_IFMT }

    /// As what a number of the caller's stands for. Entries of a policy are about what has a name in the tree.
    func held(as number: Int32, _ role: HandleRole) -> Held {
        Held(
            number: number, role: role, path: isNamed ? path : Array(path.drop { $0 == slash }), mode: UInt32(kind),
            device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
    }
    var way: Way? {
        if let mode = throughHandle {
            return .again(device: UInt64(status.st_dev), inode: UInt64(status.st_ino), mode: mode)
        }
        return base.map { .below($0) }
    }
    var isLink: Bool { kind == S_IFLNK }
}

/// A name in a directory that is found, whether or not there is such a name.
struct Place {
    let directory: Descriptor
    let directoryPath: [UInt8]
    /// The directory of the caller's that the name led from, where that may matter.
    let base: [UInt8]?
    /// The last component with the slashes that follow it, as the kernel wants to judge them.
    let name: [UInt8]

    /// The path of the name, were it there.
    var path: [UInt8] {
        let last = lastName
        if last == [slash] { return last }
        return directoryPath == [slash] ? directoryPath + last : directoryPath + [slash] + last
    }
    /// The name without what follows it.
    var lastName: [UInt8] {
        var last = name
        while last.count > 1 && last.last == slash { last.removeLast() }
        return last
    }
    var hasTrailingSlash: Bool { name.last == slash }
    var way: Way? { base.map { .below($0) } }
    /// No name that could be moved: the root, a directory's own name or its parent's.
    var isFixed: Bool { [[slash], [UInt8(ascii: ".")], Array("..".utf8)].contains(lastName) }
}

let slash = UInt8(ascii: "/")

/// One walk along a name for one caller. The caller's root is the supervisor's: chroot and its like are refused.
struct Resolution {
    let caller: CallingThread
    let worker: Worker
    private var linksLeft = 40
    private var throughHandle: Int32?
    /// The path of the caller's directory that the name started from, where that may matter.
    private var origin: [UInt8]?

    // linux/openat2.h and linux/magic.h
    static let noSymlinks: UInt64 = 4
    private static let noMagicLinks: UInt64 = 2
    /// RESOLVE_BENEATH, RESOLVE_IN_ROOT: a name that begins with a slash begins at the base, or not at all.
    private static let withinBase: UInt64 = 0x18
    /// PATH_MAX, its NUL included (linux/limits.h).
    private static let pathLimit = 4096

    init(for caller: CallingThread, by worker: Worker) {
        self.caller = caller
        self.worker = worker
    }

    // MARK: What callers ask

    /// The object of a name. `followsLast` false: a symbolic link at the end is the object.
    mutating func object(_ name: [UInt8], from base: Int32, followsLast: Bool = true) throws(CallError) -> Found {
        try check(name)
        // A name without links leads the kernel to the same object for us as for the caller, in one call.
        let start = try start(name, base)
        let flags = O_PATH | (followsLast ? 0 : O_NOFOLLOW)
        do throws(CallError) {
            let object = try Kernel.open(start.number, name, flags: flags, resolve: Self.noSymlinks)
            return try found(object)
        } catch {
            guard Self.isWalked(error) else { throw error }
            if error.errno == ELOOP, let found = try alongLinks(name, start, flags) { return found }
        }
        return try walk(name, start, followsLast: followsLast)
    }

    /// What the kernel finds by links that have a text, in one call. In procfs such links too say who asks, and so does
    /// what they lead to; nil there, and where a step by itself tells more.
    private func alongLinks(_ name: [UInt8], _ start: Descriptor, _ flags: Int32) throws(CallError) -> Found? {
        guard let object = try? Kernel.open(start.number, name, flags: flags, resolve: Self.noMagicLinks) else {
            return nil
        }
        let found = try Found(object, throughHandle: throughHandle, base: origin)
        return found.processFile == nil ? found : nil
    }

    /// Errors that a walk does not meet with, or can say of what object they are.
    private static func isWalked(_ error: CallError) -> Bool {
        [ELOOP, EAGAIN, ENOTDIR, EACCES].contains(error.errno)
    }

    /// As `object`, with what openat2(2) was told not to do on the way; magic links are never followed then.
    mutating func object(
        _ name: [UInt8], from base: Int32, followsLast: Bool, resolve: UInt64
    ) throws(CallError) -> Found {
        try check(name)
        let start = try resolve & Self.withinBase != 0 ? self.base(base) : start(name, base)
        let object = try within(start, name, O_PATH | (followsLast ? 0 : O_NOFOLLOW), resolve)
        return try found(object)
    }

    /// The kernel's own walk, which says of no object that it is the one in the way.
    private mutating func within(
        _ start: Descriptor, _ name: [UInt8], _ flags: Int32, _ resolve: UInt64
    ) throws(CallError) -> Descriptor {
        do throws(CallError) {
            return try Kernel.open(start.number, name, flags: flags, resolve: resolve | Self.noMagicLinks)
        } catch {
            guard error.errno == ENOTDIR || error.errno == EACCES else { throw error }
            var other = self
            _ = try other.walk(name, start, followsLast: flags & O_NOFOLLOW == 0)
            throw error
        }
    }

    /// The object of a name in a directory that is open, its last link followed.
    mutating func object(_ name: [UInt8], in directory: Descriptor) throws(CallError) -> Found {
        try walk(name, directory, followsLast: true)
    }

    /// As `place`, with openat2's restrictions on the way to the directory.
    mutating func place(_ name: [UInt8], from base: Int32, resolve: UInt64) throws(CallError) -> Place {
        try check(name)
        let start = try resolve & Self.withinBase != 0 ? self.base(base) : start(name, base)
        let (parent, last) = Self.split(name)
        let directory =
            parent.isEmpty
            ? start
            : try within(start, parent, O_PATH | O_DIRECTORY, resolve)
        return Place(directory: directory, directoryPath: try Self.path(of: directory), base: origin, name: last)
    }

    /// The object of a descriptor of the caller's.
    func object(of descriptor: Descriptor) throws(CallError) -> Found {
        try Found(descriptor)
    }

    /// The directory in which the last component of a name lies or would lie.
    mutating func place(_ name: [UInt8], from base: Int32) throws(CallError) -> Place {
        try check(name)
        return try place(name, in: try start(name, base))
    }

    /// Goes on where a symbolic link at a place leads: its text, seen from its directory.
    mutating func follow(_ link: Descriptor, in place: Place) throws(CallError) -> (text: [UInt8], start: Descriptor) {
        try step()
        try refuseUntrusted(link, in: place.directory)
        let text = try Kernel.readLink(link.number)
        return (text, text.first == slash ? Self.root : place.directory)
    }

    /// As `place`, from a directory that is already open.
    mutating func place(_ name: [UInt8], in directory: Descriptor) throws(CallError) -> Place {
        let (parent, last) = Self.split(name)
        let start = parent.isEmpty ? directory : try self.directory(parent, directory)
        return Place(directory: start, directoryPath: try Self.path(of: start), base: origin, name: last)
    }

    // MARK: The walk

    private mutating func directory(_ name: [UInt8], _ start: Descriptor) throws(CallError) -> Descriptor {
        do throws(CallError) {
            return try Kernel.open(
                start.number, name, flags: O_PATH | O_DIRECTORY, resolve: Self.noSymlinks)
        } catch {
            guard Self.isWalked(error) else { throw error }
            if error.errno == ELOOP, let found = try alongLinks(name, start, O_PATH | O_DIRECTORY) {
                return found.object
            }
        }
        let found = try walk(name, start, followsLast: true)
        if found.kind != S_IFDIR { throw CallError(ENOTDIR, about: found.path) }
        return found.object
    }

    private func check(_ name: [UInt8]) throws(CallError) {
        if name.isEmpty { throw CallError(ENOENT) }
        if name.count >= Self.pathLimit { throw CallError(ENAMETOOLONG) }
    }

    private mutating func start(_ name: [UInt8], _ base: Int32) throws(CallError) -> Descriptor {
        if name.first == slash {
            origin = nil
            return Self.root
        }
        return try self.base(base)
    }

    private mutating func base(_ number: Int32) throws(CallError) -> Descriptor {
        let held = try worker.asSupervisor { () throws(CallError) in try caller.base(number) }
        let matters = number != AT_FDCWD && worker.broker.authority.givesDirectories
        origin = matters ? try Self.path(of: held) : nil
        return held
    }

    /// The supervisor keeps its root as long as it lives.
    private static let root = Descriptor(Glibc.open("/", O_PATH | O_DIRECTORY | O_CLOEXEC))

    private mutating func step() throws(CallError) {
        linksLeft -= 1
        if linksLeft < 0 { throw CallError(ELOOP) }
    }

    /// Component after component. What the kernel says of each is what it would say to the caller, for this thread
    /// has the caller's credentials.
    private mutating func walk(
        _ name: [UInt8], _ start: Descriptor, followsLast: Bool
    ) throws(CallError) -> Found {
        var current = name.first == slash ? Self.root : start
        var rest = ArraySlice(name)
        while true {
            rest = rest.drop { $0 == slash }
            if rest.isEmpty { break }
            let component = Array(rest.prefix { $0 != slash })
            rest = rest.dropFirst(component.count)
            let isLast = rest.allSatisfy { $0 == slash }
            if component.count > 255 { throw CallError(ENAMETOOLONG) }
            let next = try step(component, from: current)
            let status = try Kernel.status(next.number)
            if status.st_mode & S_IFMT == S_IFLNK {
                if isLast && rest.isEmpty && !followsLast { return try found(next) }
                try step()
                switch try destination(of: next, on: status.st_dev, named: component, in: current) {
                case .object(let object):
                    current = object
                    if rest.isEmpty { return try found(object) }
                    throughHandle = nil
                    if try Kernel.status(object.number).st_mode & S_IFMT != S_IFDIR {
                        throw CallError(ENOTDIR, about: try Self.path(of: object))
                    }
                case .text(let text):
                    if text.isEmpty { throw CallError(ENOENT) }
                    if text.first == slash { current = Self.root }
                    if text.count + rest.count >= 2 * Self.pathLimit { throw CallError(ENAMETOOLONG) }
                    rest = text + rest
                }
                continue
            }
            if (48...57).contains(component[0]) { try refuseWithheld(Found(next).processFile) }
            if (!isLast || !rest.isEmpty) && status.st_mode & S_IFMT != S_IFDIR {
                throw CallError(ENOTDIR, about: try Self.path(of: next))
            }
            current = next
        }
        return try found(current)
    }

    private func step(_ component: [UInt8], from current: Descriptor) throws(CallError) -> Descriptor {
        let isKnown = component == [UInt8(ascii: ".")] || component == Array("..".utf8)
        do throws(CallError) {
            return try Kernel.openPlainly(
                current.number, component, flags: O_PATH | (isKnown ? O_DIRECTORY : O_NOFOLLOW))
        } catch {
            guard error.errno == EACCES else { throw error }
            throw CallError(EACCES, about: try Self.path(of: current))
        }
    }

    private enum Destination {
        case text([UInt8])
        case object(Descriptor)
    }

    private mutating func destination(
        of link: Descriptor, on device: dev_t, named name: [UInt8], in directory: Descriptor
    ) throws(CallError) -> Destination {
        try refuseUntrusted(link, in: directory)
        guard ProcessFile.isProcfs(device, of: link) else {
            return .text(try Kernel.readLink(link.number))
        }
        // The root directory of a procfs has inode 1 (PROC_ROOT_INO).
        if try Kernel.status(directory.number).st_ino == 1 {
            switch name {
            case Array("self".utf8): return .text(Array("\(caller.process)".utf8))
            case Array("thread-self".utf8):
                return .text(Array("\(caller.process)/task/\(caller.thread)".utf8))
            default: return .text(try Kernel.readLink(link.number))
            }
        }
        do throws(CallError) {
            let object = try Kernel.open(directory.number, name, flags: O_PATH, resolve: Self.noMagicLinks)
            return .object(object)
        } catch {
            guard error.errno == ELOOP else { throw error }
        }
        // A magic link: the kernel alone knows where it leads.
        let place = try Found(directory).processFile
        try requireWatched(place, [])
        let object = try Kernel.openPlainly(directory.number, name, flags: O_PATH)
        throughHandle = try place.flatMap { place throws(CallError) in
            try Self.accessMode(of: name, in: place, as: object)
        }
        return .object(object)
    }

    /// fs.protected_symlinks (proc_sys_fs(5)): in a sticky directory that all may write to, only links of one's
    /// own or of the directory's owner are followed.
    private func refuseUntrusted(_ link: Descriptor, in directory: Descriptor) throws(CallError) {
        guard FileSystemRules.protectsSymlinks else { return }
        let parent = try Kernel.status(directory.number)
        guard parent.st_mode & 0o1002 == 0o1002 else { return }
        let owner = try Kernel.status(link.number).st_uid
        let user = try caller.currentCredentials().users[3]
        if owner != user && owner != parent.st_uid { throw CallError(EACCES) }
    }

    // MARK: Ends

    private func found(_ object: Descriptor) throws(CallError) -> Found {
        let found = try Found(object, throughHandle: throughHandle, base: origin)
        try refuseWithheld(found.processFile)
        return found
    }

    /// What /proc says of the supervisor's own threads is nobody's business.
    private func refuseWithheld(_ file: ProcessFile?) throws(CallError) {
        if file?.isWithheld ?? false { throw CallError(ENOENT) }
    }

    static func path(of object: Descriptor) throws(CallError) -> [UInt8] {
        try Kernel.name(of: object)
    }

    /// What stands before the last component, and that component with its trailing slashes. The dot makes the kernel
    /// ask whether the directory may be searched, as it does for whatever is looked up there (may_lookup in fs/namei.c).
    private static func split(_ name: [UInt8]) -> (parent: [UInt8], last: [UInt8]) {
        var end = name.count
        while end > 1 && name[end - 1] == slash { end -= 1 }
        var begin = end
        while begin > 0 && name[begin - 1] != slash { begin -= 1 }
        if begin == end { return ([], [slash]) }
        return (begin == 0 ? [] : name[..<begin] + [UInt8(ascii: ".")], Array(name[begin...]))
    }
}

/// Switches of the kernel that change how names are followed (proc_sys_fs(5)).
enum FileSystemRules {
    static let protectsSymlinks = isOn("protected_symlinks")
    static let protectedRegular = level("protected_regular")
    static let protectedFIFOs = level("protected_fifos")

    private static func level(_ name: String) -> Int {
        // What cannot be learned is as most have it.
        guard let text = try? Kernel.contents("/proc/sys/fs/" + name), let digit = text.first else { return 1 }
        return Int(digit) - 48
    }
    private static func isOn(_ name: String) -> Bool { level(name) > 0 }
}
