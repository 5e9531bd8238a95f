// Expectation files: what is understood, what each mistake says, and how a difference reads.

import Authoring
import Messages
import Policy
import Testing

var surroundings: Surroundings { Surroundings(workingDirectory: "/tree", home: "/home/me") }

func policy(_ text: String) throws -> Policy {
    let source = PolicySource(file: "test.yaml", bytes: Array(("abitrace: policy/1\n" + text).utf8))
    let reading = PolicyReader.read(source, surroundings)
    return try #require(reading.policy, "\(reading.diagnostics.map(\.text).joined(separator: "\n"))")
}

private func read(_ text: String) -> (expectations: Expectations, diagnostics: [Diagnostic]) {
    ExpectationReader.read(
        PolicySource(file: "e.yaml", bytes: Array(("abitrace: expectations/1\n" + text).utf8)))
}

@Suite struct ExpectationTests {
    let held: Policy

    init() throws {
        held = try policy(
            "files: {/usr: ro+run, ~/.ssh: none, \"${CWD}\": rw+create}\nnetwork: {connect: [tcp 10.0.0.1:80]}\n")
    }

    private func difference(_ message: String) throws -> [String] {
        let (expectations, diagnostics) = read("messages:\n  - \(message)\n")
        try #require(diagnostics.isEmpty, "\(diagnostics)")
        return try #require(expectations.messages.first).examine(held, surroundings).difference
    }

    @Test(arguments: [
        "{file.open: /usr/a, verdict: allow}",
        "{file.open: {path: /usr/a, flags: O_WRONLY}, verdict: deny EACCES}",
        "{file.open: {path: /usr/a, flags: O_WRONLY}, verdict: deny}",
        "{file.open: {path: /usr/a, flags: O_RDONLY, call: openat}, verdict: allow}",
        "{file.open: {path: ~/.ssh/key}, verdict: deny ENOENT}",
        "{file.open: {path: ./new, flags: O_WRONLY|O_CREAT, exists: false}, verdict: allow}",
        "{proc.exec: /usr/bin/cc, verdict: allow}",
        "{proc.exec: /tree/a.out, verdict: deny}",
        "{sock.create: {family: AF_INET, type: SOCK_STREAM}, verdict: allow}",
        "{sock.create: {family: AF_INET, type: SOCK_DGRAM}, verdict: deny}",
        "{sock.connect: {fd: tcp, address: \"tcp 10.0.0.1:80\"}, verdict: allow}",
        "{sock.connect: {fd: tcp, address: \"tcp 10.0.0.1:81\"}, verdict: deny}",
        "{fd.write: {fd: stdout}, verdict: allow}",
        "{fd.write: {fd: /usr/lib/x}, verdict: deny}",
        "{file.rename: {from_path: ./a, to_path: ./b}, verdict: deny}",
    ])
    func isMet(_ message: String) throws { #expect(try difference(message) == []) }

    @Test func differencesReadWell() throws {
        let lines = try difference("{file.open: {path: /usr/a, flags: O_WRONLY}, verdict: allow}")
        #expect(lines.prefix(2) == ["- allow", "+ deny EACCES"])
        #expect(lines.contains { $0.contains("decided by test.yaml:2") })
        #expect(lines.last?.contains("/usr/a lacks write") == true)
        #expect(
            try difference("{file.open: {path: /usr/a, colour: red}, verdict: allow}")[1].contains("no item `colour`"))
        #expect(try difference("{file.open: {path: /usr/a, flags: O_NONE}, verdict: allow}")[1].contains("O_NONE"))
    }

    @Test func mistakesSayWhy() {
        #expect(
            read("messages: [{file.opne: /a, verdict: allow}]\n").diagnostics.first?.hint == "did you mean `file.open`?"
        )
        #expect(
            read("messages: [{file.open: /a, verdict: maybe}]\n").diagnostics.first?.message == "`maybe` is no verdict")
        #expect(read("messages: [{file.open: /a}]\n").diagnostics.count == 1)
        #expect(read("message: []\n").diagnostics.first?.line.line == 2)
        #expect(ExpectationReader.read(PolicySource(file: "e", bytes: [])).diagnostics.count == 1)
    }

    @Test func recordingsAreCompared() {
        let (expectations, diagnostics) = read(
            "recordings:\n  - {file: a.mcap, refused: none}\n  - {file: b.mcap, refused: [sock.connect, file.open /x]}\n"
        )
        #expect(diagnostics.isEmpty)
        #expect(expectations.recordings[0].difference(["file.open /a"]) == ["+ file.open /a"])
        #expect(expectations.recordings[1].difference(["sock.connect tcp 1.2.3.4:5"]) == ["- file.open /x"])
        #expect(expectations.recordings[1].difference(["sock.connect a", "file.open /x"]) == [])
    }
}
