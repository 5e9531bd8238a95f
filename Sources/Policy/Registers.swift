// What registers alone tell of a call: tests on them, and where each item lies.

import Messages

/// A question to one register. Everything that a kernel filter can decide is made of these.
public struct RegisterTest: Hashable, Sendable {
    public enum Kind: UInt8, Sendable {
        /// The masked register equals the value.
        case equals
        /// The masked register is not 0.
        case anyBit
        /// The masked register is at least the value, unsigned.
        case atLeast
    }

    public let register: UInt8
    public let mask: UInt64
    public let kind: Kind
    public let value: UInt64

    public init(_ register: UInt8, _ mask: UInt64, _ kind: Kind, _ value: UInt64 = 0) {
        self.register = register
        self.mask = mask
        self.kind = kind
        self.value = value
    }

    public func holds(_ arguments: RawArguments) -> Bool {
        let given = arguments[Int(register)] & mask
        switch kind {
        case .equals: return given == value
        case .anyBit: return given != 0
        case .atLeast: return given >= value
        }
    }
}

/// What cannot be said: a test whose answer is not known yet, or something that no register tells (nil).
public struct Undecided: Error, Equatable {
    public let test: RegisterTest?

    public init(test: RegisterTest?) { self.test = test }
}

/// A source of answers about registers.
public protocol Registers {
    func holds(_ test: RegisterTest) throws(Undecided) -> Bool
}

extension RawArguments: Registers {
    public func holds(_ test: RegisterTest) throws(Undecided) -> Bool { test.holds(self) }
}

/// A register as an item: which of its bits the kernel reads, and what their names are.
struct RegisterItem {
    let register: UInt8
    let mask: UInt64
    let isSigned: Bool
    let set: SymbolSet?
    let isDescriptor: Bool

    init(_ argument: ArgumentRow, mask: UInt64, isSigned: Bool = false, set: SymbolSet? = nil) {
        register = argument.register
        self.mask = mask
        self.isSigned = isSigned
        self.set = set
        isDescriptor = argument.type.kind == .descriptor || argument.type.kind == .directory
    }

    func equals<R: Registers>(_ value: UInt64, _ extra: UInt64, _ registers: R) throws(Undecided) -> Bool {
        let mask = mask & extra
        return try registers.holds(RegisterTest(register, mask, .equals, value & mask))
    }
}

/// Where an item is.
enum ItemPlace {
    case register(RegisterItem)
    /// A pointer to what only memory tells; NULL is nothing.
    case pointer(RegisterItem)
    /// Two registers hold it together, or their bits mean something by code: only the decoded message tells.
    case message
    /// The call says it by being the call it is.
    case word(String)
}

extension CallRow {
    /// The arguments that the registers choose, asked of any source.
    func arguments<R: Registers>(_ registers: R) throws(Undecided) -> [ArgumentRow] {
        var taken: UInt8 = 0
        var list: [ArgumentRow] = []
        for argument in argumentRows {
            let bit = UInt8(1) << (argument.register & 7)
            guard taken & bit == 0 else { continue }
            if argument.condition >= 0 {
                guard try SpecTables.conditions[Int(argument.condition)].holds(registers) else { continue }
            }
            taken |= bit
            list.append(argument)
        }
        return list
    }

    /// The operation that the registers choose, asked of any source.
    func operation<R: Registers>(_ registers: R) throws(Undecided) -> Operation {
        for index in Int(firstChoice)..<Int(firstChoice) + Int(choiceCount) {
            let choice = SpecTables.choices[index]
            if choice.condition < 0 { return choice.operation }
            if try SpecTables.conditions[Int(choice.condition)].holds(registers) { return choice.operation }
        }
        return operation
    }

    /// Every operation that the call can be.
    var operations: [Operation] {
        let choices = SpecTables.choices[Int(firstChoice)..<Int(firstChoice) + Int(choiceCount)]
        return choices.map(\.operation) + [operation]
    }

