// What a shell script does, held with Swift Testing.

import AbitraceTesting
import Foundation
import Testing

/// A directory of a test's own.
func withFolder(_ body: (URL) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("example-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder)
}

@Suite struct ShellScriptTests {
    @Test func staysInItsDirectory() throws {
        try withFolder { folder in
            let run = try RecordedRun.of(["sh", "-c", "echo one > made; cat made; rm made"], in: folder)
            #expect(run.exitCode == 0)
            #expect(String(decoding: run.output, as: UTF8.self) == "one\n")
            try run.expect(
                .opensNothing(outside: "."), .writesNothing(outside: "."), .connectsOnly(),
                .runsOnly("dash", "sh", "cat", "rm"),
                .makesNone(where: "class = mount or file.unlink and path under /etc"))
        }
    }

    @Test func aFailureNamesTheCall() throws {
        try withFolder { folder in
            let run = try RecordedRun.of(["cat", "/etc/passwd"], in: folder)
            let failure = #expect(throws: UnmetExpectation.self) { try run.expect(.opensNothing(outside: ".")) }
            let text = failure?.description ?? ""
            #expect(text.hasPrefix("expected that cat /etc/passwd opens nothing outside .:\n"))
            #expect(text.contains("openat: file.open /etc/passwd: /etc/passwd lies outside"))
            #expect(failure?.messages.map(\.operation) == ["file.open"])
        }
    }

    @Test func connectionsAreToldByAddress() throws {
        let script = "import socket\ntry: socket.create_connection(('127.0.0.1', 9))\nexcept OSError: pass"
        let run = try RecordedRun.of(["/usr/bin/python3", "-I", "-S", "-c", script])
        try run.expect(.connectsOnly(to: "tcp 127.0.0.1:*"))
        let failure = #expect(throws: UnmetExpectation.self) { try run.expect(.connectsOnly(to: "tcp 127.0.0.1:80")) }
        #expect(failure?.description.contains("connect: sock.connect tcp 127.0.0.1:9 (ECONNREFUSED)") ?? false)
    }

    /// A name that is no UTF-8 is a name: it does not pass for nothing.
    @Test func oddNamesAreHeldToo() throws {
        try withFolder { folder in
            try withFolder { other in
                let script = #"f=$(printf '%s/odd\377' "$1"); echo x > "$f"; cat "$f"; rm "$f""#
                let run = try RecordedRun.of(["sh", "-c", script, "sh", other.path], in: folder)
                for expectation in [Expectation.opensNothing(outside: "."), .writesNothing(outside: ".")] {
                    let failure = #expect(throws: UnmetExpectation.self) { try run.expect(expectation) }
                    #expect(failure?.description.contains(#"/odd\xff lies outside"#) ?? false)
                }
                try run.expect(.opensNothing(outside: ".", other.path), .writesNothing(outside: other.path))
            }
        }
        let script =
            "import socket\nfor name in (b'/tmp/no\\xff', b'\\0one'):\n"
            + "  try: socket.socket(socket.AF_UNIX).connect(name)\n  except OSError: pass"
        let run = try RecordedRun.of(["/usr/bin/python3", "-I", "-S", "-c", script])
        let failure = #expect(throws: UnmetExpectation.self) { try run.expect(.connectsOnly()) }
        #expect(failure?.messages.compactMap(\.address) == [#"unix /tmp/no\xff"#, "unix @one"])
        try run.expect(.connectsOnly(to: #"unix /tmp/no\\xff"#, "unix @one"))
    }

    @Test func aPolicyIsKept() throws {
        try withFolder { folder in
            let policy = folder.appendingPathComponent("policy.yaml")
            let text =
                "abitrace: policy/1\nfiles:\n  /usr: ro+run\n  /etc/ld.so.cache: ro\n  /etc/ld.so.preload: ro\n  /etc/locale.alias: ro\n  ${CWD}: ro\n"
            try Data(text.utf8).write(to: policy)
            let run = try RecordedRun.of(["cat", "policy.yaml"], in: folder)
            try run.expect(.keeps(policy: policy.path))
            let other = try RecordedRun.of(["cat", "/etc/passwd"], in: folder)
            let failure = #expect(throws: UnmetExpectation.self) { try other.expect(.keeps(policy: policy.path)) }
            #expect(failure?.description.contains("file.open /etc/passwd: deny EACCES") ?? false)
        }
    }

    @Test func anExpectationOfOnesOwn() throws {
        let run = try RecordedRun.of(["sh", "-c", "cat /no/such; true"])
        let quiet = Expectation("misses no file") { message, _ in message.errno == "ENOENT" ? "it is not there" : nil }
        let failure = #expect(throws: UnmetExpectation.self) { try run.expect(quiet) }
        #expect(failure?.description.contains("/no/such") ?? false)
        #expect(throws: RecordingProblem.self) { try run.messages(where: "pth = 1") }
        #expect(throws: RecordingProblem.self) { try RecordedRun(contentsOf: URL(fileURLWithPath: "/etc/passwd")) }
    }
}
