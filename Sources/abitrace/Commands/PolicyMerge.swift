// abitrace policy merge: several policies as one.

import ArgumentParser
import Authoring
import Policy

struct PolicyMerge: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "merge", abstract: "Make one policy of several.",
        discussion: """
            The result allows what all of them allow: it includes them, and the narrower answer counts on every \
            message. With --union it allows what any of them allows, written out.

            Examples:
              abitrace policy merge build.yaml company.yaml > both.yaml
              abitrace policy merge --union monday.yaml tuesday.yaml > week.yaml
            """)

    @Flag(name: .long, help: "What any of them allows, in place of what all of them do.")
    var union = false

    @Option(
        name: .shortAndLong, help: ArgumentHelp("Write the policy to FILE; - is standard output.", valueName: "file"))
    var output: String = "-"

    @ArgumentParser.Argument(help: "Policies.")
    var policies: [String]

    func run() throws {
        guard policies.count > 1 else { throw ValidationError("merge takes two policies or more") }
        let read = try policies.map { try PolicyFiles.policy($0) }
        if union {
            let result = UnionWriter(read)
            for words in result.left { complain("not in the union: \(words)") }
            return try PolicyFiles.write(result.text(policies), to: output)
        }
        // Layers of which each decides for itself: what an include means is what the narrower of all is.
        let names = policies.map { PolicyText.scalar($0) }.joined(separator: ", ")
        let description = "The narrower of \(policies.joined(separator: ", ")) on every message."
        let text = """
            abitrace: policy/1
            name: merged
            description: \(PolicyText.scalar(description))
            default: allow
            include: [\(names)]

            """
        try PolicyFiles.write(text, to: output)
    }
}
