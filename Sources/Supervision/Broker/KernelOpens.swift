// Opens that the kernel makes for the caller itself, because it holds them: under the program's Landlock domain a name leads
// to nothing, whatever a thread makes of it, that the policy does not let be opened like that.

import Glibc
import Interception
import Lowering
import Messages
import Personalities
import Synchronization

/// What the Landlock domain of a policy holds by itself. Its rules are about objects: a directory that is taken away takes
/// its rule along, and whatever comes in its place has none.
public final class KernelOpens: Sendable {
    private let layers: Mutex<[[LandlockRules.Place]]>
    /// Whether anything is held from the start on.
    let isEmpty: Bool

    public static let none = KernelOpens(layers: [])

    /// - Parameter layers: for each the places where the domain grants what the layer grants throughout, and where
    ///   programs run.
    init(layers: [[LandlockRules.Place]]) {
        self.layers = Mutex(layers)
        isEmpty = layers.isEmpty
    }

    /// Whether an object may be opened by the kernel, and anything else that the same flags open then is the policy's to
    /// grant too.
    func hold(_ access: LandlockRights, at path: [UInt8]) -> Bool { !isEmpty && grant(access, at: path) }

    /// Whether the kernel runs what lies at a path. No rule is about what has none.
    func run(_ path: [UInt8]) -> Bool { isEmpty || path.first != slash || grant(.execute, at: path) }

    private func grant(_ access: LandlockRights, at path: [UInt8]) -> Bool {
        layers.withLock { layers in
            layers.allSatisfy { places in
                var rest = access
                for place in places where !rest.isDisjoint(with: place.access) && place.covers(path) {
                    rest.subtract(place.access)
                }
                return rest.isEmpty
            }
        }
    }

    /// A directory is moved or removed, with all below it.
    func lose(_ path: [UInt8]) {
        if isEmpty { return }
        layers.withLock { layers in
            for index in layers.indices {
                layers[index].removeAll { LandlockRules.Place.isUnder(path, $0.path) }
            }
        }
    }
}

extension OpenRequest {
    /// What Landlock asks of an open (hook_file_open in security/landlock/fs.c), nil for one that is not left to the
    /// kernel. A file that is opened to be written may be cut later, which is asked about when it is opened.
    /// - Parameter kind: the type bits of an object's mode; of one that is not there, a file's.
    func access(to kind: mode_t) -> LandlockRights? {
        if isPathOnly || makesUnnamed || hasFlagsInMemory || flags & O_ACCMODE == O_ACCMODE { return nil }
        var access: LandlockRights = creates ? .makeFile : []
        if flags & O_ACCMODE != O_WRONLY { access.insert(kind == S_IFDIR ? .readDirectory : .readFile) }
        if flags & O_ACCMODE != O_RDONLY || flags & O_TRUNC != 0 { access.formUnion([.writeFile, .truncate]) }
        return access
    }
}

/// A name as a caller used it to open what is there: where it starts, and its text.
struct UsedName: Hashable {
    /// The working directory, where the text starts there.
    private var device: UInt64 = 0
    private var inode: UInt64 = 0
    private let flags: Int32
    private let text: [UInt8]

    /// Flags that say nothing of who may open what.
    private static let plain = O_CLOEXEC | O_NOCTTY | O_NONBLOCK | 0o100000 | O_APPEND

    /// Nil for a call that is no such open: one that makes or cuts something, or whose name starts at a descriptor.
    init?(_ snapshot: Snapshot, of caller: CallingThread) {
        let stop = snapshot.stop
        guard let row = SpecTables.row(stop.personality, stop.number) else { return nil }
        let name: Int
        switch row.call {
        case .open: name = 0
        case .openat where Int32(truncatingIfNeeded: stop.arguments[0]) == AT_FDCWD: name = 1
        default: return nil
        }
        flags = Int32(truncatingIfNeeded: stop.arguments[name + 1]) & ~Self.plain
        guard flags & ~(O_ACCMODE | O_NOFOLLOW | O_DIRECTORY) == 0, flags & O_ACCMODE != O_ACCMODE,
            let region = snapshot.region(at: stop.arguments[name]), region.errno == 0, region.count == region.wanted,
            region.count > 0
        else { return nil }
        text = Array(snapshot.arena[region.offset..<region.offset + region.count])
        if text[0] != slash {
            guard let place = caller.workingDirectory else { return nil }
            (device, inode) = place
        }
    }
}

/// Names whose opening was allowed and left to the kernel: programs open and look for the same ones over and over. What a
/// name comes to stand for later is no danger, for the kernel holds the caller; but what the supervisor alone may open
/// would be refused, and so they are forgotten where a link or a directory gets a name.
struct UsedNames {
    private var names: Set<UsedName> = []
    private var epoch: UInt64 = 0
    private static let limit = 1 << 14

    /// Nil for a name that is known; else what `insert` wants.
    func unknown(_ name: UsedName) -> UInt64? { names.contains(name) ? nil : epoch }

    /// - Parameter since: the answer of `unknown`, from before the name was looked up.
    mutating func insert(_ name: UsedName, since: UInt64) {
        guard since == epoch else { return }
        if names.count >= Self.limit { names.removeAll(keepingCapacity: true) }
        names.insert(name)
    }

    mutating func forget() {
        epoch &+= 1
        names.removeAll(keepingCapacity: true)
    }
}
