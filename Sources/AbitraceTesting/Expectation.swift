// What a test expects of a run, and the message of a failure: it names the calls that differ.

import Foundation

/// A run that does something else than a test expects. Thrown, it fails a test of Swift Testing and of XCTest alike.
public struct UnmetExpectation: Error, CustomStringConvertible, LocalizedError {
    public let description: String
    /// The calls that differ.
    public let messages: [RecordedMessage]
    public var errorDescription: String? { description }
}

/// Something that all messages of a run have to hold to.
public struct Expectation: Sendable {
    /// In words, after "expected that it".
    public let words: String
    private let offenders: @Sendable (RecordedRun) throws -> [(RecordedMessage?, String)]

    /// An expectation of your own: `offender` says for each message what is wrong with it, nil for nothing.
    public init(_ words: String, offender: @escaping @Sendable (RecordedMessage, RecordedRun) -> String?) {
        self.words = words
        offenders = { run in run.messages.compactMap { message in offender(message, run).map { (message, $0) } } }
    }

    private init(_ words: String, whole: @escaping @Sendable (RecordedRun) throws -> [(RecordedMessage?, String)]) {
        (self.words, offenders) = (words, whole)
    }

    /// What the system gives to every program to read: its trees and the loader's files.
    public static let systemPlaces = [
        "/usr", "/lib", "/lib64", "/bin", "/sbin", "/opt", "/etc/ld.so.cache", "/etc/ld.so.preload",
        "/etc/locale.alias",
        "/etc/localtime", "/dev/null", "/dev/zero", "/dev/urandom", "/dev/random", "/dev/tty", "/proc/self",
        "/sys/devices/system/cpu",
    ]

    /// It opens nothing outside some directories, besides what every program reads of the system (which is not written).
    public static func opensNothing(outside directories: String..., besides: [String] = systemPlaces) -> Expectation {
        Expectation("opens nothing outside \(directories.joined(separator: ", "))") { message, run in
            guard message.operation == "file.open" || message.operation == "proc.exec", message.errno == nil else {
                return nil
            }
            return message.paths.first { path in
                guard !lies(path, in: directories, run, message) else { return false }
                return message.writes || !lies(path, in: besides, run, message)
            }.map { "\($0) lies outside" }
        }
    }

    /// It makes, changes and removes nothing outside some directories.
    public static func writesNothing(outside directories: String...) -> Expectation {
        Expectation("writes nothing outside \(directories.joined(separator: ", "))") { message, run in
            guard message.writes, message.errno == nil else { return nil }
            return message.paths.first { !lies($0, in: directories + ["/dev/null", "/dev/tty"], run, message) }
                .map { "\($0) lies outside" }
        }
    }

    /// It connects and sends to these addresses alone: `tcp 127.0.0.1:5432`, `unix /run/db/*`. Without any, to nobody.
    public static func connectsOnly(to addresses: String...) -> Expectation {
        Expectation(addresses.isEmpty ? "connects to nobody" : "connects only to \(addresses.joined(separator: ", "))")
        {
            message, _ in
            guard ["sock.connect", "sock.send"].contains(message.operation), let address = message.address else {
                return nil
            }
            return addresses.contains { fnmatch($0, address, 0) == 0 } ? nil : "\(address) is not among them"
        }
    }

    /// It runs these programs alone: paths, or names without a slash.
    public static func runsOnly(_ programs: String...) -> Expectation {
        Expectation("runs only \(programs.joined(separator: ", "))") { message, _ in
            guard message.operation == "proc.exec", message.errno == nil, let path = message.paths.first else {
                return nil
            }
            let name = (path as NSString).lastPathComponent
            return programs.contains { $0.contains("/") ? fnmatch($0, path, 0) == 0 : $0 == name }
                ? nil : "\(path) is not among them"
        }
    }

    /// No message is about what a question asks for, in the words of `abitrace show --where`.
    public static func makesNone(where question: String) -> Expectation {
        Expectation("does nothing of which holds: \(question)") { run in
            try run.messages(where: question).map { ($0, "it does") }
        }
    }

    /// A policy would refuse nothing of it: a file, or the name of one that abitrace ships. Paths of the policy that
    /// start at `${CWD}` start where the run did.
    public static func keeps(policy: String) -> Expectation {
        let path = policy.contains("/") ? URL(fileURLWithPath: policy).path : policy
        return Expectation("keeps the policy \(policy)") { run in
            let place = run.directory
            let result = try Abitrace.run(["replay", "--json", "--policy", path, run.recording.path], in: place)
            if result.exitCode == 0 { return [] }
            let found = result.output.split(separator: UInt8(ascii: "\n")).compactMap { line in
                try? JSONSerialization.jsonObject(with: line) as? [String: Any]
            }
            guard result.exitCode == 1, !found.isEmpty else {
                throw RecordingProblem(description: String(decoding: result.errorOutput, as: UTF8.self))
            }
            return found.map { (nil, $0["text"] as? String ?? "refused") }
        }
    }

    private static func lies(_ path: String, in places: [String], _ run: RecordedRun, _ message: RecordedMessage)
        -> Bool
    {
        // Sockets, pipes and memory have no place.
        guard path.hasPrefix("/") else { return true }
        let own = "/proc/\(message.process)"
        let named = path == own || path.hasPrefix(own + "/") ? "/proc/self" + path.dropFirst(own.count) : path
        return places.contains { place in
            let start = place.hasPrefix("/") ? place : run.directory + (place == "." ? "" : "/" + place)
            let plain = URL(fileURLWithPath: start).resolvingSymlinksInPath().path
            return [start, plain].contains { named == $0 || named.hasPrefix($0 == "/" ? "/" : $0 + "/") }
        }
    }

    fileprivate func check(_ run: RecordedRun) throws {
        let found = try offenders(run)
        if found.isEmpty { return }
        var lines: [String] = []
        var counts: [String: Int] = [:]
        for (message, reason) in found {
            let line = message.map { "\($0): \(reason)" } ?? reason
            if counts.updateValue((counts[line] ?? 0) + 1, forKey: line) == nil { lines.append(line) }
        }
        let shown = lines.prefix(20).map { line in
            "  \(line)" + (counts[line].map { $0 > 1 ? " (\($0) times)" : "" } ?? "")
        }
        let rest = lines.count > 20 ? ["  … and \(lines.count - 20) more"] : []
        let name = run.command.isEmpty ? run.recording.lastPathComponent : run.command.joined(separator: " ")
        throw UnmetExpectation(
            description: (["expected that \(name) \(words):"] + shown + rest).joined(separator: "\n"),
            messages: found.compactMap(\.0))
    }
}

extension RecordedRun {
    /// Fails the test where the run does something else.
    /// - Throws: `UnmetExpectation`, whose description names each call that differs.
    public func expect(_ expectations: Expectation...) throws {
        for expectation in expectations { try expectation.check(self) }
    }
}
