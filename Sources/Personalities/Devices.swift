// Values that only device files pass.

import Messages

extension CallView {
    /// A key's action in a console's keymap: its name, or its kind and value (linux/keyboard.h).
    func keyboardKey(_ place: UInt64) -> Value? {
        guard let raw = snapshot.number(at: place, width: 2) else { return nil }
        if let name = SpecTables.name(of: raw, in: .keyboardKey) { return .commented(.hexadecimal(raw), name) }
        let kind = SpecTables.name(of: raw >> 8, in: .keyboardKind) ?? "0x" + String(raw >> 8, radix: 16)
        let low = raw & 0xFF
        // Kinds whose value is a character: KT_LATIN, KT_META, KT_LETTER, KT_DEAD2.
        let isCharacter = [0, 8, 11, 13].contains(raw >> 8)
        let value = isCharacter ? Self.quoted(low) : low == 0 ? "0" : "0x" + String(low, radix: 16)
        return .commented(.hexadecimal(raw), "K(\(kind), \(value))")
    }

    /// A character as C writes it.
    static func character(_ raw: UInt64) -> Value { .written(.unsigned(raw), as: .word(quoted(raw))) }

    private static func quoted(_ raw: UInt64) -> String {
        let escapes: [UInt64: String] = [
            0x07: "a", 0x08: "b", 0x09: "t", 0x0A: "n", 0x0B: "v", 0x0C: "f", 0x0D: "r", 0x27: "'", 0x5C: "\\",
        ]
        if let escape = escapes[raw] { return "'\\\(escape)'" }
        if raw >= 0x20 && raw < 0x7F { return "'\(UnicodeScalar(UInt8(raw)))'" }
        return "'\\x" + (raw < 16 ? "0" : "") + String(raw, radix: 16) + "'"
    }

    /// KDMKTONE: a period of the timer chip, and above it how many milliseconds it sounds (linux/kd.h).
    func soundTone(_ raw: UInt64) -> Value {
        let number = raw & 0xFFFF_FFFF
        let (period, time) = (number & 0xFFFF, number >> 16)
        let parts: Value =
            time == 0 ? .unsigned(period) : .separated([.unsigned(time), .unsigned(16)], by: "<<")
        let whole = time == 0 ? parts : .joined([parts, .unsigned(period)])
        let isHeard = period > 0 && time > 0
        let tone = isHeard ? "\(Self.timerRate / period) Hz, \(time) ms" : "off"
        return .written(.unsigned(number), as: .commented(whole, tone))
    }

    /// The ports that KDADDIO and KDDELIO know (drivers/tty/vt/vt_ioctl.c: GPFIRST to GPLAST).
    func displayPort(_ raw: UInt64) -> Value {
        let first: UInt64 = 0x3B4
        guard (first...0x3DF).contains(raw) else { return .hexadecimal(raw) }
        return .commented(.hexadecimal(raw), "GPFIRST + \(raw - first)")
    }

    /// A format of pixels or samples: four letters, and the name that they have (linux/videodev2.h).
    func fourLetters(_ place: UInt64) -> Value? {
        guard let raw = snapshot.number(at: place, width: 4) else { return nil }
        let letters = (0..<4).map { letter(UInt8(truncatingIfNeeded: raw >> ($0 * 8))) }
        let call = Value.written(.hexadecimal(raw), as: .call("v4l2_fourcc", letters))
        let sets: [SymbolSet] = [.videoFormat, .radioFormat, .videoDataFormat]
        guard let name = sets.lazy.compactMap({ SpecTables.name(of: raw, in: $0) }).first else { return call }
        return .commented(call, name)
    }

    /// A control by name, or by its class and what it adds to it: drivers have controls of their own
    /// (linux/v4l2-controls.h).
    static func videoControl(_ id: UInt64) -> Value {
        if SpecTables.name(of: id, in: .videoControl) != nil { return .symbol(.videoControl, id) }
        let (family, offset) = (id & ~0xFFFF, id & 0xFFFF)
        guard let name = SpecTables.name(of: family, in: .videoControlClass) else { return .symbol(.videoControl, id) }
        let text = offset == 0 ? "0" : "0x" + String(offset, radix: 16)
        return .written(.hexadecimal(id), as: .word("\(name)+\(text)"))
    }

    /// The same where the two highest bits ask for the control that comes after (VIDIOC_QUERYCTRL).
    static func nextVideoControl(_ raw: UInt64) -> Value {
        let flags = raw & 0xC000_0000
        guard flags != 0 else { return videoControl(raw) }
        let parts: [Value] = [.flags(.videoControlNext, flags), videoControl(raw & ~0xC000_0000)]
        return .written(.hexadecimal(raw), as: .joined(parts))
    }

    private func letter(_ byte: UInt8) -> Value {
        let isPlain = byte >= 0x20 && byte < 0x7F && byte != 0x27 && byte != 0x5C
        let digits = String(byte, radix: 16)
        let text = isPlain ? String(UnicodeScalar(byte)) : "\\x" + (byte < 16 ? "0" : "") + digits
        return .word("'" + text + "'")
    }
}
