// Reads the items of a call, from registers where they are there and from the decoded message otherwise, and compares
// them. Without a message, what memory alone tells is undecided.

import Messages
import Synchronization

/// One value of an item.
enum Leaf {
    case register(RegisterItem)
    case number(UInt64, SymbolSet?, isSigned: Bool)
    case text([UInt8])
    case word(String)
}

struct CallItems<R: Registers> {
    let row: CallRow
    let personality: Personality
    let registers: R
    /// The decoded call; nil where only registers are known.
    let message: Message?
    /// The facts; nil where only registers are known.
    let request: Request?

    // MARK: Tests of the spec

    func holds(_ tests: [ItemTest]) throws(Undecided) -> Bool {
        for test in tests { if try !holds(test) { return false } }
        return true
    }

    func holds(_ test: ItemTest) throws(Undecided) -> Bool {
        switch test.kind {
        case .named: return row.names(test.item)
        case .present: return try isPresent(test.item)
        case .is: return try has(test, equal: true)
        case .isnt: return try !has(test, equal: true)
        case .has: return try has(test, equal: false)
        case .lacks: return try !has(test, equal: false)
        }
    }

    private func isPresent(_ item: String) throws(Undecided) -> Bool {
        for place in try row.places(of: item, personality, registers) {
            switch place {
            case .register, .word, .message: return true
            case .pointer(let pointer):
                if try registers.holds(RegisterTest(pointer.register, pointer.mask, .anyBit)) { return true }
            }
        }
        return false
    }

    private func has(_ test: ItemTest, equal: Bool) throws(Undecided) -> Bool {
        for leaf in try leaves(of: test.item) {
            for value in test.values {
                let found =
                    switch value {
                    case .number(let number): try compare(leaf, number, test.mask)
                    case .name(let name): try compare(leaf, name, test.mask, equal: equal)
                    }
                if found { return true }
            }
        }
        return false
    }

    // MARK: Leaves

    /// Every value that an item of this name has in the call.
    func leaves(of item: String) throws(Undecided) -> [Leaf] {
        if item == "exists" || item == "filetype" { return try facts(of: item) }
        var leaves: [Leaf] = []
        var isInMemory = false
        for place in try row.places(of: item, personality, registers) {
            switch place {
            case .register(let register): leaves.append(.register(register))
            case .word(let word): leaves += word.split(separator: "|").map { .word(String($0)) }
            case .pointer(let pointer):
                if try registers.holds(RegisterTest(pointer.register, pointer.mask, .anyBit)) { isInMemory = true }
            case .message:
                guard let message else { throw Undecided(test: nil) }
                for argument in message.arguments where argument.item == item {
                    guard argument.value.collect(into: &leaves) else { throw Undecided(test: nil) }
                }
            }
        }
        if isInMemory || row.hasField(item) { leaves += try memory(item, isWanted: isInMemory) }
        return leaves
    }

    private func facts(of item: String) throws(Undecided) -> [Leaf] {
        guard let request, let path = request.path(.to) ?? request.path(.object) else {
            throw Undecided(test: nil)
        }
        return [.word(item == "exists" ? "\(path.exists)" : path.kind.name)]
    }

    /// What the decoded message says. A pointer that could not be followed decides nothing.
    private func memory(_ item: String, isWanted: Bool) throws(Undecided) -> [Leaf] {
        guard let message else { throw Undecided(test: nil) }
        var leaves: [Leaf] = []
        var found = false
        for argument in message.arguments {
            if let field = argument.value.field(item) {
                found = true
                guard field.collect(into: &leaves) else { throw Undecided(test: nil) }
            } else if argument.item == item, argument.value.isFromMemory {
                found = true
                guard argument.value.collect(into: &leaves) else { throw Undecided(test: nil) }
            }
        }
        if isWanted && !found { throw Undecided(test: nil) }
        return leaves
    }

    // MARK: Comparing

    private func compare(_ leaf: Leaf, _ value: UInt64, _ mask: UInt64) throws(Undecided) -> Bool {
        switch leaf {
        case .register(let item): try item.equals(value, mask, registers)
        case .number(let number, _, _):
            number & mask == value & mask
        case .text(let bytes): bytes.elementsEqual("\(value)".utf8)
        case .word(let word): word == "\(value)"
        }
    }

