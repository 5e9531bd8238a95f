// Where an object lies in a procfs, whatever the place that one is mounted at, and whose numbers its names are.

import Glibc
import Lowering
import Synchronization

/// An object of a procfs (proc(5)).
struct ProcessFile: Sendable {
    /// From the root of its procfs on, without a slash at its beginning.
    let name: [UInt8]
    /// The numbers in it are those of our namespace, by which processes are known here.
    let isOurs: Bool

    /// Nil for what lies in no procfs.
    /// - Throws: ENOENT where nobody can say where in its procfs an object lies.
    init?(_ object: Descriptor, _ path: [UInt8], _ status: stat) throws(CallError) {
        guard path.first == slash, Self.isProcfs(status.st_dev, of: object) else { return nil }
        let mount = try Kernel.mount(of: object.number)
        guard mount != Self.common.mount else {
            (name, isOurs) = (Array(path.dropFirst(Self.common.path.count)), true)
            return
        }
        let mounts = try Mount.all()
        guard let place = mounts.first(where: { $0.id == mount }), LandlockRules.Place.isUnder(place.path, path) else {
            throw CallError(ENOENT, because: "it lies in a procfs that is mounted at no place of ours")
        }
        let below = path.dropFirst(place.path == [slash] ? 0 : place.path.count)
        name = Array((place.root == [slash] ? below : place.root + below).drop { $0 == slash })
        isOurs = status.st_dev == Self.common.device || mounts.contains { $0.isWhole(of: place) && Self.isOurs($0) }
    }

    /// Whether a device's number is that of a procfs. File systems that are on no device have the major number 0
    /// (proc_pid_mountinfo(5)), so that of most objects nothing is asked.
    /// - Parameter object: one that lies there.
    static func isProcfs(_ device: dev_t, of object: Descriptor) -> Bool {
        device >> 8 & 0xFFF == 0 && devices.isProcfs(device, of: object)
    }

    private static let devices = Devices()

    /// The process or thread that it is about.
    var process: Int32? { Int32(String(decoding: name.prefix { $0 >= 48 && $0 <= 57 }, as: UTF8.self)) }

    /// Whether it tells of the supervisor, or of a process that nobody here can know.
    var isWithheld: Bool {
        guard process != nil else { return false }
        // Below a process's number stand those of its threads.
        return !isOurs || name.split(separator: slash).contains { Self.isSupervisor($0) }
    }

    private static func isSupervisor(_ component: ArraySlice<UInt8>) -> Bool {
        guard component.allSatisfy({ $0 >= 48 && $0 <= 57 }) else { return false }
        return access("/proc/self/task/" + String(decoding: component, as: UTF8.self), F_OK) == 0
    }

    /// The one that the supervisor uses itself: it runs only where that is of its own namespace.
    private static let common: (path: [UInt8], mount: UInt64?, device: dev_t) = {
        let path = Array("/proc/".utf8)
        guard let root = try? Kernel.openPlainly(AT_FDCWD, path, flags: O_PATH),
            let mount = try? Kernel.mount(of: root.number), let status = try? Kernel.status(root.number)
        else { return (path, nil, 0) }
        return (path, mount, status.st_dev)
    }()

    /// Each process is listed with its numbers from the namespace of the procfs on downwards (proc_pid_status(5), NSpid).
    private static func isOurs(_ mount: Mount) -> Bool {
        guard let root = try? Kernel.openPlainly(AT_FDCWD, mount.path, flags: O_PATH),
            let seen = try? Kernel.mount(of: root.number), seen == mount.id
        else { return false }
        func numbers(_ directory: String) -> ArraySlice<UInt8>? {
            let status = try? Kernel.contents(directory + "/self/status")
            return status?.split(separator: 10).first { $0.starts(with: "NSpid:".utf8) }
        }
        guard let here = numbers("/proc") else { return false }
        return numbers("/proc/self/fd/\(root.number)") == here
    }
}

/// Which devices without a major number are procfs. Some file systems ask far away for what fstatfs(2) says, so that it is
/// remembered until mounts change, with which a number may get another meaning.
private final class Devices: Sendable {
    private let known = Mutex<[dev_t: Bool]>([:])
    private let mounts = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC)
    /// PROC_SUPER_MAGIC (linux/magic.h).
    private static let magic = 0x9FA0

    func isProcfs(_ device: dev_t, of object: Descriptor) -> Bool {
        let remembered = known.withLock { known in
            if mountsHaveChanged { known.removeAll() }
            return known[device]
        }
        if let remembered { return remembered }
        do throws(CallError) {
            let isProcfs = try Kernel.fileSystem(object.number) == Self.magic
            known.withLock { $0[device] = isProcfs }
            return isProcfs
        } catch {
            // A procfs never fails to say so (simple_statfs in fs/libfs.c).
            return false
        }
    }

    /// Since the last time that this was asked (proc_pid_mounts(5)).
    private var mountsHaveChanged: Bool {
        guard mounts >= 0 else { return true }
        var file = pollfd(fd: mounts, events: Int16(POLLPRI), revents: 0)
        return poll(&file, 1, 0) != 0
    }
}
