// abitrace policy: working with policies.

import ArgumentParser

struct PolicyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "policy", abstract: "Write, check, test, compare and export policies.",
        subcommands: [
            PolicyNew.self, PolicyLearn.self, PolicyCheck.self, PolicyExplain.self, PolicyTest.self, PolicyDiff.self,
            PolicyShrink.self, PolicyMerge.self, PolicyFix.self, PolicyFormat.self, PolicyConsumers.self,
            PolicyExport.self, PolicyImport.self,
        ])
}
