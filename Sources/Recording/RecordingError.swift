// Everything that can go wrong with a recording, each in words for the person who asked for it.

import Glibc

/// Why a recording could not be written or read.
public enum RecordingError: Error, Equatable, CustomStringConvertible, Sendable {
    /// The file could not be opened.
    case cannotOpen(path: String, errno: Int32)
    /// The file could not be written; what was written before stays readable.
    case write(path: String, errno: Int32)
    /// The file could not be read.
    case read(path: String, errno: Int32)
    /// The file is of another kind.
    case notARecording(path: String)
    /// The file holds nothing: its writer ended before it began.
    case empty(path: String)
    /// A newer abitrace wrote the file.
    case newerVersion(path: String, version: String)
    /// The bytes at `offset` are not what a writer leaves; everything before them was read.
    case damaged(path: String, offset: UInt64, what: String)
    /// A single record is too large for any reader to accept.
    case recordTooLarge(path: String, bytes: Int)
    /// The compressor refused.
    case compression(path: String, reason: String)
    /// The writer was closed before.
    case closed(path: String)

    public var description: String {
        switch self {
        case .cannotOpen(let path, let number):
            "cannot open the recording \(named(path)): \(explain(number))"
        case .write(let path, let number):
            "cannot write the recording \(named(path)): \(explain(number)); what was written before is kept"
        case .read(let path, let number):
            "cannot read the recording \(named(path)): \(explain(number))"
        case .notARecording(let path):
            "\(named(path)) is not a recording of abitrace"
        case .empty(let path):
            "the recording \(named(path)) is empty: its writer ended before it began"
        case .newerVersion(let path, let version):
            "the recording \(named(path)) has version \(version), which is newer than this abitrace can read "
                + "(\(MCAPFormat.version)): use one like that which wrote it, or any MCAP reader"
        case .damaged(let path, let offset, let what):
            "the recording \(named(path)) is damaged at byte \(offset): \(what)"
        case .recordTooLarge(let path, let bytes):
            "a record of \(bytes) bytes is too large for the recording \(named(path))"
        case .compression(let path, let reason):
            "cannot compress the recording \(named(path)): \(reason)"
        case .closed(let path):
            "the recording \(named(path)) is closed already"
        }
    }

    private func named(_ path: String) -> String { path == "-" ? "(standard stream)" : "'\(path)'" }

    private func explain(_ number: Int32) -> String {
        switch number {
        case ELOOP: "it is a symbolic link, which is not followed"
        case ENOSPC: "no space is left on the device"
        default: strerror(number).map { String(cString: $0) } ?? "error \(number)"
        }
    }
}
