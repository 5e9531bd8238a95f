// What BPF_OBJ_GET_INFO_BY_FD tells: which struct it fills hangs on the object behind the descriptor (bpf(2)).

import Messages

extension Snapshot {
    /// BPF_OBJ_GET_INFO_BY_FD (linux/bpf.h)
    private static let request: UInt64 = 15

    /// The descriptor that bpf is asked about.
    func informingDescriptor(_ call: MeantCall) -> Int32? {
        guard call.arguments.a0 & 0xFFFF_FFFF == Self.request else { return nil }
        return number(at: call.arguments.a1, width: 4).map { Int32(truncatingIfNeeded: $0) }
    }

    /// The struct that tells of the object that was looked up for the call, by the names that the kernel gives such objects
    /// (anon_inode_getfd in kernel/bpf).
    var information: StructureID? {
        guard meant()?.row.call == .bpf, let fact = facts.first(where: { $0.kind == .descriptor }) else { return nil }
        switch String(decoding: bytes(fact.name), as: UTF8.self) {
        case "anon_inode:bpf-map": return .bpfMapInfo
        case "anon_inode:bpf-prog": return .bpfProgInfo
        case "anon_inode:btf": return .bpfBtfInfo
        case "anon_inode:bpf_link", "anon_inode:bpf-link": return .bpfLinkInfo
        default: return nil
        }
    }
}

extension Capture {
    /// How much is kept of such a struct: kernels extend them, and no more than this is known of any.
    static let informationLimit = 512

    /// Behind the field at `place`, whose length lies before it.
    func information(at place: UInt64, _ snapshot: inout Snapshot, _ memory: some TraceeMemory) {
        guard let address = snapshot.number(at: place, width: 8), address != 0,
            let length = snapshot.number(at: place &- 4, width: 4)
        else { return }
        plain(address, Int(min(length, UInt64(Self.informationLimit))), &snapshot, memory)
    }
}

extension CallView {
    /// The struct once it is filled: its place for people, all of it on request.
    func informed(at place: UInt64) -> Value? {
        guard let address = snapshot.number(at: place, width: 8),
            let length = snapshot.number(at: place &- 4, width: 4)
        else { return nil }
        guard result != nil, address != 0, let information,
            let record = structure(information.rawValue, at: address, size: length)
        else { return .address(address) }
        return .abbreviated(.address(address), record)
    }
}
