// What lint finds, exposure counts, and the formatter leaves alone.

import Policy
import Testing

private func findings(_ text: String) throws -> [String] {
    try policy(text).findings(in: "test.yaml").map { "\($0.line.line): \($0.message)" }
}

/// One line of a policy to be found, and the words; the last line of `text` is meant.
private struct Finding: CustomTestStringConvertible {
    var text: String
    var words: String
    var hint: String

    init(_ text: String, _ words: String, _ hint: String) { (self.text, self.words, self.hint) = (text, words, hint) }

    var testDescription: String { words }
}

@Suite struct LintTests {
    /// Each finding is about the last line: its line number, its words, and what to write instead.
    @Test(arguments: [
        // Lines that decide nothing.
        Finding("files:\n  /a: ro\n  /a/b: ro", "`/a/b` has what line 3 gives it already", "leave the line out"),
        Finding("files:\n  /a: ro\n  /c/*: rw\n  /a/b: ro", "`/a/b` has what line 3", "leave"),
        Finding("files:\n  /a: ro\n  /a/*/b: ro", "`/a/*/b` has what line 3", "leave"),
        Finding("files:\n  /a: none\n  /a/b: none", "`/a/b` has what line 3", "leave"),
        Finding(
            "network:\n  connect:\n    - \"tcp 10.0.0.0/8:*\"\n    - \"tcp 10.0.0.1:80\"",
            "`tcp 10.0.0.1:80` is covered by `tcp 10.0.0.0/8:*` in line 4", "leave one of the two out"),
        Finding(
            "classes: {sock.connect: deny}\nnetwork:\n  connect: [\"tcp 10.0.0.1:80\"]",
            "`connect` comes to nothing: `sock.connect` is refused in line 2", "leave one"),
        Finding(
            "classes: {sock: deny}\nnetwork:\n  listen: [\"tcp 127.0.0.1:80\"]",
            "`listen` comes to nothing: `sock` is refused in line 2", "leave one"),
        Finding(
            "programs:\n  /usr/bin/*: {}\n  /usr/bin/git: {}", "`/usr/bin/git` may run by line 3 already",
            "leave the line"),
        Finding(
            "classes: {proc.exec: deny}\nprograms:\n  /usr/bin/git: {}",
            "nothing runs: `proc.exec` is refused in line 2", "leave"),
        Finding("handles:\n  stdin: ro\n  0: rw", "`0` is spoken of in line 3 already", "leave one"),
        Finding("ambient:\n  - self\n  - child\n  - self", "`self` is there twice, in line 3 first", "leave one"),
        Finding(
            "classes:\n  mount: deny\n  mount.query: deny", "`mount` in line 3 says the same of `mount.query`",
            "leave the line"),
        Finding(
            "classes:\n  fd.read: allow", "not refused by anything that this line could lift", "`files`, `network`"),
        Finding(
            "classes:\n  time: deny\n  time.set: deny", "`time` in line 3 says the same",
            "leave"),
        Finding(
            "rules:\n  - {on: file.open, where: {path: /a}, allow: true}", "a rule that allows decides nothing",
            "what refuses is lifted where it stands"),
        Finding(
            "files: {/a: ro}\nclasses: {file: deny}\nrules:\n  - {on: file.open, where: {path: /a}, warn: true}",
            "`file: deny EACCES` in line 3 is stricter, so this rule never decides", "leave one"),
        Finding(
            "files: {/a: ro}\nrules:\n  - {on: [file.open, file.create], where: {path: /a/**}, deny: EIO}\n  - {on: file.open, where: {path: /a/b}, warn: true}",
            "line 4 decides every message that this rule is about", "leave the rule out"),
        Finding(
            "rules:\n  - {on: sock.connect, where: {port: {from: 1, to: 99}}, kill: true}\n  - {on: sock.connect, where: {port: 80}, deny: EIO}",
            "line 3 decides every message", "`where`"),
        Finding(
            "rules:\n  - {on: sock.connect, where: {port: {from: 9, to: 1}}, deny: EIO}",
            "no message meets this `where`",
            "`from` is the lower end"),
        Finding(
            "files: {/b: ro}\nrules:\n  - {on: file.open, where: {path: /a}, rewrite: {path: /b}}",
            "nothing under `files` grants `/a`, so it is refused before this rule can rewrite it",
            "add `/a: ro` under `files`"),
        // Lines that give more than they say.
        Finding("files:\n  /etc: rw", "all of `/etc` can be written", "name the directories"),
        Finding("files:\n  /tmp: rw+run", "what anybody writes to `/tmp` can be run", "take `run` away"),
        Finding(
            "network:\n  connect: [\"udp 0.0.0.0/0:53\"]", "`udp 0.0.0.0/0:53` reaches every host", "name the hosts"),
        Finding("classes:\n  debug: allow", "`debug` as a whole lets everything in it through", "name the operations"),
        // Unsafe fallbacks.
        Finding("classes:\n  sys.random: deny", "`sys.random` is switched: without it", "leave it allowed"),
        Finding("files:\n  /dev/urandom: none", "`/dev/urandom` cannot be read", "add `/dev/urandom: ro`"),
        Finding("classes:\n  cred.set: deny EPERM", "programs that mean to give up rights keep them", "or `kill`"),
        Finding("classes:\n  fd.sync: stub", "programs are told that data is safe which is not", "`deny EIO`"),
        Finding("rules:\n  - {on: fd.lock, stub: true}", "two programs hold one lock", "ENOLCK"),
        Finding("classes:\n  mem.protect: stub", "memory that the program thinks closed stays open", "`deny`"),
        // Lines that can be raced.
        Finding(
            "files: {/a: ro}\nrules:\n  - {on: file.context_set, where: {path: /a}, deny: EIO}",
            "this can only be held as advice for `chdir`", "--strict refuses it"),
        // Portability.
        Finding(
            "rules:\n  - {on: sock.create, where: {type: SOCK_SEQPACKET}, deny: EIO}", "SOCK_SEQPACKET",
            "SOCK_STREAM"),
    ])
    private func isFound(_ finding: Finding) throws {
        let found = try policy(finding.text + "\n").findings(in: "test.yaml")
        let last = finding.text.split(separator: "\n").count + 1
        #expect(
            found.contains {
                $0.line.line == last && $0.message.contains(finding.words) && $0.hint?.contains(finding.hint) == true
            }, "\(last): \(found.map(\.text))")
        #expect(found.filter { $0.line.line != last }.count == 0, "\(found.map(\.text))")
    }

    /// Lines that look alike and are not.
    @Test(arguments: [
        "files: {/a: ro, /a/b: rw, /a/b/c: ro}", "files: {/a: ro, /a/*: rw, /a/b: ro}",
        "files: {/a: ro, /a/*/c: rw, /a/b/*: ro}",
        "files: {/: ro, /a: none, /a/*: ro}", "files: {\"/*\": stat}",
        "network: {connect: [tcp 10.0.0.1:80], listen: [tcp 10.0.0.1:80]}",
        "programs: {/usr/bin/*: {}, /usr/bin/git: {policy: git}}", "handles: {stdin: ro, stdout: rw}",
        "ambient: [self-signal, self]", "classes: {mount: deny, mount.query: allow}",
        "classes: {event: deny, event.poll: allow}",
        "files: {/a: ro}\nrules: [{on: file.open, where: {path: /a/b}, deny: EIO}, {on: file.open, where: {path: /a}, warn: true}]",
        "files: {/a: ro}\nrules: [{on: file.open, where: {path: /a}, deny: EIO, when: {from: 3}}, {on: file.open, where: {path: /a}, warn: true}]",
        "files: {/a: ro}\nrules: [{on: file.open, where: {path: /a}, rewrite: {path: /a/b}}]",
        "classes: {mem.lock: stub, cred.set: kill, fd.lock: deny ENOLCK}",
        "rules: [{on: [sock.create, fd.create], where: {type: SOCK_SEQPACKET}, deny: EPROTONOSUPPORT}]",
    ])
    func isLeftAlone(_ text: String) throws {
        let policy = try #require(
            PolicyReader.read(
                PolicySource(file: "test.yaml", bytes: Array("abitrace: policy/1\n\(text)\n".utf8)),
                Surroundings(
                    workingDirectory: "/tree", home: "/home/me",
                    source: { name, _ in PolicySource(file: name, bytes: Array("abitrace: policy/1\n".utf8)) })
            ).policy)
        #expect(policy.findings(in: "test.yaml") == [])
    }

    @Test func sensibleLinesAreLeftAlone() throws {
        #expect(
            try findings(
                "files: {/: ro, /a: rw, /a/b: ro, /etc/shadow: none, /tmp: rw}\nnetwork: {connect: [tcp 10.0.0.1:80, tcp 10.0.0.1:81]}\nclasses: {mem.lock: stub, debug: deny, debug.trace: allow}\n"
            ) == [])
    }
}

