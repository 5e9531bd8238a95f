// Landlock against the policies that it is made from, on the running kernel: never narrower, and no wider than its rules.

import CLinux
import Glibc
import Lowering
import Messages
import Policy
import Testing

@testable import Supervision

/// What one thread finds that it may do under a policy's rulesets alone.
private struct Findings: Sendable {
    var isRestricted = true
    var reads: Set<String> = []
    var writes: Set<String> = []
    var lists: Set<String> = []
    var runs: Set<String> = []
    var makes: Set<String> = []
    var kills = false
}

private let tree = ["", "/a", "/a/b", "/c", "/c/d", "/e"]

/// A small tree: in each directory a file, and a program.
private func makeTree() throws -> String {
    var template = Array("/tmp/abitrace-second-line-XXXXXX".utf8CString)
    let root = try #require(
        template.withUnsafeMutableBufferPointer { mkdtemp($0.baseAddress!).map { String(cString: $0) } })
    for folder in tree {
        let path = root + folder
        mkdir(path, 0o755)
        let file = open(path + "/file", O_CREAT | O_WRONLY, 0o644)
        close(file)
        let program = open(path + "/program", O_CREAT | O_WRONLY, 0o755)
        let text = Array("#!/bin/true\n".utf8)
        _ = write(program, text, text.count)
        close(program)
    }
    return root
}

private func policy(_ text: String) throws -> Policy {
    let surroundings = Surroundings(
        workingDirectory: "/", home: "/", variables: [:], realPath: { $0 }, source: { _, _ in nil })
    let reading = PolicyReader.read(
        PolicySource(file: "test.yaml", bytes: Array("abitrace: policy/1\n\(text)".utf8)), surroundings)
    return try #require(reading.policy, "\(reading.diagnostics.map(\.text))")
}

/// AT_EXECVE_CHECK of execveat(2), Linux 6.14: asks and does not run.
private func mayRun(_ path: String) -> Bool {
    path.withCString { abitrace_call(322, UInt(bitPattern: -100), UInt(bitPattern: $0), 0, 0, 0x10000, 0) == 0 }
}
/// Whether the kernel answers that question at all.
private let tellsWhatRuns = mayRun("/bin/true")

private final class Job {
    let rulesets: [Int32]
    let root: String
    var findings = Findings()
    init(_ rulesets: [Int32], _ root: String) {
        self.rulesets = rulesets
        self.root = root
    }

    func run() {
        // PR_SET_NO_NEW_PRIVS is a thread's own, as a Landlock domain is.
        _ = abitrace_call(157, 38, 1, 0, 0, 0, 0)
        for ruleset in rulesets where abitrace_call(446, UInt(ruleset), 0, 0, 0, 0, 0) < 0 {
            findings.isRestricted = false
        }
        for folder in tree {
            let path = root + folder
            func opens(_ name: String, _ flags: Int32) -> Bool {
                let number = open(name, flags)
                if number >= 0 { close(number) }
                return number >= 0
            }
            if opens(path + "/file", O_RDONLY) { findings.reads.insert(folder) }
            if opens(path + "/file", O_WRONLY) { findings.writes.insert(folder) }
            if opens(path, O_RDONLY | O_DIRECTORY) { findings.lists.insert(folder) }
            if mkdir(path + "/new", 0o755) == 0 {
                findings.makes.insert(folder)
                rmdir(path + "/new")
            }
            if mayRun(path + "/program") { findings.runs.insert(folder) }
        }
        findings.kills = kill(getppid(), 0) == 0
    }
}

