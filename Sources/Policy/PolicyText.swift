// How policies write what programs name: any bytes as text of a pattern, any text as a scalar of YAML.
//
// Names are a tracee's to choose, and a policy is text that people read and YAML that decides. So nothing of a name may
// end a line, a quote or a comment, or look like something else: what is no plain text of UTF-8 is `\xHH`, byte by byte.

/// Writes and reads names.
public enum PolicyText {
    /// The pattern that covers just these bytes: what patterns read otherwise (`*`, `\`, `$`) has a backslash.
    /// - Parameter isASCII: for terminals of which nothing is known: all other bytes are `\xHH` too.
    public static func pattern(_ bytes: some Sequence<UInt8>, isASCII: Bool = false) -> String {
        written(bytes, escaping: "\\*$", isASCII: isASCII)
    }

    /// The bytes for people. Backslashes are doubled, so that no two names look the same.
    public static func visible(_ bytes: some Sequence<UInt8>, isASCII: Bool = false) -> String {
        written(bytes, escaping: "\\", isASCII: isASCII)
    }

    public static func visible(_ text: String) -> String { visible(text.utf8) }

    private static func written(_ bytes: some Sequence<UInt8>, escaping special: StaticString, isASCII: Bool) -> String
    {
        let bytes = Array(bytes)
        var text = ""
        var place = 0
        while place < bytes.count {
            let (scalar, length) = scalar(at: place, of: bytes)
            if let scalar, isShown(scalar), !isASCII || scalar.isASCII {
                let isSpecial = special.withUTF8Buffer { $0.contains { Unicode.Scalar($0) == scalar } }
                if isSpecial { text += "\\" }
                text.unicodeScalars.append(scalar)
            } else {
                for byte in bytes[place..<place + length] { text += "\\x" + hexadecimal(UInt32(byte), 2) }
            }
            place += length
        }
        return text
    }

    /// The scalar whose bytes begin at a place, and how many these are; nil and one byte where none does.
    private static func scalar(at place: Int, of bytes: [UInt8]) -> (Unicode.Scalar?, Int) {
        if bytes[place] < 0x80 { return (Unicode.Scalar(bytes[place]), 1) }
        for length in 2...4 where place + length <= bytes.count {
            if let text = String(validating: bytes[place..<place + length], as: UTF8.self) {
                return (text.unicodeScalars.first, length)
            }
        }
        return (nil, 1)
    }

    /// Not what controls a terminal, turns or joins or hides text (Unicode's controls and formats), ends a line in YAML
    /// (YAML 1.1, 5.4), or is no character there (5.1).
    private static func isShown(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .unassigned, .privateUse, .surrogate: false
        default: true
        }
    }

    /// Whether the bytes are text that shows all of itself: what other programs' files can hold as it is.
    public static func isPlain(_ bytes: [UInt8]) -> Bool {
        String(validating: bytes, as: UTF8.self)?.unicodeScalars.allSatisfy(isShown) ?? false
    }

    /// The bytes that text stands for where it is no pattern: what `visible` and `pattern` write, read back.
    public static func bytes(_ text: String) -> [UInt8] {
        var reader = EscapeReader(text.utf8)
        var bytes: [UInt8] = []
        while let (byte, _) = reader.next() { bytes.append(byte) }
        return bytes
    }

    /// Text as a scalar of YAML: plain where nothing in it could be read as something else, else in quotes.
    public static func scalar(_ text: String) -> String {
        let isPlain = text.utf8.allSatisfy { byte in
            (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
                || "/._-+".utf8.contains(byte)
        }
        if isPlain, !text.isEmpty, text.first != "-" { return text }
        // Between single quotes backslashes are themselves.
        if text.contains("\\"), text.unicodeScalars.allSatisfy(isShown) {
            return "'" + text.replacing("'", with: "''") + "'"
        }
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": quoted += "\\\(scalar)"
            case _ where isShown(scalar): quoted.unicodeScalars.append(scalar)
            default: quoted += "\\U" + hexadecimal(scalar.value, 8)
            }
        }
        return quoted + "\""
    }

    private static func hexadecimal(_ number: UInt32, _ width: Int) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}

/// Reads the escapes of patterns: a backslash takes the next byte as it is, `\xHH` is the byte of that number.
struct EscapeReader<Bytes: Sequence<UInt8>> {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: Bytes) { rest = Array(bytes)[...] }

    /// The next byte, and whether it was escaped.
    mutating func next() -> (byte: UInt8, isEscaped: Bool)? {
        guard let byte = rest.popFirst() else { return nil }
        guard byte == UInt8(ascii: "\\") else { return (byte, false) }
        guard let next = rest.popFirst() else { return (byte, true) }
        guard next == UInt8(ascii: "x"), let digits = rest.count >= 2 ? rest.prefix(2) : nil,
            digits.allSatisfy({ Unicode.Scalar($0).properties.isASCIIHexDigit }),
            let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
        else { return (next, true) }
        rest = rest.dropFirst(2)
        return (value, true)
    }
}
