// What programs were seen to need: whatever a policy that grants nothing would refuse.

import Messages
import Policy

/// Needs gathered over recordings.
public struct Observations: Sendable {
    /// Something that was needed.
    public struct Need: Sendable {
        public var rights: Rights = []
        /// The recordings, by number, that needed it.
        public var recordings: Set<Int> = []
        /// One message that did, for people.
        public var example = ""
        public var isDirectory = false
        /// Whether it was never there.
        public var isAbsent = false

        public init() {}

        mutating func note(_ more: Rights, _ recording: Int, _ call: String) {
            rights.formUnion(more)
            recordings.insert(recording)
            if example.isEmpty { example = call }
        }
    }

    /// By path, as policies write it.
    public var files: [String: Need] = [:]
    public var connects: [String: Need] = [:]
    public var listens: [String: Need] = [:]
    public var ambients: [String: Need] = [:]
    /// Operations, or cases of one, that are refused unless named, with the reason.
    public var refused: [String: (need: Need, reason: String)] = [:]
    /// Handles that were there before the program, by what a policy calls them.
    public var handles: [String: Need] = [:]
    /// What could not be decided, with one example each.
    public var unclear: [String: Need] = [:]
    public private(set) var recordings = 0
    /// Where the first program of each recording began, as far as that is known; as policies write it.
    public private(set) var workingDirectories: [String] = []
    /// The directory of the recording at hand, where the first one's was another.
    private var moved: String?
    /// Where a name leads now, for recordings that do not tell where links led; nil where nothing is there.
    private let realPath: @Sendable (String) -> String?
    /// Names and where they lead, as far as that was asked.
    private var leads: [String: String] = [:]
    private var tellsLinks = true

    public init(realPath: @escaping @Sendable (String) -> String? = { _ in nil }) { self.realPath = realPath }

    /// A policy that grants nothing but what every process is born with.
    public static let nothing = Policy(layers: [PolicyLayer(file: "nothing", name: "nothing")])

    /// Begins the next recording.
    /// - Parameter tellsLinks: whether it has the links that paths led through; else they are taken as they are now.
    public mutating func beginRecording(tellsLinks: Bool = true) {
        recordings += 1
        moved = nil
        self.tellsLinks = tellsLinks
    }

    /// Says where the first program of this recording began. What lies there is taken for the same as what lies in the
    /// first recording's.
    public mutating func begin(in directory: [UInt8]) {
        let directory = PolicyText.pattern(directory)
        workingDirectories.append(directory)
        if let first = workingDirectories.first, first != directory { moved = directory }
    }

    private func plain(_ path: String) -> String {
        guard let moved, let first = workingDirectories.first, moved != "/", ProtectedPlaces.lies(path, in: moved)
        else {
            return path
        }
        return first + path.dropFirst(moved.count)
    }

    /// What a path meant, as policies write it. Where its links are taken as they are now, one at its end may have been
    /// meant itself, or what it leads to: it depends on what was done, and to be looked at may be either.
    private mutating func places(_ object: [UInt8], _ rights: Rights) -> [(path: String, isLink: Bool)] {
        guard !tellsLinks, let path = String(validating: object, as: UTF8.self),
            let slash = path.lastIndex(of: "/")
        else { return [(plain(PolicyText.pattern(object)), false)] }
        let here = lead(String(path[..<slash])) + path[slash...]
        let there = rights.isDisjoint(with: Self.ofNames) ? lead(here) : here
        let link = (path: plain(PolicyText.pattern(here.utf8)), isLink: there != here)
        if there == here { return [link] }
        let target = (path: plain(PolicyText.pattern(there.utf8)), isLink: false)
        return rights.isSubset(of: PolicyLayer.wayRights) ? [link, target] : [target]
    }

    /// What is done with a name, and never with what a link of that name leads to.
    private static let ofNames: Rights = [
        .unlink, .renameSource, .renameTarget, .symlink, .linkSource, .linkTarget, .createDir, .createNode,
    ]