/// On a thread of its own, which ends restricted.
/// - Parameter heldOnly: under the rules that hold opens, where they are for this policy.
private func findings(_ policy: Policy, _ root: String, heldOnly: Bool = false) throws -> Findings {
    let rulesets = heldOnly ? SecondLine.domain(policy).rulesets : SecondLine.plainRulesets(policy)
    defer { for ruleset in rulesets { close(ruleset) } }
    let job = Job(rulesets, root)
    var thread = pthread_t()
    var failure = EAGAIN
    // EAGAIN while another test's thread asks of execve (copy_fs of kernel/fork.c).
    while failure == EAGAIN {
        failure = pthread_create(
            &thread, nil,
            { argument in
                Unmanaged<Job>.fromOpaque(argument!).takeUnretainedValue().run()
                return nil
            }, Unmanaged.passUnretained(job).toOpaque())
    }
    try #require(failure == 0)
    pthread_join(thread, nil)
    return job.findings
}

@Suite(.serialized, .enabled(if: SecondLine.version >= 6, "Landlock of this kernel is older than its scopes"))
final class SecondLineTests {
    let root: String

    init() throws { root = try makeTree() }

    deinit {
        for folder in tree.reversed() {
            for name in ["/file", "/program"] { unlink(root + folder + name) }
            rmdir(root + folder)
        }
    }

