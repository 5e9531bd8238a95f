// Makes, moves and removes names for callers. A name is decided by where it lies, so that what a racing thread puts
// behind it changes nothing: that has the same grants.

import Glibc
import Interception
import Messages

extension Work {
    mutating func rename(_ call: SystemCall) throws(CallError) -> Answer {
        switch call {
        case .mkdir: return try makeDirectory(AT_FDCWD, 0, mode(1))
        case .mkdirat: return try makeDirectory(integer(0), 1, mode(2))
        case .mknod: return try makeNode(AT_FDCWD, 0, mode(1), stop.arguments[2])
        case .mknodat: return try makeNode(integer(0), 1, mode(2), stop.arguments[3])
        case .rmdir: return try remove(AT_FDCWD, 0, Self.removeDirectory)
        case .unlink: return try remove(AT_FDCWD, 0, 0)
        case .unlinkat: return try remove(integer(0), 1, integer(2))
        case .rename: return try move((AT_FDCWD, 0), (AT_FDCWD, 1), 0)
        case .renameat: return try move((integer(0), 1), (integer(2), 3), 0)
        case .renameat2: return try move((integer(0), 1), (integer(2), 3), UInt32(bitPattern: integer(4)))
        case .symlink: return try makeLink(0, (AT_FDCWD, 1))
        case .symlinkat: return try makeLink(0, (integer(1), 2))
        case .link: return try addName((AT_FDCWD, 0), (AT_FDCWD, 1), 0)
        case .linkat: return try addName((integer(0), 1), (integer(2), 3), integer(4))
        default: throw CallError(ENOSYS)
        }
    }

    /// AT_REMOVEDIR (linux/fcntl.h).
    private static let removeDirectory: Int32 = 0x200

    private func atPlace(
        _ place: Place, _ body: (_ directory: Int, _ name: Int) throws(CallError) -> Int
    ) throws(CallError) {
        _ = try Kernel.withName(place.name) { name throws(CallError) in try body(Int(place.directory.number), name) }
    }

    // MARK: Making

    private mutating func makeDirectory(_ base: Int32, _ argument: Int, _ mode: UInt32) throws(CallError) -> Answer {
        let place = try resolution.place(name(argument), from: base)
        // A name that is taken says so, whatever the policy says of making it.
        try requireNew(place, .createDir, role: .object)
        try wearUmask()
        try atPlace(place) { directory, name throws(CallError) in
            try Kernel.call(Number.mkdirat, directory, name, Int(mode))
        }
        return .value(0)
    }

    private mutating func makeNode(
        _ base: Int32, _ argument: Int, _ mode: UInt32, _ device: UInt64
    ) throws(CallError) -> Answer {
        // What can be made by this call is looked at before the name (may_mknod in fs/namei.c).
        switch mode & UInt32(S_IFMT) {
        case 0, UInt32(S_IFREG), UInt32(S_IFCHR), UInt32(S_IFBLK), UInt32(S_IFIFO), UInt32(S_IFSOCK): break
        case UInt32(S_IFDIR): throw CallError(EPERM)
        default: throw CallError(EINVAL)
        }
        let place = try resolution.place(name(argument), from: base)
        let isFile = mode & UInt32(S_IFMT) == 0 || mode & UInt32(S_IFMT) == UInt32(S_IFREG)
        try requireNew(place, isFile ? .createFile : .createNode, role: .object)
        try wearUmask()
        try atPlace(place) { directory, name throws(CallError) in
            try Kernel.call(Number.mknodat, directory, name, Int(mode), Int(device & 0xFFFF_FFFF))
        }
        return .value(0)
    }

    private mutating func makeLink(_ text: Int, _ to: (base: Int32, argument: Int)) throws(CallError) -> Answer {
        let text = try name(text)
        if text.isEmpty { throw CallError(ENOENT) }
        let place = try resolution.place(name(to.argument), from: to.base)
        try requireNew(place, .symlink, role: .to)
        try atPlace(place) { directory, name throws(CallError) in
            try Kernel.withName(text) { text throws(CallError) in
                try Kernel.call(Number.symlinkat, text, directory, name)
            }
        }
        worker.broker.forgetNames()
        return .value(0)
    }

    /// The right to make a name; to a name that is there already, and may be seen, the kernel's answer is the truth.
    private func requireNew(_ place: Place, _ right: Rights, role: HandleRole) throws(CallError) {
        let existing = try? Kernel.openPlainly(place.directory.number, place.name, flags: O_PATH | O_NOFOLLOW)
        if let existing, let found = try? Found(existing), isVisible(found.path) { throw CallError(EEXIST) }
        try require([Need(place.path, right, role: role, exists: false, way: place.way)])
    }

    // MARK: Other names

    private mutating func addName(
        _ from: (base: Int32, argument: Int), _ to: (base: Int32, argument: Int), _ flags: Int32
    ) throws(CallError) -> Answer {
        // AT_SYMLINK_FOLLOW and AT_EMPTY_PATH.
        guard flags & ~(0x400 | atEmptyPath) == 0 else { throw CallError(EINVAL) }
        let source: Found
        let text = try name(from.argument)
        if text.isEmpty && flags & atEmptyPath != 0 {
            source = try resolution.object(of: place(from.base))
        } else {
            source = try resolution.object(text, from: from.base, followsLast: flags & 0x400 != 0)
        }
        guard source.isNamed else { throw CallError(refused(.unnameable("a link to an object without a name"))) }
        let target = try resolution.place(name(to.argument), from: to.base)
        try require([
            Need(source, .linkSource, role: .from),
            Need(target.path, .linkTarget, role: .to, exists: false, way: target.way),
        ])
        // AT_SYMLINK_FOLLOW of our own descriptor's link names the object that was decided on, whatever it is.
        let held = Array("/proc/self/fd/\(source.object.number)".utf8)
        try atPlace(target) { directory, name throws(CallError) in
            try Kernel.withName(held) { held throws(CallError) in
                try Kernel.call(Number.linkat, Int(AT_FDCWD), held, directory, name, 0x400)
            }
        }
        if source.isLink { worker.broker.forgetNames() }
        return .value(0)
    }

