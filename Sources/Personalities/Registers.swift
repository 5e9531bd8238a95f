// What a debugger reads and writes of a thread: its registers, what its call came to, the signals that wait for it.

import Messages

extension CallView {
    /// The most that is kept of a set of registers; those with names here are shorter.
    static let registersLimit = 4096

    /// struct iovec around the registers of a thread, whose note type says which (ptrace(2), PTRACE_GETREGSET).
    func registerSet(_ address: UInt64) -> Value {
        guard address != 0, let base = snapshot.number(at: address, width: word),
            let length = snapshot.number(at: address &+ UInt64(word), width: word)
        else { return .address(address) }
        return .record([Field("iov_base", registers(base, length)), Field("iov_len", .unsigned(length))])
    }

    private func registers(_ base: UInt64, _ length: UInt64) -> Value {
        guard personality == .x86_64, base != 0, row.isWritten(stop.arguments) || result != nil else {
            return .address(base)
        }
        let id: StructureID
        switch stop.arguments.a2 & 0xFFFF_FFFF {
        case 1: id = .userRegsStruct  // NT_PRSTATUS (linux/elf.h)
        case 2: id = .userFpregsStruct  // NT_FPREGSET
        default:
            let there = snapshot.bytes(at: base, count: Int(min(length, UInt64(Self.registersLimit))))
            return there.map { .bytes(Bytes(Array($0), total: length, isBinary: true)) } ?? .address(base)
        }
        // The kernel takes whole registers alone (regset_get and copy_regset_from_user, linux/regset.h).
        guard length % 8 == 0 else { return .address(base) }
        let size = UInt64(SpecTables.structure(id.rawValue, personality).size64)
        return structure(id.rawValue, at: base, size: min(length, size)) ?? .address(base)
    }

    /// A list of siginfo_t, as many as the call answered.
    func signalInfos(_ address: UInt64) -> Value {
        guard let result, result > 0 else { return .address(address) }
        var infos: [Value] = []
        for index in 0..<min(UInt64(result), 1024) {
            let at = address &+ index &* 128
            guard snapshot.bytes(at: at, count: 128) != nil else { break }
            infos.append(signalInfo(at))
        }
        return list(infos, of: UInt64(result), at: address, size: 128)
    }

    /// What a call came to: an errno by name where the byte behind it says that it failed.
    func callResult(_ place: UInt64) -> Value? {
        guard let raw = snapshot.number(at: place, width: 8) else { return nil }
        let number = Int64(bitPattern: raw)
        guard let failed = snapshot.number(at: place &+ 8, width: 1), failed != 0, number < 0, number > -4096,
            let name = SpecTables.name(of: UInt64(-number), in: .errno)
        else { return .signed(number) }
        return .written(.signed(number), as: .word("-" + name))
    }
}

extension CallRow {
    /// Whether ptrace is asked to set registers: then they are there before the call (linux/ptrace.h).
    fileprivate func isWritten(_ arguments: RawArguments) -> Bool { arguments.a0 == 0x4205 }
}