    @Test func holdsWhatNoRuleGrants() throws {
        let found = try findings(
            try policy("files:\n  \(root)/a: rw\n  \(root)/c: ro+run\n  \(root)/e: rw+create+delete\n"), root)
        #expect(found.isRestricted)
        #expect(found.reads == ["/a", "/a/b", "/c", "/c/d", "/e"])
        #expect(found.writes == ["/a", "/a/b", "/e"])
        #expect(found.lists == ["/a", "/a/b", "/c", "/c/d", "/e"])
        #expect(found.makes == ["/e"])
        if tellsWhatRuns { #expect(found.runs == ["/c", "/c/d"]) }
        #expect(!found.kills)
    }

    @Test func layersNarrowEachOther() throws {
        let one = try policy("files: {\(root)/a: rw, \(root)/c: ro}\n")
        let found = try findings(one.narrowed(by: try policy("files: {\(root): ro}\nambient: [self, procs]\n")), root)
        #expect(found.reads == ["/a", "/a/b", "/c", "/c/d"])
        #expect(found.writes.isEmpty)
    }

    @Test func openPoliciesAreLeftAlone() throws {
        let found = try findings(try policy("default: warn\nfiles: {\(root)/a: none}\n"), root)
        #expect(found.reads == Set(tree) && found.kills)
    }

    /// Whatever a policy grants of an object works under its rulesets.
    @Test func isNeverNarrower() throws {
        var generator = SystemRandomNumberGenerator()
        let words = ["ro", "rw", "ro+run", "none", "rw+create+delete", "append", "ro+run+delete", "read", "exec"]
        for _ in 0..<150 {
            var text = "files:\n"
            for folder in tree where Bool.random(using: &generator) {
                text +=
                    "  \(root)\(folder)\(["", "/*", "/file", "/program"].randomElement()!): \(words.randomElement()!)\n"
            }
            if text == "files:\n" { continue }
            let policy = try policy(text)
            let found = try findings(policy, root)
            func granted(_ name: String, _ right: Rights) -> Set<String> {
                Set(tree.filter { policy.rights(of: Array((root + $0 + name).utf8))?.isSuperset(of: right) ?? false })
            }
            #expect(granted("/file", .read).isSubset(of: found.reads), "\(text)")
            #expect(granted("/file", .write).isSubset(of: found.writes), "\(text)")
            if tellsWhatRuns { #expect(granted("/program", .exec).isSubset(of: found.runs), "\(text)") }
            #expect(granted("", .readdir).isSubset(of: found.lists), "\(text)")
            #expect(granted("/new", [.createDir, .unlink]).isSubset(of: found.makes), "\(text)")
        }
    }

    @Test func saysWhatItHolds() throws {
        let policy = try policy("files:\n  \(root)/a: rw\n  \(root)/a/b: ro\n  \(root)/c: ro\n")
        let layer = policy.layers[0]
        let rules = try #require(SecondLine.rules(layer))
        let held = layer.files.map { rules.holds($0, of: layer) }
        // What a rule above grants, no deeper one takes away.
        #expect(held == [true, false, true])
    }
}

extension SecondLineTests {
    /// Under the rules that hold opens a policy's programs can open what it grants and nothing else, whatever the names,
    /// and what is left to the kernel is opened.
    @Test func holdsNoMoreThanIsGranted() throws {
        var generator = SystemRandomNumberGenerator()
        let words = ["ro", "rw", "ro+run", "none", "rw+create+delete", "append", "read", "rw-resize", "write"]
        var (reads, writes) = (0, 0)
        for _ in 0..<150 {
            var text = "files:\n"
            for folder in tree where Bool.random(using: &generator) {
                text += "  \(root)\(folder)\(["", "", "/*", "/file"].randomElement()!): \(words.randomElement()!)\n"
            }
            if text == "files:\n" { continue }
            let policy = try policy(text)
            let opens = SecondLine.domain(policy).opens
            let found = try findings(policy, root, heldOnly: true)
            func file(_ folder: String) -> [UInt8] { Array((root + folder + "/file").utf8) }
            func granted(_ rights: Rights) -> Set<String> {
                Set(tree.filter { policy.rights(of: file($0))?.isSuperset(of: rights) ?? false })
            }
            func left(_ access: LandlockRights) -> Set<String> {
                Set(tree.filter { opens.hold(access, at: file($0)) })
            }
            let (toRead, toWrite) = (left(.readFile), left([.writeFile, .truncate]))
            (reads, writes) = (reads + toRead.count, writes + toWrite.count)
            #expect(toRead.isSubset(of: found.reads) && toWrite.isSubset(of: found.writes), "\(text)")
            if !toRead.isEmpty { #expect(found.reads.isSubset(of: granted(.read)), "\(text)") }
            if !toWrite.isEmpty { #expect(found.writes.isSubset(of: granted([.write, .seek])), "\(text)") }
        }
        #expect(reads > 0 && writes > 0)
    }

    /// What rules of the kernel say nothing about is not left to it.
    @Test func leavesNothingThatOtherThanPlacesDecides() throws {
        let files = "files: {\(root)/a: rw+create+delete}\n"
        func holds(_ more: String, at path: String = "/a/file") throws -> Bool {
            let domain = SecondLine.domain(try policy(files + more))
            for ruleset in domain.rulesets { close(ruleset) }
            return domain.opens.hold(.readFile, at: Array((root + path).utf8))
        }
        #expect(try holds(""))
        #expect(try holds("handles: {stdin: rw, inherited: none}\n"))
        #expect(try !holds("", at: "/c/file"))
        #expect(try !holds("handles: {stdout: append}\n"))
        #expect(try !holds("rules: [{on: file.open, where: {path: \(root)/a/file}, deny: EIO}]\n"))
        #expect(try !holds("classes: {file.open: warn}\n"))
        #expect(try !holds("default: warn\n"))
    }

    @Test func forgetsAPlaceThatIsTakenAway() throws {
        let domain = SecondLine.domain(try policy("files: {\(root)/a: rw+create+delete+run, \(root)/c: ro}\n"))
        for ruleset in domain.rulesets { close(ruleset) }
        func path(_ name: String) -> [UInt8] { Array((root + name).utf8) }
        #expect(domain.opens.hold(.readFile, at: path("/a/b/file")) && domain.opens.run(path("/a/program")))
        domain.opens.lose(path("/a/b"))
        #expect(domain.opens.hold(.readFile, at: path("/a/b/file")))
        domain.opens.lose(path("/a"))
        #expect(!domain.opens.hold(.readFile, at: path("/a/b/file")) && !domain.opens.run(path("/a/program")))
        #expect(domain.opens.hold(.readFile, at: path("/c/file")))
    }
}
