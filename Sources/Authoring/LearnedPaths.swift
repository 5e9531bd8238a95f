// Which entries stand for the paths that were seen: they are generalised by stated rules, in tiers.
//
// The rules: system trees are read whole; four files of one directory that need the same make the directory; names
// that look made up for the moment become their directory; a directory that was only looked at gives nothing that lies
// in it; two names of one directory that were looked for in vain make the directory something to look for names in.
// Protected places are never widened, and a directory that gives more leaves them out by name.

import Messages
import Policy

/// The entries of `files`.
struct LearnedPaths {
    /// One entry to be.
    struct Entry {
        var path: String
        var rights: Rights
        var recordings: Set<Int>
        var example: String
        /// How many paths it stands for; 1 where it was seen as it is.
        var count = 1
        var isDirectory = false
        var isAbsent = false
        /// It stands for a whole directory of which some was seen.
        var isWidened = false
        /// Stars in the path are meant.
        var isPattern = false

        /// A directory that was looked at.
        var isLook: Bool { isDirectory && !isWidened && rights.isSubset(of: RightsGroup.ro.rights) }

        /// Of a directory itself just what was done with it: an entry counts for all that lies below. And no more than
        /// a look at what was only looked at, or looked for.
        var expression: String {
            isLook || isSight ? rights.names.joined(separator: "+") : rights.grouped
        }

        /// It lets the program see what is there, and no more.
        var isSight: Bool { rights.isSubset(of: LearnedPaths.wayRights) }

        /// What the expression grants.
        var granted: Rights { expression == rights.grouped ? rights.covered : rights }
    }

    /// In the order of paths.
    private(set) var entries: [Entry] = []
    /// Protected places in directories that are granted.
    private(set) var withheld: [String] = []
    /// What was seen of other processes.
    private(set) var others: [Entry] = []

    private let home: String
    private let workingDirectory: String

    /// Trees that are the same on every machine of a kind: reading them tells no secret.
    private static let systemTrees = ["/usr", "/lib", "/lib64", "/lib32", "/bin", "/sbin", "/opt"]
    private static let temporaryPlaces = ["/tmp", "/var/tmp", "/dev/shm"]
    /// How many files of a directory that need the same become the directory.
    private static let siblingThreshold = 4

    init(_ seen: Observations, home: String, workingDirectory: String) {
        (self.home, self.workingDirectory) = (home, workingDirectory)
        let list = seen.files.map { path, need in
            Entry(
                path: path, rights: need.rights, recordings: need.recordings, example: need.example,
                isDirectory: need.isDirectory, isAbsent: need.isAbsent)
        }.sorted { $0.path < $1.path }
        others = Self.otherProcesses(list)
        var paths = Self.withDirectories(list.filter { ProtectedPlaces.otherProcess(in: $0.path) == nil })
        paths = systemTrees(ownThreads(paths))
        paths = absences(passing(paths))
        paths = siblings(paths)
        entries = absorbed(onTheWay(paths))
        entries += entries.compactMap(Self.shield)
        entries.sort { $0.path < $1.path }
        let granted = Set(entries.map(\.path))
        for entry in entries where !entry.isSight && (entry.isWidened || (entry.isDirectory && !entry.isLook)) {
            withheld += ProtectedPlaces.below(entry.path, home: home).filter {
                !granted.contains($0) && !withheld.contains($0)
            }
        }
    }

    /// What directories above an entry have without a line (the way to it).
    static let wayRights: Rights = [.lookup, .stat, .readlink]

    // MARK: Rules

    /// What something else was seen in is a directory.
    private static func withDirectories(_ list: [Entry]) -> [Entry] {
        let parents = Set(list.map { parent($0.path) })
        return list.map { entry in
            var entry = entry
            if parents.contains(entry.path) { entry.isDirectory = true }
            return entry
        }
    }

    /// Reading a directory is reading its names: what lies in it has an entry that leaves it at that.
    private static func shield(_ entry: Entry) -> Entry? {
        guard entry.isLook, !entry.rights.isSubset(of: wayRights), !entry.isPattern else { return nil }
        var shield = entry
        shield.path = (entry.path == "/" ? "" : entry.path) + "/*"
        shield.rights = wayRights
        shield.isPattern = true
        shield.example = "only that it is there"
        return shield
    }

