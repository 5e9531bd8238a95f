// The formatter: what it takes away, and that what it made stays as it is.

import Foundation
import Testing

@testable import generate

@Suite struct FormatterTests {
    @Test(arguments: [
        ("", ""), ("\n\n", ""), ("a", "a\n"), ("a  \n\n\n\nb\n\n", "a\n\nb\n"), ("\n\na\n", "a\n"),
        ("x {\n\n    y\n\n}\n", "x {\n    y\n}\n"), ("[\n\n  1,\n\n]", "[\n  1,\n]\n"), ("\ta", "    a\n"),
        ("a {\n\n\n\n}\n\n\n\n}", "a {\n}\n}\n"),
    ])
    func form(given: String, wanted: String) {
        #expect(formatted(given) == wanted)
        #expect(formatted(wanted) == wanted)
    }

    /// Every file that the spec makes has the form already.
    @Test func everyOutputIsFormatted() throws {
        let outputs = try outputs(of: repositorySpec())
        #expect(outputs.count > 25)
        for (path, text) in outputs {
            #expect(formatted(text) == text, "\(path)")
            #expect(!text.isEmpty, "\(path)")
        }
    }
}

/// The spec of this repository.
func repositorySpec() throws -> [SpecFile] {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Spec")
    return try specFiles.map { name in
        let text = try String(contentsOf: folder.appendingPathComponent("\(name).spec"), encoding: .utf8)
        return SpecFile(name: name, blocks: try readBlocks(of: text, file: "\(name).spec"))
    }
}
