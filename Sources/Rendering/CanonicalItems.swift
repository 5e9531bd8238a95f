// One form for what several calls say in forms of their own: the attributes of a file, and what is ready.

import Messages

extension Message {
    /// The message with such items in the form that all calls of its operation share. strace's lines show each call's
    /// own form; a reader of messages wants one.
    var canonical: Message {
        var message = self
        switch operation {
        case .fileStatGet:
            for index in arguments.indices {
                guard let attributes = FileAttributes(arguments[index].value) else { continue }
                message.arguments[index].value = attributes.record
            }
        case .eventPoll: Readiness.polled(&message)
        case .eventWait:
            for index in arguments.indices where arguments[index].item == "events" {
                message.arguments[index].value = Readiness.waited(arguments[index].value)
            }
        default: break
        }
        return message
    }
}

extension Value {
    fileprivate var number: UInt64? {
        switch self {
        case .unsigned(let number), .hexadecimal(let number), .octal(let number), .device(let number),
            .fileMode(let number), .permissions(let number):
            number
        case .signed(let number): UInt64(bitPattern: number)
        case .user(let number), .group(let number): UInt64(number)
        default: nil
        }
    }
}

/// The fields of struct stat, stat64 and statx (linux/stat.h) by the names that they share.
private struct FileAttributes {
    private var fields: [String: Value] = [:]

    /// Nil for a value that is no such struct.
    init?(_ value: Value) {
        guard case .record(let given) = value, let first = given.first?.name,
            first.hasPrefix("st_") || first.hasPrefix("stx_")
        else { return nil }
        for field in given { fields[String(field.name.drop { $0 != "_" }.dropFirst())] = field.value }
    }

    var record: Value {
        var list: [Field] = []
        let mode = fields["mode"]?.number
        let type = mode.map { $0 & 0o170000 }
        if let type { list.append(Field("type", .word(Self.types[type] ?? "unknown"))) }
        if let mode { list.append(Field("mode", .permissions(mode & 0o7777))) }
        for name in ["nlink", "uid", "gid", "ino", "size", "blocks", "blksize"] {
            if let value = fields[name] { list.append(Field(name, value, isDetail: name != "size")) }
        }
        if let device = device("dev") { list.append(Field("dev", device, isDetail: true)) }
        if type == 0o020000 || type == 0o060000, let device = device("rdev") { list.append(Field("rdev", device)) }
        for name in ["atime", "mtime", "ctime", "btime"] {
            if let time = time(name) { list.append(Field(name, .nanoseconds(time), isDetail: true)) }
        }
        for name in ["attributes", "mnt_id", "dio_mem_align", "dio_offset_align", "subvol"] {
            if let value = fields[name] { list.append(Field(name, value, isDetail: true)) }
        }
        return .record(list)
    }

    private static let types: [UInt64: String] = [
        0o140000: "socket", 0o120000: "symlink", 0o100000: "file", 0o060000: "block", 0o040000: "directory",
        0o020000: "character", 0o010000: "fifo",
    ]

    /// As the kernel packs it in a `dev_t`, whether one number says it or two (new_encode_dev).
    private func device(_ name: String) -> Value? {
        if let whole = fields[name]?.number { return .device(whole) }
        guard let major = fields["\(name)_major"]?.number, let minor = fields["\(name)_minor"]?.number else {
            return nil
        }
        return .device(minor & 0xFF | major << 8 | (minor & ~0xFF) << 12)
    }

    private func time(_ name: String) -> Int64? {
        if case .record(let parts)? = fields[name], parts.count >= 2, let seconds = parts[0].value.number,
            let fraction = parts[1].value.number
        {
            return Int64(bitPattern: seconds) &* 1_000_000_000 &+ Int64(bitPattern: fraction)
        }
        guard let seconds = fields[name]?.number else { return nil }
        let fraction = fields["\(name)_nsec"]?.number ?? 0
        return Int64(bitPattern: seconds) &* 1_000_000_000 &+ Int64(bitPattern: fraction)
    }
}

/// What poll, select and epoll wait for and find, by the names of poll(2), whose bits epoll shares.
private enum Readiness {
    /// What each set of select asks for (select(2)).
    private static let sets: [(argument: Int, name: String, events: UInt64)] = [
        (1, "in", 1), (2, "out", 4), (3, "exc", 2),  // POLLIN, POLLOUT, POLLPRI
    ]

    static func polled(_ message: inout Message) {
        guard let first = message.arguments.firstIndex(where: { $0.item == "interests" }) else { return }
        switch message.call {
        case .select, .newselect, .pselect6, .pselect6Time64:
            let interests = selected(&message, first)
            message.arguments[first].value = .list(interests)
        default:
            guard case .list(let entries) = message.arguments[first].value else { break }
            message.arguments[first].value = .list(entries.map { renamed($0, "events", "want") })
        }
        guard let found = message.reply?.auxiliary else { return }
        message.reply?.auxiliary = .list(ready(found))
    }

    /// The sets of a select as one list in the place of the first.
    private static func selected(_ message: inout Message, _ first: Int) -> [Value] {
        var wanted = Members()
        for set in sets where first + set.argument - 1 < message.arguments.count {
            wanted.add(message.arguments[first + set.argument - 1].value, set.events)
        }
        let others = min(first + 3, message.arguments.count)
        message.arguments.removeSubrange((first + 1)..<others)
        return wanted.entries("want")
    }

    private static func ready(_ found: Value) -> [Value] {
        switch found {
        case .list(let entries): return entries.map { renamed($0, "revents", "got") }
        case .separated(let parts, by: ", "):
            var got = Members()
            for part in parts {
                if case .list(let entries) = part { return entries.map { renamed($0, "revents", "got") } }
                guard case .separated(let words, by: " ") = part, words.count == 2, case .word(let name) = words[0],
                    let set = sets.first(where: { $0.name == name })
                else { continue }
                got.add(words[1], set.events)
            }
            return got.entries("got")
        default: return []
        }
    }

    static func waited(_ events: Value) -> Value {
        guard case .list(let entries) = events else { return events }
        return .list(
            entries.map { entry in
                guard case .record(let fields) = entry, fields.count == 2, case .flags(_, let bits) = fields[0].value,
                    case .record(let data) = fields[1].value, let userdata = data.last?.value
                else { return entry }
                return .record([Field("userdata", userdata), Field("got", .flags(.poll, bits))])
            })
    }

    private static func renamed(_ entry: Value, _ old: String, _ new: String) -> Value {
        guard case .record(let fields) = entry else { return entry }
        return .record(fields.map { Field($0.name == old ? new : $0.name, $0.value) })
    }

    /// The descriptors of sets, each with all that it is in for.
    private struct Members {
        private var values: [Int32: (value: Value, events: UInt64)] = [:]

        mutating func add(_ set: Value, _ events: UInt64) {
            guard case .list(let parts) = set, case .separated(let values, by: _)? = parts.first else { return }
            for value in values {
                switch value {
                case .descriptor(let number), .referring(.descriptor(let number), _):
                    self.values[number, default: (value, 0)].events |= events
                default: break
                }
            }
        }

        func entries(_ name: String) -> [Value] {
            values.sorted { $0.key < $1.key }.map { member in
                .record([Field("fd", member.value.value), Field(name, .flags(.poll, member.value.events))])
            }
        }
    }
}
