// Where the rings of a process lie, and which of their entries a call hands over.
//
// A ring's queues are memory that the kernel and the program share: io_uring_enter passes numbers alone. So the
// places are learned from the calls that make a ring and map it (io_uring_setup(2)), and the entries are read where
// they lie when they are submitted.

import Messages

/// One ring of a process.
struct Ring: Equatable, Sendable {
    var flags: UInt32
    var sqEntries: UInt32
    var cqEntries: UInt32
    /// Offsets in the mapped queues (struct io_sqring_offsets, struct io_cqring_offsets).
    var sqHead: UInt32, sqTail: UInt32, sqArray: UInt32
    var cqHead: UInt32, cqTail: UInt32, cqes: UInt32
    /// Where the program mapped them; 0 where it did not.
    var sqRing: UInt64 = 0, cqRing: UInt64 = 0, entries: UInt64 = 0

    // Bits of the flags (linux/io_uring.h, IORING_SETUP_*).
    static let polled: UInt32 = 1 << 1, wideEntries: UInt32 = 1 << 10, wideCompletions: UInt32 = 1 << 11
    static let ownMemory: UInt32 = 1 << 14, withoutArray: UInt32 = 1 << 16

    var entrySize: Int { flags & Self.wideEntries == 0 ? 64 : 128 }
    var completionSize: Int { flags & Self.wideCompletions == 0 ? 16 : 32 }
}

/// The rings of one process, by descriptor.
public struct RingTable: Equatable, Sendable {
    private var rings: [Int32: Ring] = [:]
    /// Rings that are registered with themselves, by the index that stands for their descriptor.
    private var registered: [UInt32: Int32] = [:]
    /// No program makes more; a hostile one is held to it.
    private static let limit = 4096

    public init() {}

    /// Looks at a call that has returned: made, mapped, copied, registered, closed.
    public mutating func learn(_ exit: Snapshot, result: Int64) {
        // io_uring_setup is 425 in both tables; without a ring nothing else matters.
        guard exit.stop.number == 425 || !rings.isEmpty, Reply.errno(of: result) == nil,
            let call = SpecTables.row(exit.stop.personality, exit.stop.number)?.call
        else { return }
        let arguments = exit.stop.arguments
        let first = Int32(truncatingIfNeeded: arguments.a0)
        let answer = Int32(truncatingIfNeeded: result)
        switch call {
        case .ioUringSetup: make(answer, paramsAt: arguments.a1, exit)
        case .mmap where exit.stop.personality == .x86_64: map(arguments, offset: arguments.a5, at: result)
        case .mmap2: map(arguments, offset: (arguments.a5 & 0xFFFF_FFFF) << 12, at: result & 0xFFFF_FFFF)
        case .close: rings[first] = nil
        case .dup, .dup2, .dup3: rings[answer] = rings[first]
        case .fcntl, .fcntl64:
            // F_DUPFD, F_DUPFD_CLOEXEC (linux/fcntl.h)
            if arguments.a1 == 0 || arguments.a1 == 1030 { rings[answer] = rings[first] }
        case .ioUringRegister: register(arguments, exit)
        default: break
        }
    }

    func ring(_ descriptor: Int32) -> Ring? { rings[descriptor] }
    func ring(registeredAs index: UInt32) -> Ring? { registered[index].flatMap { rings[$0] } }

    private mutating func make(_ descriptor: Int32, paramsAt address: UInt64, _ exit: Snapshot) {
        guard rings.count < Self.limit else { return }
        func number(_ offset: UInt64) -> UInt32 {
            UInt32(truncatingIfNeeded: exit.number(at: address &+ offset, width: 4) ?? 0)
        }
        guard exit.bytes(at: address, count: 120) != nil else { return }
        var ring = Ring(
            flags: number(8), sqEntries: number(0), cqEntries: number(4), sqHead: number(40), sqTail: number(44),
            sqArray: number(64), cqHead: number(80), cqTail: number(84), cqes: number(100))
        if ring.flags & Ring.ownMemory != 0 {
            // IORING_SETUP_NO_MMAP: the program's own memory, both queues in one piece.
            ring.entries = exit.number(at: address &+ 72, width: 8) ?? 0
            ring.sqRing = exit.number(at: address &+ 112, width: 8) ?? 0
            ring.cqRing = ring.sqRing
        }
        rings[descriptor] = ring
    }

    /// IORING_OFF_SQ_RING, IORING_OFF_CQ_RING, IORING_OFF_SQES (linux/io_uring.h).
    private mutating func map(_ arguments: RawArguments, offset: UInt64, at address: Int64) {
        let descriptor = Int32(truncatingIfNeeded: arguments.a4)
        guard var ring = rings[descriptor] else { return }
        let place = UInt64(bitPattern: address)
        switch offset {
        case 0:
            ring.sqRing = place
            // IORING_FEAT_SINGLE_MMAP: one mapping serves both; an own one overrides it.
            if ring.cqRing == 0 { ring.cqRing = place }
        case 0x800_0000: ring.cqRing = place
        case 0x1000_0000: ring.entries = place
        default: return
        }
        rings[descriptor] = ring
    }

    /// IORING_REGISTER_RING_FDS answers in its argument which index each descriptor got.
    private mutating func register(_ arguments: RawArguments, _ exit: Snapshot) {
        guard arguments.a1 & 0xFFFF_FFFF == 20 else { return }
        for index in 0..<min(arguments.a3 & 0xFFFF_FFFF, 16) {
            let at = arguments.a2 &+ index &* 16
            guard let place = exit.number(at: at, width: 4), let descriptor = exit.number(at: at &+ 8, width: 4)
            else { return }
            registered[UInt32(place)] = Int32(truncatingIfNeeded: descriptor)
        }
    }
}

