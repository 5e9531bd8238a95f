// What a set of calls says of numbers alone: the calls that need not be looked into.

import Interception
import Messages
import Personalities

extension Selection {
    /// The numbers that may turn out to be in the set.
    var interest: CallInterest {
        if self == .all || namesNumbers(from: CallInterest.end) { return .all }
        let asksForRings = mayContain(name: "io_uring_enter")
        return CallInterest { personality, number in
            let row = SpecTables.row(personality, number)
            if row?.isCarrier(in: personality) ?? false { return true }
            // What a ring's entries mean is learned from the calls that make and map it.
            if asksForRings, row?.call == .ioUringSetup || row?.call == .mmap || row?.call == .mmap2 { return true }
            return mayContain(row: SpecTables.index(personality, number), personality: personality, number: number)
        }
    }

    private func mayContain(name: String) -> Bool {
        Personality.allCases.contains { personality in
            SpecTables.number(of: name, personality).map {
                mayContain(row: SpecTables.index(personality, $0), personality: personality, number: $0)
            } ?? false
        }
    }
}

extension CallInterest {
    /// Of these, the calls of which only memory says what they are and do.
    var toldByMemory: CallInterest {
        CallInterest { personality, number in
            guard contains(personality, number), let row = SpecTables.row(personality, number) else { return false }
            return row.isToldByMemory || row.isCarrier(in: personality)
        }
    }
}

extension SpecTables {
    /// Where a number's row stands in `calls`, nil for a number without one.
    fileprivate static func index(_ personality: Personality, _ number: UInt64) -> Int? {
        let table = personality == .x86_64 ? x86_64 : i386
        guard number < UInt64(table.count), table[Int(number)] >= 0 else { return nil }
        return Int(table[Int(number)])
    }
}