    private func compare(_ leaf: Leaf, _ name: String, _ extra: UInt64, equal: Bool) throws(Undecided) -> Bool {
        switch leaf {
        case .word(let word): return word == name
        case .text(let bytes): return Glob(name).matches(bytes[...])
        case .register(let item):
            guard let set = item.set, let symbol = set.symbol(name) else { return false }
            if equal { return try item.equals(symbol.value, extra, registers) }
            let mask = (symbol.mask != 0 ? symbol.mask : symbol.value) & item.mask & extra
            return try registers.holds(RegisterTest(item.register, mask, .equals, symbol.value & mask))
        case .number(let number, let set, _):
            guard let set, let symbol = set.symbol(name) else { return false }
            if equal { return number & extra == symbol.value & extra }
            let mask = (symbol.mask != 0 ? symbol.mask : symbol.value) & extra
            return number & mask == symbol.value & mask
        }
    }
}

extension CallItems {
    // MARK: Predicates of rules

    /// Whether any value of the item satisfies the predicate.
    func holds(_ predicate: Predicate, _ item: String) throws(Undecided) -> Bool {
        switch predicate {
        case .any(let list):
            for each in list { if try holds(each, item) { return true } }
            return false
        case .not(let inner): return try !holds(inner, item)
        case .lacks(let list):
            for each in list { if try holds(.has([each]), item) { return false } }
            return true
        case .all(let list):
            for each in list { if try !holds(.has([each]), item) { return false } }
            return true
        case .has(let list):
            for leaf in try leaves(of: item) {
                for operand in list { if try has(leaf, operand) { return true } }
            }
            return false
        case .equals(let operand):
            for leaf in try leaves(of: item) { if try equals(leaf, operand) { return true } }
            return false
        case .range(let low, let high):
            for leaf in try leaves(of: item) { if try lies(leaf, low, high) { return true } }
            return false
        }
    }

    private func has(_ leaf: Leaf, _ operand: Operand) throws(Undecided) -> Bool {
        switch operand {
        case .number(let bits):
            switch leaf {
            case .register(let item):
                let mask = bits & item.mask
                return try registers.holds(RegisterTest(item.register, mask, .equals, mask))
            case .number(let number, _, _): return number & bits == bits
            default: return false
            }
        case .text(let name): return try compare(leaf, name, .max, equal: false)
        }
    }

    private func equals(_ leaf: Leaf, _ operand: Operand) throws(Undecided) -> Bool {
        switch operand {
        case .number(let number): return try compare(leaf, number, .max)
        case .text(let text):
            let names = text.split(separator: "|").map(String.init)
            guard names.count > 1 else { return try compare(leaf, text, .max, equal: true) }
            var value: UInt64 = 0
            switch leaf {
            case .register(let item):
                guard let set = item.set, set.sum(names, into: &value) else { return false }
                return try item.equals(value, .max, registers)
            case .number(let number, let set, _):
                guard let set, set.sum(names, into: &value) else { return false }
                return number == value
            default: return try compare(leaf, text, .max, equal: true)
            }
        }
    }

    private func lies(_ leaf: Leaf, _ low: Int64, _ high: Int64) throws(Undecided) -> Bool {
        switch leaf {
        case .register(let item):
            for range in item.ranges(low, high) {
                if range.lowerBound > 0 {
                    let above = RegisterTest(item.register, item.mask, .atLeast, range.lowerBound)
                    guard try registers.holds(above) else { continue }
                }
                if range.upperBound >= item.mask { return true }
                if try !registers.holds(RegisterTest(item.register, item.mask, .atLeast, range.upperBound + 1)) {
                    return true
                }
            }
            return false
        case .number(let number, _, let isSigned):
            if isSigned { return (low...high).contains(Int64(bitPattern: number)) }
            return high >= 0 && number <= UInt64(high) && (low <= 0 || number >= UInt64(low))
        case .text(let bytes):
            guard let number = Int64(String(decoding: bytes, as: UTF8.self)) else { return false }
            return (low...high).contains(number)
        case .word(let word):
            guard let number = Int64(word) else { return false }
            return (low...high).contains(number)
        }
    }
}

extension RegisterItem {
    /// A range of numbers as ranges of the register's bits: negative ones lie at the top.
    func ranges(_ low: Int64, _ high: Int64) -> [ClosedRange<UInt64>] {
        guard low <= high else { return [] }
        guard isSigned else {
            guard high >= 0 else { return [] }
            let top = min(UInt64(high), mask)
            let bottom = UInt64(max(low, 0))
            return bottom <= top ? [bottom...top] : []
        }
        let highest = Int64(bitPattern: mask >> 1)
        let lowest = -highest - 1
        let (low, high) = (max(low, lowest), min(high, highest))
        guard low <= high else { return [] }
        func bits(_ number: Int64) -> UInt64 { UInt64(bitPattern: number) & mask }
        if low >= 0 || high < 0 { return [bits(low)...bits(high)] }
        return [0...bits(high), bits(low)...mask]
    }
}

