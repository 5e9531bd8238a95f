// The learner's rules: what is generalised, and what never is.

import Authoring
import Messages
import Policy
import Testing

private let home = "/home/me"

private func learned(_ paths: [String: Rights], recordings: Int = 1) -> String {
    var seen = Observations()
    for _ in 0..<recordings { seen.beginRecording() }
    for (path, rights) in paths {
        let path = PolicyText.pattern(path.utf8)
        var need = Observations.Need()
        need.rights = rights
        need.recordings = [1]
        need.example = "file.open \(path)"
        seen.files[path] = need
    }
    return Learner(home: home, workingDirectory: "/tree/project").policy(seen, command: "/usr/bin/tool")
}

private func rights(_ text: String, _ path: String) throws -> Rights? {
    let source = PolicySource(file: "learned.yaml", bytes: Array(text.utf8))
    let reading = PolicyReader.read(
        source, Surroundings(workingDirectory: "/tree/project", home: home))
    let policy = try #require(reading.policy, "\(reading.diagnostics.map(\.text))\n\(text)")
    return policy.rights(of: Array(path.utf8))
}

private let reading: Rights = [.read, .stat, .lookup]

@Suite struct LearnerTests {
    @Test func systemTreesAreReadWhole() throws {
        let text = learned(["/usr/lib/a.so": reading.union(.mapExec), "/usr/share/b": reading])
        #expect(try rights(text, "/usr/include/c.h")?.contains(.read) == true)
        #expect(try rights(text, "/usr/include/c.h")?.contains(.write) == false)
        // Writing is no reason to widen.
        let written = learned(["/usr/lib/a.so": reading.union(.write)])
        #expect(try rights(written, "/usr/lib/b.so")?.contains(.write) == false)
        #expect(try rights(written, "/usr/lib/a.so")?.contains(.write) == true)
    }

    @Test func fourSiblingsMakeTheDirectory() throws {
        let names = ["a", "b", "c", "d"].map { "/data/set/\($0)" }
        func from(_ count: Int) -> String {
            learned(Dictionary(uniqueKeysWithValues: names.prefix(count).map { ($0, reading) }))
        }
        #expect(try rights(from(3), "/data/set/e")?.contains(.read) == false)
        #expect(try rights(from(4), "/data/set/e")?.contains(.read) == true)
        #expect(try rights(from(4), "/data/other")?.contains(.read) == false)
    }

    /// A port that the kernel chose is another in the next run; one that the program chose is not.
    @Test func chosenPortsAreAnyOfThem() {
        func learned(listens: [String], connects: [String]) -> String {
            var seen = Observations()
            seen.beginRecording()
            for entry in listens { seen.listens[entry] = Observations.Need() }
            for entry in connects { seen.connects[entry] = Observations.Need() }
            return Learner(home: home, workingDirectory: "/tree").policy(seen, command: "/usr/bin/tool")
        }
        let own = learned(listens: ["tcp 127.0.0.1:0"], connects: ["tcp 127.0.0.1:40001", "tcp 127.0.0.1:50002"])
        #expect(own.contains("tcp 127.0.0.1:32768-60999") && !own.contains("40001") && !own.contains("50002"))
        let everywhere = learned(listens: ["tcp [::]:0"], connects: ["tcp [::1]:40001", "tcp 10.0.0.1:40001"])
        #expect(everywhere.contains("[::1]:32768-60999") && everywhere.contains("tcp 10.0.0.1:40001"))
        let others = learned(
            listens: ["tcp 127.0.0.1:0", "udp 127.0.0.1:80"],
            connects: ["tcp 127.0.0.1:5432", "udp 127.0.0.1:40001", "tcp 127.0.0.2:40001"])
        #expect(!others.contains("32768"), "\(others)")
    }

    @Test func guardedTopsAreNotGathered() throws {
        let text = learned(Dictionary(uniqueKeysWithValues: ["a", "b", "c", "d", "e"].map { ("/etc/\($0)", reading) }))
        #expect(try rights(text, "/etc/f")?.contains(.read) == false)
        #expect(try rights(text, "/etc/a")?.contains(.read) == true)
    }

    @Test func protectedPlacesAreNeverWidened() throws {
        let keys = ["a", "b", "c", "d", "e", "f"].map { "\(home)/.ssh/\($0)" }
        let text = learned(Dictionary(uniqueKeysWithValues: keys.map { ($0, reading) }))
        #expect(try rights(text, "\(home)/.ssh/a")?.contains(.read) == true)
        #expect(try rights(text, "\(home)/.ssh/id_ed25519")?.contains(.read) != true)
        let processes = learned(Dictionary(uniqueKeysWithValues: (1...6).map { ("/proc/\($0)/stat", reading) }))
        #expect(try rights(processes, "/proc/77/stat")?.contains(.read) != true)
    }

    @Test func widenedDirectoriesLeaveProtectedPlacesOut() throws {
        var need: [String: Rights] = [:]
        for name in ["a", "b", "c", "d"] { need["\(home)/x/\(name)"] = reading }
        var seen = Observations()
        seen.beginRecording()
        var whole = Observations.Need()
        (whole.rights, whole.recordings, whole.isDirectory) = (reading.union(.write), [1], true)
        seen.files[home] = whole
        let text = Learner(home: home, workingDirectory: "/tree/project").policy(seen, command: "ls")
        #expect(try rights(text, "\(home)/.ssh/id_ed25519") == nil)
        #expect(try rights(text, "\(home)/.aws/credentials") == nil)
    }