    /// Where an item of this name is: arguments of this name, then what the call says by itself.
    func places<R: Registers>(
        of item: String, _ personality: Personality, _ registers: R
    ) throws(Undecided) -> [ItemPlace] {
        var places: [ItemPlace] = []
        for argument in argumentRows where argument.item == item {
            if argument.condition >= 0 {
                guard try SpecTables.conditions[Int(argument.condition)].holds(registers) else { continue }
            }
            places.append(argument.place(personality))
        }
        for index in Int(firstConstant)..<Int(firstConstant) + Int(constantCount) {
            let constant = SpecTables.constants[index]
            guard constant.item == item else { continue }
            if constant.condition >= 0 {
                guard try SpecTables.conditions[Int(constant.condition)].holds(registers) else { continue }
            }
            places.append(.word(constant.value))
        }
        return places
    }

    /// The call has an argument of this item, whatever the registers hold.
    func names(_ item: String) -> Bool { argumentRows.contains { $0.item == item } }
}

extension ConditionRow {
    func holds<R: Registers>(_ registers: R) throws(Undecided) -> Bool {
        if anyBit {
            return try registers.holds(RegisterTest(argument, mask & values.reduce(0, |), .anyBit))
        }
        for value in values {
            if try registers.holds(RegisterTest(argument, mask, .equals, value)) { return true }
        }
        return false
    }
}

extension ArgumentRow {
    /// What the register means at the width that the kernel reads it.
    func place(_ personality: Personality) -> ItemPlace {
        let word: UInt64 = personality == .x86_64 ? .max : 0xFFFF_FFFF
        var mask = word
        switch type.width {
        case 1: mask = 0xFF
        case 2: mask = 0xFFFF
        case 4: mask = 0xFFFF_FFFF
        default: break
        }
        let pointer = ItemPlace.pointer(RegisterItem(self, mask: word))
        guard type.shape == .value else { return pointer }
        switch type.kind {
        case .signed, .descriptor, .directory, .process, .signal:
            return .register(RegisterItem(self, mask: mask, isSigned: true))
        case .unsigned, .hexadecimal, .octal, .limit, .permissions, .fileMode, .user, .group, .device:
            return .register(RegisterItem(self, mask: mask))
        case .symbol, .flags:
            return .register(RegisterItem(self, mask: mask, set: SymbolSet(rawValue: type.table)))
        case .custom: return custom(pointer)
        case .address, .structure, .path, .text, .buffer, .characters, .octets, .signalSet: return pointer
        default: return pointer
        }
    }

    /// Registers that only code decodes, as far as their bits can be compared.
    private func custom(_ pointer: ItemPlace) -> ItemPlace {
        let narrow: UInt64 = 0xFFFF_FFFF
        switch CustomKind(rawValue: type.table) {
        // The kernel takes the low half of the flags; the low byte is a signal (kernel/fork.c).
        case .cloneFlags: return .register(RegisterItem(self, mask: 0xFFFF_FF00, set: .clone))
        case .ioctlRequest: return .register(RegisterItem(self, mask: narrow, set: .ioctlRequest))
        case .socketType: return .register(RegisterItem(self, mask: 0xF, set: .socketType))
        case .socketProtocol, .socketOption, .personality:
            return .register(RegisterItem(self, mask: narrow))
        // Bits that lie beside the name: SCHED_RESET_ON_FORK, IORING_REGISTER_USE_REGISTERED_RING.
        case .schedPolicy: return .register(RegisterItem(self, mask: 0xBFFF_FFFF, set: .schedPolicy))
        case .ringRequest: return .register(RegisterItem(self, mask: 0x7FFF_FFFF, set: .uringRegister))
        case .futexOperation: return .register(RegisterItem(self, mask: 0x7F, set: .futexOperation))
        case .offsetPair, .offsetHalves, .fanotifyMask: return .message
        default: return pointer
        }
    }
}
