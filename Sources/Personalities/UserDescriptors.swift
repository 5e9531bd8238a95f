// Segment descriptors of i386's thread-local storage: struct user_desc (asm/ldt.h).

import Messages

enum UserDescriptor {
    /// sizeof(struct user_desc).
    static let size = 16
}

extension CallView {
    /// Asking for an entry takes its number alone.
    func userDescriptor(_ address: UInt64) -> Value {
        guard let entry = snapshot.number(at: address, width: 4) else { return .address(address) }
        // All ones ask for any entry.
        let number = Field("entry_number", entry == 0xFFFF_FFFF ? .signed(-1) : .unsigned(entry))
        if row.call == .getThreadArea, result != 0 { return .record([number, .more]) }
        guard let base = snapshot.number(at: address &+ 4, width: 4),
            let limit = snapshot.number(at: address &+ 8, width: 4),
            let bits = snapshot.number(at: address &+ 12, width: 4)
        else { return .address(address) }
        func bit(_ place: UInt64, _ mask: UInt64 = 1) -> Value { .unsigned(bits >> place & mask) }
        let fields = [
            number, Field("base_addr", .word(NetworkText.padded(base, 4))),
            Field("limit", .word(NetworkText.padded(limit, 4))), Field("seg_32bit", bit(0)),
            Field("contents", bit(1, 3)), Field("read_exec_only", bit(3)), Field("limit_in_pages", bit(4)),
            Field("seg_not_present", bit(5)), Field("useable", bit(6)),
        ]
        return .record(personality == .x86_64 ? fields + [Field("lm", bit(7))] : fields)
    }

    /// struct rseq (linux/rseq.h), which most threads register as they begin: its place for people, all of it on request.
    func restartArea(_ address: UInt64, _ size: UInt64) -> Value {
        guard address != 0, let area = structure(StructureID.rseq.rawValue, at: address, size: size & 0xFFFF_FFFF)
        else { return .address(address) }
        return .abbreviated(.address(address), area)
    }

    /// The entry that the kernel chose.
    func userDescriptorReply() -> Value? {
        guard result == 0, let entry = snapshot.number(at: stop.arguments.a0, width: 4) else { return nil }
        return .word("entry_number=\(Self.extend(entry, 4))")
    }
}
