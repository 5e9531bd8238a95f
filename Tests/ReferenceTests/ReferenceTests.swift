// What is said of words, and that it is what the decoders know.

import Messages
import Personalities
import Testing

@testable import Reference

@Suite struct ReferenceTests {
    private let reference = Reference.built

    private func said(_ word: String) -> String { reference.explain(word).map(\.text).joined() }

    @Test func calls() {
        let text = said("openat")
        for part in [
            "openat: a system call of class file", "Opens a file by name or handle.", "x86_64 257", "i386 295",
            "Linux 2.6.16", "flags of open", "new_fd, descriptor", "openat(2)", "openat2",
        ] { #expect(text.contains(part), "\(part)") }
        #expect(said("nfsservctl").contains("Linux 2.2, gone with 3.1"))
        #expect(said("socket").contains("i386 359 (since 4.3)"))
    }

    @Test(arguments: [
        ("file.open", "open, creat, openat"), ("sock", "sock.connect"), ("O_TMPFILE", "openat flags"),
        ("O_TMPFILE", "0x410000"), ("AF_INET", "socket family"), ("ENOTTY", "an errno"), ("ENOTTY", "not a terminal"),
        ("25", "ENOTTY"), ("25", "the number of mremap in x86_64"), ("SIGCHLD", "17"), ("statx", "stx_mode"),
        ("i386", "ebx, ecx, edx, esi, edi, ebp"), ("x86_64", "fs_base"), ("timespec", "clock_gettime"),
    ])
    func words(word: String, part: String) { #expect(said(word).contains(part), "\(said(word))") }

    @Test(arguments: [("opnat", "openat"), ("ENOTY", "ENOTTY"), ("file.opne", "file.open"), ("sokc", "sock")])
    func unknownWordsGetSuggestions(word: String, meant: String) {
        #expect(reference.explain(word).isEmpty)
        #expect(reference.suggestions(for: word).contains(meant))
    }

    @Test func farWordsGetNone() { #expect(reference.suggestions(for: "xyzzyplughquux").isEmpty) }

    @Test(arguments: [
        ("", "", 0), ("a", "", 1), ("", "ab", 2), ("abc", "abc", 0), ("abc", "acb", 1), ("kitten", "sitting", 3),
    ])
    func distances(left: String, right: String, distance: Int) {
        #expect(editDistance(Array(left.utf8), Array(right.utf8)) == distance)
    }

    /// Everything that can be named can be explained.
    @Test func everyNameIsExplained() {
        let names = Set(reference.names.filter { !$0.isEmpty })
        #expect(names.count > 3000)
        for entry in reference.entries where entry.kind != "select" {
            #expect(!reference.explain(entry.name).isEmpty, "\(entry.name)")
        }
    }

    @Test func tables() {
        let recent = reference.calls(CallSelection(since: KernelVersion("6.13")))
        #expect(recent.contains { $0.name == "setxattrat" } && !recent.contains { $0.name == "openat" })
        let sockets = reference.calls(CallSelection(operationClass: "sock", personality: "i386"))
        #expect(sockets.contains { $0.name == "socketcall" } && sockets.contains { $0.name == "bind" })
        #expect(sockets.map { $0.number("i386") ?? 0 } == sockets.compactMap { $0.number("i386") }.sorted())
        let opens = reference.json(reference.calls(CallSelection(operation: "file.open", personality: "x86_64")))
        #expect(
            opens.first
                == #"{"call":"open","numbers":{"x86_64":2,"i386":5},"since":"1.0","operations":["file.open"],"manual":"open(2)"}"#
        )
    }

    @Test(arguments: [("2.6", "2.6.1"), ("2.6.39", "3.0"), ("4.9", "4.10"), ("5.19", "6.0")])
    func versionsCompareByNumbers(older: String, newer: String) throws {
        #expect(try #require(KernelVersion(older)) < #require(KernelVersion(newer)))
    }

    @Test(arguments: ["", "5", "5.", "5.x", "1.2.3.4", "-1.2"]) func whatIsNoVersion(text: String) {
        #expect(KernelVersion(text) == nil)
    }

    /// The personalities as data are those that the decoders have, with the same widths and architectures.
    @Test func personalities() throws {
        #expect(reference.entries("personality").map(\.name) == Personality.allCases.map(\.name))
        for personality in Personality.allCases {
            let entry = try #require(reference.entry("personality", personality.name))
            #expect(entry.first("word") == "\(personality.wordSize) bytes")
            let text = try #require(entry.first("architecture")?.prefix { $0 != "," }.dropFirst(2))
            let architecture = try #require(UInt32(text, radix: 16))
            #expect(Personality(auditArchitecture: architecture) == personality)
            let registers = try #require(entry.first("arguments")).split(separator: ",")
            #expect(registers.count == 6)
        }
    }

    /// The reference's numbers are the decoders' numbers.
    @Test(arguments: Personality.allCases) func numbers(personality: Personality) {
        var known = 0
        for call in reference.entries("call") {
            guard let number = call.number(personality.name) else { continue }
            known += 1
            #expect(SpecTables.number(of: call.name, personality) == UInt64(number), "\(call.name)")
        }
        #expect(known > 380)
    }

    /// A table of dispatch with one entry for each operation, in step with the spec.
    @Test func operationsAreTheSpecs() {
        #expect(Operation.allCases.map(\.name) == reference.entries("operation").map(\.name))
        #expect(OperationClass.allCases.map(\.name) == reference.entries("class").map(\.name))
        #expect(Set(Operation.allCases.map(\.rawValue)).count == reference.entries("operation").count)
        #expect(Set(SpecTables.calls.map(\.operation)).isSubset(of: Set(Operation.allCases)))
    }

    /// Nothing of the spec is without an origin.
    @Test func origins() {
        for entry in reference.entries { #expect(!reference.origin(of: entry).isEmpty, "\(entry.name)") }
    }
}
