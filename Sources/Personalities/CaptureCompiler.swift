// Compiles what the rows of a call ask for into instructions. It asks for no less than the walk of `Capture` reads: the
// walk itself runs later, over what the instructions brought.

import Messages

extension Capture {
    /// The most instructions of one call.
    public static let instructionsPerCall = 32

    /// What is read at the call of this number.
    /// - Parameter tellsObjects: what descriptors stand for is read too, as `Snapshot.factNeeds` asks for it.
    public func program(
        _ personality: Personality, _ number: UInt64, tellsObjects: Bool = false
    ) -> CaptureProgram {
        guard let row = SpecTables.row(personality, number) else { return CaptureProgram() }
        var compiler = CaptureCompiler(capture: self, personality: personality, tellsObjects: tellsObjects)
        compiler.compile(row)
        return compiler.program
    }
}

struct CaptureCompiler {
    typealias Source = CaptureInstruction.Source

    private let asked: Capture
    /// What is kept of the call in hand.
    private(set) var capture: Capture
    let personality: Personality
    let tellsObjects: Bool
    var word: Int { personality.wordSize }
    var program = CaptureProgram()
    /// The instructions of the list in hand.
    var list: [CaptureInstruction] = []
    /// Where the arguments of the call are, where they are not in their registers: another call carries it.
    private var carried: [Source]?
    var isCarried: Bool { carried != nil }
    /// The option in hand is one whose value points to a filter.
    private(set) var attachesFilter = false
    /// The instructions in hand are for each element of a list.
    var isWithinEach = false
    /// How many elements of a list of structs are looked behind.
    static let elementsLookedBehind = 4

    init(capture: Capture, personality: Personality, tellsObjects: Bool) {
        asked = capture
        self.capture = capture
        self.personality = personality
        self.tellsObjects = tellsObjects
    }

    // MARK: Calls

    mutating func compile(_ row: CallRow) {
        if personality == .i386, carried(row) { return }
        guard let selector = selector(of: row) else {
            program.instructions = instructions(row) { _ in nil }
            return
        }
        program.selector = selector
        for value in values(of: row, selector) {
            let chosen = instructions(row) { $0 == selector ? UInt64(value) : nil }
            program.choices.append((value, chosen))
        }
        program.instructions = instructions(row) { _ in nil }
    }

    /// The argument that selects the types of others.
    private func selector(of row: CallRow) -> Int? {
        for argument in row.argumentRows where argument.type.kind == .selected {
            if case .argument(let index) = argument.type.count { return Int(index) }
        }
        if row.call == .setsockopt { return 2 }
        return tellsObjects ? row.makers?.argument : nil
    }

    /// SO_ATTACH_FILTER, SO_ATTACH_REUSEPORT_CBPF (asm-generic/socket.h)
    private static let filterOptions: Set<UInt32> = [26, 51]

    /// Every value that selects something of its own.
    private func values(of row: CallRow, _ selector: Int) -> [UInt32] {
        var values: Set<UInt32> = []
        if row.call == .setsockopt { values.formUnion(Self.filterOptions) }
        if tellsObjects, let makers = row.makers, makers.argument == selector {
            values.formUnion(makers.commands.map { UInt32(truncatingIfNeeded: $0) })
        }
        for argument in row.argumentRows where argument.type.kind == .selected {
            guard case .argument(let index) = argument.type.count, Int(index) == selector else { continue }
            let selection = SpecTables.selections[Int(argument.type.table)]
            let first = Int(selection.firstCase)
            for chosen in SpecTables.selectionCases[first..<first + Int(selection.exactCount)] {
                // What is shifted away is a small number in every such command (quotactl(2)).
                for low in 0..<min(UInt64(1) << UInt64(selection.shift), 4) {
                    values.insert(UInt32(truncatingIfNeeded: chosen.value << UInt64(selection.shift) | low))
                }
            }
        }
        return values.sorted()
    }

    /// The instructions of a call; `known` tells the value of an argument that is settled. Of what the others choose,
    /// all is read.
    private mutating func instructions(_ row: CallRow, known: (Int) -> UInt64?) -> [CaptureInstruction] {
        if carried == nil { list = [] }
        capture = asked.fitting(row)
        attachesFilter =
            (row.call == .setsockopt || row.call == .getsockopt)
            && known(2).map { Self.filterOptions.contains(UInt32($0)) } ?? false
        objects(row, known)
        var meant: UInt8 = 0
        for argument in row.argumentRows {
            let bit = UInt8(1) << (argument.register & 7)
            guard meant & bit == 0, isPossible(argument.condition, known) else { continue }
            if isCertain(argument.condition, known) { meant |= bit }
            for (direction, type) in types(of: argument, known) { self.argument(argument, type, direction, row) }
        }
        if row.carriesDatagram { datagram(row) }
        if row.call == .ioUringEnter { program.isPartial = true }
        if list.count > Capture.instructionsPerCall {
            program.isPartial = true
            list.removeLast(list.count - Capture.instructionsPerCall)
        }
        return list
    }

