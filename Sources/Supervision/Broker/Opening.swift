// Opens files for callers: the object first, the decision on it, then that very object.

import Glibc
import Messages
import Interception

/// What a caller asks of open and its like.
struct OpenRequest {
    var base: Int32
    var name: [UInt8]
    var flags: Int32
    var mode: UInt32
    /// RESOLVE_* of openat2(2).
    var resolve: UInt64 = 0
    /// The flags lie in memory, as openat2(2) has them: a kernel that makes the call would read them again.
    var hasFlagsInMemory = false

    var creates: Bool { flags & O_CREAT != 0 }
    var isPathOnly: Bool { flags & O_PATH != 0 }
    var makesUnnamed: Bool { flags & O_TMPFILE == O_TMPFILE }

    /// The rights that the flags ask of an object that exists.
    func rights(of kind: mode_t) -> Rights {
        var rights: Rights = []
        switch flags & O_ACCMODE {
        case O_RDONLY: rights = kind == S_IFDIR ? .readdir : .read
        case O_WRONLY: rights = flags & O_APPEND != 0 ? .write : [.write, .seek]
        default: rights = [.read, .write, .seek]
        }
        if flags & O_TRUNC != 0 && kind == S_IFREG { rights.insert(.resize) }
        return rights
    }
}

extension Work {
    /// Flags that say how a name is looked up, or that were obeyed already: an object that is held needs none.
    private static let lookupFlags = O_NOFOLLOW | O_CREAT | O_CLOEXEC

    mutating func open(_ request: OpenRequest) throws(CallError) -> Answer {
        var request = request
        // Three values of the two lowest bits have a meaning; the fourth may be opened for neither (open(2)).
        if request.makesUnnamed && request.flags & O_ACCMODE == O_RDONLY { throw CallError(EINVAL) }
        if request.isPathOnly { request.flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC }
        if request.creates && request.flags & O_DIRECTORY != 0 && !request.makesUnnamed { throw CallError(EINVAL) }
        if request.isPathOnly { return try look(request) }
        if request.creates || request.flags & O_TRUNC != 0 {
            try worker.asSupervisor { () throws(CallError) in try caller.requireNumber() }
        }
        let opened: Descriptor
        if request.makesUnnamed {
            opened = try unnamed(request)
        } else if request.creates {
            opened = try create(request)
        } else {
            do throws(CallError) {
                let found = try find(request, followsLast: request.flags & O_NOFOLLOW == 0)
                opened = try reopen(found, request)
            } catch {
                if error == CallError(ENOENT) { try leaveAbsent(request) }
                throw error
            }
        }
        return hand(over: opened, closesOnExec: request.flags & O_CLOEXEC != 0)
    }

    /// A descriptor opened with O_PATH gives no right: whatever is done through it comes here again, and is decided
    /// on as what it then is. So the kernel makes it, which hands none of ours over (fget in kernel/seccomp.c).
    private mutating func look(_ request: OpenRequest) throws(CallError) -> Answer {
        let found = try find(request, followsLast: request.flags & O_NOFOLLOW == 0)
        if found.isNamed { try require(found, .stat) }
        if request.hasFlagsInMemory {
            _ = refused(.unnameable("a name that openat2 is to hold: the kernel would read what is asked again"))
            // Programs fall back on openat.
            throw CallError(ENOSYS)
        }
        return .proceed
    }

    /// Ends the call here where it was allowed and the kernel makes it, under the caller's domain: nothing is handed over
    /// then, for which the caller is woken twice. What may wait for somebody stays here: a signal ends that.
    private func leave(
        _ request: OpenRequest, at path: [UInt8], _ kind: mode_t, _ device: dev_t = 0
    ) throws(CallError) {
        // Major 1 are /dev/null and its like (Documentation/admin-guide/devices.txt).
        let isImmediate = kind == S_IFREG || kind == S_IFDIR || kind == S_IFCHR && device >> 8 == 1
        guard isImmediate, changes.isEmpty, let access = request.access(to: kind),
            worker.broker.opens.hold(access, at: path)
        else { return }
        throw CallError(answering: .proceed)
    }