    @Test func lookingAtADirectoryGivesNothingInIt() throws {
        for directory in ["/", home, "/data"] {
            var seen = Observations()
            seen.beginRecording()
            var look = Observations.Need()
            (look.rights, look.recordings, look.isDirectory) = ([.read, .stat, .readdir, .open], [1], true)
            seen.files[directory] = look
            let text = Learner(home: home, workingDirectory: "/tree/project").policy(seen, command: "ls")
            #expect(try rights(text, directory)?.contains(.readdir) == true)
            let inside = directory == "/" ? "/etc/passwd" : "\(directory)/file"
            #expect(try rights(text, inside)?.contains(.read) == false, "\(text)")
            #expect(try rights(text, inside)?.contains(.stat) == true, "\(text)")
        }
    }

    @Test func directoriesThatWerePassedNeedNoLine() throws {
        let text = learned(["/data": [.stat, .lookup], "/data/one": reading])
        #expect(!text.contains("  /data:"))
        #expect(try rights(text, "/data")?.contains(.stat) == true)
        #expect(try rights(text, "/data/two")?.contains(.read) == false)
    }

    @Test func otherProcessesAreLeftToAPerson() throws {
        let text = learned(["/proc/1/stat": reading, "/proc/22/stat": reading, "/proc/self/task/77/stat": reading])
        #expect(text.contains("# \"/proc/*/stat\": ro"))
        #expect(try rights(text, "/proc/1/stat")?.contains(.read) != true)
        #expect(try rights(text, "/proc/self/task/99/stat")?.contains(.read) == true)
        #expect(try rights(text, "/proc/self/mem")?.contains(.read) != true)
    }

    @Test func starsInNamesAreMeantAsTheyAre() throws {
        let text = learned(["/data/a*": reading])
        #expect(try rights(text, "/data/a*")?.contains(.read) == true, "\(text)")
        #expect(try rights(text, "/data/ab")?.contains(.read) == false, "\(text)")
    }

    /// A name that ends a comment must not be a line of the policy.
    @Test func namesWriteNoLines() throws {
        for end in ["\n", "\r", "\u{85}", "\u{2028}", "\u{2029}"] {
            let name = "/data/a\(end)  /etc: rw+create\(end)#"
            let text = learned([name: reading])
            #expect(try rights(text, name)?.contains(.read) == true, "\(text)")
            #expect(try rights(text, "/etc/passwd")?.contains(.write) == false, "\(text)")
            var seen = Observations()
            seen.beginRecording()
            seen.add(refused: AddressFact(.peer, .unix, .unixPath(Array("/s\"]\(end)files: {/etc: rw}".utf8))))
            let other = Learner(home: home, workingDirectory: "/tree").policy(seen, command: "x\(end)vdso: hide")
            #expect(try rights(other, "/etc/passwd")?.contains(.write) == false, "\(other)")
            #expect(!other.contains("\nvdso"), "\(other)")
        }
    }

    @Test func longNamesAreEntriesToo() throws {
        let name = "/data/" + String(repeating: "\u{85}", count: 300)
        #expect(try rights(learned([name: reading]), name)?.contains(.read) == true)
    }

    /// Searching gives no more than a look, and two names make the directory.
    @Test func whatWasLookedForIsNotRead() throws {
        var seen = Observations()
        seen.beginRecording()
        for (path, isAbsent) in [
            ("/data/bin/cat", true), ("/data/bin/ls", true), ("/data/one", true), ("/etc/a", true), ("/etc/b", true),
        ] {
            var need = Observations.Need()
            (need.rights, need.recordings, need.isAbsent, need.example) = (
                [.stat, .lookup], [1], isAbsent, "file.open \(path)"
            )
            seen.files[path] = need
        }
        let text = Learner(home: home, workingDirectory: "/tree").policy(seen, command: "sh")
        for path in ["/data/bin/cat", "/data/bin/rm", "/data/one", "/etc/a"] {
            let rights = try rights(text, path)
            #expect(
                rights?.isSuperset(of: [.stat, .lookup]) == true && rights?.contains(.read) == false, "\(path)\n\(text)"
            )
        }
        #expect(text.contains("2 paths looked for in vain, such as file.open /data/bin/cat"), "\(text)")
        #expect(try rights(text, "/etc/c")?.contains(.stat) == false, "\(text)")
        #expect(text.contains("# seen in 1 of 1; not there: file.open /data/one"), "\(text)")
    }

    @Test func temporaryNamesBecomeTheirDirectory() throws {
        let text = learned(["/tmp/ccX7aB2q.s": reading.union(.write), "/tree/project/out-4f3a9c1e.o": reading])
        #expect(try rights(text, "/tmp/ccOther.s")?.contains(.write) == true)
        #expect(try rights(text, "/tree/project/out-99999999.o")?.contains(.read) == true)
    }

    @Test func linesSayWhatTheyRestOn() {
        let text = learned(["/data/one": reading], recordings: 3)
        #expect(text.contains("seen in 1 of 3") && text.contains("file.open /data/one"))
        #expect(learned(["/tree/project/a": reading]).contains("${CWD}/a"))
        #expect(learned(["\(home)/a": reading]).contains("~/a"))
    }

    /// A right that the handle's own group has not is said beside it.
    @Test func ambientRightsAreSaid() {
        var seen = Observations()
        seen.beginRecording()
        var need = Observations.Need()
        (need.rights, need.recordings, need.example) = (.nsChange, [1], "proc.namespace")
        seen.ambients["self"] = need
        let text = Learner(home: home, workingDirectory: "/tree/project").policy(seen, command: "/usr/bin/tool")
        #expect(text.contains("ambient: [self+ns_change, child, mm, clock]"), "\(text)")
    }
}
