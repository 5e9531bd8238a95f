// Writes Sources/Messages/Generated from Tools/Spec. `--check` only says whether that would change anything.
//
//     swift run --package-path Tools generate [--check] [REPOSITORY]

import Foundation

/// The files of the spec in the order that their classes are numbered in.
let specFiles = [
    "fd", "file", "mount", "sock", "event", "async", "mem", "proc", "thread", "sched", "signal", "sync", "ipc", "time",
    "cred", "sys", "debug", "policy", "void",
]

func run(_ root: String, checkOnly: Bool) throws -> Bool {
    var spec = Spec()
    for name in specFiles {
        let file = "Tools/Spec/\(name).spec"
        let text = try String(contentsOfFile: "\(root)/\(file)", encoding: .utf8)
        for block in try readBlocks(of: text, file: file) { try spec.add(block) }
    }
    let tables = try Tables(spec)
    let folder = "\(root)/Sources/Messages/Generated"
    var same = true
    for (name, text) in tables.files() {
        let path = "\(folder)/\(name)"
        if let old = try? String(contentsOfFile: path, encoding: .utf8), old == text { continue }
        same = false
        if checkOnly {
            print("\(name) is not what the spec says")
        } else {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            try text.write(toFile: path, atomically: true, encoding: .utf8)
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
