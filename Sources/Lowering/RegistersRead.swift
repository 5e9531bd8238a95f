// Which registers a program may look at for a number: the answer hangs on no other.

import Messages

/// Argument registers, a bit each; the bit after them is the instruction pointer.
struct RegistersRead: OptionSet {
    let rawValue: UInt8

    static let instructionPointer = RegistersRead(rawValue: 1 << 6)

    static func register(_ number: Int) -> RegistersRead { RegistersRead(rawValue: 1 << UInt8(number)) }

    /// Of the word at an offset of `struct seccomp_data`.
    fileprivate static func word(_ offset: UInt32) -> RegistersRead {
        offset < 16 ? instructionPointer : register(Int(offset - 16) / 8)
    }
}

extension Interpreter {
    private struct State: Hashable {
        let place: Int
        /// Nil where it hangs on a register.
        let accumulator: UInt32?
    }

    /// Follows every way that a program can take for a number of an architecture, whatever the registers hold.
    static func registersRead(_ program: [Instruction], number: UInt32, architecture: UInt32) -> RegistersRead {
        var read: RegistersRead = []
        var seen: Set<State> = []
        var open = [State(place: 0, accumulator: 0)]
        while let state = open.popLast() {
            guard state.place < program.count else { continue }
            // A way is walked to the next place where it parts.
            let instruction = program[state.place]
            func go(_ distance: Int, _ accumulator: UInt32?) {
                open.append(State(place: state.place + 1 + distance, accumulator: accumulator))
            }
            switch instruction.code {
            case Instruction.load:
                if instruction.k < 8 {
                    go(0, instruction.k == 0 ? number : architecture)
                } else {
                    read.insert(.word(instruction.k))
                    go(0, nil)
                }
            case Instruction.and: go(0, state.accumulator.map { $0 & instruction.k })
            case Instruction.jump: go(Int(instruction.k), state.accumulator)
            case Instruction.ifEqual, Instruction.ifAbove, Instruction.ifAtLeast, Instruction.ifAnyBit:
                guard let known = state.accumulator else {
                    guard seen.insert(state).inserted else { continue }
                    go(Int(instruction.whenTrue), nil)
                    go(Int(instruction.whenFalse), nil)
                    continue
                }
                go(Int(instruction.isMet(by: known) ? instruction.whenTrue : instruction.whenFalse), known)
            // It ends, or is none that the kernel takes: the run says which.
            default: continue
            }
        }
        return read
    }
}
