// The schema of a record: field numbers, kinds, and the descriptor that lets any protobuf reader print records.

import Messages

/// Field numbers of `abitrace.Record` and its parts. A number once released never changes its meaning.
enum RecordField {
    static let identifier = 1
    static let thread = 2
    static let process = 3
    static let time = 4
    static let kind = 5
    static let personality = 6
    static let call = 7
    static let operation = 8
    static let number = 9
    static let arguments = 10
    static let instructionPointer = 11
    static let regions = 12
    static let result = 13
    static let otherThread = 14
    static let detail = 15
    static let signal = 16
    static let restarts = 17
    static let facts = 18
    static let decisions = 19
}

/// Field numbers of `abitrace.Fact`.
enum FactField {
    static let kind = 1
    static let number = 2
    static let name = 3
    static let mode = 4
    static let device = 5
    static let inode = 6
    static let specialDevice = 7
    static let socket = 8
}

/// Field numbers of `abitrace.SocketFact`.
enum SocketField {
    static let family = 1
    static let type = 2
    static let protocolNumber = 3
    static let local = 4
    static let peer = 5
    static let peerInode = 6
}

/// Field numbers of `abitrace.Region`.
enum RegionField {
    static let address = 1
    static let bytes = 2
    static let wanted = 3
    static let errno = 4
}

/// Field numbers of `abitrace.SignalInfo`.
enum SignalField {
    static let number = 1
    static let code = 2
    static let errno = 3
    static let rest = 4
}

/// The values of the enumeration `abitrace.Happening`.
enum HappeningKind: UInt64, CaseIterable {
    case unspecified = 0
    case started = 1
    case entry = 2
    case exit = 3
    case created = 4
    case executed = 5
    case signal = 6
    case stopped = 7
    case `continued` = 8
    case exited = 9
    case killed = 10
    case detached = 11
    case lost = 12

    var name: String {
        switch self {
        case .unspecified: "KIND_UNSPECIFIED"
        case .started: "STARTED"
        case .entry: "ENTRY"
        case .exit: "EXIT"
        case .created: "CREATED"
        case .executed: "EXECUTED"
        case .signal: "SIGNAL"
        case .stopped: "STOPPED"
        case .continued: "CONTINUED"
        case .exited: "EXITED"
        case .killed: "KILLED"
        case .detached: "DETACHED"
        case .lost: "LOST"
        }
    }
}

/// The serialized `FileDescriptorSet` of the package `abitrace`.
enum Schema {
    static let name = "abitrace.Record"

    /// The types of `FieldDescriptorProto.Type` that we use.
    enum FieldType: UInt64 {
        case int64 = 3
        case uint64 = 4
        case int32 = 5
        case fixed64 = 6
        case boolean = 8
        case string = 9
        case message = 11
        case bytes = 12
        case uint32 = 13
        case enumeration = 14
        case sint32 = 17
        case sint64 = 18
    }

    static func descriptorSet() -> [UInt8] {
        let record = message(
            "Record",
            [
                field("id", RecordField.identifier, .uint64),
                field("thread", RecordField.thread, .int32),
                field("process", RecordField.process, .int32),
                field("time_ns", RecordField.time, .int64),
                field("kind", RecordField.kind, .enumeration, of: ".abitrace.Happening"),
                field("personality", RecordField.personality, .string),
                field("call", RecordField.call, .string),
                field("operation", RecordField.operation, .string),
                field("number", RecordField.number, .uint64),
                field("arguments", RecordField.arguments, .fixed64, repeated: true),
                field("instruction_pointer", RecordField.instructionPointer, .uint64),
                field("regions", RecordField.regions, .message, of: ".abitrace.Region", repeated: true),
                field("result", RecordField.result, .sint64),
                field("other_thread", RecordField.otherThread, .int32),
                field("detail", RecordField.detail, .uint32),
                field("signal", RecordField.signal, .message, of: ".abitrace.SignalInfo"),
                field("restarts", RecordField.restarts, .uint64),
                field("facts", RecordField.facts, .message, of: ".abitrace.Fact", repeated: true),
                field("decisions", RecordField.decisions, .message, of: ".abitrace.Decision", repeated: true),
            ])
        let region = message(
            "Region",
            [
                field("address", RegionField.address, .uint64),
                field("bytes", RegionField.bytes, .bytes),
                field("wanted", RegionField.wanted, .uint64),
                field("errno", RegionField.errno, .int32),
            ])
        let signal = message(
            "SignalInfo",
            [
                field("number", SignalField.number, .int32),
                field("code", SignalField.code, .sint32),
                field("errno", SignalField.errno, .int32),
                field("rest", SignalField.rest, .bytes),
            ])
        let messages = [record, region, signal, fact(), socket()] + decisionMessages()
        let enumerations = [happening(), factKind()] + decisionEnumerations()
        let file =
            text(1, "abitrace.proto") + text(2, "abitrace") + messages.flatMap { bytes(4, $0) }
            + enumerations.flatMap { bytes(5, $0) } + text(12, "proto3")
        return bytes(1, file)
    }

