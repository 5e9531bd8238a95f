// The arguments of calls on the address space: resident pages, nodes, what became of moved pages.

import Messages

/// How many bytes a mask of nodes takes: whole words, one bit less than the caller says (get_mempolicy(2)).
enum NodeMask {
    static func bytes(_ count: UInt64, _ word: Int) -> Int { words(count, word) * word }

    static func words(_ count: UInt64, _ word: Int) -> Int {
        let bits = UInt64(word * 8)
        guard count > 0 else { return 0 }
        return Int(min((min(count, 1 << 20) &+ bits - 2) / bits, 128))
    }
}

extension CallView {
    /// A byte a page: whether it is resident.
    func residence(_ address: UInt64, _ length: UInt64) -> Value {
        guard address != 0 else { return .address(0) }
        let pages = min((length &+ 4095) >> 12, 4096)
        guard let bytes = snapshot.bytes(at: address, count: Int(pages)) else { return .address(address) }
        return .list(bytes.map { .unsigned(UInt64($0 & 1)) })
    }

    /// A policy with the flags that qualify it (linux/mempolicy.h).
    func memoryPolicy(_ raw: UInt64) -> Value {
        let flags = raw & 0xE000
        let mode = raw & 0xFFFF_FFFF & ~0xE000
        if flags == 0 { return .symbol(.memoryPolicy, mode) }
        guard SpecTables.name(of: mode, in: .memoryPolicy) != nil else {
            return .flags(.memoryPolicyFlags, raw & 0xFFFF_FFFF)
        }
        let names = Value.joined([.symbol(.memoryPolicy, mode), .flags(.memoryPolicyFlags, flags)])
        return .written(.hexadecimal(raw & 0xFFFF_FFFF), as: names)
    }

    /// Words of a mask of nodes, each with all its digits.
    func nodeMask(_ address: UInt64, _ count: UInt64) -> Value {
        guard address != 0 else { return .address(0) }
        var words: [Value] = []
        for index in 0..<NodeMask.words(count, word) {
            guard let mask = snapshot.number(at: address &+ UInt64(index * word), width: word) else { break }
            words.append(.word(Self.padded(mask, word * 2)))
        }
        return words.isEmpty && count > 1 ? .address(address) : .list(words)
    }

    /// All digits of a number: nothing but zeros for nothing.
    private static func padded(_ number: UInt64, _ digits: Int) -> String {
        let text = String(number, radix: 16)
        let zeros = String(repeating: "0", count: max(0, digits - text.count))
        return (number == 0 ? "" : "0x") + zeros + text
    }

    /// The node that each page is on, or why it is on none.
    func pageStatus(_ address: UInt64) -> Value {
        guard address != 0 else { return .address(0) }
        let count = min(stop.arguments.a1, 1024)
        var pages: [Value] = []
        for index in 0..<count {
            guard let raw = snapshot.number(at: address &+ index &* 4, width: 4) else { break }
            let status = Self.extend(raw, 4)
            if status < 0, let name = SpecTables.name(of: UInt64(-status), in: .errno) {
                pages.append(.written(.signed(status), as: .word("-\(name)")))
            } else {
                pages.append(.signed(status))
            }
        }
        return list(pages, of: stop.arguments.a1, at: address, size: 4)
    }

    /// A set of processors by their numbers (sched_setaffinity(2)).
    func processors(_ address: UInt64, _ size: UInt64) -> Value {
        guard address != 0 else { return .address(0) }
        if size == 0 { return .list([]) }
        let kept = Int(min(size, 1024))
        guard let bytes = snapshot.bytes(at: address, count: kept) else { return .address(address) }
        var numbers: [String] = []
        for (index, byte) in bytes.enumerated() {
            for bit in 0..<8 where byte & (1 << UInt8(bit)) != 0 { numbers.append("\(index * 8 + bit)") }
        }
        if UInt64(kept) < size { numbers.append("...") }
        return .word("[" + numbers.joined(separator: " ") + "]")
    }
}
