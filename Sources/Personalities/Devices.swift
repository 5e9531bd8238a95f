// Values that only device files pass.

import Messages

extension CallView {
    /// A key's action in a console's keymap: its name, or its kind and value (linux/keyboard.h).
    func keyboardKey(_ place: UInt64) -> Value? {
        guard let raw = snapshot.number(at: place, width: 2) else { return nil }
        if let name = SpecTables.name(of: raw, in: .keyboardKey) { return .commented(.hexadecimal(raw), name) }
        let kind = SpecTables.name(of: raw >> 8, in: .keyboardKind) ?? "0x" + String(raw >> 8, radix: 16)
        let low = raw & 0xFF
        return .commented(.hexadecimal(raw), "K(\(kind), \(low == 0 ? "0" : "0x" + String(low, radix: 16)))")
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

    private func letter(_ byte: UInt8) -> Value {
        let isPlain = byte >= 0x20 && byte < 0x7F && byte != 0x27 && byte != 0x5C
        let digits = String(byte, radix: 16)
        let text = isPlain ? String(UnicodeScalar(byte)) : "\\x" + (byte < 16 ? "0" : "") + digits
        return .word("'" + text + "'")
    }
}
