// What the generator refuses: entries without origin, ranges that are none, numbers twice or without a call.

import Testing

@testable import generate

/// A spec of one small call, in which tests spoil one thing.
private let sound = """
    origin syscall(2)
    personality x86_64
      gaps 7
    class fd
      title Descriptors
    operation fd.read
      does Reads.
    call read
      number x86_64 0
      since 1.0
      operation fd.read
      arg fd fd fd
      case read(3) = 0 : a0=3 -> 0
    call readv
      number x86_64 1
      since 2.0
      operation fd.read
    """

@Suite struct ProvenanceTests {
    private func make(_ text: String) throws {
        let file = SpecFile(name: "fd", blocks: try readBlocks(of: text, file: "fd.spec"))
        _ = try outputs(of: [file])
    }

    @Test func theSoundSpecIsTaken() throws { try make(sound) }

    @Test(arguments: [
        ("origin syscall(2)", "# none", "origin"), ("  since 1.0\n", "", "since when"),
        ("since 1.0", "since yesterday", "no kernel version"), ("since 1.0", "since 3", "no kernel version"),
        ("since 2.0", "since 2.0\n  until 1.5", "not after"),
        ("since 2.0", "since 2.0\n  since i386 4.3", "table without"),
        ("since 2.0", "since 2.0\n  since x86_64 1.0", "before the call"),
        ("number x86_64 1", "number x86_64 0", "twice"), ("number x86_64 1", "number x86_64 2", "number 1 of x86_64 has no call"),
        ("gaps 7", "gaps 1", "a gap and a call"), ("gaps 7", "gaps 9-2", "bad gap"),
        ("arg fd fd fd", "arg fd fd fdd", "unknown type"),
        ("arg fd fd fd", (1...7).map { "arg a\($0) x\($0) int" }.joined(separator: "\n  "), "more than six"),
        ("  case read(3) = 0 : a0=3 -> 0\n", "", "no case shows"),
        ("case read(3) = 0 :", "case read(3) = 0", "expected `case"),
        ("case read(3)", "case fd.write read(3)", "is never"),
    ])
    func spoiltSpecsAreRefused(part: String, spoilt: String, reason: String) {
        let text = sound.replacingOccurrences(of: part, with: spoilt)
        #expect(text != sound)
        do {
            try make(text)
            Issue.record("\(spoilt) is taken")
        } catch {
            #expect("\(error)".contains(reason), "\(error)")
        }
    }
}