    /// As `leave`, for a name that leads to nothing: where it would lie it could be opened, whatever it were.
    private mutating func leaveAbsent(_ request: OpenRequest) throws(CallError) {
        guard worker.broker.remembersNames, request.base == AT_FDCWD else { return }
        var name = request.name[...]
        while true {
            while name.last == slash { name = name.dropLast() }
            if let place = try? resolution.place(Array(name), from: AT_FDCWD) {
                // A link to nothing may lead anywhere one day.
                let isLink = try existing(place) != nil
                return isLink ? () : try leave(request, at: place.path, S_IFREG)
            }
            // Its directory is not there either. What leads back from there could lead anywhere too.
            let parent = name.lastIndex(of: slash) ?? name.startIndex
            if parent == name.startIndex || name[(parent + 1)...].elementsEqual("..".utf8) { return }
            name = name[..<parent]
        }
    }

    private mutating func find(_ request: OpenRequest, followsLast: Bool) throws(CallError) -> Found {
        if request.resolve == 0 {
            return try resolution.object(request.name, from: request.base, followsLast: followsLast)
        }
        return try resolution.object(
            request.name, from: request.base, followsLast: followsLast, resolve: request.resolve)
    }

    /// Opens an object that was found and is decided on now.
    private mutating func reopen(_ found: Found, _ request: OpenRequest) throws(CallError) -> Descriptor {
        if found.isLink { throw CallError(request.flags & O_DIRECTORY != 0 ? ENOTDIR : ELOOP, about: found.path) }
        if found.isNamed {
            try require(found, request.rights(of: found.kind))
        } else {
            try requireHandle(found, request)
        }
        if found.kind == S_IFCHR && found.status.st_rdev == Terminal.controlling {
            return try openTerminal(request.flags & ~Self.lookupFlags | O_NOCTTY)
        }
        if found.throughHandle == nil { try leave(request, at: found.path, found.kind, found.status.st_rdev) }
        let flags = request.flags & ~(Self.lookupFlags | (request.creates ? O_EXCL : 0)) | O_NOCTTY
        // A FIFO without its other end, a device, a lease: all may wait.
        return try waiting(found.kind != S_IFDIR && found.kind != S_IFREG) { () throws(CallError) in
            try Kernel.reopen(found.object, flags: flags)
        }
    }

    /// A pipe, a socket or another thing without a place in the tree, reached through one of the caller's own
    /// descriptors: it may be opened again as it is open already.
    func requireHandle(_ found: Found, _ request: OpenRequest) throws(CallError) {
        guard let held = found.throughHandle else { throw CallError(refused(.unnameable("an object without a name"))) }
        let wanted = request.flags & O_ACCMODE
        // Only a file in memory has places and a size.
        let matters: Rights = found.kind == S_IFREG ? [.read, .write, .seek, .resize] : [.read, .write]
        let rights = worker.broker.authority.rights(of: found.held(as: -1, .object), calling)
        // What is opened to be read may be emptied all the same (open(2), O_TRUNC).
        let empties = matters.contains(.resize) && request.flags & O_TRUNC != 0
        let isNoWider = held == O_RDWR || held == wanted && !(empties && held == O_RDONLY)
        if isNoWider, request.rights(of: found.kind).intersection(matters).isSubset(of: rights) { return }
        throw CallError(refused(.unnameable("opened for more than the descriptor it is reached through")))
    }

    // MARK: Making

    private mutating func create(_ request: OpenRequest) throws(CallError) -> Descriptor {
        if request.resolve != 0 { return try createWithin(request) }
        var place = try resolution.place(request.name, from: request.base)
        while true {
            if place.hasTrailingSlash { throw CallError(EISDIR) }
            guard let object = try existing(place) else {
                if let made = try make(request, place) { return made }
                continue
            }
            if request.flags & O_EXCL != 0 { throw CallError(EEXIST, about: place.path) }
            let status = try Kernel.status(object.number)
            guard status.st_mode & S_IFMT == S_IFLNK else {
                return try reopenForCreation(Found(object), in: place, request)
            }
            if request.flags & O_NOFOLLOW != 0 { throw CallError(ELOOP, about: place.path) }
            // Such a link may lead where its text does not say.
            if ProcessFile.isProcfs(status.st_dev, of: object) {
                let found = try resolution.object(place.name, in: place.directory)
                return try reopenForCreation(found, in: place, request)
            }
            let (text, start) = try resolution.follow(object, in: place)
            if text.isEmpty { throw CallError(ENOENT) }
            place = try resolution.place(text, in: start)
        }
    }

