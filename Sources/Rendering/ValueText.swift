// A value as strace would print it.

import Messages
import Personalities

/// Appends values to a line.
public struct ValueText: Sendable {
    public var style: TextStyle

    public init(style: TextStyle) { self.style = style }

    public func append(_ value: Value, to line: inout [UInt8]) {
        switch value {
        case .signed(let number): line += "\(number)".utf8
        case .unsigned(let number): line += "\(number)".utf8
        case .hexadecimal(let number): hexadecimal(number, &line)
        case .octal(let number): line += (number == 0 ? "0" : "0" + String(number, radix: 8)).utf8
        case .permissions(let mode): permissions(mode, &line)
        case .fileMode(let mode): fileMode(mode, &line)
        case .address(let address):
            if address == 0 { line += "NULL".utf8 } else { hexadecimal(address, &line) }
        case .descriptor(let number): line += "\(number)".utf8
        case .directory(let number): directory(number, &line)
        case .process(let number): line += "\(number)".utf8
        case .user(let id), .group(let id): line += (id == UInt32.max ? "-1" : "\(id)").utf8
        case .signal(let number):
            if number < 0 { line += "\(number)".utf8 } else { named(Names.signal(number), UInt64(number), &line) }
        case .signalSet(let set): signalSet(set, &line)
        case .device(let device): self.device(device, &line)
        case .symbol(let set, let value): symbol(set, value, &line)
        case .flags(let set, let value): flags(set, value, &line)
        case .bytes(let bytes): quote(bytes, limit: bytes.isWhole ? Int.max : style.stringLimit, &line)
        case .unended(let bytes, let address):
            if bytes.bytes.count > style.stringLimit {
                quote(bytes, limit: style.stringLimit, &line)
            } else {
                hexadecimal(address, &line)
            }
        case .path(let bytes): quote(bytes, limit: Int.max, &line)
        case .nanoseconds(let time): line += "\(time)".utf8
        default: composed(value, &line)
        }
    }

    // MARK: Values made of values

    private func composed(_ value: Value, _ line: inout [UInt8]) {
        switch value {
        case .list(let values): list(values, isCut: false, &line)
        case .cutList(let values): list(values, isCut: true, &line)
        case .brokenList(let values, let place): list(values, isCut: true, brokenAt: place, &line)
        case .record(let fields): record(fields, &line)
        case .call(let name, let values):
            line += name.utf8
            if name != "@" { line += "(".utf8 }
            separated(values, by: ", ", &line)
            if name != "@" { line += ")".utf8 }
        case .message(let operation, let arguments):
            if style.namesOperations { line += operation.name.utf8 }
            record(arguments.map { Field($0.name, $0.value) }, &line)
        case .separated(let values, let separator): separated(values, by: separator, &line)
        case .joined(let values): separated(values, by: "|", &line)
        case .commented(let value, let remark):
            append(value, to: &line)
            line += " /* \(remark) */".utf8
        case .named(let name, let value):
            line += "\(name)=".utf8
            append(value, to: &line)
        case .abbreviated(let short, let whole): append(style.abbreviates ? short : whole, to: &line)
        case .change(let before, let after):
            append(before, to: &line)
            line += " => ".utf8
            append(after, to: &line)
        case .referring(let value, let referent):
            append(value, to: &line)
            refer(referent, &line)
        case .word(let word): line += word.utf8
        case .remainder(_, let bytes) where bytes.bytes.isEmpty: line += "???".utf8
        case .remainder(let offset, let bytes):
            line += "/* bytes \(offset)..\(offset + bytes.total - 1) */ ".utf8
            quote(bytes, limit: Int.max, &line)
        case .spelled(let spelling, let number): named(spelling, number, &line)
        case .written(let raw, let text): written(raw, text, &line)
        case .opaque(let count, let digest):
            line += "opaque(\(count) B, \(String(digest, radix: 16)))".utf8
        default: break
        }
    }

    private func separated(_ values: [Value], by separator: String, _ line: inout [UInt8]) {
        for (index, value) in values.enumerated() {
            if index > 0 { line += separator.utf8 }
            append(value, to: &line)
        }
    }

    private func list(_ values: [Value], isCut: Bool, brokenAt place: UInt64? = nil, _ line: inout [UInt8]) {
        line += "[".utf8
        let shown = style.abbreviates ? values.prefix(style.stringLimit) : values[...]
        separated(Array(shown), by: ", ", &line)
        if isCut || shown.count < values.count { line += (shown.isEmpty ? "..." : ", ...").utf8 }
        if let place, shown.count == values.count {
            line += " /* ".utf8
            hexadecimal(place, &line)
            line += " */".utf8
        }
        line += "]".utf8
    }

    private func record(_ fields: [Field], _ line: inout [UInt8]) {
        line += "{".utf8
        var isFirst = true
        var leftOut = false
        for (place, field) in fields.enumerated() {
            if field.isDetail && style.abbreviates {
                leftOut = true
                continue
            }
            if !isFirst { line += ", ".utf8 }
            isFirst = false
            if !namesItself(field) { line += "\(field.name)=".utf8 }
            append(field.value, to: &line)
            if field.isDetail, let date = date(of: field, in: fields, at: place) { line += " /* \(date) */".utf8 }
        }
        if leftOut { line += (isFirst ? "..." : ", ...").utf8 }
        line += "}".utf8
    }

