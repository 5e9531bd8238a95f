// Sample calls of the spec: registers and memory, and the line that they are.

import Foundation

/// `case [PERSONALITY] [OPERATION] LINE : REGISTERS -> RESULT MEMORY`.
struct CaseSpec {
    let place: Place
    let call: String
    let personality: String
    let operation: String
    /// The line as people read it.
    let line: String
    /// Registers and memory before, result and memory after, as written.
    let setup: String
}

extension CallSpec {
    /// The cases of a call, each with the operation that it shows.
    func cases() throws -> [CaseSpec] {
        try caseLines.map { line in
            guard let colon = line.rest.range(of: " : ", options: .backwards), line.rest.contains(" -> ") else {
                throw line.place.fail("expected `case LINE : REGISTERS -> RESULT`")
            }
            var words = line.rest[..<colon.lowerBound].split(separator: " ", omittingEmptySubsequences: false)
            var personality = number64 == nil ? "i386" : "x86_64"
            if words.first == "i386" {
                personality = "i386"
                words.removeFirst()
            }
            var operation = operations.first?.name ?? ""
            if let first = words.first, !first.contains("("), first.contains(".") {
                operation = String(first)
                words.removeFirst()
                guard operations.contains(where: { $0.name == operation }) else {
                    throw line.place.fail("`\(name)` is never `\(operation)`")
                }
            } else if operations.count > 1 {
                throw line.place.fail("`\(name)` may be several operations: say which")
            }
            return CaseSpec(
                place: line.place, call: name, personality: personality, operation: operation,
                line: words.joined(separator: " "), setup: String(line.rest[colon.upperBound...]))
        }
    }
}

extension Spec {
    /// All cases; refuses a spec with an operation that none shows.
    func cases() throws -> [CaseSpec] {
        let all = try calls.flatMap { try $0.cases() }
        let shown = Set(all.map(\.operation))
        for operation in operations where !shown.contains(operation.name) {
            throw operation.place.fail("no case shows `\(operation.name)`")
        }
        return all
    }

    func casesFile() throws -> String {
        var text = header + "\n/// The sample calls of the spec.\nlet specCases: [SpecCase] = [\n"
        for row in try cases() {
            text += "    SpecCase(\n        place: \(quoted(row.place.description)), call: \(quoted(row.call)), "
            text += "personality: .\(row.personality), operation: \(quoted(row.operation)),\n"
            text += "        line: \(quoted(row.line)),\n        setup: \(quoted(row.setup))),\n"
        }
        return text + "]\n"
    }
}
