// Reading: what is understood, and what each mistake says.

import Messages
import Policy
import Testing

func read(_ text: String, others: [String: String] = [:]) -> PolicyReading {
    PolicyReader.read(
        PolicySource(file: "test.yaml", bytes: Array(text.utf8)),
        Surroundings(
            workingDirectory: "/tree", home: "/home/me", variables: ["X": "/x"],
            source: { name, _ in others[name].map { PolicySource(file: name, bytes: Array($0.utf8)) } }))
}

func policy(_ text: String, others: [String: String] = [:]) throws -> Policy {
    let reading = read("abitrace: policy/1\n" + text, others: others)
    return try #require(reading.policy, "\(reading.diagnostics.map(\.text).joined(separator: "\n"))")
}

@Suite struct PolicyReaderTests {
    @Test func deepestEntryDecides() throws {
        let policy = try policy(
            "files: {/: ro, /usr: ro+run, /usr/lib: none, /usr/lib/*/perl: rw, ~/.ssh: none, \"${CWD}\": rw-resize, \"**/secret\": none}\n"
        )
        func rights(_ path: String) -> Rights? { policy.rights(of: Array(path.utf8)) }
        #expect(rights("/etc") == RightsGroup.ro.rights)
        #expect(rights("/usr/bin/ls") == RightsGroup.ro.rights.union(RightsGroup.run.rights))
        #expect(rights("/usr/library") == RightsGroup.ro.rights.union(RightsGroup.run.rights))
        #expect(rights("/usr/lib/x") == nil)
        #expect(rights("/usr/lib/x/perl/y") == RightsGroup.rw.rights)
        #expect(rights("/home/me/.ssh/id") == nil)
        #expect(rights("/tree/a") == RightsGroup.rw.rights.subtracting(.resize))
        #expect(rights("/tree/a/secret/b") == nil)
        #expect(rights("pipe:[1]") == [])
    }

    /// An entry about a link is about what it leads to, unless that has an entry of its own; in any order.
    @Test func linksLeadToWhatHasNoEntry() throws {
        for text in [
            "{/link: ro, /real: rw+run, /other: ro, /gone: rw}", "{/gone: rw, /other: ro, /real: rw+run, /link: ro}",
        ] {
            let reading = PolicyReader.read(
                PolicySource(file: "l.yaml", bytes: Array("abitrace: policy/1\nfiles: \(text)\n".utf8)),
                Surroundings(
                    workingDirectory: "/", home: "/",
                    realPath: { ["/link": "/real", "/other": "/far", "/gone": "/far"][$0] ?? $0 }))
            let policy = try #require(reading.policy)
            #expect(policy.rights(of: Array("/real".utf8))?.isSuperset(of: [.write, .exec]) == true)
            #expect(policy.rights(of: Array("/far".utf8)) == RightsGroup.ro.rights)
            #expect(reading.diagnostics.allSatisfy { $0.severity == .note })
        }
    }

    /// To read a link says nothing of what it leads to; to hide it, or to grant more of it, does.
    @Test(arguments: [
        ("stat+readlink", RightsGroup.ro.rights), ("ro+run", RightsGroup.ro.rights.union(RightsGroup.run.rights)),
        ("none", nil), ("stat", Rights.stat),
    ])
    func linksThemselvesAreRead(entry: String, expected: Rights?) throws {
        let reading = PolicyReader.read(
            PolicySource(
                file: "l.yaml", bytes: Array("abitrace: policy/1\nfiles: {/usr: ro, /etc/link: \(entry)}\n".utf8)),
            Surroundings(
                workingDirectory: "/", home: "/", realPath: { $0 == "/etc/link" ? "/usr/bin/real" : $0 }))
        #expect(try #require(reading.policy).rights(of: Array("/usr/bin/real".utf8)) == expected)
    }

