// Names in policies: whatever bytes a program chooses, its name is one scalar, and is read back as it was.

import Messages
import Policy
import Testing

/// Names that end lines, quotes, comments and flows, look like patterns or variables, hide, or are no text at all.
let oddNames: [[UInt8]] =
    [
        "/a\n  /etc: rw\n#", "/a\r\n/etc: rw", "/a: rw, /b", "/a # b", "/\"", "/'", "/{a}", "/[a]", "/${CWD}", "/$HOME",
        "/~", "/-",
        "/a*", "/a\\", "/a\\*b", "/\\xff", "/\\\\x2f", "/\u{85}b: rw", "/\u{2028}b: rw", "/\u{2029}", "/\u{202e}gnp",
        "/\u{feff}", "/\u{fffe}", "/\u{200b}", "/\u{1b}[2J", "/\u{7f}", "/\u{9b}31m", "/ü", "/日本", "/ ", "/a b", "/\t",
        "/%2f", "/&a", "/!x", "/|", "/>", "/@", "/`", "/null", "/1", "/\u{10ffff}", "/\u{e0041}", "/?",
    ].map { Array($0.utf8) } + [
        [0x2F, 0xFF], [0x2F, 0xC3], [0x2F, 0xE2, 0x80], [0x2F, 0xF0, 0x9F, 0x92], [0x2F, 0x80, 0x61],
        [0x2F, 0xC0, 0xAF],
        [0x2F, 0xED, 0xA0, 0x80], [0x2F] + (1...255).filter { $0 != 0x2F },
    ]

@Suite struct PolicyTextTests {
    @Test(arguments: oddNames) func aNameIsOneEntry(_ name: [UInt8]) throws {
        for isASCII in [false, true] {
            let entry = PolicyText.scalar(PolicyText.pattern(name, isASCII: isASCII))
            for text in ["files:\n  \(entry): rw   # \(PolicyText.visible(name))\n", "files: {\(entry): rw}\n"] {
                let policy = try policy(text)
                #expect(policy.layers[0].files.count == 1, "\(text)")
                #expect(policy.rights(of: name) == RightsGroup.rw.rights, "\(text)")
                #expect(policy.rights(of: name + [0x21]) == [], "\(text)")
            }
        }
        #expect(PolicyText.bytes(PolicyText.visible(name)) == name)
        #expect(PolicyText.bytes(PolicyText.pattern(name)) == name)
    }

    @Test(arguments: oddNames) func aSocketIsOneEntry(_ name: [UInt8]) throws {
        for address in [Address.unixPath(name), .unixAbstract(name)] {
            let fact = AddressFact(.peer, .unix, address)
            let policy = try policy("network: {connect: [\(PolicyText.scalar(fact.entry))]}\n")
            #expect(policy.network(fact), "\(fact.entry)")
            let other = address == .unixPath(name) ? Address.unixPath(name + [0x21]) : .unixAbstract(name + [0x21])
            #expect(!policy.network(AddressFact(.peer, .unix, other)), "\(fact.entry)")
        }
    }

    @Test func nothingShownMovesATerminal() {
        for name in oddNames {
            let text = PolicyText.visible(name)
            #expect(text.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }, "\(text)")
            #expect(PolicyText.visible(name, isASCII: true).utf8.allSatisfy { (0x20..<0x7F).contains($0) })
        }
    }

    @Test func anyTextIsOneScalar() throws {
        for text in ["", "-", "a: b", "# a", "it's \"so\"", "\\", "a\nb", "\u{85}", "\u{2028}x: y", "{", "é\\\u{7}"] {
            #expect(try policy("description: \(PolicyText.scalar(text))\n").description == text)
        }
    }

    /// Nor does a call's name in a profile that is imported write a line.
    @Test func importedNamesWriteNoLines() throws {
        let profile =
            "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": [{\"action\": \"SCMP_ACT_ERRNO\", "
            + "\"names\": [\"ptrace\", \"no\\nvdso: hide\"]}]}"
        let text = try SeccompImport(PolicySource(file: "a\"\nvdso: hide", bytes: Array(profile.utf8))).text
        #expect(!text.contains("\nvdso"), "\(text)")
        let reading = PolicyReader.read(
            PolicySource(file: "i.yaml", bytes: Array(text.utf8)), Surroundings(workingDirectory: "/", home: "/"))
        #expect(reading.policy?.hidesVDSO == false, "\(reading.diagnostics)")
    }

    /// What a place stands for is meant as it is: a directory called `a*` is no pattern.
    @Test func placesAreNoPatterns() throws {
        let source = PolicySource(
            file: "p.yaml",
            bytes: Array("abitrace: policy/1\nfiles: {\"${CWD}/x\": rw, ./y: rw, ~/z: rw, \"${V}\": rw}\n".utf8))
        let reading = PolicyReader.read(
            source, Surroundings(workingDirectory: "/w*", home: "/h\\*", variables: ["V": "/v*"]))
        let policy = try #require(reading.policy, "\(reading.diagnostics)")
        for (path, isGranted) in [
            ("/w*/x", true), ("/wide/x", false), ("/w*/y", true), ("/wide/y", false), ("/h\\*/z", true),
            ("/h*/z", false),
            ("/v*", true), ("/v1", false),
        ] {
            #expect(policy.rights(of: Array(path.utf8))?.contains(.write) == isGranted, "\(path)")
        }
    }

    /// Where nobody knows what a place stands for, a policy that needs it is none: the root would be too much.
    @Test func unknownPlacesAreErrors() {
        for (entry, isRead) in [("\"${CWD}\"", false), ("./a", false), ("~", false), ("~/.ssh", false), ("/usr", true)]
        {
            let reading = PolicyReader.read(
                PolicySource(file: "p.yaml", bytes: Array("abitrace: policy/1\nfiles: {\(entry): rw}\n".utf8)),
                Surroundings(workingDirectory: "", home: ""))
            #expect((reading.policy != nil) == isRead, "\(entry)")
            #expect(reading.errors.allSatisfy { $0.line.line == 2 && $0.message.contains("nobody") })
        }
    }
}
