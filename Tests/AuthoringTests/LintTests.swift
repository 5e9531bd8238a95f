// What lint finds, exposure counts, and the formatter leaves alone.

import Policy
import Testing

private func findings(_ text: String) throws -> [String] {
    try policy(text).findings(in: "test.yaml").map { "\($0.line.line): \($0.message)" }
}

@Suite struct LintTests {
    @Test(arguments: [
        ("files: {/a: ro, /a/b: ro}\n", "2: `/a/b` has what line 2 gives it already"),
        ("network: {connect: [\"tcp *:*\", \"tcp 10.0.0.1:80\"]}\n", "`tcp 10.0.0.1:80` is covered by `tcp *:*`"),
        ("files: {/etc: rw}\n", "all of `/etc` can be written"),
        ("files: {/tmp: rw+run}\n", "what anybody writes to `/tmp` can be run"),
        ("network: {connect: [\"udp 0.0.0.0/0:53\"]}\n", "reaches every host"),
        ("classes: {sys.random: deny}\n", "`sys.random` is switched"),
        ("files: {/dev/urandom: none}\n", "`/dev/urandom` cannot be read"),
        ("classes: {fd.read: allow}\n", "not refused by anything that this line could lift"),
        ("rules: [{on: sock.create, where: {type: SOCK_SEQPACKET}, deny: EIO}]\n", "SOCK_SEQPACKET"),
    ])
    func isFound(_ text: String, _ words: String) throws {
        let found = try findings(text)
        #expect(found.contains { $0.contains(words) }, "\(found)")
    }

    @Test func sensibleLinesAreLeftAlone() throws {
        #expect(
            try findings(
                "files: {/: ro, /a: rw, /a/b: ro, /etc/shadow: none, /tmp: rw}\nnetwork: {connect: [tcp 10.0.0.1:80, tcp 10.0.0.1:81]}\nclasses: {mem.lock: stub, sock: deny, sock.create: allow}\n"
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
