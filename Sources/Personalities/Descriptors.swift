// The arguments of calls on descriptors: vectors, pairs, poll and select sets, fcntl commands.

import Messages

extension CallView {
    /// struct iovec lists, each with the bytes it holds.
    func vectors(_ address: UInt64, _ count: UInt64) -> Value {
        guard address != 0 else { return .address(0) }
        if count == 0 { return .list([]) }
        // What a read filled ends with its result; before it there is nothing to show yet. recvmmsg counts messages.
        let fills = row.call == .recvmsg || row.argumentRows.contains { $0.direction == .exit }
        var left = fills && row.call != .recvmmsg ? UInt64(max(0, result ?? 0)) : UInt64.max
        var elements: [Value] = []
        for index in 0..<min(count, 1024) {
            let at = address &+ index * UInt64(2 * word)
            guard let base = snapshot.number(at: at, width: word),
                let length = snapshot.number(at: at &+ UInt64(word), width: word)
            else { break }
            let filled = min(length, left)
            left -= filled
            let data = filled == 0 && length > 0 ? Value.bytes(Bytes([])) : buffer(base, filled)
            elements.append(.record([Field("iov_base", data), Field("iov_len", .unsigned(length))]))
        }
        if elements.isEmpty { return .address(address) }
        return UInt64(elements.count) < count ? .cutList(elements) : .list(elements)
    }

    /// The two descriptors that pipe and socketpair answer.
    func pair(_ address: UInt64) -> Value {
        guard let first = snapshot.number(at: address, width: 4),
            let second = snapshot.number(at: address &+ 4, width: 4)
        else { return .address(address) }
        return .list([
            .descriptor(Int32(truncatingIfNeeded: first)), .descriptor(Int32(truncatingIfNeeded: second)),
        ])
    }

    // MARK: poll and select

    private func pollEntry(_ address: UInt64) -> (descriptor: Int32, events: UInt64, got: UInt64)? {
        guard let descriptor = snapshot.number(at: address, width: 4),
            let events = snapshot.number(at: address &+ 4, width: 2),
            let got = snapshot.number(at: address &+ 6, width: 2)
        else { return nil }
        return (Int32(truncatingIfNeeded: descriptor), events, got)
    }

    /// struct pollfd lists as they went in.
    func polled(_ address: UInt64, _ count: UInt64) -> Value {
        guard address != 0 else { return .address(0) }
        if count == 0 { return .list([]) }
        var entries: [Value] = []
        for index in 0..<min(count, 1024) {
            guard let entry = pollEntry(address &+ index * 8) else { break }
            var fields = [Field("fd", .descriptor(entry.descriptor))]
            if entry.descriptor >= 0 { fields.append(Field("events", .flags(.poll, entry.events))) }
            entries.append(.record(fields))
        }
        return entries.isEmpty ? .address(address) : .list(entries)
    }

    /// The descriptors that are ready, or that time ran out.
    func polledReply() -> Value? {
        guard let result, result >= 0 else { return nil }
        if result == 0 { return .word("Timeout") }
        let address = stop.arguments.a0
        var ready: [Value] = []
        for index in 0..<min(stop.arguments.a1 & 0xFFFF_FFFF, 1024) {
            guard let entry = pollEntry(address &+ index * 8) else { return nil }
            guard entry.got != 0 else { continue }
            ready.append(
                .record([Field("fd", .descriptor(entry.descriptor)), Field("revents", .flags(.poll, entry.got))]))
        }
        return .list(ready)
    }

    private func descriptors(inSetAt address: UInt64) -> [Int32]? {
        let count = min(max(0, Int32(truncatingIfNeeded: stop.arguments.a0)), 1024)
        var members: [Int32] = []
        for descriptor in 0..<count {
            guard let byte = snapshot.number(at: address &+ UInt64(descriptor / 8), width: 1) else { return nil }
            if byte & (1 << UInt64(descriptor % 8)) != 0 { members.append(descriptor) }
        }
        return members
    }

    /// An fd_set of select.
    func descriptorSet(_ address: UInt64) -> Value {
        guard address != 0 else { return .address(0) }
        guard let members = descriptors(inSetAt: address) else { return .address(address) }
        return .word("[" + members.map(String.init).joined(separator: " ") + "]")
    }