extension CallRow {
    /// A struct that the call points to has a field of this name.
    func hasField(_ item: String) -> Bool {
        argumentRows.contains { argument in
            guard argument.type.kind == .structure, argument.direction != .exit else { return false }
            let structure = SpecTables.structures[Int(argument.type.table)]
            let first = Int(structure.firstField)
            return SpecTables.fields[first..<first + Int(structure.fieldCount)].contains { $0.name == item }
        }
    }
}

/// Where the symbols of a set are, by name, for each set that somebody asked about: sets of requests have thousands, and
/// proving a filter asks of them thousands of times.
private let symbolPlaces = Mutex<[[String: Int]?]>(Array(repeating: nil, count: SpecTables.symbolSets.count))

extension SymbolSet {
    func symbol(_ name: String) -> SymbolRow? {
        symbolPlaces.withLock { places in
            if places[Int(rawValue)] == nil { places[Int(rawValue)] = namedPlaces() }
            return places[Int(rawValue)]?[name]
        }.map { SpecTables.symbols[$0] }
    }

    private func namedPlaces() -> [String: Int] {
        let row = SpecTables.symbolSets[Int(rawValue)]
        let all = Int(row.firstSymbol)..<Int(row.firstSymbol) + Int(row.count)
        return Dictionary(all.map { (SpecTables.symbols[$0].name, $0) }) { first, _ in first }
    }

    /// Adds up names; false where one is unknown.
    func sum(_ names: [String], into value: inout UInt64) -> Bool {
        for name in names {
            guard let symbol = symbol(name) else { return false }
            value |= symbol.value
        }
        return true
    }
}

extension Value {
    /// The value of a record's field.
    func field(_ name: String) -> Value? {
        switch self {
        case .record(let fields): fields.first { $0.name == name }?.value
        case .abbreviated(_, let whole): whole.field(name)
        case .change(let before, _): before.field(name)
        case .commented(let inner, _): inner.field(name)
        case .named(_, let inner): inner.field(name)
        default: nil
        }
    }

    /// Whether it was read from memory, or would have been: registers are read as registers.
    var isFromMemory: Bool {
        switch self {
        case .address(let address): address != 0
        case .bytes, .unended, .path, .list, .cutList, .brokenList, .record, .abbreviated, .opaque, .signalSet, .change,
            .call:
            true
        case .commented(let inner, _), .named(_, let inner), .referring(let inner, _): inner.isFromMemory
        default: false
        }
    }

    /// Adds every plain value in it; false where one could not be read.
    func collect(into leaves: inout [Leaf]) -> Bool {
        switch self {
        case .signed(let number): leaves.append(.number(UInt64(bitPattern: number), nil, isSigned: true))
        case .unsigned(let number), .hexadecimal(let number), .octal(let number), .permissions(let number),
            .fileMode(let number), .device(let number), .signalSet(let number):
            leaves.append(.number(number, nil, isSigned: false))
        case .address(let address): return address == 0
        case .descriptor(let number), .directory(let number), .process(let number), .signal(let number):
            leaves.append(.number(UInt64(bitPattern: Int64(number)), nil, isSigned: true))
        case .user(let number), .group(let number): leaves.append(.number(UInt64(number), nil, isSigned: false))
        case .symbol(let set, let number), .flags(let set, let number):
            leaves.append(.number(number, set, isSigned: false))
        case .bytes(let bytes), .path(let bytes): leaves.append(.text(bytes.bytes))
        case .nanoseconds(let number): leaves.append(.number(UInt64(bitPattern: number), nil, isSigned: true))
        case .list(let list), .cutList(let list), .joined(let list), .call(_, let list), .separated(let list, by: _):
            for each in list { guard each.collect(into: &leaves) else { return false } }
        case .record(let fields):
            for field in fields { guard field.value.collect(into: &leaves) else { return false } }
        case .commented(let inner, _), .named(_, let inner), .abbreviated(_, let inner), .change(let inner, _),
            .referring(let inner, _):
            return inner.collect(into: &leaves)
        case .written(_, let text): return text.collect(into: &leaves)
        case .spelled(_, let number): leaves.append(.number(number, nil, isSigned: false))
        case .word(let word): leaves.append(.word(word))
        case .message(_, let arguments):
            for argument in arguments { guard argument.value.collect(into: &leaves) else { return false } }
        // Bytes that nobody looked into, and kinds of value that say nothing here.
        default: return false
        }
        return true
    }
}
