// Filters that stop what is asked for: every number of both tables does what was said of it.

import Lowering
import Messages
import Testing

@Suite struct StopFilterTests {
    private static let stop: UInt32 = 0x7FF0_0000, allow: UInt32 = 0x7FFF_0000

    @Test(arguments: [1, 2, 3, 7, 64, 2000])
    func stopsWhatIsAskedFor(every step: UInt64) {
        let asked: (Personality, UInt64) -> Bool = { personality, number in
            // Numbers mean something up to here, and one by one.
            number < 500 ? (number + UInt64(personality.rawValue)) % step == 0 : step == 1
        }
        let filter = StopFilter(end: 1024, stops: asked)
        #expect(filter.instructions.count <= 4096)
        for (personality, audit) in [(Personality.x86_64, UInt32(0xC000_003E)), (.i386, 0x4000_0003)] {
            for number in Array(0...1030) + [0x4000_0000, 0x7FFF_FFFF, 0xFFFF_FFFF] {
                let expected = asked(personality, UInt64(min(number, 1024))) ? Self.stop : Self.allow
                let answer = Interpreter.run(
                    filter.instructions, FilterQuestion(number: UInt32(number), architecture: audit))
                #expect(answer == expected, "\(personality) \(number)")
            }
        }
        let other = Interpreter.run(filter.instructions, FilterQuestion(number: 1, architecture: 0x8000_0028))
        #expect(other == Self.stop)
    }
}