    private mutating func move(
        _ from: (base: Int32, argument: Int), _ to: (base: Int32, argument: Int), _ flags: UInt32
    ) throws(CallError) -> Answer {
        // RENAME_NOREPLACE, RENAME_EXCHANGE and RENAME_WHITEOUT (linux/fs.h).
        guard flags & ~7 == 0, flags & 5 == 0 || flags & 2 == 0 else { throw CallError(EINVAL) }
        let source = try resolution.place(name(from.argument), from: from.base)
        let target = try resolution.place(name(to.argument), from: to.base)
        if source.isFixed { throw CallError(EBUSY) }
        if target.isFixed { throw CallError(flags & 1 != 0 ? EEXIST : EBUSY) }
        if flags & 4 != 0 { throw CallError(refused(.unnameable("a whiteout"))) }
        // Where somebody makes the name between the look and the move, what it stands for is decided on.
        for _ in 0..<Self.moveLimit { if try moves(source, target, flags) { return .value(0) } }
        throw CallError(EAGAIN)
    }

    /// How often a name may come to be between the look and the move.
    private static let moveLimit = 40

    /// Moves one name.
    /// - Returns: false where the other name has come to be meanwhile.
    private func moves(_ source: Place, _ target: Place, _ flags: UInt32) throws(CallError) -> Bool {
        let exchanges = flags & 2 != 0
        var kinds: (moved: UInt32, former: UInt32?) = (try requireThere(source), nil)
        kinds.former = exchanges ? try requireThere(target) : try? requireThere(target)
        // Names lead elsewhere by links and directories alone.
        let file = UInt32(S_IFREG)
        if kinds.moved != file { worker.broker.opens.lose(source.path) }
        if let former = kinds.former, former != file { worker.broker.opens.lose(target.path) }
        let leads = kinds.moved != file || exchanges && kinds.former != file
        defer { if leads { worker.broker.forgetNames() } }
        let directory = UInt32(S_IFDIR)
        // A thread may put a directory where a file was, and what lies in it would come under other entries.
        let authority = worker.broker.authority
        let matters = authority.reaches(below: source.path, calling) || authority.reaches(below: target.path, calling)
        let movesFile =
            matters && FileMover.isThere && kinds.moved != directory && !(exchanges && kinds.former == directory)
        if matters && !movesFile {
            if kinds.moved != directory { kinds.moved = 0 }
            if exchanges && kinds.former != directory { kinds.former = 0 }
        }
        try require(needs(source, target, kinds))
        // What is not there takes no right to remove it: nothing may be there when it is moved either.
        guard kinds.former == nil else {
            try move(source, target, flags, asFile: movesFile)
            return true
        }
        do throws(CallError) {
            try move(source, target, flags | Self.noReplace, asFile: movesFile)
        } catch {
            if error.errno == EEXIST && flags & Self.noReplace == 0 { return false }
            // Not every file system knows that flag.
            guard error.errno == EINVAL else { throw error }
            try require(needs(source, target, (kinds.moved, 0)))
            try move(source, target, flags, asFile: movesFile)
        }
        return true
    }

    /// The message says whether names are exchanged; both then move, and each is judged where it goes.
    private func needs(_ source: Place, _ target: Place, _ kinds: (moved: UInt32, former: UInt32?)) -> [Need] {
        [
            Need(source.path, .renameSource, role: .from, mode: kinds.moved, way: source.way),
            Need(
                target.path, .renameTarget, role: .to, mode: kinds.former ?? 0, exists: kinds.former != nil,
                way: target.way),
        ]
    }

    private func move(_ source: Place, _ target: Place, _ flags: UInt32, asFile: Bool) throws(CallError) {
        let perform = { () throws(CallError) in
            try atPlace(source) { directory, name throws(CallError) in
                try Kernel.withName(target.name) { other throws(CallError) in
                    try Kernel.call(
                        Number.renameat2, directory, name, Int(target.directory.number), other, Int(flags))
                }
            }
        }
        if asFile { try FileMover.run(perform) } else { try perform() }
    }

    /// RENAME_NOREPLACE (linux/fs.h).
    private static let noReplace: UInt32 = 1

    private mutating func remove(_ base: Int32, _ argument: Int, _ flags: Int32) throws(CallError) -> Answer {
        guard flags & ~Self.removeDirectory == 0 else { throw CallError(EINVAL) }
        let place = try resolution.place(name(argument), from: base)
        let mode = try requireThere(place)
        try require([Need(place.path, .unlink, mode: mode, way: place.way)])
        if mode != UInt32(S_IFREG) { worker.broker.opens.lose(place.path) }
        try atPlace(place) { directory, name throws(CallError) in
            try Kernel.call(Number.unlinkat, directory, name, Int(flags))
        }
        return .value(0)
    }

    /// What is not there cannot be refused: ENOENT is what a bare call would say. Answers the type bits of what is.
    private func requireThere(_ place: Place) throws(CallError) -> UInt32 {
        do throws(CallError) {
            let object = try Kernel.openPlainly(
                place.directory.number, place.lastName, flags: O_PATH | O_NOFOLLOW)
            return try UInt32(Kernel.status(object.number).st_mode & S_IFMT)
        } catch {
            if error.errno == ENOENT || error.errno == ENAMETOOLONG { throw error }
            return 0
        }
    }
}
