// Finds policy files, and gives their reader what it may refer to.

import Authoring
import Glibc
import Policy
import Supervision

enum PolicyFiles {
    /// Where policies are looked for by name before those that came with the program: $ABITRACE_POLICIES, beside the
    /// program, and in its installation.
    static var folders: [String] {
        var list: [String] = []
        if let given = getenv("ABITRACE_POLICIES") { list.append(String(cString: given)) }
        if let program = realPath("/proc/self/exe") {
            var folder = program[..<(program.lastIndex(of: "/") ?? program.startIndex)]
            for _ in 0..<5 {
                list += ["\(folder)/policies", "\(folder)/share/abitrace/policies"]
                guard let slash = folder.lastIndex(of: "/") else { break }
                folder = folder[..<slash]
            }
        }
        return list
    }

    /// A policy by its path, or by the name of a shipped one.
    static func read(_ name: String) throws -> PolicyReading { PolicyReader.read(try found(name), surroundings) }

    /// The file of a policy as it is.
    static func found(_ name: String) throws -> PolicySource {
        if let source = source(name, nil) { return source }
        if name.contains("/") || name.hasSuffix(".yaml") {
            throw Failure(description: "\(name): there is no such policy file", status: 2)
        }
        throw Failure(
            description: "no policy '\(name)': name a file, or one of \(shippedNames.joined(separator: ", "))",
            status: 2)
    }

    /// A file that belongs to a policy.
    static func file(_ path: String) -> PolicySource? {
        contents(path).map { PolicySource(file: path, bytes: $0) }
    }

    /// The policy, with its warnings on standard error where it is the user's; every mistake is told. `trail` is told
    /// what was looked at; `directory` is what ${CWD} stands for, else this one.
    static func policy(_ name: String, _ trail: PolicyTrail? = nil, in directory: String? = nil) throws -> Policy {
        let source = try found(name)
        trail?.note(source, as: name, from: "")
        var surroundings = surroundings
        if let directory { surroundings.workingDirectory = directory }
        let reading = PolicyReader.read(source, trail?.following(surroundings) ?? surroundings)
        // What a policy that came with the program says of this machine is no mistake of its user's.
        let isShipped = ShippedPolicies.all.contains { source.bytes.elementsEqual($0.text.utf8) }
        for diagnostic in reading.diagnostics
        where diagnostic.severity == .error || (diagnostic.severity == .warning && !isShipped) {
            complain(diagnostic.text)
        }
        guard let policy = reading.policy else { throw Failure(description: "\(name) is no policy", status: 2) }
        if !isShipped { for finding in policy.unsafeFallbacks { complain(finding.text) } }
        return policy
    }

    /// Decides each call of a recording, which has to have some, under a policy.
    static func judge(_ recording: String, _ policy: Policy, _ body: (JudgedCall) -> Void) throws {
        let judge = Judge(policy)
        try RecordingFiles.eachEvent(of: recording, isEvidence: true) { event, snapshot in
            if let call = judge.see(event, snapshot) { body(call) }
        }
    }

    /// Writes a policy's text whole, or says that it could not be.
    static func write(_ text: String, to path: String) throws {
        let target = try Output(path: path, split: false)
        target.write(Array(text.utf8), thread: 0)
        target.close()
        if target.failed { throw Failure(description: "\(path) is not complete") }
    }

    /// The names of files that a run lives by: each as it is written, and what it leads to. Devices and pipes are nobody's
    /// own.
    static func places(of files: [String]) -> [String] {
        var places: [String] = []
        for file in files {
            let name = file[(file.lastIndex(of: "/").map { file.index(after: $0) } ?? file.startIndex)...]
            let folder = realPath(name.startIndex == file.startIndex ? "." : String(file[..<name.startIndex]))
            let written = folder.map { $0 == "/" ? "/\(name)" : "\($0)/\(name)" }
            for place in [written, realPath(file)].compactMap({ $0 }) where !places.contains(place) {
                var status = stat()
                let isThere = stat(place, &status) == 0
                if !isThere || status.st_mode & S_IFMT == S_IFREG { places.append(place) }
            }
        }
        return places
    }