    private func isPossible(_ condition: Int16, _ known: (Int) -> UInt64?) -> Bool {
        guard condition >= 0 else { return true }
        let row = SpecTables.conditions[Int(condition)]
        return known(Int(row.argument)).map { row.holds(value: $0) } ?? true
    }

    private func isCertain(_ condition: Int16, _ known: (Int) -> UInt64?) -> Bool {
        guard condition >= 0 else { return true }
        return known(Int(SpecTables.conditions[Int(condition)].argument)) != nil
    }

    /// What an argument can be: one type, or every one that an unknown command selects.
    private func types(of argument: ArgumentRow, _ known: (Int) -> UInt64?) -> [(Direction, TypeRow)] {
        var found: [(Direction, TypeRow)] = []
        var rest: [(Direction, TypeRow)] = [(argument.direction, argument.type)]
        for _ in 0..<3 {
            var selected: [(Direction, TypeRow)] = []
            for (direction, type) in rest {
                guard type.kind == .selected, case .argument(let command) = type.count else {
                    found.append((direction, type))
                    continue
                }
                let column = Int(argument.register) - Int(command) - 1
                let selection = SpecTables.selections[Int(type.table)]
                for chosen in cases(selection, known(Int(command))) where column >= 0 && column < Int(chosen.count) {
                    let row = SpecTables.selected[Int(chosen.first) + column]
                    selected.append((row.direction, row.type))
                }
            }
            rest = selected
        }
        return found
    }

    private func cases(_ selection: SelectionRow, _ value: UInt64?) -> [SelectionCase] {
        let first = Int(selection.firstCase)
        let masked = first + Int(selection.exactCount)
        let exact = SpecTables.selectionCases[first..<masked]
        let others = SpecTables.selectionCases[masked..<masked + Int(selection.maskedCount)] + [selection.otherwise]
        guard let value else {
            // A command without a case of its own; one that is selected within another may be any.
            return program.selector == nil || exact.count < 64 ? Array(exact) + others : Array(others)
        }
        let shifted = value >> UInt64(selection.shift)
        if let chosen = exact.first(where: { $0.value == shifted }) { return [chosen] }
        return [others.first { shifted & $0.mask == $0.value && $0.mask != 0 } ?? selection.otherwise]
    }

    // MARK: Arguments

    func source(_ index: Int) -> Source {
        guard let carried else { return .argument(index) }
        return index < carried.count ? carried[index] : .none
    }

    private mutating func argument(_ argument: ArgumentRow, _ type: TypeRow, _ direction: Direction, _ row: CallRow) {
        if row.carriesDatagram && type.kind == .buffer { return }
        var phases: CapturePhases = []
        if direction != .exit { phases.insert(.entry) }
        if direction != .entry { phases.insert(.exit) }
        if direction != .entry && (type.isVectorToFill || row.operation == .timeSleep) { phases.insert(.failure) }
        let index = Int(argument.register)
        let base = source(index)
        switch (type.shape, type.kind) {
        case (.value, .path), (.value, .text):
            var limit = Capture.textLimit
            if case .fixed(let count) = type.count { limit = Int(count) }
            text(base, limit: limit, phases)
        case (.value, .buffer):
            bytes(base, count(type.count), unit: 1, limit: capture.payloadLimit, phases)
        case (.value, .signalSet):
            if type.count == .none {
                bytes(base, fixed: 8, phases)
            } else {
                bytes(base, count(type.count), unit: 1, limit: 8, phases)
            }
        case (.value, .custom):
            if let kind = CustomKind(rawValue: type.table) { custom(kind, index, phases) }
        case (.value, _): break
        case (.pointer, _): one(type, base, count(type.count), depth: 0, phases)
        case (.array, _): many(type, base, count(type.count), depth: 0, phases)
        }
    }

    func count(_ count: Count) -> Source {
        switch count {
        case .none, .own, .fixed: .none
        case .argument(let index), .narrow(let index): source(Int(index))
        case .result: .result
        }
    }

    private mutating func datagram(_ row: CallRow) {
        let isSent = row.call == .sendto
        // What is sent without an address may be a request of netlink (see Capture.datagram).
        let limit = isSent ? max(capture.payloadLimit, Capture.requestLimit) : capture.payloadLimit
        let place = bytes(
            source(1), isSent ? source(2) : .result, unit: 1, limit: limit, isSent ? .entry : .exit)
        list[place].address = list.firstIndex { $0.base == source(4) }
        list[place].fixed = Capture.netlinkLimit
    }

