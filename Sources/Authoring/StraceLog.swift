// Reads logs of strace: lines become calls with their arguments as text.

import Policy

/// One call of a log, once it has returned.
struct StraceCall: Equatable {
    var thread: Int32
    var name: String
    var arguments: [String]
    /// What it returned; a negative errno where it failed, nil where it never did.
    var result: Int64?
    /// With -y, what stands behind the descriptor that it returned.
    var resultName: String?
}

/// The lines of a log, in order. Calls that other lines interrupt are put together again.
struct StraceLog {
    private var unfinished: [String: String] = [:]
    /// Lines that are no calls.
    private(set) var skipped = 0

    /// Takes a line in, and answers the call that it completes.
    mutating func call(in line: Substring) -> StraceCall? {
        var rest = line
        let thread = Self.thread(&rest)
        Self.dropTime(&rest)
        if rest.hasPrefix("<... ") {
            guard let end = rest.firstRange(of: " resumed>"),
                let start = unfinished.removeValue(forKey: "\(thread)")
            else { return nil }
            return parse(thread, start + Self.unmarked(rest[end.upperBound...]))
        }
        if let mark = rest.firstRange(of: Self.mark), rest[mark.upperBound...].first != ")" {
            unfinished["\(thread)"] = String(rest[..<mark.lowerBound])
            return nil
        }
        if rest.hasPrefix("+++") || rest.hasPrefix("---") || rest.hasPrefix("strace:") { return nil }
        guard let call = parse(thread, Self.unmarked(rest)) else {
            if !rest.isEmpty { skipped += 1 }
            return nil
        }
        return call
    }

    private static let mark = " <unfinished ...>"

    /// Within a line the mark stands for arguments of a call that never came back.
    private static func unmarked(_ rest: Substring) -> String {
        guard let found = rest.firstRange(of: mark + ")") else { return String(rest) }
        return String(rest[..<found.lowerBound] + rest[rest.index(before: found.upperBound)...])
    }

    /// `[pid 7] `, or `7 ` with -o.
    private static func thread(_ rest: inout Substring) -> Int32 {
        var text = rest
        let isMarked = text.hasPrefix("[pid")
        if isMarked { text = text.dropFirst(4) }
        text = text.drop { $0 == " " }
        let digits = text.prefix { $0.isNumber }
        var after = text.dropFirst(digits.count)
        if isMarked {
            guard after.first == "]" else { return 0 }
            after = after.dropFirst()
        }
        guard after.first == " ", let number = Int32(digits) else { return 0 }
        rest = after.drop { $0 == " " }
        return number
    }

    /// What -t, -tt, -ttt and -r put before a call.
    private static func dropTime(_ rest: inout Substring) {
        let digits = rest.prefix { $0.isNumber || $0 == "." || $0 == ":" || $0 == "+" }
        guard !digits.isEmpty, rest.dropFirst(digits.count).first == " " else { return }
        rest = rest.dropFirst(digits.count).drop { $0 == " " }
    }

    private func parse(_ thread: Int32, _ text: String) -> StraceCall? {
        let name = text.prefix { $0.isLetter || $0.isNumber || $0 == "_" }
        guard !name.isEmpty, text.dropFirst(name.count).first == "(" else { return nil }
        let (arguments, rest) = Self.arguments(text.dropFirst(name.count + 1))
        guard let rest, let equals = rest.firstRange(of: "= ") else { return nil }
        var call = StraceCall(thread: thread, name: String(name), arguments: arguments)
        let words = rest[equals.upperBound...].split(separator: " ")
        guard let first = words.first else { return call }
        let number = first.prefix { $0 == "-" || $0.isNumber }
        if number == "-1", words.count > 1, let errno = ErrnoName.number(String(words[1])) {
            call.result = -Int64(errno)
        } else if first.hasPrefix("0x") {
            call.result = Int64(bitPattern: UInt64(first.dropFirst(2).prefix { $0.isHexDigit }, radix: 16) ?? 0)
        } else {
            call.result = Int64(number)
        }
        let behind = first.dropFirst(number.count)
        if behind.hasPrefix("<"), behind.hasSuffix(">") { call.resultName = String(behind.dropFirst().dropLast()) }
        return call
    }

    /// Arguments up to the closing parenthesis, and what follows it.
    private static func arguments(_ text: Substring) -> ([String], Substring?) {
        var list: [String] = []
        var current = ""
        var depth = 0
        var isQuoted = false
        var isEscaped = false
        for index in text.indices {
            let character = text[index]
            if isQuoted {
                current.append(character)
                if !isEscaped, character == "\"" { isQuoted = false }
                isEscaped = !isEscaped && character == "\\"
                continue
            }
            switch character {
            case "\"": isQuoted = true
            case "(", "[", "{": depth += 1
            case ")" where depth == 0:
                if !current.isEmpty { list.append(current) }
                return (list, text[text.index(after: index)...])
            case ")", "]", "}": depth -= 1
            case "," where depth == 0:
                list.append(current)
                current = ""
                continue
            case " " where current.isEmpty: continue
            default: break
            }
            current.append(character)
        }
        return (list, nil)
    }

    /// The bytes of a string as strace writes it, nil for what is none or was cut.
    static func bytes(_ text: String) -> [UInt8]? {
        guard text.hasPrefix("\""), text.hasSuffix("\""), text.utf8.count >= 2 else { return nil }
        var bytes: [UInt8] = []
        var rest = Array(text.utf8.dropFirst().dropLast())[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\"), let escape = rest.popFirst() else {
                bytes.append(byte)
                continue
            }
            switch escape {
            case UInt8(ascii: "n"): bytes.append(10)
            case UInt8(ascii: "t"): bytes.append(9)
            case UInt8(ascii: "r"): bytes.append(13)
            case UInt8(ascii: "v"): bytes.append(11)
            case UInt8(ascii: "f"): bytes.append(12)
            case UInt8(ascii: "x"):
                bytes.append(UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) ?? 0)
                rest = rest.dropFirst(2)
            case UInt8(ascii: "0")...UInt8(ascii: "7"):
                let more = rest.prefix(2).prefix { (48...55).contains($0) }
                let digits = String(decoding: [escape] + more, as: UTF8.self)
                bytes.append(UInt8(truncatingIfNeeded: Int(digits, radix: 8) ?? 0))
                rest = rest.dropFirst(more.count)
            default: bytes.append(escape)
            }
        }
        return bytes
    }
}