@Suite struct ExposureTests {
    @Test func morePermissionIsMoreExposure() throws {
        let texts = [
            "files: {/usr: ro}\nlimits: {memory: 1G}\n", "files: {/usr: ro}\n",
            "files: {/usr: ro}\nnetwork: {connect: [\"tcp *:*\"]}\n",
            "files: {/: all}\nnetwork: any\nambient: [self, child, mm, procs]\n", "default: allow\n",
        ]
        let scores = try texts.map { try policy($0).exposure.score }
        #expect(scores == scores.sorted() && Set(scores.prefix(4)).count == 4, "\(scores)")
        #expect(scores[0] == 0 && scores[4] <= 100)
        #expect(try policy(texts[2]).exposureText().contains("send what it reads to any host"))
    }
}

@Suite struct PolicyFormatterTests {
    private let text = """
        # first of all
        abitrace: policy/1
        files:
          /b: ro # the second
          /a: rw+create   # the first
          # secrets
          "~/#x": none
        # why it is there
        default: deny
        name: n   


        classes:
          mem.lock: stub
        # the end
        """

    @Test func layout() {
        #expect(
            PolicyFormatter.format(text) == """
                # first of all
                abitrace: policy/1
                name: n

                # why it is there
                default: deny

                files:
                  /a: rw+create  # the first
                  /b: ro         # the second
                  # secrets
                  "~/#x": none

                classes:
                  mem.lock: stub

                # the end

                """)
    }

    @Test func isStableAndMeansTheSame() throws {
        let once = PolicyFormatter.format(text)
        #expect(PolicyFormatter.format(once) == once)
        func compiled(_ text: String) throws -> Policy {
            try #require(PolicyReader.read(PolicySource(file: "t", bytes: Array(text.utf8)), surroundings).policy)
        }
        #expect(try compiled(text).changes(to: compiled(once)) == [])
    }
}
