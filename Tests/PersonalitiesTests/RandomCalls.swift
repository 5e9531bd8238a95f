// Calls with random registers and random memory, through capture and decoder.

import Messages
import Personalities

/// The same random numbers in every run (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        return mix(state)
    }
}

func mix(_ seed: UInt64) -> UInt64 {
    var word = seed
    word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
    return word ^ (word >> 31)
}

/// A number as programs pass them: small, a pointer, an extreme, or anything.
func plausible(_ random: UInt64) -> UInt64 {
    let high = random >> 8
    switch random & 7 {
    case 0: return 0
    case 1: return high % 64
    case 2: return high % 5000
    case 3, 4: return high & 0xF_FFFF
    case 5: return UInt64.max - high % 4096
    case 6: return [0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 1 << 63, UInt64.max, (1 << 63) - 1][Int(high % 6)]
    default: return mix(high)
    }
}

/// Memory whose words are plausible numbers, and of which every third page is not there.
struct RandomMemory: TraceeMemory {
    let seed: UInt64

    func read(_ address: UInt64, into buffer: UnsafeMutableRawBufferPointer) -> Int {
        var count = 0
        while count < buffer.count {
            let at = address &+ UInt64(count)
            if mix(seed ^ (at >> 12)) % 3 == 0 { break }
            let end = min(buffer.count, count + 4096 - Int(at & 4095))
            while count < end {
                let place = address &+ UInt64(count)
                let word = plausible(mix(seed &+ (place >> 3)))
                buffer[count] = UInt8(truncatingIfNeeded: word >> ((place & 7) * 8))
                count += 1
            }
        }
        return count == 0 && !buffer.isEmpty ? -FakeMemory.badAddress : count
    }
}

/// Captures and decodes one call from entry to exit; answers how many bytes each of them kept.
func pass(
    _ stop: Stop, _ result: Int64, _ memory: some TraceeMemory, _ capture: Capture
) -> (message: Message, entry: Snapshot, exit: Snapshot) {
    var entry = Snapshot(stop: stop)
    capture.entry(&entry, memory: memory)
    var message = Decoder().entry(entry)
    var exit = Snapshot(stop: stop)
    capture.exit(&exit, result: result, memory: memory)
    Decoder().exit(&message, exit, result: result)
    return (message, entry, exit)
}

/// Regions lie one after the other in the arena and fill it.
func isSound(_ snapshot: Snapshot) -> Bool {
    var offset = 0
    for region in snapshot.regions {
        guard region.offset == offset, region.count >= 0, region.wanted >= region.count else { return false }
        offset += region.count
    }
    return offset == snapshot.arena.count
}
