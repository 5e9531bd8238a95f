// Which of a call's paths are looked up when it is made, and whether the last link of each would be followed.

import Messages

/// A path that a call names.
public struct PathNeed: Equatable, Sendable {
    /// The index of the argument, which the fact carries as its number.
    public var argument: Int32
    /// Where the path's bytes are in the snapshot's arena.
    public var bytes: ArenaRange
    /// The directory that a relative path starts from; AT_FDCWD for the working directory.
    public var directory: Int32
    /// Whether a symbolic link in the last place would be followed (path_resolution(7)).
    public var followsLast: Bool
}

extension Snapshot {
    /// Tells `body` the paths of a call that is made. Opens that make nothing are left out: their answer says what
    /// was opened.
    @inline(__always)
    public func pathNeeds(_ body: (PathNeed) -> Void) {
        guard let row = SpecTables.row(stop.personality, stop.number),
            row.operation.namesFiles || (row.operation == .fileOpen && mayCreate(row))
        else { return }
        look(row, body)
    }

    /// Whether the call removes or moves names.
    @inline(__always)
    public var changesNames: Bool {
        guard let row = SpecTables.row(stop.personality, stop.number) else { return false }
        return row.operation == .fileUnlink || row.operation == .fileRename
    }

    /// Whether an open has O_CREAT (asm-generic/fcntl.h).
    private func mayCreate(_ row: CallRow) -> Bool {
        switch row.call {
        case .creat: true
        case .open: stop.arguments.a1 & 0o100 != 0
        case .openat: stop.arguments.a2 & 0o100 != 0
        case .openat2: (number(at: stop.arguments.a2, width: 8) ?? 0) & 0o100 != 0
        default: false
        }
    }

    private func look(_ row: CallRow, _ body: (PathNeed) -> Void) {
        var directory: Int32 = -100  // AT_FDCWD
        for (index, argument) in row.argumentRows.enumerated() {
            if argument.type.kind == .directory {
                directory = Int32(truncatingIfNeeded: stop.arguments[index])
            } else if argument.type.kind == .path, argument.direction == .entry {
                defer { directory = -100 }
                guard let region = region(at: stop.arguments[index]), region.errno == 0, region.count > 0,
                    region.wanted == region.count
                else { continue }
                body(
                    PathNeed(
                        argument: Int32(index), bytes: ArenaRange(offset: region.offset, count: region.count),
                        directory: directory, followsLast: row.followsLast(stop.arguments)))
            }
        }
    }
}

extension Operation {
    /// Operations whose paths nothing else tells of.
    @inline(__always)
    fileprivate var namesFiles: Bool {
        switch self {
        case .fileCreate, .fileLink, .fileSymlink, .fileReadlink, .fileRename, .fileUnlink, .fileStatGet,
            .fileStatPut, .fileAccess, .fileXattr, .fileFsStat, .fileContextSet, .procExec, .eventChange,
            .mountAttach, .mountDetach:
            true
        default: false
        }
    }
}

extension CallRow {
    fileprivate func followsLast(_ arguments: RawArguments) -> Bool {
        switch operation {
        case .fileCreate, .fileSymlink, .fileReadlink, .fileRename, .fileUnlink: return false
        case .fileOpen: return true
        case .fileLink: return has(.at, 0x400, arguments)  // AT_SYMLINK_FOLLOW
        default: break
        }
        if call == .nameToHandleAt { return has(.handleFlags, 0x400, arguments) }  // AT_SYMLINK_FOLLOW
        if name.hasPrefix("l") && ["lstat", "lstat64", "lchown", "lchown32"].contains(name) { return false }
        if operation == .fileXattr && name.hasPrefix("l") { return false }
        if name == "oldlstat" { return false }
        // AT_SYMLINK_NOFOLLOW (linux/fcntl.h)
        return ![SymbolSet.at, .statx, .faccessat, .execveat].contains { has($0, 0x100, arguments) }
    }

    private func has(_ set: SymbolSet, _ bit: UInt64, _ arguments: RawArguments) -> Bool {
        for (index, argument) in argumentRows.enumerated()
        where argument.type.kind == .flags && argument.type.table == set.rawValue {
            return arguments[index] & bit != 0
        }
        return false
    }
}
