// A recording as a database: tables of calls, items, descriptors, signals and processes, for questions in SQL.

import Messages
import Rendering

/// Writes a new SQLite database. Times are nanoseconds since 1970.
public final class SQLiteExport: ExportForm {
    private let database: Database
    private let calls, items, descriptors, signals, processes: Database.Statement

    private static let schema = """
        CREATE TABLE processes(
            process INTEGER NOT NULL, parent INTEGER, began INTEGER NOT NULL, ended INTEGER, ending TEXT NOT NULL,
            command TEXT, calls INTEGER NOT NULL, threads INTEGER NOT NULL);
        CREATE TABLE calls(
            id INTEGER PRIMARY KEY, time INTEGER NOT NULL, duration INTEGER, thread INTEGER NOT NULL,
            process INTEGER NOT NULL, program TEXT, personality TEXT NOT NULL, number INTEGER NOT NULL,
            name TEXT NOT NULL, class TEXT NOT NULL, operation TEXT NOT NULL, result INTEGER, errno TEXT);
        CREATE TABLE items(
            call INTEGER NOT NULL REFERENCES calls(id), position INTEGER NOT NULL, name TEXT NOT NULL,
            text TEXT NOT NULL, number INTEGER, PRIMARY KEY(call, position)) WITHOUT ROWID;
        CREATE TABLE descriptors(
            call INTEGER NOT NULL REFERENCES calls(id), item TEXT NOT NULL, number INTEGER NOT NULL, name TEXT NOT NULL);
        CREATE TABLE signals(
            time INTEGER NOT NULL, thread INTEGER NOT NULL, process INTEGER NOT NULL, name TEXT NOT NULL,
            code INTEGER NOT NULL, info TEXT NOT NULL);
        """
    private static let indexes = """
        CREATE INDEX calls_by_operation ON calls(operation);
        CREATE INDEX calls_by_errno ON calls(errno) WHERE errno IS NOT NULL;
        CREATE INDEX calls_by_process ON calls(process, time);
        CREATE INDEX items_by_name ON items(name, text);
        CREATE INDEX descriptors_by_call ON descriptors(call);
        CREATE INDEX descriptors_by_name ON descriptors(name);
        CREATE INDEX processes_by_number ON processes(process);
        """

    /// - Parameter path: a file that does not exist or is empty.
    public init(path: String) throws(DatabaseError) {
        database = try Database(path: path)
        try database.run("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN;")
        try database.run(Self.schema)
        calls = try database.prepare("INSERT OR IGNORE INTO calls VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?)")
        items = try database.prepare("INSERT OR IGNORE INTO items VALUES(?,?,?,?,?)")
        descriptors = try database.prepare("INSERT INTO descriptors VALUES(?,?,?,?)")
        signals = try database.prepare("INSERT INTO signals VALUES(?,?,?,?,?,?)")
        processes = try database.prepare("INSERT INTO processes VALUES(?,?,?,?,?,?,?,?)")
    }

    public func call(_ call: ExportedCall) throws {
        let message = call.message
        let id = Int64(bitPattern: call.entry.id)
        let reply = message.reply
        try calls.run([
            .number(id), .number(call.entry.time), call.end.map { .number($0.time - call.entry.time) } ?? .none,
            .number(Int64(call.entry.thread)), .number(Int64(call.entry.process)),
            call.program.isEmpty ? .none : .text(Words.text(call.program)), .text(message.personality.name),
            .number(Int64(bitPattern: call.number)), .text(message.name),
            .text(message.operation.operationClass.name), .text(message.operation.name),
            reply.map { .number($0.raw) } ?? .none, Words.failure(message).map { .text($0) } ?? .none,
        ])
        var position: Int64 = 0
        for constant in message.constants {
            try items.run([.number(id), .number(position), .text(constant.name), .text(constant.value), .none])
            position += 1
        }
        for argument in message.arguments {
            let name = argument.item == "-" || argument.item.isEmpty ? argument.name : argument.item
            let plain = argument.value.bare
            let number = plain.number.map { Database.Cell.number($0) } ?? .none
            try items.run([.number(id), .number(position), .text(name), .text(Self.text(plain)), number])
            position += 1
            try put(argument.value, name, id)
        }
        if let value = reply?.value { try put(value, "result", id) }
    }

    /// What descriptors in a value stand for.
    private func put(_ value: Value, _ item: String, _ call: Int64) throws(DatabaseError) {
        if case .referring(let inner, let referent) = value, let number = inner.number {
            try descriptors.run([.number(call), .text(item), .number(number), .text(Words.text(referent.name))])
        }
        for part in value.parts { try put(part, item, call) }
    }

    /// Names and strings as they are, everything else as lines show it.
    private static func text(_ value: Value) -> String {
        switch value {
        case .path(let bytes), .bytes(let bytes): Words.text(bytes.bytes)
        default: Words.value(value, limit: .max)
        }
    }

    public func other(_ event: Event) throws {
        guard case .signal(let info) = event.happening else { return }
        try signals.run([
            .number(event.time), .number(Int64(event.thread)), .number(Int64(event.process)),
            .text(Names.signal(info.number)), .number(Int64(info.code)), .text(Words.value(info.record())),
        ])
    }

    public func finish(_ lives: Lives) throws {
        for life in lives.all {
            let command = life.runs.last.map { $0.arguments.joined(separator: " ") }
            try processes.run([
                .number(Int64(life.process)), life.parentProcess == 0 ? .none : .number(Int64(life.parentProcess)),
                .number(life.began), life.ended.map { .number($0) } ?? .none, .text(Words.ending(life.ending)),
                command.map { .text($0) } ?? .none, .number(Int64(life.calls)), .number(Int64(life.threads)),
            ])
        }
        try database.run(Self.indexes)
        try database.run("COMMIT;")
    }
}

extension Value {
    /// Without what is said beside it.
    var bare: Value {
        switch self {
        case .referring(let value, _), .named(_, let value), .commented(let value, _): value.bare
        default: self
        }
    }

    /// The number that it is, nil for what is none.
    var number: Int64? {
        switch bare {
        case .signed(let number), .nanoseconds(let number): number
        case .unsigned(let number), .hexadecimal(let number), .octal(let number), .permissions(let number),
            .fileMode(let number), .address(let number), .device(let number), .symbol(_, let number),
            .flags(_, let number), .spelled(_, let number):
            Int64(bitPattern: number)
        case .descriptor(let number), .directory(let number), .process(let number), .signal(let number): Int64(number)
        case .user(let number), .group(let number): Int64(number)
        default: nil
        }
    }
}