    private mutating func lead(_ name: String) -> String {
        if let known = leads[name] { return known }
        guard let slash = name.lastIndex(of: "/") else { return name }
        var real = realPath(name) ?? lead(String(name[..<slash])) + name[slash...]
        if real == "/" { real = "" }
        leads[name] = real
        return real
    }

    /// Takes a call in that `nothing` has judged.
    public mutating func add(_ call: JudgedCall) {
        if call.decision.isAllowed { return }
        // What the kernel refused anyway was not needed, but a program may need to hear that it is not there.
        if let result = call.result, result < 0, !Self.isAnswer(result) { return }
        let isAbsent = call.result == -2 || call.result == -20  // ENOENT, ENOTDIR
        let isUnanswered = isAbsent || (call.result.map { (-113 ... -110).contains($0) || $0 == -101 } ?? false)
        for reason in call.decision.reasons { add(reason, call, isAbsent: isAbsent, isUnanswered: isUnanswered) }
    }

    /// Takes an address in that was needed.
    public mutating func add(refused fact: AddressFact, by example: String = "", isAbsent: Bool = false) {
        var text = fact.entry
        if case .unixPath(let path) = fact.address { text = "unix " + plain(PolicyText.pattern(path)) }
        if fact.role == .peer {
            let wasAbsent = connects[text]?.isAbsent ?? true
            connects[text, default: Need()].note([], recordings, example)
            connects[text]?.isAbsent = isAbsent && wasAbsent
        } else {
            listens[text, default: Need()].note([], recordings, example)
        }
    }

    /// Errnos that a program goes on from: no such file, exists, under way, try again; and that nobody answers at an
    /// address (ENETUNREACH, ETIMEDOUT, ECONNREFUSED, EHOSTUNREACH), after which it tries the next.
    private static func isAnswer(_ result: Int64) -> Bool {
        [-2, -17, -115, -11, -20, -22, -95, -25, -101, -110, -111, -113].contains(result)
    }

    /// Of what is not there only that is needed: to see that it is not.
    private mutating func add(_ reason: Reason, _ call: JudgedCall, isAbsent: Bool, isUnanswered: Bool) {
        let example = call.message.operation.name
        switch reason.cause {
        case .missing(let rights, let role, let object):
            if role.isAmbient {
                ambients[role.name, default: Need()].note(rights, recordings, example)
            } else if object.first == UInt8(ascii: "/") {
                let fact = call.request.paths.first { $0.path == object }
                let rights = call.mayHaveMade ? rights.union(.createFile) : rights
                for (path, isLink) in places(object, rights) {
                    let wasAbsent = files[path]?.isAbsent ?? true
                    files[path, default: Need()].note(
                        isAbsent ? [.stat, .lookup] : rights, recordings, "\(example) \(path)")
                    files[path]?.isAbsent = isAbsent && wasAbsent
                    if fact?.kind == .directory { files[path]?.isDirectory = true }
                    // Who looks at a link looks at no more than that: so the entry says that it means the link.
                    if isLink || fact?.kind == .symlink { files[path]?.rights.insert(.readlink) }
                }
            } else if role != .who, let handle = call.request.handle(role) {
                handles[Self.name(handle.number), default: Need()].note(rights, recordings, example)
            }
        case .address(let fact):
            add(refused: fact, by: "\(example) by \(call.request.caller.name)", isAbsent: isUnanswered)
        case .refusedByDefault(let name, let why):
            if isAbsent { return }
            var entry = refused[name] ?? (Need(), why)
            entry.need.note([], recordings, example)
            refused[name] = entry
        case .unknown(let what) where !isAbsent: unclear[what, default: Need()].note([], recordings, example)
        case .unknown, .switched, .hidden, .program, .widening, .rule: break
        }
    }

    /// What a policy calls a descriptor that was there before the program.
    static func name(_ number: Int32) -> String {
        switch number {
        case 0: "stdin"
        case 1: "stdout"
        case 2: "stderr"
        default: "inherited"
        }
    }
}

extension HandleRole {
    /// Whether it is a handle that processes have without a descriptor.
    var isAmbient: Bool { self != .who && Ambient.allCases.contains { $0.name == name } }
}
