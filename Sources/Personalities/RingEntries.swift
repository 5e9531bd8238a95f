// The entries of rings as messages, and the arguments of io_uring_register that rows cannot say.

import Messages

extension CallView {
    /// What io_uring_enter submits, and room for what it finds done.
    func ringRemarks() -> [Argument] {
        var remarks: [Argument] = []
        if let entries = ringEntries(RingFact.submissions, .ioUringSqe) {
            remarks.append(Argument(name: "sqes", item: "messages", value: entries, isRemark: true))
        }
        // IORING_ENTER_GETEVENTS
        if stop.arguments.a3 & 1 != 0 {
            remarks.append(
                Argument(name: "cqes", item: "replies", value: .list([]), direction: .exit, isRemark: true))
        }
        return remarks
    }

    /// The completions in the place that was kept for them.
    func completeRing(_ message: inout Message) {
        guard let place = message.arguments.firstIndex(where: { $0.name == "cqes" && $0.isRemark }),
            let done = ringEntries(RingFact.completions, .ioUringCqe)
        else { return }
        message.arguments[place].value = done
    }

    private func ringEntries(_ fact: UInt64, _ id: StructureID) -> Value? {
        guard let raw = snapshot.number(at: fact, width: 8), let count = snapshot.number(at: fact &+ 16, width: 8),
            let region = snapshot.region(at: fact)
        else { return nil }
        var entries: [Value] = []
        for index in 0..<UInt64(max(0, region.count - 24) / 8) {
            guard let address = snapshot.number(at: fact &+ 24 &+ index &* 8, width: 8) else { break }
            entries.append(structure(UInt16(id.rawValue), at: address) ?? .address(address))
        }
        let list = UInt64(entries.count) < count ? Value.cutList(entries) : .list(entries)
        switch RingFact.Note(rawValue: raw) {
        case .unknown: return .word("not seen: the ring was not made under watch")
        case .unreadable: return .word("not seen: the queue is not mapped or cannot be read")
        case .polled: return .named("taken by a kernel thread without a call, now waiting", list)
        default: return list
        }
    }

    // MARK: Fields of entries

    /// A socket address whose length is in the entry's `off`, eight bytes before the pointer.
    func entryAddress(_ place: UInt64) -> Value? {
        guard let address = snapshot.number(at: place, width: 8),
            let length = snapshot.number(at: place &- 8, width: 8)
        else { return nil }
        return socketAddress(address, Int32(truncatingIfNeeded: length))
    }

    /// The address that a datagram goes to: `addr2`, with its length in `addr_len`, 36 bytes on.
    func entryDestination(_ place: UInt64) -> Value? {
        guard let address = snapshot.number(at: place, width: 8),
            let length = snapshot.number(at: place &+ 36, width: 2)
        else { return nil }
        return socketAddress(address, Int32(truncatingIfNeeded: length))
    }

    func entryHeader(_ place: UInt64) -> Value? { snapshot.number(at: place, width: 8).map { header($0) } }

    func entryEvent(_ place: UInt64) -> Value? {
        snapshot.number(at: place, width: 8).map { pollEvent($0) ?? .address($0) }
    }

    func entrySocketType(_ place: UInt64) -> Value? { snapshot.number(at: place, width: 8).map { socketType($0) } }

    // MARK: io_uring_register

    private var registered: UInt64 { stop.arguments.a3 & 0xFFFF_FFFF }

    /// struct io_uring_files_update: its list is as long as the call says.
    func ringFilesUpdate(_ address: UInt64) -> Value {
        guard let offset = snapshot.number(at: address, width: 4),
            let reserved = snapshot.number(at: address &+ 4, width: 4),
            let list = snapshot.number(at: address &+ 8, width: 8)
        else { return .address(address) }
        var fields = [Field("offset", .unsigned(offset))]
        if reserved != 0 { fields.append(Field("resv", .hexadecimal(reserved))) }
        var files: [Value] = []
        for index in 0..<min(registered, 1024) {
            guard let raw = snapshot.number(at: list &+ index &* 4, width: 4) else { break }
            let descriptor = Int32(truncatingIfNeeded: raw)
            files.append(descriptor == -2 ? .word("IORING_REGISTER_FILES_SKIP") : .descriptor(descriptor))
        }
        let isWhole = UInt64(files.count) == registered
        fields.append(
            Field("fds", files.isEmpty && !isWhole ? .address(list) : isWhole ? .list(files) : .cutList(files)))
        return .record(fields)
    }

