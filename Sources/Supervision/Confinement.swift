// What a launched program is confined by: the filter, the descriptors it may inherit, its limits.

import Glibc
import Policy

/// One instruction of a seccomp program, as `struct sock_filter` lies in memory (linux/filter.h).
public typealias FilterInstruction = UInt64

/// What confines a program from its exec on.
public struct Confinement: Sendable {
    public var filter: [FilterInstruction]
    /// What the program starts with; every other descriptor is closed.
    public let descriptors: InitialDescriptors
    /// Resource limits: RLIMIT_* and a value.
    public var limits: [(resource: Int32, value: UInt64)] = []
    /// Seconds of the clock on the wall after which everything ends, nil for no end.
    public var time: UInt64?
    /// How many processes and threads there may be at once, nil for no limit.
    public var tasks: UInt64?
    /// Landlock rulesets, ours to close once the program has them.
    public var rulesets: [Int32] = []
    /// What those hold by themselves.
    public var opens = KernelOpens.none
    /// The filter says where the program stops, and nothing confines it.
    var onlyStops = false

    public init(filter: [FilterInstruction], descriptors: InitialDescriptors) {
        self.filter = filter
        self.descriptors = descriptors
    }

    /// SECCOMP_FILTER_FLAG_NEW_LISTENER and SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (linux/seccomp.h).
    static let filterFlags: UInt = 1 << 3 | 1 << 5
}

extension Limit.Kind {
    /// The kernel's resource (asm-generic/resource.h), nil for what it has no fitting limit of.
    public var resource: Int32? {
        switch self {
        case .cpu: 0
        case .openFiles: 7
        case .memory: 9
        // RLIMIT_NPROC counts whatever else the user runs, and does not hold root (getrlimit(2)).
        case .time, .processes: nil
        }
    }
}

extension Confinement {
    public mutating func add(_ limit: Limit) {
        switch limit.kind {
        case .time: time = limit.value
        case .processes: tasks = limit.value
        default: if let resource = limit.kind.resource { limits.append((resource, limit.value)) }
        }
    }

    /// What the program has of its own by now.
    func release() {
        descriptors.release()
        for ruleset in rulesets { close(ruleset) }
    }
}
