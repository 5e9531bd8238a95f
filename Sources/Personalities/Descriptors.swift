// The arguments of calls on descriptors: vectors, pairs, poll and select sets, fcntl commands.

import Messages

extension CallView {
    /// struct iovec lists, each with the bytes it holds.
    func vectors(
        _ address: UInt64, _ count: UInt64, filled most: UInt64? = nil, fills: Bool, isNetlink: Bool = false
    ) -> Value {
        guard address != 0 else { return .address(0) }
        if count == 0 { return .list([]) }
        // What a read filled ends with its result; before it there is nothing to show yet.
        var left = most ?? (fills ? UInt64(max(0, result ?? 0)) : UInt64.max)
        var elements: [Value] = []
        for index in 0..<min(count, 1024) {
            let at = address &+ index * UInt64(2 * word)
            guard let base = snapshot.number(at: at, width: word),
                let length = snapshot.number(at: at &+ UInt64(word), width: word)
            else { break }
            let filled = min(length, left)
            if most != nil || fills { left -= filled }
            let data: Value
            if failed {
                data = .address(base)
            } else if isNetlink {
                data = netlink(base, filled)
            } else {
                data = filled == 0 && length > 0 ? .bytes(Bytes([])) : buffer(base, filled)
            }
            elements.append(.record([Field("iov_base", data), Field("iov_len", .unsigned(length))]))
        }
        return list(elements, of: count, at: address, size: 2 * word)
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
        var entries: [Value] = []
        for index in 0..<min(count, 1024) {
            guard let entry = pollEntry(address &+ index * 8) else { break }
            var fields = [Field("fd", .descriptor(entry.descriptor))]
            if entry.descriptor >= 0 { fields.append(Field("events", .flags(.poll, entry.events))) }
            entries.append(.record(fields))
        }
        return list(entries, of: count, at: address, size: 8)
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
        guard row.call != .poll, let left = timeLeft(stop.arguments.a2) else { return .list(ready) }
        return .separated([.list(ready), .word(left)], by: ", ")
    }

    /// Descriptors as strace writes a set of them: `[3 4]`.
    private static func set(_ members: [Int32]) -> Value {
        .list(members.isEmpty ? [] : [.separated(members.map { .descriptor($0) }, by: " ")])
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
        // Where none is asked about nothing is looked at.
        guard address != 0, Int32(truncatingIfNeeded: stop.arguments.a0) > 0,
            let members = descriptors(inSetAt: address)
        else { return .address(address) }
        return Self.set(members)
    }

    func selectedReply() -> Value? {
        // The old i386 form has one argument: a pointer to all others.
        guard let result, result >= 0, row.argumentCount > 1 else { return nil }
        if result == 0 { return .word("Timeout") }
        var parts: [Value] = []
        for (index, name) in [(1, "in"), (2, "out"), (3, "exc")] {
            let address = stop.arguments[index]
            guard address != 0, let members = descriptors(inSetAt: address), !members.isEmpty else { continue }
            parts.append(.separated([.word(name), Self.set(members)], by: " "))
        }
        if let left = timeLeft(stop.arguments.a4) { parts.append(.word(left)) }
        return .separated(parts, by: ", ")
    }

    /// That time ran out before a message came, or how much of it is left (recvmmsg(2)).
    func receivedReply() -> Value? {
        guard let result, result >= 0 else { return nil }
        return result == 0 ? .word("Timeout") : timeLeft(stop.arguments.a4).map { .word($0) }
    }

    /// What select, ppoll and recvmmsg wrote back of their timeouts (select(2), "timeout").
    private func timeLeft(_ address: UInt64) -> String? {
        let isWide = row.call == .pselect6Time64 || row.call == .ppollTime64 || row.call == .recvmmsgTime64
        let width = isWide ? 8 : word
        guard address != 0, let seconds = snapshot.number(at: address, width: width),
            let fraction = snapshot.number(at: address &+ UInt64(width), width: width)
        else { return nil }
        let unit = row.call == .select || row.call == .newselect ? "tv_usec" : "tv_nsec"
        return "left {tv_sec=\(Self.extend(seconds, width)), \(unit)=\(Self.extend(fraction, width))}"
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

    /// strace looks at these two of epoll_pwait2 when it has returned, and behind no pointer of a call that failed.
    func failedWaits(_ message: inout Message) {
        guard row.call == .epollPwait2 else { return }
        for argument in row.argumentRows where argument.item == "timeout" || argument.item == "sigset" {
            guard let place = message.arguments.firstIndex(where: { $0.name == argument.name }) else { continue }
            message.arguments[place].value = .address(stop.arguments[Int(argument.register)])
        }
    }

    func pollEvents(_ address: UInt64) -> Value {
        guard let result, result > 0 else { return result == 0 ? .list([]) : .address(address) }
        var events: [Value] = []
        for index in 0..<UInt64(min(result, 4096)) {
            guard let event = pollEvent(address &+ index * 12) else { break }
            events.append(event)
        }
        return list(events, of: UInt64(result), at: address, size: 12)
    }

    // MARK: fcntl

    /// What fcntl's answers mean: flags of F_GETFD and F_GETFL, a lease, seals, a signal (asm-generic/fcntl.h).
    func descriptorReply() -> Value? {
        guard let result, result >= 0 else { return nil }
        let value = UInt64(result)
        switch stop.arguments.a1 & 0xFFFF_FFFF {
        case 1 where value != 0: return .named("flags", .flags(.descriptorFlags, value))
        case 3: return .named("flags", .flags(.open, value))
        case 11 where value != 0: return .signal(Int32(truncatingIfNeeded: result))
        case 1025: return .symbol(.lockType, value)
        case 1034 where value != 0: return .named("seals", .flags(.seals, value))
        default: return nil
        }
    }
}