    static func protecting(_ places: [String], _ policy: Policy) -> Policy {
        places.reduce(policy) {
            $0.protecting($1, because: "the run's own policy, hook and output are not the program's to change")
        }
    }

    static var surroundings: Surroundings {
        Surroundings(
            // Empty where it is not known: a policy that needs it is then none, instead of one about the root.
            workingDirectory: realPath(".") ?? "", home: home,
            variables: variables, realPath: { realPath($0) }, source: { source($0, $1) })
    }

    private static var home: String {
        if let home = getenv("HOME"), home.pointee != 0 { return String(cString: home) }
        return Identity.home(of: getuid()) ?? ""
    }

    private static var variables: [String: String] {
        var list: [String: String] = [:]
        var next = environ
        while let entry = next.pointee {
            let text = String(cString: entry)
            if let equals = text.firstIndex(of: "=") {
                list[String(text[..<equals])] = String(text[text.index(after: equals)...])
            }
            next += 1
        }
        return list
    }

    static func realPath(_ path: String) -> String? {
        guard let found = realpath(path, nil) else { return nil }
        defer { free(found) }
        return String(validatingCString: found)
    }

    private static func source(_ name: String, _ from: String?) -> PolicySource? {
        var candidates = [name]
        if let slash = from?.lastIndex(of: "/"), let from { candidates = ["\(from[...slash])\(name)", name] }
        for folder in folders { candidates += ["\(folder)/\(name)", "\(folder)/promises/\(name)"] }
        for candidate in candidates.flatMap({ [$0, $0 + ".yaml"] }) {
            if let bytes = contents(candidate) { return PolicySource(file: candidate, bytes: bytes) }
        }
        return shipped(name)
    }

    /// A policy that came with the program: it needs no file.
    private static func shipped(_ name: String) -> PolicySource? {
        let name = name.split(separator: "/").last ?? ""
        return ShippedPolicies.all.first { $0.name == name || "\($0.name).yaml" == name }
            .map { PolicySource(file: "\($0.name).yaml", bytes: Array($0.text.utf8)) }
    }

    /// The shipped policies and promises, by name.
    static var shippedNames: [String] { ShippedPolicies.all.map(\.name) }

    /// The bytes of a file, at most a megabyte.
    static func contents(_ path: String) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while bytes.count < 1 << 20 {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0 { return nil }
            if count == 0 { return bytes }
            bytes += buffer[..<count]
        }
        return nil
    }
}

/// What reading policies has looked at: files, and where names led.
final class PolicyTrail {
    private(set) var sources: [PolicySource] = []
    private(set) var links: [(name: String, target: String)] = []
    private(set) var lookups: [(name: String, from: String, file: String)] = []

    func note(_ source: PolicySource, as name: String, from: String) {
        lookups.append((name, from, source.file))
        if !sources.contains(where: { $0.file == source.file }) { sources.append(source) }
    }

    /// The surroundings, with every answer noted.
    func following(_ surroundings: Surroundings) -> Surroundings {
        var noted = surroundings
        noted.realPath = { [self] path in
            let target = surroundings.realPath(path)
            if !links.contains(where: { $0.name == path }) { links.append((path, target ?? "")) }
            return target
        }
        noted.source = { [self] name, from in
            let source = surroundings.source(name, from)
            if let source { note(source, as: name, from: from) }
            return source
        }
        return noted
    }
}

extension PolicyTrail {
    /// The variables that the files mention.
    var variables: [String] {
        var names: Set<String> = []
        for source in sources {
            for part in String(decoding: source.bytes, as: UTF8.self).split(separator: "$").dropFirst() {
                guard part.hasPrefix("{"), let end = part.firstIndex(of: "}") else { continue }
                names.insert(String(part[part.index(after: part.startIndex)..<end]))
            }
        }
        return names.sorted()
    }
}
