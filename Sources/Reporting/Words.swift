// Bytes of a tracee as text that is safe to read: nothing in a name can pass for something else.

import Messages
import Rendering

enum Words {
    /// UTF-8 as it is; control characters, marks that turn the direction of writing, and bytes that are no UTF-8 escaped.
    static func text(_ bytes: some Sequence<UInt8>) -> String {
        let bytes = Array(bytes)
        if let whole = String(validating: bytes, as: UTF8.self) { return escaped(whole) }
        var text = ""
        var place = 0
        while place < bytes.count {
            let length = (1...4).first { length in
                place + length <= bytes.count
                    && String(validating: bytes[place..<place + length], as: UTF8.self) != nil
            }
            if let length {
                text += escaped(String(decoding: bytes[place..<place + length], as: UTF8.self))
            } else {
                text += "\\x" + hexadecimal(UInt32(bytes[place]), 2)
            }
            place += length ?? 1
        }
        return text
    }

    private static func escaped(_ text: String) -> String {
        if text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) { return text }
        var out = ""
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0x0A: out += "\\n"
            case 0x09: out += "\\t"
            case 0..<0x20, 0x7F..<0xA0: out += "\\x" + hexadecimal(scalar.value, 2)
            case 0x200B...0x200F, 0x2028...0x202E, 0x2060...0x2069, 0xFEFF: out += "\\u" + hexadecimal(scalar.value, 4)
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out
    }

    private static func hexadecimal(_ number: UInt32, _ width: Int) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }

    /// The last part of a path.
    static func base(_ path: [UInt8]) -> String {
        let name = path.split(separator: UInt8(ascii: "/")).last.map { text($0) } ?? ""
        return name.isEmpty ? "(unknown)" : name
    }

    /// The name of a failure, nil for a call that did not fail.
    static func failure(_ message: Message) -> String? {
        guard let reply = message.reply, let errno = reply.errno else { return nil }
        return Names.errno(errno) ?? (Reply.isRestart(reply.raw) ? "ERESTART" : "\(errno)")
    }

    /// A value in the form that people read.
    static func value(_ value: Value, limit: Int = 200) -> String {
        var style = TextStyle()
        style.stringLimit = limit
        var line: [UInt8] = []
        ValueText(style: style).append(value, to: &line)
        return text(line)
    }

    /// How a process ended.
    static func ending(_ happening: Happening?) -> String {
        switch happening {
        case .exited(let status): "exited with \(status)"
        case .killed(let signal, let core): "killed by \(Names.signal(signal))\(core ? " (core dumped)" : "")"
        case .detached: "let go"
        default: "still running"
        }
    }
}
