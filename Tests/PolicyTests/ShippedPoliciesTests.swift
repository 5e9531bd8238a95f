// The policies that are shipped: each is read without a mistake; broken ones always say why.

import Glibc
import Messages
import Policy
import Testing

/// The folder of shipped policies, from this file's place.
private let folder = String(#filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 }) + "/policies"

private func contents(_ path: String) -> [UInt8]? {
    guard let file = fopen(path, "r") else { return nil }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 16)
    let count = fread(&bytes, 1, bytes.count, file)
    return Array(bytes[..<count])
}

private func names(in folder: String) -> [String] {
    guard let directory = opendir(folder) else { return [] }
    defer { closedir(directory) }
    var list: [String] = []
    while let entry = readdir(directory) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) {
            $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if name.hasSuffix(".yaml") { list.append("\(folder)/\(name)") }
    }
    return list.sorted()
}

private var surroundings: Surroundings {
    Surroundings(
        workingDirectory: "/tree", home: "/home/me",
        source: { name, _ in
            ["\(folder)/\(name).yaml", "\(folder)/promises/\(name).yaml"].lazy.compactMap { path in
                contents(path).map { PolicySource(file: path, bytes: $0) }
            }.first
        })
}

@Suite struct ShippedPoliciesTests {
    @Test func allAreRead() throws {
        let files = names(in: folder) + names(in: folder + "/promises")
        #expect(files.count >= 15)
        for file in files {
            let reading = PolicyReader.read(
                PolicySource(file: file, bytes: try #require(contents(file))), surroundings)
            #expect(reading.diagnostics.isEmpty, "\(reading.diagnostics.map(\.text))")
            #expect(reading.policy?.description.isEmpty == false)
        }
    }

    /// Calls that programs make by the thousand wait for nobody: where they go is settled when a handle is made.
    @Test(arguments: ["build", "no-network", "offline-test", "read-only", "untrusted"])
    func hotCallsStayInTheKernel(name: String) throws {
        let source = PolicySource(file: name, bytes: try #require(contents("\(folder)/\(name).yaml")))
        let policy = try #require(PolicyReader.read(source, surroundings).policy)
        for call in [
            "read", "write", "pread64", "readv", "writev", "lseek", "close", "poll", "brk", "munmap", "futex",
            "getpid", "rt_sigprocmask", "getdents64", "mmap", "mprotect", "dup2", "pipe2", "wait4", "fadvise64",
        ] {
            var stop = Stop()
            stop.number = try #require(SpecTables.number(of: call, .x86_64))
            #expect(policy.filterAction(stop) == .allow, "\(call)")
        }
    }

    /// Two promises allow what either of them allows, and refuse what neither does.
    @Test func promisesAreSums() throws {
        let promises = names(in: folder + "/promises").compactMap { $0.split(separator: "/").last?.dropLast(5) }
        #expect(promises.count >= 11)
        func policy(_ names: Substring...) throws -> Policy {
            let text = "abitrace: policy/1\npromises: [\(names.joined(separator: ", "))]\n"
            let source = PolicySource(file: "sum.yaml", bytes: Array(text.utf8))
            return try #require(PolicyReader.read(source, surroundings).policy)
        }
        for one in promises {
            let alone = try policy(one)
            #expect(alone.classVerdict(.mountAttach) == .deny(ErrnoName.EPERM), "\(one)")
            for other in promises {
                let (second, both) = (try policy(other), try policy(one, other))
                for path in ["/etc/passwd", "/dev/null", "/dev/tty", "/dev/pts/3", "/tmp/x"] {
                    let path = Array(path.utf8)
                    let sum = (alone.rights(of: path) ?? []).union(second.rights(of: path) ?? [])
                    #expect(both.rights(of: path) == sum, "\(one) and \(other)")
                }
                for operation in Operation.allCases {
                    let verdicts = [alone, second].map { $0.classVerdict(operation) }
                    let isAllowed = both.classVerdict(operation) == .allow
                    #expect(isAllowed == verdicts.contains(.allow), "\(one) and \(other): \(operation.name)")
                }
            }
        }
    }

    /// Whatever becomes of the bytes, reading ends, and without a policy there is an error.
    @Test func mutationsNeverTrap() throws {
        var state: UInt64 = 7
        func random(_ limit: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % max(limit, 1)
        }
        let sources = (names(in: folder) + names(in: folder + "/promises")).compactMap { contents($0) }
        try #require(!sources.isEmpty)
        let words = [
            ":", "{", "}", "[", "]", "-", "\n", "*", "&a", "\"", "\u{0}", "deny", "rw", "${", "999999999999999999999",
            "..", "\t",
        ]
        for round in 0..<3000 {
            var bytes = sources[round % sources.count]
            for _ in 0...random(6) {
                let place = random(bytes.count)
                switch random(4) {
                case 0: if !bytes.isEmpty { bytes[place] = UInt8(random(256)) }
                case 1: bytes.removeSubrange(place..<min(bytes.count, place + random(20)))
                case 2: bytes.insert(contentsOf: words[random(words.count)].utf8, at: place)
                default:
                    bytes.insert(
                        contentsOf: bytes[place..<min(bytes.count, place + random(40))], at: random(bytes.count))
                }
            }
            let reading = PolicyReader.read(PolicySource(file: "mutant", bytes: bytes), surroundings)
            if reading.policy == nil { #expect(!reading.errors.isEmpty) }
        }
    }
}