    @Test func everyMistakeIsTold() {
        let reading = read(
            "abitrace: policy/1\nfilez: {}\nfiles:\n  /usr: rx\n  etc: ro\nnetwork:\n  connect: [\"tcp 1.2.3.400:1\"]\nclasses:\n  fd.reed: deny\n  fd.close: deny\n  mem: {deny: EWHAT}\n"
        )
        #expect(reading.policy == nil)
        #expect(reading.errors.map(\.line.line) == [2, 4, 5, 7, 9, 10, 11])
        #expect(reading.errors.first?.hint == "did you mean `files`?")
        #expect(reading.errors.first { $0.line.line == 9 }?.hint == "did you mean `fd.read`?")
        #expect(reading.errors.first { $0.line.line == 4 }?.line.column == 9)
    }

    @Test func brokenYAMLHasAPlace() {
        let reading = read("abitrace: policy/1\nfiles: {\n  /usr: ro\n")
        #expect(reading.policy == nil)
        #expect((reading.errors.first?.line.line ?? 0) >= 2)
        #expect(read("a: &x 1\nb: *x\n").policy == nil)
        #expect(read("").policy == nil)
    }

    @Test func contradictingRewritesAreErrors() {
        let rules = { (second: String) in
            "abitrace: policy/1\nrules:\n  - {on: file.open, where: {path: /a}, rewrite: {path: /b}}\n  - {on: file.open, where: {\(second)}, rewrite: {path: /c}}\n"
        }
        #expect(read(rules("path: /a")).errors.count == 1)
        #expect(read(rules("flags: {has: O_CREAT}")).errors.count == 1)
        #expect(read(rules("path: /d")).errors.isEmpty)
    }

    @Test func includesNarrow() throws {
        let policy = try policy(
            "include: [base]\nfiles: {/: rw}\n", others: ["base": "abitrace: policy/1\nfiles: {/: ro+create}\n"])
        #expect(policy.rights(of: Array("/x".utf8)) == RightsGroup.ro.rights)
        #expect(read("abitrace: policy/1\ninclude: [test.yaml]\n").policy == nil)
    }

    @Test func promisesAddUp() throws {
        let policy = try policy(
            "promises: [a, b]\n",
            others: [
                "a": "abitrace: policy/1\nfiles: {/x: ro}\nclasses: {any: deny, fd: allow}\n",
                "b": "abitrace: policy/1\nfiles: {/x: append}\nclasses: {any: deny, sock: allow}\n",
            ])
        #expect(policy.rights(of: Array("/x".utf8)) == RightsGroup.ro.rights.union(RightsGroup.append.rights))
        #expect(policy.classVerdict(.fdRead) == .allow)
        #expect(policy.classVerdict(.sockCreate) == .allow)
        #expect(policy.classVerdict(.memMap) == .deny(ErrnoName.EACCES))
    }

    /// No promise takes away what another gives, however deep its entry; what the policy itself says does.
    @Test func promisesAddUpAtEveryDepth() throws {
        let others = [
            "a": """
            abitrace: policy/1
            files: {/: ro, /x/y: append, /z/*/s: none}
            classes: {any: deny EPERM, fd: allow}
            """,
            "b": """
            abitrace: policy/1
            files: {/x: attr, /z/q: run}
            classes: {any: deny EPERM, fd: deny EIO, fd.read: deny EIO}
            """,
            "c": "abitrace: policy/1\npromises: [a]\nfiles: {/x/y: none}\nclasses: {fd: deny ENOSYS}\n",
        ]
        func rights(_ text: String, _ path: String) throws -> Rights? {
            try policy(text, others: others).rights(of: Array(path.utf8))
        }
        func groups(_ list: RightsGroup...) -> Rights { list.reduce([]) { $0.union($1.rights) } }
        for order in ["promises: [a, b]\n", "promises: [b, a]\n"] {
            #expect(try rights(order, "/x/y/file") == groups(.append, .attr))
            #expect(try rights(order, "/x/other") == groups(.ro, .attr))
            #expect(try rights(order, "/z/q/s") == groups(.run))
            #expect(try rights(order, "/z/r/s") == nil)
            // The policy's own entry takes the place of what is less deep, and adds to what is as deep or deeper.
            #expect(try rights(order + "files: {/x: listen}\n", "/x/other") == groups(.listen, .attr))
            #expect(try rights(order + "files: {/x: listen}\n", "/x/y") == groups(.listen, .attr, .append))
            #expect(try rights(order + "files: {/x: none}\n", "/x/other") == nil)
            #expect(try rights(order + "files: {/x: none}\n", "/x/y") == groups(.append))
            #expect(try policy(order, others: others).classVerdict(.fdRead) == .allow)
            let own = try policy(order + "classes: {fd: deny ENOSYS}\n", others: others)
            #expect(own.classVerdict(.fdWrite) == .deny(ErrnoName.ENOSYS))
        }
        // A promise's own entries count for its promises, and not for others.
        #expect(try rights("promises: [c]\n", "/x/y") == nil)
        #expect(try rights("promises: [c, b]\n", "/x/y") == groups(.attr))
        #expect(try rights("promises: [c, a]\n", "/x/y") == groups(.append))
        #expect(try policy("promises: [c]\n", others: others).classVerdict(.fdRead) == .deny(ErrnoName.ENOSYS))
        #expect(try policy("promises: [c, a]\n", others: others).classVerdict(.fdRead) == .allow)
    }

