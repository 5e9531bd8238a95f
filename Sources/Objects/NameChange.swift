// What unlink and rename do to the names of files that are open.

import Messages

/// A name that was removed, moved or exchanged. Paths are plain and absolute.
enum NameChange {
    case removed([UInt8])
    case moved(from: [UInt8], to: [UInt8])
    case exchanged([UInt8], [UInt8])

    /// Nil for a call that changes no name.
    init?(_ message: Message, _ objects: ThreadObjects) {
        let paths = message.paths(objects)
        switch message.operation {
        case .fileUnlink:
            guard let path = paths.first else { return nil }
            self = .removed(path)
        case .fileRename:
            guard paths.count == 2 else { return nil }
            // RENAME_EXCHANGE (linux/fs.h)
            self = message.flagBits & 2 != 0 ? .exchanged(paths[0], paths[1]) : .moved(from: paths[0], to: paths[1])
        default: return nil
        }
    }

    func apply(to file: OpenFile) {
        guard file.name.first == UInt8(ascii: "/"), !file.isDeleted else { return }
        switch self {
        case .removed(let path): if file.name == path { file.isDeleted = true }
        case .moved(let old, let new):
            if let moved = Paths.move(file.name, from: old, to: new) {
                file.name = moved
            } else if file.name == new {
                file.isDeleted = true
            }
        case .exchanged(let one, let other):
            if let moved = Paths.move(file.name, from: one, to: other) ?? Paths.move(file.name, from: other, to: one) {
                file.name = moved
            }
        }
    }
}

extension Message {
    /// The paths of the message as the thread means them: what they led to where that was looked up, otherwise from
    /// its directories, made plain.
    func paths(_ objects: ThreadObjects) -> [[UInt8]] {
        var directory: Int32?
        var paths: [[UInt8]] = []
        for argument in arguments {
            switch argument.value {
            case .directory(let number): directory = number
            case .path(let bytes):
                if let found = resolved.first(where: { $0.argument == argument.name }) {
                    directory = nil
                    paths.append(found.path)
                    continue
                }
                let base: OpenFile?
                if let directory, directory != -100 {  // AT_FDCWD
                    base = objects.table.handles[directory]?.file
                } else {
                    base = objects.context.workingDirectory
                }
                directory = nil
                // A path that was cut, or is relative to what is not known, means nothing.
                guard bytes.total == UInt64(bytes.bytes.count),
                    let start = bytes.bytes.first == UInt8(ascii: "/") ? [] : base?.name
                else { continue }
                paths.append(Paths.join(start, bytes.bytes))
            default: break
            }
        }
        return paths
    }

    /// The last argument that is a set of flags.
    var flagBits: UInt64 {
        for argument in arguments.reversed() {
            if case .flags(_, let bits) = argument.value { return bits }
        }
        return 0
    }
}
