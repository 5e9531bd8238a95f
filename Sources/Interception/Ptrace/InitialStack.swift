// The stack that a new image begins with: where its auxiliary vector is, and how the vDSO is kept out of it.

import CLinux
import Glibc
import Messages

/// The auxiliary vector of an image that has not run yet (getauxval(3)). It lies above the arguments and the
/// environment that the stack pointer points to.
struct InitialStack {
    private let tracee: Tracee
    /// Where the vector is, and its bytes up to and with AT_NULL.
    private let address: UInt64
    private let vector: [UInt8]
    private let word: Int

    /// AT_IGNORE; AT_SYSINFO and AT_SYSINFO_EHDR, which name the vDSO (linux/auxvec.h, asm/auxvec.h).
    private static let ignore: UInt64 = 1
    private static let vdso: Set<UInt64> = [32, 33]
    /// The kernel lets arguments and environment take a quarter of the stack, 6 MB at most (execve(2)); their
    /// pointers are less than that.
    private static let searchLimit = 6 << 20
    /// More than any kernel's vector has.
    private static let entryLimit = 64

    /// Nil where the stack cannot be read: the thread is gone, or is no thread at its beginning.
    init?(of tracee: Tracee) {
        var pointer: UInt64 = 0
        var width: Int32 = 0
        guard abitrace_stack_pointer(tracee.thread, &pointer, &width) == 0 else { return nil }
        word = Int(width)
        self.tracee = tracee
        var words = StackWords(process: tracee.process, address: pointer, word: word)
        // The count of arguments, then two lists of pointers that end with a null.
        guard words.next() != nil, words.skipList(limit: Self.searchLimit), words.skipList(limit: Self.searchLimit)
        else { return nil }
        address = words.address
        var bytes: [UInt8] = []
        var type: UInt64 = 1
        for _ in 0..<Self.entryLimit where type != 0 {
            guard let key = words.next(), let value = words.next() else { return nil }
            type = key
            for number in [key, value] {
                for shift in 0..<word { bytes.append(UInt8(truncatingIfNeeded: number >> (8 * UInt64(shift)))) }
            }
        }
        guard type == 0 else { return nil }
        vector = bytes
    }

    /// Puts the vector into the snapshot as it is in memory now.
    func capture(into snapshot: inout Snapshot) {
        snapshot.stop.personality = word == 8 ? .x86_64 : .i386
        snapshot.add(address: address, room: vector.count, wanted: vector.count) { room in
            tracee.process.read(address, into: room)
        }
    }

    /// Makes the entries that name the vDSO say nothing: the C library makes calls instead.
    func hideVDSO() {
        for offset in stride(from: 0, to: vector.count, by: 2 * word) where Self.vdso.contains(number(at: offset)) {
            // Two words of 32 bits are written at once: the value is kept.
            let value = word == 8 ? Self.ignore : Self.ignore | number(at: offset + word) << 32
            _ = abitrace_poke(tracee.thread, address &+ UInt64(offset), value)
        }
    }

    private func number(at offset: Int) -> UInt64 {
        vector[offset..<offset + word].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}

/// The words of a stack, one after the other, read a page at a time.
private struct StackWords {
    private let process: TracedProcess
    private(set) var address: UInt64
    private let word: Int
    private var page: [UInt8] = []
    private var position = 0

    init(process: TracedProcess, address: UInt64, word: Int) {
        self.process = process
        self.address = address
        self.word = word
    }

    mutating func next() -> UInt64? {
        if position + word > page.count {
            var buffer = [UInt8](repeating: 0, count: 4096)
            let got = buffer.withUnsafeMutableBytes { process.read(address, into: $0) }
            guard got >= word else { return nil }
            page = Array(buffer[..<(got - got % word)])
            position = 0
        }
        defer {
            position += word
            address &+= UInt64(word)
        }
        return page[position..<position + word].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// Passes over a list of pointers and its null. False where there is no end within `limit` bytes.
    mutating func skipList(limit: Int) -> Bool {
        for _ in 0..<limit / word {
            guard let pointer = next() else { return false }
            if pointer == 0 { return true }
        }
        return false
    }
}