    private mutating func reopenForCreation(
        _ found: Found, in place: Place, _ request: OpenRequest
    ) throws(CallError) -> Descriptor {
        if found.kind == S_IFDIR { throw CallError(EISDIR, about: found.path) }
        try refuseInSticky(found, place)
        return try reopen(found, request)
    }

    private func existing(_ place: Place) throws(CallError) -> Descriptor? {
        do throws(CallError) {
            return try Kernel.openPlainly(place.directory.number, place.name, flags: O_PATH | O_NOFOLLOW)
        } catch {
            if error.errno == ENOENT { return nil }
            throw error
        }
    }

    /// Makes the file; with O_EXCL no link is followed to it. Nil where somebody else made one meanwhile.
    private mutating func make(_ request: OpenRequest, _ place: Place) throws(CallError) -> Descriptor? {
        try require([
            Need(
                place.path, request.rights(of: S_IFREG).subtracting(.resize).union(.createFile), exists: false,
                way: place.way)
        ])
        try leave(request, at: place.path, S_IFREG)
        try wearUmask()
        do throws(CallError) {
            return try Kernel.openPlainly(
                place.directory.number, place.name,
                // With O_EXCL no link is followed (open(2)).
                flags: request.flags & ~O_CLOEXEC | O_CREAT | O_EXCL | O_NOCTTY,
                mode: request.mode & 0o7777)
        } catch {
            if error.errno == EEXIST && request.flags & O_EXCL == 0 { return nil }
            throw error
        }
    }

    /// As `create`, where openat2(2) was told where the way may not lead. A link at the end is followed by going the
    /// whole way again with its text in the name's place, so that the kernel holds each step to that.
    private mutating func createWithin(_ request: OpenRequest) throws(CallError) -> Descriptor {
        var request = request
        for _ in 0..<40 {
            let place = try resolution.place(request.name, from: request.base, resolve: request.resolve)
            if place.hasTrailingSlash { throw CallError(EISDIR) }
            do throws(CallError) {
                let found = try find(request, followsLast: false)
                if request.flags & O_EXCL != 0 { throw CallError(EEXIST, about: place.path) }
                guard found.isLink, request.flags & O_NOFOLLOW == 0 else {
                    return try reopenForCreation(found, in: place, request)
                }
                if found.processFile != nil || request.resolve & Resolution.noSymlinks != 0 {
                    throw CallError(ELOOP, about: place.path)
                }
                let text = try Kernel.readLink(found.object.number)
                request.name =
                    text.first == UInt8(ascii: "/")
                    ? text : request.name.dropLast(place.name.count) + text
            } catch {
                if error.errno != ENOENT { throw error }
                if let made = try make(request, place) { return made }
            }
        }
        throw CallError(ELOOP)
    }

    private mutating func unnamed(_ request: OpenRequest) throws(CallError) -> Descriptor {
        let found = try find(request, followsLast: true)
        if found.kind != S_IFDIR { throw CallError(ENOTDIR, about: found.path) }
        try require(found, [.createFile, .write])
        try wearUmask()
        return try Kernel.reopen(
            found.object, flags: request.flags & ~(O_CLOEXEC | O_NOFOLLOW), mode: request.mode & 0o7777)
    }

    /// fs.protected_regular and fs.protected_fifos (proc_sys_fs(5)): O_CREAT of another's file in a sticky directory.
    private func refuseInSticky(_ found: Found, _ place: Place) throws(CallError) {
        let level =
            found.kind == S_IFREG
            ? FileSystemRules.protectedRegular : found.kind == S_IFIFO ? FileSystemRules.protectedFIFOs : 0
        guard level > 0 else { return }
        let directory = try Kernel.status(place.directory.number)
        guard directory.st_mode & 0o1000 != 0, found.status.st_uid != directory.st_uid else { return }
        guard directory.st_mode & 0o002 != 0 || (level > 1 && directory.st_mode & 0o020 != 0) else { return }
        if found.status.st_uid != (try caller.currentCredentials().users[3]) {
            throw CallError(EACCES, about: found.path)
        }
    }
}
