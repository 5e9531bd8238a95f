// Reads and changes extended attributes for callers.

import Glibc
import Interception
import Messages

/// What has the attributes, and the name that leads there.
private struct Attributed {
    /// Where it lies, nil for what has no place in the tree.
    var path: [UInt8]?
    /// A name that the kernel follows to it.
    var name: [UInt8]
    /// A symbolic link has attributes too, and no other name than its own: the directory that `name` starts from.
    var directory: Descriptor?
    /// Held while it is looked at.
    var found: Found?
}

/// What a call wants, as its arguments say before anything is looked up (setxattr_copy in fs/xattr.c).
private struct Attribute {
    var name: [UInt8] = []
    var value: [UInt8] = []
    var flags = 0
}

extension Work {
    /// XATTR_NAME_MAX, XATTR_SIZE_MAX (linux/limits.h); XATTR_CREATE and XATTR_REPLACE (linux/xattr.h).
    private static let nameLimit = 255
    private static let sizeLimit = 65536
    private static let settingFlags = 3

    mutating func extendedAttribute(_ call: SystemCall) throws(CallError) -> Answer {
        switch call {
        case .setxattr, .lsetxattr, .fsetxattr:
            let flags = Int(integer(4))
            guard flags & ~Self.settingFlags == 0 else { throw CallError(EINVAL) }
            let name = try attributeName()
            let size = Int(clamping: address(3))
            if size > Self.sizeLimit { throw CallError(E2BIG) }
            let value = try caller.bytes(address(2), size)
            return try change(attributed(call), Attribute(name: name, value: value, flags: flags), removes: false)
        case .removexattr, .lremovexattr, .fremovexattr:
            let name = try attributeName()
            return try change(attributed(call), Attribute(name: name), removes: true)
        case .listxattr, .llistxattr, .flistxattr: return try get(attributed(call), nil, into: 1)
        default:
            let name = try attributeName()
            return try get(attributed(call), name, into: 2)
        }
    }

    private mutating func attributed(_ call: SystemCall) throws(CallError) -> Attributed {
        let found: Found
        switch call {
        case .fsetxattr, .fgetxattr, .flistxattr, .fremovexattr:
            let object = try descriptor(integer(0))
            if fcntl(object.number, F_GETFL) & O_PATH != 0 { throw CallError(EBADF) }
            found = try resolution.object(of: object)
        case .lsetxattr, .lgetxattr, .llistxattr, .lremovexattr:
            found = try resolution.object(name(0), from: AT_FDCWD, followsLast: false)
            if found.isLink {
                let place = try resolution.place(name(0), from: AT_FDCWD)
                return Attributed(path: place.path, name: place.name, directory: place.directory)
            }
        default: found = try resolution.object(name(0), from: AT_FDCWD)
        }
        return Attributed(
            path: found.isNamed ? found.path : nil, name: Array("/proc/self/fd/\(found.object.number)".utf8),
            found: found)
    }

    private func attributeName() throws(CallError) -> [UInt8] {
        let name = try name(1)
        if name.isEmpty || name.count > Self.nameLimit { throw CallError(ERANGE) }
        return name
    }

    private func require(_ target: Attributed, _ right: Rights) throws(CallError) {
        guard let path = target.path else { return }
        try require([target.found.map { Need($0, right) } ?? Need(path, right, mode: UInt32(S_IFLNK))])
        // This thread goes where the link lies, and the last step is not followed.
        if let directory = target.directory, fchdir(directory.number) != 0 { throw CallError(errno) }
    }

    private func change(
        _ target: Attributed, _ attribute: Attribute, removes: Bool
    ) throws(CallError) -> Answer {
        try require(target, .xattrSet)
        let isLink = target.directory != nil
        var value = attribute.value
        _ = try Kernel.withName(target.name) { [size = value.count] path throws(CallError) in
            try Kernel.withName(attribute.name) { name throws(CallError) in
                try Kernel.withBytes(&value) { value throws(CallError) in
                    if removes {
                        try Kernel.call(isLink ? Number.lremovexattr : Number.removexattr, path, name)
                    } else {
                        try Kernel.call(
                            isLink ? Number.lsetxattr : Number.setxattr, path, name, size == 0 ? 0 : value, size,
                            attribute.flags)
                    }
                }
            }
        }
        return .value(0)
    }

    /// One attribute, or without a name the list of all names.
    private func get(_ target: Attributed, _ attribute: [UInt8]?, into place: Int) throws(CallError) -> Answer {
        try require(target, .xattrGet)
        let isLink = target.directory != nil
        let size = min(Int(clamping: address(place + 1)), Self.sizeLimit)
        var value = [UInt8](repeating: 0, count: max(size, 1))
        let got = try Kernel.withName(target.name) { path throws(CallError) in
            try Kernel.withName(attribute ?? []) { name throws(CallError) in
                try Kernel.withBytes(&value) { value throws(CallError) in
                    try attribute == nil
                        ? Kernel.call(isLink ? Number.llistxattr : Number.listxattr, path, value, size)
                        : Kernel.call(isLink ? Number.lgetxattr : Number.getxattr, path, name, value, size)
                }
            }
        }
        if size > 0 { try write(Array(value.prefix(got)), to: address(place)) }
        return .value(Int64(got))
    }
}