    /// The date of a time in struct stat, whose next field holds its nanoseconds, or in struct statx.
    private func date(of field: Field, in fields: [Field], at place: Int) -> String? {
        guard field.name.hasSuffix("time"), field.name.hasPrefix("st_") || field.name.hasPrefix("stx_") else {
            return nil
        }
        let parts: [Value]
        if case .record(let members) = field.value {
            parts = members.map(\.value)
        } else if place + 1 < fields.count, fields[place + 1].name == "\(field.name)_nsec" {
            parts = [field.value, fields[place + 1].value]
        } else {
            return nil
        }
        guard parts.count == 2, let seconds = integer(parts[0]), let fraction = integer(parts[1]),
            seconds != 0 || fraction != 0
        else { return nil }
        return Calendar.text(seconds: seconds, fraction: UInt64(clamping: fraction), digits: 9)
    }

    private func integer(_ value: Value) -> Int64? {
        switch value {
        case .signed(let number): number
        case .unsigned(let number): Int64(exactly: number)
        default: nil
        }
    }

    /// A call that fills its member in, `inet_pton(AF_INET6, "::1", &sin6_addr)`, has the member's name already.
    private func namesItself(_ field: Field) -> Bool {
        if case .remainder = field.value { return true }
        if field.name.isEmpty { return true }
        guard style.naming == .names, case .written(_, .call(_, let values)) = field.value,
            case .word(let last) = values.last
        else { return false }
        return last == "&\(field.name)"
    }

    /// A value and how programs write it. A call that fills a member in does not name it again in a remark.
    private func written(_ raw: Value, _ text: Value, _ line: inout [UInt8]) {
        if let index = Value.written(raw, as: text).unnamedInterface {
            guard let name = UInt32(exactly: index).flatMap({ style.interfaceName?($0) }) else {
                return append(raw, to: &line)
            }
            return written(raw, .call(Value.interfaceCall, [.word("\"\(name)\"")]), &line)
        }
        if style.naming == .names { return append(text, to: &line) }
        append(raw, to: &line)
        guard style.naming == .both else { return }
        // What people always read with its number beside it is not said twice.
        if case .commented(_, let remark) = text { return line += " /* \(remark) */".utf8 }
        var remark = text
        if case .call(let name, let values) = text, case .word(let last) = values.last, last.hasPrefix("&") {
            remark = .call(name, values.dropLast())
        }
        line += " /* ".utf8
        var inner = self
        // strace nests remarks in sums and in the priorities of input and output alone.
        switch remark {
        case .word(let word) where word.contains("/*"):
            line += "\(Self.withoutRemarks(word)) */".utf8
            return
        case .separated, .call("IOPRIO_PRIO_VALUE", _): break
        default: inner.style.naming = .names
        }
        inner.append(remark, to: &line)
        line += " */".utf8
    }

    /// A word without the remarks in it: C has no remarks in remarks.
    private static func withoutRemarks(_ word: String) -> String {
        var rest = word[...]
        var text = ""
        while let begin = rest.firstRange(of: " /*"), let end = rest.firstRange(of: "*/") {
            text += rest[..<begin.lowerBound]
            rest = rest[end.upperBound...]
        }
        return text + rest
    }

    // MARK: Numbers

    func hexadecimal(_ number: UInt64, _ line: inout [UInt8]) {
        line += (number == 0 ? "0" : "0x" + String(number, radix: 16)).utf8
    }

    /// At least three octal digits: 0644, 000.
    private func permissions(_ mode: UInt64, _ line: inout [UInt8]) {
        let digits = mode == 0 ? "0" : "0" + String(mode, radix: 8)
        line += (String(repeating: "0", count: max(0, 3 - digits.count)) + digits).utf8
    }

    private func fileMode(_ mode: UInt64, _ line: inout [UInt8]) {
        let types: [UInt64: String] = [
            0o140000: "S_IFSOCK", 0o120000: "S_IFLNK", 0o100000: "S_IFREG", 0o060000: "S_IFBLK",
            0o040000: "S_IFDIR", 0o020000: "S_IFCHR", 0o010000: "S_IFIFO",
        ]
        if style.naming != .names { permissions(mode, &line) }
        guard style.naming != .numbers, let type = types[mode & 0o170000] else {
            return style.naming == .names ? permissions(mode, &line) : ()
        }
        line += "\(style.naming == .both ? " /* " : "")\(type)|".utf8
        for (bit, name) in [(UInt64(0o4000), "S_ISUID"), (0o2000, "S_ISGID"), (0o1000, "S_ISVTX")]
        where mode & bit != 0 { line += "\(name)|".utf8 }
        permissions(mode & 0o777, &line)
        if style.naming == .both { line += " */".utf8 }
    }

