// Spans of time and forms of clocks as strace's options write them.

import Rendering

/// A span of time: a number and a unit, microseconds where there is none (strace's `-O`).
func nanoseconds(parsing text: String) -> Int64? {
    let units: [(String, Double)] = [("ns", 1), ("us", 1e3), ("ms", 1e6), ("s", 1e9)]
    let unit = units.first { text.hasSuffix($0.0) }
    let digits = unit.map { text.dropLast($0.0.count) } ?? text[...]
    guard let number = Double(digits), number >= 0 else { return nil }
    let span = number * (unit?.1 ?? 1e3)
    return span < 9e18 ? Int64(span) : nil
}

/// Digits after the second for `s`, `ms`, `us` or `ns`.
func digits(ofPrecision text: some StringProtocol) -> Int? {
    ["s": 0, "ms": 3, "us": 6, "ns": 9][String(text)]
}

/// The clock of `--absolute-timestamps=[[format:]FORMAT[,[precision:]PRECISION]]`.
func clock(parsing text: String) -> (clock: LinePrefix.Clock, digits: Int)? {
    var result: (clock: LinePrefix.Clock, digits: Int) = (.ofDay, 0)
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
        if let precision = digits(ofPrecision: part.hasPrefix("precision:") ? part.dropFirst(10) : part) {
            result.digits = precision
            continue
        }
        switch part.hasPrefix("format:") ? part.dropFirst(7) : part {
        case "none": result.clock = .none
        case "time": result.clock = .ofDay
        case "unix": result.clock = .epoch
        default: return nil
        }
    }
    return result
}
