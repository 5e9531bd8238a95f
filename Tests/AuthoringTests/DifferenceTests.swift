// Two policies compared: what is lost and gained is said about the right thing, and text that means the same is no difference.

import Policy
import Testing

private func changes(_ one: String, _ two: String) throws -> [String] {
    try policy(one).changes(to: policy(two)).map { "\($0.section) \($0.subject): \($0.words)" }
}

@Suite struct DifferenceTests {
    @Test func sameMeaningIsNoDifference() throws {
        #expect(try changes("files: {/a: ro, /b: rw}\n", "files:\n  /b: rw\n  # said\n  /a: ro\n  /a/b: ro\n") == [])
        #expect(
            try changes(
                "network: {connect: [tcp 10.0.0.0/8:80, tcp 10.1.0.0/16:80]}\n",
                "network: {connect: [tcp 10.0.0.0/8:80]}\n") == [])
    }

    @Test func filesLoseAndGain() throws {
        #expect(try changes("files: {/a: rw}\n", "files: {/a: ro}\n").first?.hasPrefix("files /a: lost") == true)
        #expect(try changes("files: {/a: ro}\n", "files: {/a: ro, /a/b: none}\n") == ["files /a/b: hidden; lost ro"])
        #expect(
            try changes("files: {/a: ro}\n", "files: {/a: ro, /c/*.h: ro}\n").contains {
                $0.hasPrefix("files /c/*.h: gained")
            })
    }

    @Test func theRest() throws {
        #expect(
            try changes("network: {connect: [tcp 10.0.0.1:80]}\n", "network: {connect: [tcp 10.0.0.1:81]}\n") == [
                "network connect tcp 10.0.0.1:80: lost", "network connect tcp 10.0.0.1:81: gained",
            ])
        #expect(try changes("classes: {}\n", "classes: {mem.lock: stub}\n") == ["operations mem.lock: allow → stub"])
        #expect(try changes("classes: {}\n", "classes: {mem: stub}\n").contains("operations mem (all): allow → stub"))
        #expect(try changes("limits: {time: 1m}\n", "limits: {time: 60s}\n") == [])
        #expect(
            try changes("ambient: [self]\n", "ambient: [self, ipc]\n").first?.hasPrefix("ambient ipc: gained")
                == true)
        #expect(
            try changes(
                "rules: [{on: file.open, where: {path: /a}, deny: EIO}]\n",
                "description: x\nrules:\n- {on: file.open, where: {path: /a}, deny: EIO}\n") == [])
        #expect(try changes("rules: [{on: file.open, where: {path: /a}, deny: EIO}]\n", "name: n\n").count == 1)
        #expect(try changes("default: deny\n", "default: kill\n") == ["default : deny EACCES → kill"])
    }
}