    /// The kernel's new_encode_dev: minor in bits 0-7 and 20-31 and above, major in 8-19 and 32 and above.
    private func device(_ device: UInt64, _ line: inout [UInt8]) {
        let major = (device >> 8 & 0xFFF) | (device >> 32 & 0xFFFF_F000)
        let minor = (device & 0xFF) | (device >> 12 & 0xFFFF_FF00)
        if style.naming != .names { hexadecimal(device, &line) }
        if style.naming == .numbers { return }
        line += style.naming == .both ? " /* makedev(".utf8 : "makedev(".utf8
        hexadecimal(major, &line)
        line += ", ".utf8
        hexadecimal(minor, &line)
        line += style.naming == .both ? ") */".utf8 : ")".utf8
    }

    // MARK: Names

    private func named(_ name: String, _ value: UInt64, _ line: inout [UInt8]) {
        switch style.naming {
        case .names: line += name.utf8
        case .numbers: line += "\(value)".utf8
        case .both: line += (name == "\(value)" ? name : "\(value) /* \(name) */").utf8
        }
    }

    private func directory(_ number: Int32, _ line: inout [UInt8]) {
        // AT_FDCWD (linux/fcntl.h)
        guard number == -100, style.naming != .numbers else { return line += "\(number)".utf8 }
        line += (style.naming == .names ? "AT_FDCWD" : "-100 /* AT_FDCWD */").utf8
    }

    /// `[INT TERM]`; where more than half are in the set, those that are not: `~[KILL STOP]`.
    private func signalSet(_ set: UInt64, _ line: inout [UInt8]) {
        let isMostlyFull = set.nonzeroBitCount >= 32
        let shown = isMostlyFull ? ~set : set
        line += (isMostlyFull ? "~[" : "[").utf8
        var isFirst = true
        for bit in 0..<64 where shown & (1 << UInt64(bit)) != 0 {
            if !isFirst { line += " ".utf8 }
            isFirst = false
            let name = Names.signal(Int32(bit + 1))
            let short = name.hasPrefix("SIG") ? String(name.dropFirst(3)) : name
            named(short, UInt64(bit + 1), &line)
        }
        line += "]".utf8
    }

    // MARK: Strings

    private func quote(_ bytes: Bytes, limit: Int, _ line: inout [UInt8]) {
        let shown = bytes.bytes.prefix(limit)
        let isCut = UInt64(shown.count) < bytes.total
        line.append(UInt8(ascii: "\""))
        let plain = shown.allSatisfy { ($0 >= 0x20 && $0 < 0x7F) || ($0 >= 9 && $0 <= 13) }
        if bytes.isBinary || style.quoting == .hexadecimal || (style.quoting == .hexadecimalWhereNeeded && !plain) {
            for byte in shown { line += "\\x".utf8 + Self.digits(byte) }
        } else {
            escape(shown, "", &line)
        }
        line.append(UInt8(ascii: "\""))
        if isCut { line += "...".utf8 }
    }

    private static func digits(_ byte: UInt8) -> [UInt8] {
        let all = Array("0123456789abcdef".utf8)
        return [all[Int(byte >> 4)], all[Int(byte & 15)]]
    }

    /// `<name>`, with what would end it too early escaped.
    func refer(_ referent: Referent, _ line: inout [UInt8]) {
        line += "<".utf8
        let plain = referent.name.allSatisfy { $0 >= 0x20 && $0 < 0x7F }
        if referent.isSafe {
            line += referent.name
        } else if style.quoting == .hexadecimal || (style.quoting == .hexadecimalWhereNeeded && !plain) {
            for byte in referent.name { line += "\\x".utf8 + Self.digits(byte) }
        } else {
            escape(referent.name[...], "<>", &line)
        }
        line += "\(referent.remark)>".utf8
        if referent.isDeleted { line += "(deleted)".utf8 }
    }

    /// C escapes; an octal one is as short as it may be without swallowing the octal digit that follows.
    private func escape(_ bytes: ArraySlice<UInt8>, _ special: String, _ line: inout [UInt8]) {
        for index in bytes.indices {
            let byte = bytes[index]
            switch byte {
            case 0x22: line += "\\\"".utf8
            case 0x5C: line += "\\\\".utf8
            case 9: line += "\\t".utf8
            case 10: line += "\\n".utf8
            case 11: line += "\\v".utf8
            case 12: line += "\\f".utf8
            case 13: line += "\\r".utf8
            case 0x20..<0x7F where !special.utf8.contains(byte): line.append(byte)
            case _ where style.quoting == .escapedInHexadecimal: line += "\\x".utf8 + Self.digits(byte)
            default:
                let isBeforeDigit =
                    index + 1 < bytes.endIndex && bytes[index + 1] >= 0x30 && bytes[index + 1] <= 0x37
                let octal = String(byte, radix: 8)
                line += "\\".utf8
                if isBeforeDigit { line += String(repeating: "0", count: 3 - octal.count).utf8 }
                line += octal.utf8
            }
        }
    }
}
