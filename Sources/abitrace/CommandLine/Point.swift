// A place in a recording, as the options that take one write it.

import ArgumentParser
import Messages

/// A place in a recording.
enum Point: CustomStringConvertible {
    case call(UInt64)
    /// Nanoseconds after the start.
    case time(Int64)

    init(_ text: String, of option: String) throws {
        if text.hasPrefix("#"), let id = UInt64(text.dropFirst()) {
            self = .call(id)
        } else if let seconds = Double(text), seconds >= 0, seconds < 1e9 {
            self = .time(Int64(seconds * 1e9))
        } else {
            throw ValidationError("\(option) takes seconds or #ID, not '\(text)'")
        }
    }

    var description: String {
        switch self {
        case .call(let id): "#\(id)"
        case .time(let offset): "\(Double(offset) / 1e9) s"
        }
    }

    /// Whether an event lies beyond the place.
    func isPassed(_ event: borrowing Event, start: Int64) -> Bool {
        switch self {
        case .call(let id): event.id >= id && event.happening == .entry
        case .time(let offset): event.time - start > offset
        }
    }
}
