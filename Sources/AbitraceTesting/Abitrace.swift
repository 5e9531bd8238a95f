// The abitrace binary: where it is, and a run of it.

import Foundation

enum Abitrace {
    struct Result {
        var exitCode: Int32
        var output: Data
        var errorOutput: Data
    }

    /// `$ABITRACE`, else the first in PATH.
    static func binary() throws -> String {
        let variables = ProcessInfo.processInfo.environment
        if let given = variables["ABITRACE"] {
            guard FileManager.default.isExecutableFile(atPath: given) else {
                throw RecordingProblem(description: "ABITRACE is \(given), which cannot be run")
            }
            return given
        }
        for folder in (variables["PATH"] ?? "").split(separator: ":") {
            let path = "\(folder)/abitrace"
            if FileManager.default.isExecutableFile(atPath: path) { return path }
        }
        throw RecordingProblem(description: "there is no abitrace in PATH; install it, or set ABITRACE to where it is")
    }

    static func run(
        _ arguments: [String], in directory: String, environment: [String: String]? = nil, input: Data = Data()
    ) throws -> Result {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: try binary())
        process.arguments = arguments
        process.currentDirectoryURL = URL(fileURLWithPath: directory)
        if let environment { process.environment = environment }
        // Files instead of pipes: what a program leaves running may hold a pipe open for ever.
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("abitrace-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        func file(_ name: String, _ content: Data = Data()) throws -> URL {
            let url = folder.appendingPathComponent(name)
            try content.write(to: url)
            return url
        }
        let (output, errors) = (try file("output"), try file("errors"))
        process.standardInput = try FileHandle(forReadingFrom: try file("input", input))
        process.standardOutput = try FileHandle(forWritingTo: output)
        process.standardError = try FileHandle(forWritingTo: errors)
        try process.run()
        process.waitUntilExit()
        let signal: Int32 = process.terminationReason == .uncaughtSignal ? 128 : 0
        return Result(
            exitCode: process.terminationStatus + signal, output: try Data(contentsOf: output),
            errorOutput: try Data(contentsOf: errors))
    }
}
