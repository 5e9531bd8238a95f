// Filters that inet_diag runs over sockets (linux/inet_diag.h): an instruction, and what it compares with.

import Messages

extension NetlinkReader {
    private static let instruction = 4

    /// The first instruction and its operand; the program's others follow unread, as one hangs on the other's length.
    func diagFilter(_ at: UInt64, _ count: Int) -> Value? {
        guard count >= Self.instruction,
            let first = view.structure(StructureID.inetDiagBcOp.rawValue, at: at)
        else { return nil }
        let rest = count - Self.instruction
        guard rest > 0 else { return first }
        let operand = at &+ UInt64(Self.instruction)
        let value = compared(number(at, 1), operand, rest) ?? bytes(operand, rest)
        return .separated([first, value], by: ", ")
    }

    private func compared(_ code: UInt64, _ at: UInt64, _ count: Int) -> Value? {
        switch code {
        case 2...5, 11, 12:  // INET_DIAG_BC_S_GE to D_LE, S_EQ, D_EQ: the port stands where an instruction jumps to
            guard count >= Self.instruction else { return nil }
            return view.structure(StructureID.inetDiagBcOp.rawValue, at: at) ?? .address(at)
        case 7, 8: return host(at, count)  // INET_DIAG_BC_S_COND, D_COND
        case 9: return count >= 4 ? CallView.interface(number(at, 4)) : nil  // INET_DIAG_BC_DEV_COND
        case 10 where count >= 8:  // INET_DIAG_BC_MARK_COND
            guard isThere(at, 8) else { return .address(at) }
            return .record([Field("mark", .unsigned(number(at, 4))), Field("mask", .unsigned(number(at &+ 4, 4)))])
        default: return nil
        }
    }

    /// struct inet_diag_hostcond with the address that follows it.
    private func host(_ at: UInt64, _ count: Int) -> Value? {
        guard count >= 8 else { return nil }
        guard isThere(at, 8) else { return .address(at) }
        let family = number(at, 1)
        var fields = [
            Field("family", .symbol(.socketFamily, family)), Field("prefix_len", .unsigned(number(at &+ 1, 1))),
            Field("port", .unsigned(number(at &+ 4, 4))),
        ]
        let address = at &+ 8
        if family == 2, count >= 12, let raw = view.snapshot.bytes(at: address, count: 4) {
            fields.append(Field("addr", NetworkText.inet(raw)))
        } else if family == 10, count >= 24, let raw = view.snapshot.bytes(at: address, count: 16),
            let value = CallView.inet6(Array(raw), member: "addr")
        {
            fields.append(Field("addr", value))
        } else if count > 8 {
            fields.append(Field("addr", bytes(address, count - 8)))
        }
        return .record(fields)
    }
}