    /// struct io_uring_probe: the kernel fills it, after it was zero.
    func ringProbe(_ address: UInt64) -> Value {
        guard result != nil, let last = snapshot.number(at: address, width: 1),
            let length = snapshot.number(at: address &+ 1, width: 1)
        else { return .address(address) }
        let shown = min(length, registered)
        var operations: [Value] = []
        for index in 0..<min(shown, 256) {
            let at = address &+ 16 &+ index &* 8
            guard let value = structure(UInt16(StructureID.ioUringProbeOp.rawValue), at: at) else { break }
            operations.append(value)
        }
        return .record([
            Field("last_op", .symbol(.uringOperation, last)), Field("ops_len", .unsigned(length)),
            Field("ops", registered < length ? .cutList(operations) : .list(operations)),
        ])
    }

    /// Two numbers of workers: bound and unbound (enum io_wq_type).
    func ringWorkers(_ address: UInt64) -> Value {
        guard registered == 2, let bound = snapshot.number(at: address, width: 4),
            let unbound = snapshot.number(at: address &+ 4, width: 4)
        else { return .address(address) }
        return .list([
            .separated([.list([.written(.unsigned(0), as: .word("IO_WQ_BOUND"))]), .unsigned(bound)], by: "="),
            .separated([.list([.written(.unsigned(1), as: .word("IO_WQ_UNBOUND"))]), .unsigned(unbound)], by: "="),
        ])
    }

    /// A set of processors, in words.
    func ringAffinity(_ address: UInt64) -> Value {
        guard let bytes = snapshot.bytes(at: address, count: Int(min(registered, 128))), !bytes.isEmpty else {
            return .address(address)
        }
        var processors: [String] = []
        for (index, byte) in bytes.enumerated() {
            for bit in 0..<8 where byte & (1 << UInt8(bit)) != 0 { processors.append("\(index * 8 + bit)") }
        }
        return .word("[" + processors.joined(separator: " ") + "]")
    }
}

extension Capture {
    /// The memory of what io_uring_register's argument says in its own words.
    func ringArgument(
        _ kind: CustomKind, _ address: UInt64, _ count: UInt64, _ snapshot: inout Snapshot,
        _ memory: some TraceeMemory
    ) {
        let number = Int(min(count & 0xFFFF_FFFF, 1024))
        switch kind {
        case .ringFilesUpdate:
            plain(address, 16, &snapshot, memory)
            guard let list = snapshot.number(at: address &+ 8, width: 8) else { return }
            plain(list, min(number, elementLimit) * 4, &snapshot, memory)
        case .ringProbe: plain(address, 16 + 8 * min(number, 256), &snapshot, memory)
        case .ringWorkers: plain(address, 8, &snapshot, memory)
        case .ringAffinity: plain(address, min(number, 128), &snapshot, memory)
        default: break
        }
    }

    /// What an entry's field points to.
    func entryField(
        _ kind: CustomKind, at place: UInt64, _ snapshot: inout Snapshot, _ memory: some TraceeMemory
    ) {
        guard let pointer = snapshot.number(at: place, width: 8), pointer != 0 else { return }
        switch kind {
        case .entryAddress:
            plain(pointer, Int(min(snapshot.number(at: place &- 8, width: 8) ?? 0, 128)), &snapshot, memory)
        case .entryDestination:
            plain(pointer, Int(min(snapshot.number(at: place &+ 36, width: 2) ?? 0, 128)), &snapshot, memory)
        case .entryHeader: header(pointer, nil, &snapshot, memory)
        case .entryEvent: plain(pointer, 12, &snapshot, memory)
        default: break
        }
    }
}
