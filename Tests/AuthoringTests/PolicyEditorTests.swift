// Changes to policy files: the entry changes, and nothing else.

import Policy
import Testing

private let block = """
    abitrace: policy/1   # said first
    files:
      # the system
      /usr: ro+run       # read
      "/a b": {}
      /etc: ro

    network:
      connect:
        - "tcp 10.0.0.1:80"   # the proxy
    ambient: [self, mm]
    classes: {mem.lock: stub}

    """

@Suite struct PolicyEditorTests {
    private func edited(_ text: String = block, _ change: (inout PolicyEditor) -> Void) -> String {
        var editor = PolicyEditor(text)
        change(&editor)
        return editor.text
    }

    /// The lines that are only in the first, and only in the second.
    private func difference(_ one: String, _ two: String) -> [String] {
        let (first, second) = (one.split(separator: "\n").map(String.init), two.split(separator: "\n").map(String.init))
        return first.filter { !second.contains($0) }.map { "-" + $0 }
            + second.filter { !first.contains($0) }.map { "+" + $0 }
    }

    @Test func nothingIsNothing() { #expect(PolicyEditor(block).text == block) }

    @Test func entriesAreSet() {
        let set = edited { $0.set("files", "/usr", "rw") { $0 == "/usr" } }
        #expect(difference(block, set) == ["-  /usr: ro+run       # read", "+  /usr: rw       # read"])
        let added = edited { $0.set("files", "/new", "ro") { $0 == "/new" } }
        #expect(difference(block, added) == ["+  /new: ro"])
        let flow = edited { $0.set("classes", "mem.map", "warn") { $0 == "mem.map" } }
        #expect(difference(block, flow).last == "+classes: {mem.lock: stub, mem.map: warn}")
        let section = edited { $0.set("handles", "stdin", "ro") { $0 == "stdin" } }
        #expect(difference(block, section) == ["+handles:", "+  stdin: ro"])
        let empty = edited("abitrace: policy/1\nfiles: {}\n") { $0.set("files", "/a", "ro") { _ in false } }
        #expect(empty == "abitrace: policy/1\nfiles: {/a: ro}\n")
        let bare = edited("abitrace: policy/1\nfiles:\n") { $0.set("files", "/a", "ro") { _ in false } }
        #expect(bare == "abitrace: policy/1\nfiles:\n  /a: ro\n")
        let none = edited("abitrace: policy/1\nnetwork: none\n") { $0.add("\"tcp *\"", to: "network", "connect") }
        #expect(none == "abitrace: policy/1\nnetwork: {connect: [\"tcp *\"]}\n")
    }

    @Test func elementsAreAdded() {
        let address = edited { $0.add("\"udp *\"", to: "network", "connect") }
        #expect(difference(block, address) == ["+    - \"udp *\""])
        let listen = edited { $0.add("\"udp *\"", to: "network", "listen") }
        #expect(difference(block, listen) == ["+  listen: [\"udp *\"]"])
        let ambient = edited { $0.add("ipc", to: "ambient") }
        #expect(difference(block, ambient).last == "+ambient: [self, mm, ipc]")
        let usual = edited("abitrace: policy/1\n") { $0.add("ipc", to: "ambient", else: ["self"]) }
        #expect(usual == "abitrace: policy/1\nambient: [self, ipc]\n")
        let word = edited("abitrace: policy/1\nambient: self\n") { $0.add("ipc", to: "ambient") }
        #expect(word == "abitrace: policy/1\nambient: [self, ipc]\n")
    }

    @Test func entriesAreTakenAway() {
        func without(_ line: Int, _ column: Int) -> [String] {
            difference(
                block,
                edited {
                    let isDone = $0.remove(line: line, column: column)
                    #expect(isDone)
                })
        }
        #expect(without(4, 3) == ["-  /usr: ro+run       # read"])
        #expect(without(5, 3) == ["-  \"/a b\": {}"])
        #expect(without(11, 11) == ["-ambient: [self, mm]", "+ambient: [mm]"])
        #expect(without(11, 17) == ["-ambient: [self, mm]", "+ambient: [self]"])
        // The last entry of a section takes the section with it.
        #expect(without(12, 11) == ["-classes: {mem.lock: stub}"])
        #expect(without(10, 7) == ["-network:", "-  connect:", "-    - \"tcp 10.0.0.1:80\"   # the proxy"])
        var editor = PolicyEditor(block)
        let isThere = editor.remove(line: 3, column: 3)
        #expect(!isThere)
    }

    @Test func everyResultIsStillAPolicy() throws {
        let rest = block.split(separator: "\n", omittingEmptySubsequences: false).dropFirst().joined(separator: "\n")
            .replacing("\"/a b\": {}", with: "\"/a b\": ro")
        var editor = PolicyEditor("abitrace: policy/1\n" + rest)
        editor.set("files", "/n", "ro") { _ in false }
        editor.add("\"tcp [::1]:1\"", to: "network", "listen")
        editor.add("ipc", to: "ambient")
        let found = try policy(editor.text.split(separator: "\n").dropFirst().joined(separator: "\n") + "\n")
        #expect(found.rights(of: Array("/n".utf8)) == found.rights(of: Array("/etc".utf8)))
    }
}

@Suite struct UnionTests {
    @Test func allowsWhatAnyAllows() throws {
        let one = try policy(
            "files: {/: ro, /a: rw}\nnetwork: {connect: [tcp 10.0.0.1:80]}\nclasses: {mem.lock: stub, sock: deny}\n")
        let two = try policy("files: {/a: none, /b: rw}\nnetwork: {connect: [\"udp *\"]}\nclasses: {sock: deny}\n")
        let text = UnionWriter([one, two]).text(["one", "two"])
        let union = try policy(text.split(separator: "\n").dropFirst().joined(separator: "\n") + "\n")
        for lost in one.changes(to: union) + two.changes(to: union) { #expect(!lost.words.contains("lost"), "\(lost)") }
        #expect(union.rights(of: Array("/b/c".utf8))?.contains(.write) == true)
        #expect(union.rights(of: Array("/c".utf8))?.contains(.write) == false)
        #expect(union.classVerdict(.sockConnect) == .deny(13))
        #expect(union.classVerdict(.memLock) == .allow)
    }
}