    func selectedReply() -> Value? {
        // The old i386 form has one argument: a pointer to all others.
        guard let result, result >= 0, row.argumentCount > 1 else { return nil }
        if result == 0 { return .word("Timeout") }
        var parts: [String] = []
        for (index, name) in [(1, "in"), (2, "out"), (3, "exc")] {
            let address = stop.arguments[index]
            guard address != 0, let members = descriptors(inSetAt: address), !members.isEmpty else { continue }
            parts.append("\(name) [" + members.map(String.init).joined(separator: " ") + "]")
        }
        return parts.isEmpty ? nil : .word(parts.joined(separator: ", "))
    }

    // MARK: epoll

    /// struct epoll_event: packed on x86-64 (linux/eventpoll.h), 12 bytes on both personalities.
    func pollEvent(_ address: UInt64) -> Value? {
        guard let events = snapshot.number(at: address, width: 4),
            let low = snapshot.number(at: address &+ 4, width: 4),
            let all = snapshot.number(at: address &+ 4, width: 8)
        else { return nil }
        return .record([
            Field("events", .flags(.epoll, events)),
            Field("data", .record([Field("u32", .unsigned(low)), Field("u64", .unsigned(all))])),
        ])
    }

    func pollEvents(_ address: UInt64) -> Value {
        guard let result, result > 0 else { return result == 0 ? .list([]) : .address(address) }
        var events: [Value] = []
        for index in 0..<UInt64(min(result, 4096)) {
            guard let event = pollEvent(address &+ index * 12) else { break }
            events.append(event)
        }
        if events.isEmpty { return .address(address) }
        return Int64(events.count) < result ? .cutList(events) : .list(events)
    }

    // MARK: fcntl

    /// fcntl's third argument, by command (asm-generic/fcntl.h).
    func descriptorCommand(_ command: UInt64, _ raw: UInt64) -> Value {
        switch command {
        case 0, 1030: return .signed(Int64(Int32(truncatingIfNeeded: raw)))  // F_DUPFD, F_DUPFD_CLOEXEC
        case 2: return .flags(.descriptorFlags, raw & 0xFFFF_FFFF)  // F_SETFD
        case 4: return .flags(.open, raw & 0xFFFF_FFFF)  // F_SETFL
        case 5...7, 12...14, 36...38: return fileLock(raw, isWide: word == 8 || command > 7)
        case 8: return .process(Int32(truncatingIfNeeded: raw))  // F_SETOWN
        case 10: return .signal(Int32(truncatingIfNeeded: raw))  // F_SETSIG
        default: return .hexadecimal(raw)
        }
    }

    /// F_GETFD, F_GETFL, F_GETOWN, F_GETSIG, F_GETLEASE, F_GETPIPE_SZ and F_GET_SEALS only answer.
    var commandTakesNoArgument: Bool {
        [1, 3, 9, 11, 1025, 1032, 1034].contains(stop.arguments.a1 & 0xFFFF_FFFF)
    }

    /// struct flock, or flock64, which has no padding on i386.
    private func fileLock(_ address: UInt64, isWide: Bool) -> Value {
        let start = word == 8 ? 8 : 4
        let size = isWide ? 8 : 4
        guard let type = snapshot.number(at: address, width: 2),
            let whence = snapshot.number(at: address &+ 2, width: 2),
            let from = snapshot.number(at: address &+ UInt64(start), width: size),
            let length = snapshot.number(at: address &+ UInt64(start + size), width: size)
        else { return .address(address) }
        return .record([
            Field("l_type", .symbol(.lockType, type)), Field("l_whence", .symbol(.whence, whence)),
            Field("l_start", .signed(Self.extend(from, size))), Field("l_len", .signed(Self.extend(length, size))),
        ])
    }

    /// F_GETFD and F_GETFL answer flags.
    func descriptorReply() -> Value? {
        guard let result, result >= 0 else { return nil }
        switch stop.arguments.a1 {
        case 1 where result != 0: return .named("flags", .flags(.descriptorFlags, UInt64(result)))
        case 3: return .named("flags", .flags(.open, UInt64(result)))
        default: return nil
        }
    }
}
