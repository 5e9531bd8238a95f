// The first bytes of a buffer, read to see whether it begins like a netlink message.

import Messages

/// The length, type and flags that a netlink message begins with (struct nlmsghdr, linux/netlink.h).
struct NetlinkHead {
    private let length: UInt64, flags: UInt64

    /// From eight bytes in memory order.
    init(_ raw: UInt64) {
        length = raw & 0xFFFF_FFFF
        flags = raw >> 48
    }

    /// Nil where they cannot be read.
    init?(at address: UInt64, _ memory: some TraceeMemory) {
        var raw: UInt64 = 0
        guard address != 0, withUnsafeMutableBytes(of: &raw, { memory.read(address, into: $0) }) == 8 else {
            return nil
        }
        self.init(raw)
    }

    /// Whether it may be a message in a buffer of so many bytes: it fits, and has no flag that nobody knows.
    func isMessage(in count: UInt64) -> Bool {
        count >= 16 && length >= 16 && length <= count && flags < 0x1000
    }
}
