// A run of a program as its messages: recorded now through the abitrace binary, or loaded from a recording.

import Foundation

/// What went wrong before anything could be expected of a run.
public struct RecordingProblem: Error, CustomStringConvertible {
    public let description: String
}

/// A program's run, call by call.
public struct RecordedRun: Sendable {
    /// The command; empty for a recording that does not say.
    public let command: [String]
    /// Where it was started.
    public let directory: String
    /// The program's exit code, or 128 and the signal that ended it; nil for a recording that was loaded.
    public let exitCode: Int32?
    public let output: Data
    public let errorOutput: Data
    /// In the order in which the calls were made.
    public let messages: [RecordedMessage]
    /// The file, for as long as somebody holds the run.
    public var recording: URL { file.url }

    private let file: RecordingFile

    /// Runs a command and records it.
    /// - Parameters:
    ///   - command: the program and its arguments; a program without a slash is looked for in PATH.
    ///   - directory: where it starts, else the test's own directory.
    ///   - environment: its variables, else the test's own.
    /// - Throws: `RecordingProblem` where there is no abitrace, or where it could not record.
    public static func of(
        _ command: [String], in directory: URL? = nil, environment: [String: String]? = nil, input: Data = Data()
    ) throws -> RecordedRun {
        let file = try RecordingFile()
        let place = directory?.path ?? FileManager.default.currentDirectoryPath
        let result = try Abitrace.run(
            ["record", "-o", file.url.path, "--"] + command, in: place, environment: environment, input: input)
        guard FileManager.default.fileExists(atPath: file.url.path) else {
            throw RecordingProblem(
                description: "abitrace recorded nothing: " + String(decoding: result.errorOutput, as: UTF8.self))
        }
        return try RecordedRun(
            command: command, directory: place, exitCode: result.exitCode, output: result.output,
            errorOutput: result.errorOutput, file: file)
    }

    /// Loads a recording that somebody made before.
    public init(contentsOf recording: URL) throws {
        try self.init(
            command: [], directory: "/", exitCode: nil, output: Data(), errorOutput: Data(),
            file: RecordingFile(keeping: recording))
    }

    private init(
        command: [String], directory: String, exitCode: Int32?, output: Data, errorOutput: Data, file: RecordingFile
    ) throws {
        self.command = command
        // As the kernel has it, which the messages are told in.
        self.directory = URL(fileURLWithPath: directory).resolvingSymlinksInPath().path
        (self.exitCode, self.output, self.errorOutput, self.file) = (exitCode, output, errorOutput, file)
        let shown = try Abitrace.run(["show", "--json", "-y", file.url.path], in: "/")
        guard shown.exitCode == 0 else {
            throw RecordingProblem(
                description: "\(file.url.path) cannot be read: " + String(decoding: shown.errorOutput, as: UTF8.self))
        }
        messages = try RecordedMessage.list(shown.output)
        // Nothing at all would meet every expectation.
        guard !messages.isEmpty else {
            throw RecordingProblem(description: "\(file.url.path): there is no call in it")
        }
    }

    /// The messages that a question is about, in the words of `abitrace show --where`.
    public func messages(where question: String) throws -> [RecordedMessage] {
        let shown = try Abitrace.run(["show", "--json", "-y", "--where", question, file.url.path], in: "/")
        guard shown.exitCode == 0 else {
            throw RecordingProblem(description: String(decoding: shown.errorOutput, as: UTF8.self))
        }
        let wanted = Set(try RecordedMessage.list(shown.output).map(\.id))
        return messages.filter { wanted.contains($0.id) }
    }
}

/// A recording's file, which goes with the last run that holds it where it was made for a test.
final class RecordingFile: Sendable {
    let url: URL
    private let folder: URL?

    init() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("abitrace-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        (self.folder, url) = (folder, folder.appendingPathComponent("run.mcap"))
    }

    init(keeping url: URL) { (self.url, folder) = (url, nil) }

    deinit { if let folder { try? FileManager.default.removeItem(at: folder) } }
}
