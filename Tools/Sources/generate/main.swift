// Writes everything that is made from Tools/Spec. `--check` only says whether that would change anything.
//
//     swift run --package-path Tools generate [--check] [REPOSITORY]

import Foundation
import Reference

/// A file that the spec makes, by its path in the repository.
typealias Output = (path: String, text: String)

/// Everything that is made from the spec.
func outputs(of files: [SpecFile]) throws -> [Output] {
    var spec = Spec()
    for file in files { for block in file.blocks { try spec.add(block) } }
    let tables = try Tables(spec)
    let provenance = Provenance(files: files)
    try provenance.check()
    let text = provenance.canonicalText
    var all: [Output] = try tables.files().map { ("Sources/Messages/Generated/\($0.name)", $0.text) }
    all.append(("Sources/Reference/Generated/SpecText.swift", specTextFile(text)))
    all.append(("Tests/RenderingTests/Generated/SpecCases.swift", try spec.casesFile()))
    all.append(("Schemas/policy.schema.json", try PolicySchema(spec: spec).file()))
    all += Pages(reference: Reference(text)).files().map { ("Docs/reference/\($0.name)", $0.text) }
    return all.map { ($0.path, formatted($0.text)) }
}

/// The spec's text as a Swift string.
private func specTextFile(_ text: String) -> String {
    header + "\n/// The spec in its canonical form.\nenum SpecText {\n    static let text = #\"\"\"\n"
        + text.split(separator: "\n").map { "        \($0)\n" }.joined() + "        \"\"\"#\n}\n"
}

/// The shipped policies as Swift strings: the program is one file, and finds them wherever it is.
func shippedPoliciesFile(_ root: String) throws -> String {
    let origin = header.replacingOccurrences(of: "Tools/Spec", with: "policies")
    var text = origin + "\n/// The files of the folder policies.\nenum ShippedPolicies {\n"
    text += "    static let all: [(name: String, text: String)] = [\n"
    for folder in ["policies", "policies/promises"] {
        for file in try FileManager.default.contentsOfDirectory(atPath: "\(root)/\(folder)").sorted()
        where file.hasSuffix(".yaml") {
            let policy = try String(contentsOfFile: "\(root)/\(folder)/\(file)", encoding: .utf8)
            let lines = policy.split(separator: "\n", omittingEmptySubsequences: false)
            text += "        (\n            \"\(file.dropLast(5))\",\n            #\"\"\"\n"
            text += lines.map { $0.isEmpty ? "\n" : "            \($0)\n" }.joined()
            text += "            \"\"\"#\n        ),\n"
        }
    }
    return text + "    ]\n}\n"
}

/// The paths of files in generated folders that nothing makes any more. In `Schemas` one file is written by hand.
func leftovers(_ outputs: [Output], in root: String) -> [String] {
    let made = Set(outputs.map(\.path))
    let folders = Set(made.map { ($0 as NSString).deletingLastPathComponent })
    return folders.subtracting(["Schemas"]).sorted().flatMap { folder in
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(root)/\(folder)")) ?? []
        return names.sorted().map { "\(folder)/\($0)" }.filter { !made.contains($0) }
    }
}

func run(_ root: String, checkOnly: Bool) throws -> Bool {
    let files = try specFiles.map { name in
        let file = "Tools/Spec/\(name).spec"
        let text = try String(contentsOfFile: "\(root)/\(file)", encoding: .utf8)
        return SpecFile(name: name, blocks: try readBlocks(of: text, file: file))
    }
    let policies = (path: "Sources/abitrace/Generated/ShippedPolicies.swift", text: try shippedPoliciesFile(root))
    let outputs = try outputs(of: files) + [policies]
    var same = true
    for (name, text) in outputs {
        let path = "\(root)/\(name)"
        if let old = try? String(contentsOfFile: path, encoding: .utf8), old == text { continue }
        same = false
        if checkOnly {
            print("\(name) is not what the spec says")
        } else {
            let folder = (path as NSString).deletingLastPathComponent
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            try text.write(toFile: path, atomically: true, encoding: .utf8)
        }
    }
    for name in leftovers(outputs, in: root) {
        same = false
        if checkOnly {
            print("\(name) is made by nothing")
        } else {
            try FileManager.default.removeItem(atPath: "\(root)/\(name)")
        }
    }
    return same
}

let given = CommandLine.arguments.dropFirst()
let checkOnly = given.contains("--check")
let root = given.first { !$0.hasPrefix("-") } ?? FileManager.default.currentDirectoryPath
do {
    let same = try run(root, checkOnly: checkOnly)
    exit(checkOnly && !same ? 1 : 0)
} catch {
    FileHandle.standardError.write(Data("\(error)\n".utf8))
    exit(2)
}
