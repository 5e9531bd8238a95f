// strace's -e inject=SET:WHAT… and -e fault=SET…, as rules.

import Interception
import Messages
import Policy
import Supervision

extension InjectionRule {
    /// - Parameter isFault: `fault=`, whose calls fail with ENOSYS where nothing else is said.
    init(parsing text: String, isFault: Bool) throws(FilterError) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        let selection = try Selection(parsing: parts[0])
        var injection = Injection()
        var instead: String?
        var when = Invocations()
        for part in parts.dropFirst() {
            let pair = part.split(separator: "=", maxSplits: 1).map(String.init)
            guard pair.count == 2 else { throw Self.unknown(part) }
            switch pair[0] {
            case "error":
                guard injection.result == nil, let errno = Self.errno(pair[1]) else { throw Self.unknown(part) }
                injection.result = Int64(-errno)
            case "retval" where !isFault:
                guard injection.result == nil, let value = Self.number(pair[1]) else { throw Self.unknown(part) }
                injection.result = value
            case "signal" where !isFault: injection.signal = try Filter.signal(pair[1])
            case "delay_enter" where !isFault: injection.delayBefore = try Self.delay(part, pair[1])
            case "delay_exit" where !isFault: injection.delayAfter = try Self.delay(part, pair[1])
            case "syscall":
                guard Selection.pureCalls.contains(pair[1]) else { throw Self.unknown(part) }
                instead = pair[1]
            case "when":
                guard let found = Self.invocations(pair[1]) else { throw Self.unknown(part) }
                when = found
            case "poke_enter", "poke_exit":
                throw .unsupported(
                    "\(pair[0])= (another thread can undo it before the kernel reads it)",
                    remedy: "a policy's `rewrite:` changes what the kernel gets")
            default: throw Self.unknown(part)
            }
        }
        if isFault && injection.result == nil { injection.result = -38 }  // ENOSYS
        guard injection != Injection() else { throw .emptySet(text) }
        self.init(injection, instead: instead, when: when) { stop in
            selection.contains(
                call: stop.name, operation: stop.operation, personality: stop.personality, number: stop.number)
        }
    }

    private static func unknown(_ part: String) -> FilterError {
        .unknownName(
            kind: "injection", name: part,
            suggestion: nearestName(
                to: part,
                among: [
                    "error=EIO", "retval=0", "signal=SIGINT", "when=1", "delay_enter=1ms", "delay_exit=1ms",
                    "syscall=getpid",
                ]))
    }

    /// A name, or a number that the kernel would take for an errno (linux/err.h).
    private static func errno(_ text: String) -> Int32? {
        if let number = Int32(text) { return (1...4095).contains(number) ? number : nil }
        return ErrnoName.number(text)
    }

    /// `NUMBER` and a unit, microseconds where there is none (strace(1), Time specification format description).
    private static func delay(_ part: String, _ text: String) throws(FilterError) -> Int64 {
        guard let time = nanoseconds(parsing: text), time > 0 else { throw unknown(part) }
        return time
    }

    private static func number(_ text: String) -> Int64? {
        text.hasPrefix("0x") ? Int64(text.dropFirst(2), radix: 16) : Int64(text).flatMap { $0 < 0 ? nil : $0 }
    }

    /// `FIRST`, `FIRST+`, `FIRST+STEP`, `FIRST..LAST`, `FIRST..LAST+STEP` (strace(1)).
    static func invocations(_ text: String) -> Invocations? {
        let parts = text.split(separator: "+", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let pieces = parts[0].split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard pieces.count == 1 || (pieces.count == 3 && pieces[1].isEmpty) else { return nil }
        let bounds = pieces.filter { !$0.isEmpty }
        // strace counts as far as 65535.
        let numbers = bounds.compactMap { UInt64($0) }.filter { (1...0xFFFF).contains($0) }
        guard numbers.count == (pieces.count + 1) / 2, let first = numbers.first else { return nil }
        var result = Invocations(first: first)
        if bounds.count == 2 {
            result.last = numbers[1]
        } else if parts.count == 1 {
            result.last = first
        }
        if parts.count == 2, !parts[1].isEmpty {
            guard let step = UInt64(parts[1]), (1...0xFFFF).contains(step) else { return nil }
            result.step = step
        }
        return result.last < first ? nil : result
    }
}