    /// `/proc/PID/stat` of whatever process, by what is read there.
    private static func otherProcesses(_ list: [Entry]) -> [Entry] {
        var found: [String: Entry] = [:]
        for entry in list {
            guard let rest = ProtectedPlaces.otherProcess(in: entry.path) else { continue }
            let path = rest.isEmpty ? "/proc/*" : "/proc/*/" + rest
            var known = found[path]
            Self.merge(entry, into: &known, path: path)
            known?.isWidened = false
            known?.isDirectory = false
            found[path] = known
        }
        return found.values.sorted { $0.path < $1.path }
    }

    /// Threads have other numbers in every run.
    private func ownThreads(_ list: [Entry]) -> [Entry] {
        var result: [Entry] = []
        var threads: [String: Entry] = [:]
        for entry in list {
            let parts = entry.path.split(separator: "/", maxSplits: 4)
            guard parts.count > 3, parts[0] == "proc", parts[1] == "self", parts[2] == "task" else {
                result.append(entry)
                continue
            }
            let path = (["/proc/self/task/*"] + parts.dropFirst(4).map(String.init)).joined(separator: "/")
            Self.merge(entry, into: &threads[path], path: path)
            threads[path]?.isPattern = true
            threads[path]?.isWidened = false
        }
        return result + threads.values
    }

    private func systemTrees(_ entries: [Entry]) -> [Entry] {
        let reading = RightsGroup.ro.rights.union(RightsGroup.run.rights)
        var result: [Entry] = []
        var trees: [String: Entry] = [:]
        for entry in entries {
            let tree = Self.systemTrees.first { ProtectedPlaces.lies(entry.path, in: $0) }
            guard let tree, entry.rights.isSubset(of: reading), tier(entry.path) == .ordinary else {
                result.append(entry)
                continue
            }
            Self.merge(entry, into: &trees[tree], path: tree)
            trees[tree]?.isWidened = true
        }
        return result + trees.values
    }

    /// Names made up for the moment: a temporary file's directory stands for it.
    private func passing(_ entries: [Entry]) -> [Entry] {
        var result: [Entry] = []
        var places: [String: Entry] = [:]
        for entry in entries {
            let parent = Self.parent(entry.path)
            let top = Self.temporaryPlaces.first { ProtectedPlaces.lies(entry.path, in: $0) }
            if let top, entry.path != top, !isOwn(entry.path, in: top), !entry.isPattern {
                Self.merge(entry, into: &places[top], path: top)
            } else if Self.looksRandom(Self.last(entry.path)), tier(parent) == .ordinary, !entry.isPattern {
                Self.merge(entry, into: &places[parent], path: parent)
            } else {
                result.append(entry)
            }
        }
        return result + places.values
    }

    /// A search (along PATH, for settings) looks for what is not there: next time for other names.
    private func absences(_ entries: [Entry]) -> [Entry] {
        let absent = entries.indices.filter { entries[$0].isAbsent && entries[$0].isSight && !entries[$0].isPattern }
        var dropped: Set<Int> = []
        var result: [Entry] = []
        for (parent, indices) in Dictionary(grouping: absent, by: { Self.parent(entries[$0].path) })
        where indices.count > 1 && mayWiden(parent) && indices.allSatisfy({ tier(entries[$0].path) != .protected }) {
            var gathered: Entry?
            for index in indices { Self.merge(entries[index], into: &gathered, path: parent) }
            guard let gathered else { continue }
            dropped.formUnion(indices)
            result.append(gathered)
        }
        return entries.indices.filter { !dropped.contains($0) }.map { entries[$0] } + result
    }

    /// Whether it lies in a working directory that is itself a temporary one.
    private func isOwn(_ path: String, in top: String) -> Bool {
        ProtectedPlaces.lies(workingDirectory, in: top) && workingDirectory != top
            && ProtectedPlaces.lies(path, in: workingDirectory)
    }

