// Who a process id means that a program of another namespace says, and what processes are called.

import Glibc

/// Ids of other namespaces in ours, and the names of commands (pid_namespaces(7), proc(5)).
///
/// /proc may be another namespace's: the ids in its names are then not ours.
public final class ProcessIdentities {
    private struct Key: Hashable {
        let namespace: UInt64
        let id: Int32
    }

    /// A thread by its name in /proc, and its ids from there to its own namespace.
    private struct Entry {
        let name: Int32
        let ids: [Int32]
    }

    private var found: [Key: Entry] = [:]
    /// How far below /proc's namespace ours is.
    private static let depth = max(0, ProcessTable.ids(of: "self", "NSpid:").count - 1)
    private var depth: Int { Self.depth }
    private let ours: UInt64?
    /// What we are called in /proc.
    private let us: Int32?

    public init() {
        us = ProcessTable.ids(of: "self", "NSpid:").first
        ours = Self.namespace(of: "self")
    }

    /// Whether /proc is that of our namespace: what it says of an id of ours is said of another process elsewhere.
    public static var hasOwnTable: Bool { depth == 0 }

    /// The id in our namespace of the process, thread, group or session that a thread means by a number; nil where it
    /// is not known. A namespace has one number for each of them.
    public func id(of number: Int32, saidBy thread: Int32) -> Int32? {
        guard number > 0, let place = place(of: thread), let namespace = Self.namespace(of: "\(place)") else {
            return nil
        }
        if namespace == ours { return number }
        return member(namespace, number).flatMap { depth < $0.ids.count ? $0.ids[depth] : nil }
    }

    /// The name of a thread's command, empty where there is no such thread.
    public func name(of thread: Int32) -> [UInt8] { place(of: thread).map { ProcessTable.name(of: $0) } ?? [] }

    /// What a thread that we trace is called in /proc: its tracer tells it from others with its id in other namespaces.
    func place(of thread: Int32) -> Int32? {
        guard depth > 0, let ours else { return thread }
        return entry(ours, thread) { name in
            let ids = ProcessTable.ids(of: "\(name)", "NSpid:")
            return depth < ids.count && ids[depth] == thread
                && ProcessTable.ids(of: "\(name)", "TracerPid:").first == us
        }?.name
    }

    private func member(_ namespace: UInt64, _ id: Int32) -> Entry? {
        entry(namespace, id) { ProcessTable.ids(of: "\($0)", "NSpid:").last == id } ?? group(namespace, id)
    }

    /// What was found of an id, or is found of it now among all threads.
    private func entry(_ namespace: UInt64, _ id: Int32, _ isMeant: (Int32) -> Bool) -> Entry? {
        let key = Key(namespace: namespace, id: id)
        if let known = found[key], isMeant(known.name) { return known }
        found[key] = nil
        for process in ProcessTable.processes() where namespace == ours || Self.namespace(of: "\(process)") == namespace
        {
            for thread in ProcessTable.threads(of: process) where isMeant(thread) {
                found[key] = Entry(name: thread, ids: ProcessTable.ids(of: "\(thread)", "NSpid:"))
                return found[key]
            }
        }
        return nil
    }

    /// A group or session that has lost the process that it is called by.
    private func group(_ namespace: UInt64, _ id: Int32) -> Entry? {
        for process in ProcessTable.processes() where Self.namespace(of: "\(process)") == namespace {
            for name in ["NSpgid:", "NSsid:"] {
                let ids = ProcessTable.ids(of: "\(process)", name)
                if ids.last == id { return Entry(name: process, ids: ids) }
            }
        }
        return nil
    }

    private static func namespace(of process: String) -> UInt64? {
        var info = stat()
        return stat("/proc/\(process)/ns/pid", &info) == 0 ? UInt64(info.st_ino) : nil
    }
}