    /// A program is one object; only `**` covers what lies below a directory.
    @Test func programsOfATree() throws {
        let layer = try policy("programs: {/usr/**: {}, /opt/*: {}}\n").layers[0]
        func runs(_ path: String) -> Bool { layer.line(forProgram: Array(path.utf8)) != nil }
        #expect(runs("/usr/bin/ls") && runs("/usr/ls") && runs("/opt/ls"))
        #expect(!runs("/usr") && !runs("/opt/bin/ls") && !runs("/bin/ls"))
        #expect(try policy("programs: {'/**': {}}\n").layers[0].line(forProgram: Array("/bin/ls".utf8)) != nil)
    }

    /// What would be lost in a sum is no part of a promise.
    @Test func promisesOnlyGrant() {
        for text in [
            "default: allow", "limits: {processes: 3}", "handles: {stdin: ro}", "vdso: hide", "include: [base]",
            "give: {x: {open: /x, rights: ro, fd: 4}}",
        ] {
            let reading = read(
                "abitrace: policy/1\npromises: [p]\n",
                others: ["p": "abitrace: policy/1\n\(text)\n", "base": "abitrace: policy/1\nfiles: {/: ro}\n"])
            #expect(reading.errors.map(\.line.line) == [2], "\(text)")
        }
    }

    @Test func addressesOfEverySpelling() throws {
        let policy = try policy(
            "network: {connect: [\"tcp 127.0.0.1:5432\", \"udp 10.0.0.0/8:53\", \"unix /run/db/*\", \"unix @bus-*\", \"tcp [::1]:80-90\"]}\n"
        )
        func peer(_ transport: Transport, _ address: Address) -> Bool {
            policy.network(AddressFact(.peer, transport, address))
        }
        let local = InternetAddress(ipv4: 0x7F00_0001)
        #expect(peer(.tcp, .internet(local, port: 5432)))
        #expect(!peer(.udp, .internet(local, port: 5432)))
        #expect(!peer(.tcp, .internet(local, port: 5433)))
        #expect(peer(.tcp, .internet(InternetAddress(ipv6: 0xFFFF_7F00_0001), port: 5432)))
        #expect(peer(.tcp, .internet(InternetAddress(ipv4: 0), port: 5432)))
        #expect(peer(.udp, .internet(InternetAddress(ipv4: 0x0A01_0203), port: 53)))
        #expect(!peer(.udp, .internet(InternetAddress(ipv4: 0x0B01_0203), port: 53)))
        #expect(peer(.unix, .unixPath(Array("/run/db/s".utf8))))
        #expect(!peer(.unix, .unixPath(Array("/run/db/s/t".utf8))))
        #expect(peer(.unix, .unixAbstract(Array("bus-1".utf8))))
        #expect(!peer(.unix, .unixAbstract(Array("sub".utf8))))
        #expect(peer(.tcp, .internet(InternetAddress(ipv6: 0), port: 85)))
        #expect(!peer(.tcp, .unspecified))
        #expect(InternetAddress("1:2::7:8")?.text == "1:2::7:8")
        #expect(InternetAddress("::ffff:1.2.3.4")?.text == "1.2.3.4")
        #expect(Address(sockaddr: [2, 0, 0, 80, 127, 0, 0, 1]) == .other(family: 2))
    }
}
