// Paths as text: joined and made plain, without asking any file system.

enum Paths {
    /// `path` from `directory`, with `.`, `..` and doubled slashes gone.
    static func join(_ directory: [UInt8], _ path: [UInt8]) -> [UInt8] {
        var parts: [ArraySlice<UInt8>] = []
        let slash = UInt8(ascii: "/")
        let whole = path.first == slash ? path : directory + [slash] + path
        for part in whole.split(separator: slash) {
            if part.elementsEqual(".".utf8) { continue }
            if part.elementsEqual("..".utf8) {
                if !parts.isEmpty { parts.removeLast() }
            } else {
                parts.append(part)
            }
        }
        return parts.isEmpty ? [slash] : parts.flatMap { [slash] + $0 }
    }

    /// `path` with the directory `old` at its beginning made `new`, nil where it does not lie there.
    static func move(_ path: [UInt8], from old: [UInt8], to new: [UInt8]) -> [UInt8]? {
        guard path.starts(with: old) else { return nil }
        let rest = path.dropFirst(old.count)
        guard rest.isEmpty || rest.first == UInt8(ascii: "/") else { return nil }
        return new + rest
    }
}
