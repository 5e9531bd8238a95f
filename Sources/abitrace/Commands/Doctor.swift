// abitrace doctor: what this kernel offers, and which promises hold on it.

import ArgumentParser
import Supervision

struct Doctor: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say what this kernel offers and which promises of a policy hold.")

    func run() throws {
        let features = KernelFeatures.all()
        let width = features.map(\.name.count).max() ?? 0
        for feature in features {
            let padding = String(repeating: " ", count: width - feature.name.count)
            let mark = feature.isThere ? "ok  " : feature.isNeeded ? "FAIL" : "-   "
            print("\(mark) \(feature.name)\(padding)  \(feature.finding): \(feature.promise)")
        }
        let missing = features.filter { $0.isNeeded && !$0.isThere }
        if missing.isEmpty {
            print("Policies can be enforced here.")
        } else {
            throw Failure(
                description: "policies cannot be enforced here without "
                    + missing.map(\.name).joined(separator: ", "))
        }
    }
}
