// The instructions of every call, as the kernel's program looks them up.

import CBPF
import Glibc
import Messages
import Personalities

/// What is read at each number of each personality.
struct CaptureTable {
    private var rows = [abitrace_row](repeating: abitrace_row(), count: 2 * Int(ABITRACE_NUMBERS))
    private var choices: [(abitrace_choice, abitrace_row)] = []
    private var instructions: [abitrace_instruction] = []
    /// Lists that are there already: most calls share theirs with others.
    private var known: [[CaptureInstruction]: UInt16] = [:]

    /// The calls of which anything is read besides registers.
    var reading: CallInterest {
        CallInterest { personality, number in
            let key = Int(personality.rawValue) * Int(ABITRACE_NUMBERS) + Int(number)
            let selects = UInt8(ABITRACE_SELECTS.rawValue)
            return number < UInt64(ABITRACE_NUMBERS) && (rows[key].count > 0 || rows[key].flags & selects != 0)
        }
    }

    /// Calls that may not return to where they were made, and those between whose entry and return others' events come.
    private static let sentAtOnce: Set<SystemCall> = [
        .exit, .exitGroup, .execve, .execveat, .fork, .vfork, .clone, .clone3, .rtSigreturn, .sigreturn,
    ]

    /// - Parameter interest: of calls that nobody asks for, no memory is read.
    /// - Parameter tellsObjects: what descriptors stand for is read too.
    init(_ capture: Capture, _ interest: CallInterest, tellsObjects: Bool) {
        for personality in Personality.allCases {
            for number in 0..<UInt64(ABITRACE_NUMBERS) {
                guard let call = SpecTables.row(personality, number) else { continue }
                let key = Int(personality.rawValue) * Int(ABITRACE_NUMBERS) + Int(number)
                let program =
                    interest.contains(personality, number)
                    ? capture.program(personality, number, tellsObjects: tellsObjects) : CaptureProgram()
                var row = row(program.instructions, sendsEntry: Self.sentAtOnce.contains(call.call))
                if call.operation == .procExec { row.flags |= UInt8(ABITRACE_EXECUTES.rawValue) }
                if let selector = program.selector {
                    row.flags |= UInt8(ABITRACE_SELECTS.rawValue)
                    row.selector = UInt8(selector)
                    for choice in program.choices {
                        let chosen = self.row(choice.instructions, sendsEntry: Self.sentAtOnce.contains(call.call))
                        choices.append(
                            (abitrace_choice(personality_and_number: UInt32(key), value: choice.value), chosen))
                    }
                }
                rows[key] = row
            }
        }
    }

    /// Writes the table into the program's maps.
    func store(rows rowMap: Int32, choices choiceMap: Int32, instructions instructionMap: Int32) throws(TraceError) {
        guard instructions.count <= Int(ABITRACE_INSTRUCTIONS) else {
            throw .kernelProgram("storing \(instructions.count) instructions", errno: E2BIG)
        }
        try Self.store(rows, at: (0..<UInt32(rows.count)).map { $0 }, in: rowMap)
        try Self.store(instructions, at: (0..<UInt32(instructions.count)).map { $0 }, in: instructionMap)
        try Self.store(choices.map(\.1), at: choices.map(\.0), in: choiceMap)
    }

    private static func store<Key, Element>(_ elements: [Element], at keys: [Key], in map: Int32) throws(TraceError) {
        var count = UInt32(elements.count)
        guard count > 0 else { return }
        let answer = keys.withUnsafeBytes { keys in
            elements.withUnsafeBytes { bpf_map_update_batch(map, keys.baseAddress, $0.baseAddress, &count, nil) }
        }
        guard answer == 0 else { throw .kernelProgram("storing its tables", errno: -answer) }
    }

    private mutating func row(_ list: [CaptureInstruction], sendsEntry: Bool) -> abitrace_row {
        var row = abitrace_row()
        row.count = UInt8(list.count)
        if let first = known[list] {
            row.first = first
        } else {
            row.first = UInt16(instructions.count)
            known[list] = row.first
            instructions += list.map(\.raw)
        }
        let phases = list.reduce(into: CapturePhases()) { $0.formUnion($1.phases) }
        var flags: UInt32 = sendsEntry ? ABITRACE_SENDS_ENTRY.rawValue : 0
        if phases.contains(.entry) { flags |= ABITRACE_READS_AT_ENTRY.rawValue }
        if phases.contains(.exit) { flags |= ABITRACE_READS_AT_EXIT.rawValue }
        if phases.contains(.failure) { flags |= ABITRACE_READS_AT_FAILURE.rawValue }
        row.flags = UInt8(flags)
        return row
    }
}

extension CaptureInstruction {
    /// As the kernel's program reads it.
    fileprivate var raw: abitrace_instruction {
        var raw = abitrace_instruction()
        raw.kind = kind.rawValue
        raw.phase = phases.rawValue
        raw.base = base.raw
        raw.count = count.raw
        raw.count_width = UInt8(countWidth)
        if case .memory(_, let offset, let width) = base {
            raw.base_offset = UInt16(truncatingIfNeeded: offset)
            raw.base_width = UInt8(width)
        }
        if case .memory(_, let offset, let width) = count {
            raw.count_offset = UInt16(truncatingIfNeeded: offset)
            raw.count_width = UInt8(width)
        }
        raw.unit = UInt32(unit)
        raw.fixed = UInt32(min(fixed, Int(ABITRACE_PIECE_LIMIT)))
        raw.limit = UInt32(min(limit, Int(ABITRACE_PIECE_LIMIT)))
        raw.address = UInt8(address.map { $0 + 1 } ?? 0)
        raw.displacement = UInt32(displacement)
        return raw
    }
}

extension CaptureInstruction.Source {
    fileprivate var raw: UInt8 {
        switch self {
        case .none: UInt8(ABITRACE_FROM_NOTHING)
        case .argument(let index): UInt8(index)
        case .result: UInt8(ABITRACE_FROM_RESULT)
        case .stackPointer: UInt8(ABITRACE_FROM_STACK)
        case .requestSize: UInt8(ABITRACE_FROM_REQUEST)
        case .memory(let place, _, _): UInt8(Int(ABITRACE_FROM_PIECE) + place)
        }
    }
}
