// Names, numbers or both of a value of a set.

import Messages

extension ValueText {
    func symbol(_ set: SymbolSet, _ value: UInt64, _ line: inout [UInt8]) {
        if style.naming == .numbers { return number(value, of: set, &line) }
        guard let name = Names.symbol(set, value) else {
            number(value, of: set, &line)
            let unknown = Names.unknown(set)
            if !unknown.isEmpty { line += " /* \(unknown) */".utf8 }
            return
        }
        if style.naming == .both || Self.remarked.contains(set) {
            number(value, of: set, &line)
            line += " /* \(name) */".utf8
        } else {
            line += name.utf8
        }
    }

    /// Sets whose numbers strace shows in decimal.
    private static let decimal: Set<SymbolSet> = [
        .aioCommand, .btrfsEnd, .btrfsKey, .btrfsTree, .btrfsStatistic, .fanotifyPlace, .icmp6Statistics,
        .inetConfiguration, .inet6Configuration, .ipStatistics, .keyRequestDefault, .keyboardMode, .memoryUse,
        .txRehash, .uringFileSkip,
    ]

    /// Sets whose numbers strace always shows, with the name beside.
    private static let remarked: Set<SymbolSet> = [
        .diagShutdown, .radioAddress, .radioAddressKind, .radioNetwork, .rxrpcService, .smcReason,
    ]

    private func number(_ value: UInt64, of set: SymbolSet, _ line: inout [UInt8]) {
        guard Self.decimal.contains(set) else { return hexadecimal(value, &line) }
        let isNegative = value > UInt64(Int32.max) && value <= UInt64(UInt32.max)
        line += (isNegative ? "\(Int32(truncatingIfNeeded: value))" : "\(value)").utf8
    }

    /// Sets whose groups strace tells apart where it shows numbers.
    private static let grouped: Set<SymbolSet> = [.statx, .mount, .fanotifyInit, .termOutput, .termControl]

    /// Each group of bits with one meaning, then the flags beside them.
    private func groups(_ set: SymbolSet, _ value: UInt64, _ line: inout [UInt8]) {
        var rest = value
        var parts: [(UInt64, String)] = []
        for row in SpecTables.symbols(of: set) where row.mask != 0 && !row.name.isEmpty && value & row.mask == row.value
        {
            guard row.value == 0 || rest & row.mask != 0 else { continue }
            parts.append((row.value, row.name))
            rest &= ~row.mask
        }
        let others = others(set, rest)
        for (index, part) in parts.enumerated() {
            if index > 0 { line += "|".utf8 }
            // strace shows no number for the first of statx's ways to synchronise.
            if style.naming == .numbers && set == .statx && part.0 == 0 { continue }
            hexadecimal(part.0, &line)
            if style.naming == .both { line += " /* \(part.1) */".utf8 }
        }
        if rest == 0 && !parts.isEmpty { return line += (Names.unknown(set).isEmpty ? "|" : "").utf8 }
        if !parts.isEmpty { line += "|".utf8 }
        hexadecimal(rest, &line)
        let remark = others.isEmpty && parts.isEmpty && rest != 0 ? Names.unknown(set) : others
        if style.naming == .both && !remark.isEmpty { line += " /* \(remark) */".utf8 }
    }

    /// The flags that belong to no group.
    private func others(_ set: SymbolSet, _ value: UInt64) -> String {
        var rest = value
        var names: [String] = []
        for row in SpecTables.symbols(of: set) where row.mask == 0 && row.value != 0 && rest & row.value == row.value {
            names.append(row.name)
            rest &= ~row.value
        }
        if rest != 0 && !names.isEmpty { names.append("0x" + String(rest, radix: 16)) }
        return names.joined(separator: "|")
    }

    func flags(_ set: SymbolSet, _ value: UInt64, _ line: inout [UInt8]) {
        if style.naming != .names, Self.grouped.contains(set) { return groups(set, value, &line) }
        // The sets of capabilities are two words each, as capget(2) passes them.
        if set == .capabilities, style.naming != .names, value >> 32 != 0 {
            if value & 0xFFFF_FFFF != 0 {
                flags(set, value & 0xFFFF_FFFF, &line)
                line += "|".utf8
            }
            let upper = value >> 32
            hexadecimal(upper, &line)
            if style.naming == .both {
                line += " /* \(Names.flags(set, upper << 32).names.joined(separator: "|")) */".utf8
            }
            return
        }
        if style.naming == .numbers {
            return value == 0 && Names.unknown(set).isEmpty ? () : hexadecimal(value, &line)
        }
        var (names, rest) = Names.flags(set, value)
        // A kind of mapping without a name is told apart from the flags beside it.
        let kind = value & 0xF
        if set == .map, !names.isEmpty, kind != 0, Names.symbol(set, kind) == nil {
            names.insert("0x\(String(kind, radix: 16)) /* \(Names.unknown(set)) */", at: 0)
            rest &= ~0xF
        }
        if names.isEmpty {
            let unknown = Names.unknown(set)
            if value == 0 && unknown.isEmpty { return }
            hexadecimal(value, &line)
            if value != 0 && !unknown.isEmpty { line += " /* \(Names.unknown(set)) */".utf8 }
            return
        }
        var text = names.joined(separator: "|")
        if rest != 0 { text += "|0x" + String(rest, radix: 16) }
        if style.naming == .both || Self.remarked.contains(set) {
            hexadecimal(value, &line)
            line += " /* \(text) */".utf8
        } else {
            line += text.utf8
        }
    }
}