    private func siblings(_ entries: [Entry]) -> [Entry] {
        var entries = entries
        // From the deepest directories up, so that directories can gather in turn, but never into the root or a home.
        for depth in stride(from: 12, to: 1, by: -1) {
            let groups = Dictionary(grouping: entries.indices.filter { Self.depth(entries[$0].path) == depth }) {
                Self.parent(entries[$0].path) + "\n" + entries[$0].expression
            }
            var dropped: Set<Int> = []
            for indices in groups.values where indices.count >= Self.siblingThreshold {
                let parent = Self.parent(entries[indices[0]].path)
                guard mayWiden(parent),
                    indices.allSatisfy({ tier(entries[$0].path) != .protected && !entries[$0].isPattern })
                else { continue }
                var gathered: Entry?
                for index in indices.sorted(by: { entries[$0].path < entries[$1].path }) {
                    Self.merge(entries[index], into: &gathered, path: parent)
                }
                guard let gathered else { continue }
                dropped.formUnion(indices)
                entries.append(gathered)
            }
            entries = entries.indices.filter { !dropped.contains($0) }.map { entries[$0] }
        }
        return entries
    }

    private func mayWiden(_ directory: String) -> Bool {
        if tier(directory) == .protected || directory == "/" || directory == home { return false }
        return !["/etc", "/proc", "/proc/self", "/sys", "/dev", "/home", "/root", "/var", "/run"].contains(directory)
    }

    /// Entries of one path become one; an entry that its directory's already grants goes.
    private func absorbed(_ entries: [Entry]) -> [Entry] {
        var byPath: [String: Entry] = [:]
        for entry in entries { Self.merge(entry, into: &byPath[entry.path], path: entry.path) }
        // The deepest entry alone decides: one that lies in another needs at least what that one grants.
        var result: [Entry] = []
        for var entry in byPath.values.sorted(by: { (Self.depth($0.path), $0.path) < (Self.depth($1.path), $1.path) }) {
            // What lies in a directory that was only looked at has nothing from there.
            let above = result.last {
                ProtectedPlaces.lies(entry.path, in: $0.path) && $0.path != entry.path && !$0.isLook
            }
            if let above, tier(entry.path) != .protected {
                if entry.rights.isSubset(of: above.granted) { continue }
                entry.rights.formUnion(above.rights)
            }
            result.append(entry)
        }
        return result
    }

    /// Directories that were only passed through need no line: the way to an entry is open.
    private func onTheWay(_ entries: [Entry]) -> [Entry] {
        let all = Dictionary(grouping: entries, by: \.path)
        return entries.filter { entry in
            if all[entry.path]?.count ?? 0 > 1 { return true }
            guard entry.isDirectory, !entry.isWidened, entry.rights.isSubset(of: Self.wayRights) else { return true }
            return !entries.contains { $0.path != entry.path && ProtectedPlaces.lies($0.path, in: entry.path) }
        }
    }

    private static func merge(_ entry: Entry, into target: inout Entry?, path: String) {
        var known = target ?? entry
        if target != nil {
            known.rights.formUnion(entry.rights)
            known.recordings.formUnion(entry.recordings)
            known.count += entry.count
            known.isDirectory = known.isDirectory || entry.isDirectory
            known.isAbsent = known.isAbsent && entry.isAbsent
            known.isWidened = known.isWidened || entry.isWidened
        }
        if path != entry.path {
            known.isWidened = true
            known.isDirectory = true
        }
        known.path = path
        target = known
    }

    private func tier(_ path: String) -> Tier { ProtectedPlaces.tier(of: path, home: home) }

    // MARK: Names

    private static func parent(_ path: String) -> String {
        guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { return "/" }
        return String(path[..<slash])
    }

    private static func last(_ path: String) -> Substring { path.split(separator: "/").last ?? "" }
    private static func depth(_ path: String) -> Int { path.split(separator: "/").count }

    /// Six or more letters and digits in a row that mix cases and kinds, as mkstemp(3) and hashes have them.
    static func looksRandom(_ name: Substring) -> Bool {
        let parts = name.split { !($0.isLetter || $0.isNumber) || !$0.isASCII }
        return parts.contains { part in
            guard part.count >= 6 else { return false }
            let digits = part.filter(\.isNumber).count
            let capitals = part.filter(\.isUppercase).count
            let small = part.filter(\.isLowercase).count
            if digits > 0 && part.allSatisfy(\.isHexDigit) && part.count >= 8 { return true }
            return (digits > 0 && small > 0 && capitals > 0)
                || (capitals >= 2 && small >= 2 && part.first?.isLowercase == true)
        }
    }
}