    // MARK: Reading

    /// Adds an instruction, or widens one that reads the same place. Answers its place in the list.
    @discardableResult
    mutating func add(_ instruction: CaptureInstruction) -> Int {
        if let place = list.firstIndex(where: { $0.isLike(instruction) }) {
            let former = list[place]
            list[place].phases.formUnion(instruction.phases)
            list[place].limit = max(former.limit, instruction.limit)
            if former.count == .none || instruction.count == .none || former.count == instruction.count {
                list[place].fixed = max(former.fixed, instruction.fixed)
                list[place].unit = max(former.unit, instruction.unit)
                if former.count == .none { list[place].count = instruction.count }
                return place
            }
            // Two lengths for one place: both are read.
        }
        list.append(instruction)
        return list.count - 1
    }

    @discardableResult
    mutating func bytes(_ base: Source, fixed: Int, displacement: Int = 0, _ phases: CapturePhases) -> Int {
        add(
            CaptureInstruction(
                kind: .bytes, phases: phases, base: base, count: .none, fixed: fixed, limit: fixed,
                displacement: displacement))
    }

    @discardableResult
    mutating func bytes(
        _ base: Source, _ count: Source, width: Int = 8, unit: Int, fixed: Int = 0, limit: Int, displacement: Int = 0,
        _ phases: CapturePhases
    ) -> Int {
        add(
            CaptureInstruction(
                kind: .bytes, phases: phases, base: base, count: count, countWidth: width, unit: unit, fixed: fixed,
                limit: limit, displacement: displacement))
    }

    mutating func text(_ base: Source, limit: Int, _ phases: CapturePhases) {
        add(CaptureInstruction(kind: .text, phases: phases, base: base, count: .none, limit: limit))
    }

    @discardableResult
    mutating func vector(
        _ base: Source, _ count: Source, isFilled: Bool = true, limit: Int, _ phases: CapturePhases
    ) -> Int {
        add(
            CaptureInstruction(
                kind: .vector, phases: phases, base: base, count: count, countWidth: 4, unit: isFilled ? 2 * word : 0,
                limit: limit))
    }

    // MARK: Calls that carry others

    /// The calls of i386 whose arguments are another's.
    private mutating func carried(_ row: CallRow) -> Bool {
        switch row.call {
        case .socketcall:
            program.selector = 0
            for (number, index) in SpecTables.socketcall.enumerated() where index >= 0 {
                let inner = SpecTables.calls[Int(index)]
                carry(inner, base: .argument(1), words: Int(inner.argumentCount))
                program.choices.append((UInt32(number), list))
            }
        case .mmap, .select:
            guard let number = SpecTables.number(of: row.call.name, .x86_64),
                let inner = SpecTables.row(.x86_64, number)
            else { return false }
            carry(inner, base: .argument(0), words: row.call == .mmap ? 6 : 5)
            program.instructions = list
        case .ipc:
            program.selector = 0
            for (number, index) in SpecTables.ipc.enumerated() where index >= 0 {
                for version in UInt32(0)...1 {
                    interprocess(SpecTables.calls[Int(index)], version: version)
                    program.choices.append((version << 16 | UInt32(number), list))
                }
            }
        default: return false
        }
        list = []
        carried = nil
        return true
    }

    private mutating func carry(_ inner: CallRow, base: Source, words: Int) {
        list = []
        carried = block(base, words)
        _ = instructions(inner) { _ in nil }
    }

    /// Arguments that lie in memory.
    private mutating func block(_ base: Source, _ words: Int) -> [Source] {
        let place = bytes(base, fixed: 4 * words, [.entry, .exit, .failure])
        return (0..<words).map { .memory(place, offset: 4 * $0, width: 4) }
    }

    /// The places that ipc(2) gives each call's arguments, as `Snapshot.interprocess` knows them.
    private mutating func interprocess(_ inner: CallRow, version: UInt32) {
        list = []
        let first = Source.argument(1), second = Source.argument(2), third = Source.argument(3)
        let pointer = Source.argument(4), fifth = Source.argument(5)
        switch inner.call {
        case .semop: carried = [first, pointer, second]
        case .semtimedop: carried = [first, pointer, second, fifth]
        case .semctl: carried = [first, second, third] + block(pointer, 1)
        case .msgsnd: carried = [first, pointer, second, third]
        case .msgrcv:
            let block = block(pointer, 2)
            carried =
                version == 0 ? [first, block[0], second, block[1], third] : [first, pointer, second, fifth, third]
        case .shmat:
            _ = block(third, 1)
            carried = [first, pointer, second]
        case .msgctl, .shmctl: carried = [first, second, pointer]
        case .shmdt: carried = [pointer]
        default: carried = [first, second, third]
        }
        _ = instructions(inner) { _ in nil }
    }
}
