// Profiles for other programs say what the policy says: alternatives of tests hold just where the tree gives the action.

import Messages
import Policy
import Testing

@testable import Lowering

private let policies = [
    "files: {/usr: ro+run}\n",
    "files: {/: rw}\nnetwork: {connect: [\"tcp 10.0.0.0/8:80\", unix /x]}\n",
    "default: allow\nrules: [{on: proc.control, where: {option: [PR_SET_NAME, PR_GET_NAME]}, deny: EPERM}]\n",
]

extension ArgumentTest {
    fileprivate func holds(_ arguments: RawArguments) -> Bool {
        let given = arguments[Int(register)]
        switch kind {
        case .equals: return given & mask == value
        case .atLeast: return given >= value
        case .below: return given < value
        }
    }
}

@Suite struct ProfileTests {
    @Test(arguments: policies) func alternativesAreTheTree(_ text: String) throws {
        var random = Random(state: 1)
        for call in try policy(text).profileCalls where call.tree.tests.count > 0 {
            let values = call.tree.tests.flatMap(\.boundaries) + [0, 1, .max]
            for action in call.tree.leaves {
                guard let ways = call.tree.alternatives(to: action) else { continue }
                for way in ways {
                    #expect(Set(way.map(\.register)).count == way.count, "\(call.name): one test a register")
                }
                for _ in 0..<400 {
                    var arguments = RawArguments()
                    for register in 0..<6 { arguments[register] = values.randomElement(using: &random) ?? 0 }
                    let isMeant = ways.contains { $0.allSatisfy { $0.holds(arguments) } }
                    #expect(isMeant == (call.tree.action(arguments) == action), "\(call.name) \(arguments)")
                }
            }
        }
    }

    @Test func withoutAListenerNothingIsLeftToOne() throws {
        let program = try SeccompProgram(try policy(policies[0]), LoweringOptions(hasListener: false))
        try program.prove()
        let codes = Set(program.instructions.filter { $0.code == Instruction.give }.map(\.k))
        #expect(!codes.contains(FilterAction.notify.code))
    }

    /// A name that ends a line of a unit is left out of every profile, and that is said.
    @Test func namesWriteNoSettings() throws {
        let target = ProfileTarget(
            workingDirectory: "/tree", command: ["true"], kind: { _ in .directory }, realPath: { $0 })
        let policy = try policy(
            "name: \"x\\nUser=root\"\nfiles:\n  '/a\\x0aUser=root': rw\n  '/b\\xff': none\n  '/c d': ro\n  /e: ro\n")
        for profile in [policy.systemdProfile(target), policy.ociProfile(target), policy.landlockProfile(target)] {
            #expect(!profile.text.contains("\nUser=") && !profile.text.contains("/b\u{fffd}"), "\(profile.text)")
            #expect(profile.text.contains("/c d") && profile.text.contains("/e"), "\(profile.text)")
            let gaps = profile.gaps.filter { $0.words == "names that are no plain text cannot be said" }
            #expect(Set(gaps.compactMap { $0.line?.line }) == [4, 5], "\(profile.gaps.map(\.text))")
        }
        #expect(!policy.minijailProfile(target).text.contains("\nUser="))
    }

    @Test func linksAndPlacesBecomeMounts() throws {
        let target = ProfileTarget(
            workingDirectory: "/tree", command: ["true"],
            kind: { $0 == "/etc/passwd" ? .file : ["/usr", "/data"].contains($0) ? .directory : nil },
            realPath: { $0 == "/bin" ? "/usr/bin" : nil })
        let text =
            "files: {/usr: ro+run, /etc/passwd: none, /data: rw+create+delete, /gone: ro, /a*: ro}\n"
        let profile = try policy(text).ociProfile(target)
        #expect(profile.text.contains("\"destination\": \"/bin\""))
        #expect(profile.text.contains("\"options\": [\"rbind\", \"ro\", \"nosuid\"]"))
        #expect(profile.text.contains("\"options\": [\"rbind\", \"rw\", \"nosuid\", \"noexec\"]"))
        #expect(profile.text.contains("\"maskedPaths\": [\"/etc/passwd\"]"))
        #expect(profile.gaps.contains { $0.words.contains("nothing is there yet") })
        #expect(profile.gaps.contains { $0.words.contains("patterns") })
    }

    @Test func minijailNamesNoCallThatItsHeadersLack() throws {
        let target = ProfileTarget(workingDirectory: "/", kind: { _ in nil }, realPath: { _ in nil })
        let text = try policy(policies[0]).minijailProfile(target).text
        #expect(text.contains("\nopenat: 1\n") && text.contains("\nclone3: return 38\n"))
        #expect(!text.contains("\nmseal") && !text.contains("\nuretprobe"))
    }
}
