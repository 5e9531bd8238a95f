// abitrace syscalls: the calls as a table.

import ArgumentParser
import Reference

struct Syscalls: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List system calls: numbers, since when, and which operation they are.")

    @Option(name: .customLong("class"), help: "Only calls of this class of operations: sock.")
    var operationClass: String?

    @Option(help: "Only calls that may be this operation: file.open.")
    var operation: String?

    @Option(help: "Only calls of this personality, in the order of its numbers: x86_64, i386.")
    var personality: String?

    @Option(help: "Only calls that came with this kernel or later: 5.0.")
    var since: String?

    @Flag(help: "JSON Lines, one object a call.")
    var json = false

    func run() throws {
        let reference = Reference.built
        var selection = CallSelection()
        selection.operationClass = try known(operationClass, "class", reference)
        selection.operation = try known(operation, "operation", reference)
        selection.personality = try known(personality, "personality", reference)
        if let since {
            guard let version = KernelVersion(since) else { throw ValidationError("'\(since)' is no kernel version") }
            selection.since = version
        }
        let calls = reference.calls(selection)
        for line in json ? reference.json(calls) : reference.table(calls) { print(line) }
    }

    /// The name as given, if the reference has an entry of that kind.
    private func known(_ name: String?, _ kind: String, _ reference: Reference) throws -> String? {
        guard let name else { return nil }
        guard reference.entry(kind, name) != nil else {
            let near = reference.suggestions(for: name).filter { reference.entry(kind, $0) != nil }
            throw ValidationError(
                "there is no \(kind) '\(name)'" + (near.isEmpty ? "" : "; is it \(near.joined(separator: ", "))?"))
        }
        return name
    }
}
