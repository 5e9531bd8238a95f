// abitrace policy explain: a policy in words, and who holds each line.

import ArgumentParser
import Messages
import Policy
import Supervision

struct PolicyExplain: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain", abstract: "Say what a policy allows, and where each line is enforced.",
        discussion: """
            Then how exposed it leaves the system: a score from 0 to 100, and each harm that adds to it.

            Examples:
              abitrace policy explain read-only
              abitrace policy explain read-only file.open
            """)

    @ArgumentParser.Argument(help: "A policy file, or the name of a shipped policy.")
    var policy: String

    @ArgumentParser.Argument(help: "An operation.")
    var operation: String?

    func run() throws {
        let policy = try PolicyFiles.policy(self.policy)
        guard let name = operation else {
            let rules = policy.layers.map { (layer: $0, rules: SecondLine.rules($0)) }
            let text = policy.explanation { layer, grant in
                rules.contains { $0.layer == layer && $0.rules?.holds(grant, of: layer) ?? false }
            }
            return print(text + "\n" + policy.exposureText(), terminator: "")
        }
        guard let operation = Messages.Operation.allCases.first(where: { $0.name == name }) else {
            throw Failure(description: "no operation \(name)", status: 2)
        }
        print(policy.explanation(of: operation), terminator: "")
    }
}