    private static func fact() -> [UInt8] {
        message(
            "Fact",
            [
                field("kind", FactField.kind, .enumeration, of: ".abitrace.FactKind"),
                field("number", FactField.number, .int32),
                field("name", FactField.name, .bytes),
                field("mode", FactField.mode, .uint32),
                field("device", FactField.device, .uint64),
                field("inode", FactField.inode, .uint64),
                field("special_device", FactField.specialDevice, .uint64),
                field("socket", FactField.socket, .message, of: ".abitrace.SocketFact"),
            ])
    }

    private static func socket() -> [UInt8] {
        message(
            "SocketFact",
            [
                field("family", SocketField.family, .int32),
                field("type", SocketField.type, .int32),
                field("protocol", SocketField.protocolNumber, .int32),
                field("local", SocketField.local, .bytes),
                field("peer", SocketField.peer, .bytes),
                field("peer_inode", SocketField.peerInode, .uint32),
            ])
    }

    private static func factKind() -> [UInt8] {
        let names: [(String, UInt64)] = [
            ("FACT_UNSPECIFIED", 0), ("DESCRIPTOR", UInt64(FactKind.descriptor.rawValue)),
            ("WORKING_DIRECTORY", UInt64(FactKind.workingDirectory.rawValue)),
            ("ROOT", UInt64(FactKind.root.rawValue)), ("IMAGE", UInt64(FactKind.image.rawValue)),
            ("PATH", UInt64(FactKind.path.rawValue)), ("TABLE_ENTRY", UInt64(FactKind.tableEntry.rawValue)),
            ("CLOSING_TABLE_ENTRY", UInt64(FactKind.closingTableEntry.rawValue)),
        ]
        return names.reduce(into: text(1, "FactKind")) { out, kind in
            out += bytes(2, text(1, kind.0) + number(2, kind.1))
        }
    }

    private static func happening() -> [UInt8] {
        HappeningKind.allCases.reduce(into: text(1, "Happening")) { out, kind in
            out += bytes(2, text(1, kind.name) + number(2, kind.rawValue))
        }
    }

    static func message(_ name: String, _ fields: [[UInt8]]) -> [UInt8] {
        fields.reduce(into: text(1, name)) { out, field in out += bytes(2, field) }
    }

    static func field(
        _ name: String, _ place: Int, _ type: FieldType, of typeName: String? = nil, repeated: Bool = false
    ) -> [UInt8] {
        var out = text(1, name)
        out += number(3, UInt64(place))
        out += number(4, repeated ? 3 : 1)
        out += number(5, type.rawValue)
        if let typeName { out += text(6, typeName) }
        return out
    }

    static func text(_ field: Int, _ value: String) -> [UInt8] { bytes(field, Array(value.utf8)) }

    static func bytes(_ field: Int, _ value: [UInt8]) -> [UInt8] {
        varint(UInt64(field) << 3 | 2) + varint(UInt64(value.count)) + value
    }

    static func number(_ field: Int, _ value: UInt64) -> [UInt8] {
        varint(UInt64(field) << 3) + varint(value)
    }

    static func varint(_ value: UInt64) -> [UInt8] {
        var out: [UInt8] = []
        var rest = value
        while rest >= 0x80 {
            out.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        out.append(UInt8(rest))
        return out
    }
}