/// What was found out about a ring when its queue was read: a fact beside the memory, at an address that no
/// program has, so that a recording tells it too.
enum RingFact {
    static let submissions: UInt64 = 0xFFFF_FFFF_FFFF_E000
    static let completions: UInt64 = 0xFFFF_FFFF_FFFF_F000

    /// Why entries cannot be seen, or 0 where they can.
    enum Note: UInt64 {
        case none = 0
        /// Made before the watch began, or by a process that passed it on.
        case unknown = 1
        /// The queue is not mapped, or its memory cannot be read.
        case unreadable = 2
        /// A kernel thread takes entries without a call.
        case polled = 3
    }

    /// Note, size of an entry, how many there are, and the addresses of those that are kept.
    static func bytes(_ note: Note, size: Int, count: UInt64, _ addresses: [UInt64]) -> [UInt8] {
        ([note.rawValue, UInt64(size), count] + addresses).flatMap { number in
            (0..<8).map { UInt8(truncatingIfNeeded: number >> UInt64($0 * 8)) }
        }
    }
}

extension Capture {
    /// The entries that io_uring_enter submits, and what they point to.
    func submissions(_ snapshot: inout Snapshot, _ memory: some TraceeMemory, _ rings: RingTable) {
        let arguments = snapshot.stop.arguments
        let asked = arguments.a1 & 0xFFFF_FFFF
        guard let ring = ring(arguments, rings) else {
            if asked > 0 { fact(RingFact.submissions, .unknown, 64, 0, [], &snapshot) }
            return
        }
        let isPolled = ring.flags & Ring.polled != 0
        guard asked > 0 || isPolled else { return }
        guard ring.sqRing != 0, ring.entries != 0, ring.sqEntries.nonzeroBitCount == 1,
            let head = word(ring.sqRing &+ UInt64(ring.sqHead), &snapshot, memory),
            let tail = word(ring.sqRing &+ UInt64(ring.sqTail), &snapshot, memory)
        else { return fact(RingFact.submissions, .unreadable, ring.entrySize, 0, [], &snapshot) }
        let waiting = UInt64(min(tail &- head, ring.sqEntries))
        let count = isPolled ? waiting : min(asked, waiting)
        var addresses: [UInt64] = []
        for number in 0..<UInt32(min(count, UInt64(elementLimit))) {
            var index = (head &+ number) & (ring.sqEntries - 1)
            if ring.flags & Ring.withoutArray == 0 {
                let at = ring.sqRing &+ UInt64(ring.sqArray) &+ UInt64(index) &* 4
                guard let named = word(at, &snapshot, memory) else { break }
                index = named
            }
            // The kernel drops an index beyond the queue.
            guard index < ring.sqEntries else { continue }
            addresses.append(ring.entries &+ UInt64(index) &* UInt64(ring.entrySize))
        }
        fact(RingFact.submissions, isPolled ? .polled : .none, ring.entrySize, count, addresses, &snapshot)
        for address in addresses {
            plain(address, ring.entrySize, &snapshot, memory)
            behind(UInt16(StructureID.ioUringSqe.rawValue), at: address, size: 64, &snapshot, memory)
        }
    }

    /// The completions that wait when io_uring_enter returns.
    func completions(_ snapshot: inout Snapshot, _ memory: some TraceeMemory, _ rings: RingTable) {
        let arguments = snapshot.stop.arguments
        // IORING_ENTER_GETEVENTS
        guard arguments.a3 & 1 != 0, let ring = ring(arguments, rings), ring.cqRing != 0,
            ring.cqEntries.nonzeroBitCount == 1,
            let head = word(ring.cqRing &+ UInt64(ring.cqHead), &snapshot, memory),
            let tail = word(ring.cqRing &+ UInt64(ring.cqTail), &snapshot, memory)
        else { return }
        let count = min(tail &- head, ring.cqEntries)
        let addresses = (0..<min(count, UInt32(clamping: elementLimit))).map { number in
            let index = UInt64((head &+ number) & (ring.cqEntries - 1))
            return ring.cqRing &+ UInt64(ring.cqes) &+ index &* UInt64(ring.completionSize)
        }
        fact(RingFact.completions, .none, ring.completionSize, UInt64(count), addresses, &snapshot)
        for address in addresses { plain(address, 16, &snapshot, memory) }
    }

    /// The ring by descriptor, or by index with IORING_ENTER_REGISTERED_RING.
    private func ring(_ arguments: RawArguments, _ rings: RingTable) -> Ring? {
        arguments.a3 & 0x10 != 0
            ? rings.ring(registeredAs: UInt32(truncatingIfNeeded: arguments.a0))
            : rings.ring(Int32(truncatingIfNeeded: arguments.a0))
    }

    private func word(_ address: UInt64, _ snapshot: inout Snapshot, _ memory: some TraceeMemory) -> UInt32? {
        plain(address, 4, &snapshot, memory)
        return snapshot.number(at: address, width: 4).map { UInt32(truncatingIfNeeded: $0) }
    }

    private func fact(
        _ address: UInt64, _ note: RingFact.Note, _ size: Int, _ count: UInt64, _ addresses: [UInt64],
        _ snapshot: inout Snapshot
    ) {
        let bytes = RingFact.bytes(note, size: size, count: count, addresses)
        snapshot.add(address: address, bytes: bytes, wanted: bytes.count)
    }
}
