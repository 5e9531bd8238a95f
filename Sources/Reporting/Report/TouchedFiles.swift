// Files as a tree, with what was done to each.

import Authoring
import Messages
import Policy

/// What was done to a file.
struct Deeds: OptionSet {
    let rawValue: UInt16
    static let read = Deeds(rawValue: 1)
    static let written = Deeds(rawValue: 2)
    static let created = Deeds(rawValue: 4)
    static let deleted = Deeds(rawValue: 8)
    static let run = Deeds(rawValue: 16)
    static let listed = Deeds(rawValue: 32)
    static let looked = Deeds(rawValue: 64)
    static let changed = Deeds(rawValue: 128)
    static let absent = Deeds(rawValue: 256)
    static let refused = Deeds(rawValue: 512)

    /// Each with its word and a sentence.
    static let words: [(deed: Deeds, word: String, meaning: String)] = [
        (.read, "read", "opened to read, or mapped"), (.written, "written", "opened to write"),
        (.created, "created", "made here"), (.deleted, "deleted", "removed, or renamed away"),
        (.run, "run", "executed"), (.listed, "listed", "a directory that was read"),
        (.changed, "changed", "owner, mode, times or attributes set"), (.looked, "looked at", "only asked about"),
        (.absent, "absent", "looked for and not there"), (.refused, "failed", "there was, but it could not be had"),
    ]
}

/// The tree of everything that has a path.
struct TouchedFiles {
    final class Node {
        let name: [UInt8]
        var children: [[UInt8]: Node] = [:]
        var deeds: Deeds = []
        var calls = 0

        init(name: [UInt8]) { self.name = name }
    }

    let root = Node(name: [])
    private(set) var count = 0
    /// What came after there were too many.
    private(set) var left = 0
    private static let limit = 200_000

    mutating func add(_ call: JudgedCall, failure: String?) {
        let message = call.message
        for fact in call.request.paths where fact.path.first == UInt8(ascii: "/") {
            put(fact.path, Self.deeds(fact, message, call, failure))
        }
        guard failure == nil, call.request.paths.isEmpty, let handle = call.request.handle(.object),
            handle.name.first == UInt8(ascii: "/"), let deed = Self.deeds(ofHandle: message.operation)
        else { return }
        put(handle.name, deed)
    }

    private mutating func put(_ path: [UInt8], _ deeds: Deeds) {
        var node = root
        for part in path.split(separator: UInt8(ascii: "/")) {
            let name = Array(part)
            if let next = node.children[name] {
                node = next
                continue
            }
            guard count < Self.limit else {
                left += 1
                return
            }
            count += 1
            let next = Node(name: name)
            node.children[name] = next
            node = next
        }
        node.deeds.formUnion(deeds)
        node.calls += 1
    }

    private static func deeds(ofHandle operation: Messages.Operation) -> Deeds? {
        switch operation {
        case .fdRead: .read
        case .fdWrite: .written
        case .fileReaddir: .listed
        case .fileStatPut, .fileAllocate: .changed
        default: nil
        }
    }

    private static func deeds(
        _ fact: PathFact, _ message: Message, _ call: JudgedCall, _ failure: String?
    ) -> Deeds {
        if let failure {
            switch failure {
            case "ENOENT", "ENOTDIR": return .absent
            case "EEXIST", "EINVAL", "ENODATA", "ENOTEMPTY", "EOPNOTSUPP": return .looked
            default: return .refused
            }
        }
        switch message.operation {
        case .fileOpen: return opened(fact, message)
        case .fileCreate, .fileSymlink, .sockBind: return .created
        case .fileLink: return fact.role == .to ? .created : .looked
        case .fileRename: return fact.role == .to ? .created : .deleted
        case .fileUnlink: return .deleted
        case .procExec: return .run
        case .fileStatPut, .fileAllocate: return .changed
        case .fileReaddir: return .listed
        default: return .looked
        }
    }

    private static func opened(_ fact: PathFact, _ message: Message) -> Deeds {
        let flags = message.openFlags
        var deeds: Deeds = []
        if flags & 0o10000000 != 0 { return .looked }  // O_PATH (asm-generic/fcntl.h)
        if flags & 3 != 1 { deeds.insert(fact.kind == .directory ? .listed : .read) }
        if flags & 3 != 0 { deeds.insert(.written) }
        if flags & 0o100 != 0, !fact.existed(message) { deeds.insert(.created) }  // O_CREAT
        return deeds
    }
}

extension PathFact {
    /// Whether the file was there before an open that may create it; so it is taken where nobody looked.
    fileprivate func existed(_ message: Message) -> Bool {
        message.resolved.first.map { $0.mode != 0 } ?? (message.openFlags & 0o200 == 0)  // O_EXCL
    }
}

extension Message {
    /// The flags of an open, 0 where they are not known (creat(2) has none: it writes, and creates).
    fileprivate var openFlags: UInt64 {
        if call == .creat { return 0o1101 }
        var found: UInt64 = 0
        func look(_ value: Value) {
            if case .flags(.open, let bits) = value { found = bits }
            for part in value.parts { look(part) }
        }
        for argument in arguments { look(argument.value) }
        return found
    }
}
