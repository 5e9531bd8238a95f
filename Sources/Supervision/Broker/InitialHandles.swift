// What programs may do with the objects that they hold from their start on, and with what is reached through those.

import Glibc
import Lowering
import Messages
import Policy

/// Knows the initial handles by their objects: duplicates of them, here and in other processes, are the same object.
struct InitialHandles: Sendable {
    private let handles: [InitialHandle]

    init(_ handles: [InitialHandle]) { self.handles = handles }

    /// What may be done through a handle because of what the program was given, beside what its place allows. A thing
    /// without a place that was not given is the program's own.
    func derived(_ held: Held) -> Rights {
        let isNamed = held.path.first == UInt8(ascii: "/")
        // What lies in a given directory and is held was opened through that, or by its place.
        let given = handles.filter { handle in
            (handle.inode == held.inode && handle.device == held.device && held.inode != 0)
                || (isNamed && handle.directory.map { LandlockRules.Place.isUnder($0, held.path) } ?? false)
        }
        if !isNamed && given.isEmpty { return accepted(held) ?? .all }
        return given.reduce([]) { $0.union($1.rights) }
    }

    /// What a socket may do that a given one accepted: what that one may, and the reading and writing that it is for.
    private func accepted(_ held: Held) -> Rights? {
        let listener = handles.first { $0.socketName.map { Self.isSame($0, held.socketName) } ?? false }
        return listener.map { $0.rights.union(RightsGroup.rw.rights) }
    }

    /// Whether a socket of one address is the listener of the other, or comes from it: internet sockets have its port
    /// and may have another address, where it listens on all of them (ip(7)).
    private static func isSame(_ listener: [UInt8], _ other: [UInt8]) -> Bool {
        guard listener.count >= 2, other.count >= 2 else { return false }
        let families = [listener[0], other[0]]
        if families.allSatisfy({ $0 == UInt8(AF_INET) || $0 == UInt8(AF_INET6) }) {
            return listener.count >= 4 && other.count >= 4 && listener[2..<4] == other[2..<4]
        }
        return listener.count > 2 && listener == other
    }

    var haveListeners: Bool { handles.contains { $0.socketName != nil } }
    var haveDirectories: Bool { handles.contains { $0.directory != nil } }

    /// What the handle that an object is reached through may hand on to it.
    func derived(_ need: Need) -> Rights {
        switch need.way {
        case nil: return []
        case .below(let base):
            return handles.reduce([]) { rights, handle in
                guard let directory = handle.directory, LandlockRules.Place.isUnder(directory, base),
                    LandlockRules.Place.isUnder(directory, need.path)
                else { return rights }
                return rights.union(handle.rights)
            }
        case .again(let device, let inode, let mode):
            let given = handles.filter { $0.inode == inode && $0.device == device }
            let rights = given.reduce(Rights()) { $0.union($1.rights) }
            switch mode {
            case O_RDONLY: return rights.subtracting([.write, .resize, .allocate])
            case O_WRONLY: return rights.subtracting([.read, .map, .mapExec])
            case O_RDWR: return rights
            default: return rights.intersection(.stat)
            }
        }
    }
}
