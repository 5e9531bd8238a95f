// A live run from the options to the exit code.

import ArgumentParser
import Glibc
import Interception
import Personalities
import Supervision

struct LiveRun {
    private let showing: Showing?
    private let recordingPath: String?
    private let program: ProgramOptions
    private let command: [String]
    private let processes: [Int32]
    private let capture: Capture

    init(options: OutputOptions, program: ProgramOptions, command: [String], attach: [String]) throws {
        recordingPath = options.isRecording ? options.output : nil
        showing = options.isRecording ? nil : try Showing(options)
        self.program = program
        self.command = command
        processes = try Self.processes(attach)
        capture = Capture(payloadLimit: max(0, options.stringLimit), elementLimit: options.verbose ? 1024 : 32)
    }

    init(
        recordingTo path: String, stringLimit: Int, program: ProgramOptions, command: [String], attach: [String]
    ) throws {
        recordingPath = path
        showing = nil
        self.program = program
        self.command = command
        processes = try Self.processes(attach)
        capture = Capture(payloadLimit: max(0, stringLimit))
    }

    private static func processes(_ texts: [String]) throws -> [Int32] {
        try texts.flatMap { $0.split(whereSeparator: { ", \n\t".contains($0) }) }.map { text in
            guard let process = Int32(text), process > 0 else {
                throw ValidationError("'\(text)' is no process id")
            }
            return process
        }
    }

    func run() throws {
        let launch = command.isEmpty ? nil : try Launch(command, environment: environment(), identity: identity())
        if processes.contains(getpid()) { throw Failure(description: "cannot trace itself") }
        let recorder = try recordingPath.map { try RecordingObserver(path: $0, command: command) }
        let observers = Observers(recorder: recorder, shower: showing?.observer)
        let ending: Ending
        do {
            var session =
                try launch.map {
                    try LiveSession(
                        launching: $0, capture: capture, observer: observers, sharesProcessor: !program.noCompanion)
                }
                ?? LiveSession(
                    attaching: processes, capture: capture, observer: observers,
                    sharesProcessor: !program.noCompanion)
            ending = try session.run()
        } catch {
            // What was seen so far is kept, whatever went wrong.
            try? observers.finish()
            try? showing?.close()
            throw error
        }
        try showing?.close()
        leave(as: ending)
    }

    private func identity() throws(LaunchError) -> Identity? {
        guard let user = program.user else { return nil }
        return try Identity(named: user)
    }

    /// The environment, changed as -E says.
    private func environment() -> [String] {
        var variables: [String] = []
        var pointer = environ
        while let text = pointer.pointee {
            variables.append(String(cString: text))
            pointer += 1
        }
        for change in program.environment {
            let name = change.prefix { $0 != "=" }
            variables.removeAll { $0.hasPrefix(name + "=") }
            if change.contains("=") { variables.append(change) }
        }
        return variables
    }
}
