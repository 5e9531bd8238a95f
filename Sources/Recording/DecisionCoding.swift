// Decisions as protobuf: written to bytes of their own, since they are few beside the calls that nothing decides.

import Messages

/// Field numbers of `abitrace.Decision`.
enum DecisionField {
    static let verdict = 1
    static let errno = 2
    static let changes = 3
    static let file = 4
    static let line = 5
    static let reason = 6
    static let enforcement = 7
    static let effect = 8
    static let program = 9
    static let facts = 10
    static let counts = 11
}

/// Field numbers of `abitrace.ItemChange`.
enum ChangeField {
    static let item = 1
    static let value = 2
}

/// Field numbers of `abitrace.RuleCount`.
enum CountField {
    static let file = 1
    static let line = 2
    static let number = 3
}

/// Field numbers of `abitrace.DecisionFact`.
enum DecisionFactField {
    static let kind = 1
    static let role = 2
    static let number = 3
    static let path = 4
    static let mode = 5
    static let isMissing = 6
    static let rights = 7
    static let digest = 8
    static let address = 9
    static let family = 10
    static let type = 11
    static let protocolNumber = 12
    static let isLocal = 13
    static let derived = 14
}

/// Protobuf fields as bytes.
private struct FieldBytes {
    private(set) var bytes: [UInt8] = []

    private mutating func put(varint value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    mutating func put(_ field: Int, _ value: UInt64) {
        guard value != 0 else { return }
        put(varint: UInt64(field) << 3)
        put(varint: value)
    }

    mutating func put(_ field: Int, _ value: Int32) { put(field, UInt64(bitPattern: Int64(value))) }

    mutating func put(_ field: Int, _ content: [UInt8], always: Bool = false) {
        guard always || !content.isEmpty else { return }
        put(varint: UInt64(field) << 3 | 2)
        put(varint: UInt64(content.count))
        bytes += content
    }

    mutating func put(_ field: Int, _ text: String) { put(field, Array(text.utf8)) }
}

extension RecordedDecision {
    /// As `abitrace.Decision`.
    var encoded: [UInt8] {
        var fields = FieldBytes()
        fields.put(DecisionField.verdict, verdict)
        fields.put(DecisionField.errno, errno)
        for change in changes {
            var inner = FieldBytes()
            inner.put(ChangeField.item, change.item)
            inner.put(ChangeField.value, change.value)
            fields.put(DecisionField.changes, inner.bytes, always: true)
        }
        fields.put(DecisionField.file, file)
        fields.put(DecisionField.line, UInt64(clamping: line))
        fields.put(DecisionField.reason, reason)
        fields.put(DecisionField.enforcement, enforcement)
        fields.put(DecisionField.effect, UInt64(effect.rawValue))
        fields.put(DecisionField.program, program)
        for fact in facts { fields.put(DecisionField.facts, fact.encoded, always: true) }
        for count in counts {
            var inner = FieldBytes()
            inner.put(CountField.file, count.file)
            inner.put(CountField.line, UInt64(clamping: count.line))
            inner.put(CountField.number, count.number)
            fields.put(DecisionField.counts, inner.bytes, always: true)
        }
        return fields.bytes
    }

    init(decoding content: UnsafeRawBufferPointer) throws(FormatDamage) {
        self.init(verdict: "")
        var reader = ProtobufReader(content)
        while let (field, value) = try reader.next() {
            switch (Int(field), value) {
            case (DecisionField.errno, .varint(let number)): errno = Int32(truncatingIfNeeded: number)
            case (DecisionField.line, .varint(let number)): line = Int(clamping: number)
            case (DecisionField.effect, .varint(let number)):
                effect = UInt8(exactly: number).flatMap(DecisionEffect.init) ?? .done
            case (DecisionField.verdict, .bytes(let text)): verdict = Self.text(text)
            case (DecisionField.file, .bytes(let text)): file = Self.text(text)
            case (DecisionField.reason, .bytes(let text)): reason = Self.text(text)
            case (DecisionField.enforcement, .bytes(let text)): enforcement = Self.text(text)
            case (DecisionField.program, .bytes(let bytes)): program = Array(bytes)
            case (DecisionField.changes, .bytes(let inner)): changes.append(try Self.change(inner))
            case (DecisionField.counts, .bytes(let inner)): counts.append(try Self.count(inner))
            case (DecisionField.facts, .bytes(let inner)):
                // A kind of fact that this version has no word for is passed over.
                if let fact = try DecisionFact(decoding: inner) { facts.append(fact) }
            default: break
            }
        }
    }

    fileprivate static func text(_ bytes: UnsafeRawBufferPointer) -> String { String(decoding: bytes, as: UTF8.self) }

    private static func change(_ content: UnsafeRawBufferPointer) throws(FormatDamage) -> ItemChange {
        var reader = ProtobufReader(content)
        var change = ItemChange(item: "", value: "")
        while let (field, value) = try reader.next() {
            guard case .bytes(let bytes) = value else { continue }
            if field == ChangeField.item { change.item = text(bytes) }
            if field == ChangeField.value { change.value = text(bytes) }
        }
        return change
    }

    private static func count(_ content: UnsafeRawBufferPointer) throws(FormatDamage) -> RuleCount {
        var reader = ProtobufReader(content)
        var count = RuleCount(file: "", line: 0, number: 0)
        while let (field, value) = try reader.next() {
            switch (Int(field), value) {
            case (CountField.file, .bytes(let bytes)): count.file = text(bytes)
            case (CountField.line, .varint(let number)): count.line = Int(clamping: number)
            case (CountField.number, .varint(let number)): count.number = number
            default: break
            }
        }
        return count
    }
}

extension DecisionFact {
    fileprivate var encoded: [UInt8] {
        var fields = FieldBytes()
        fields.put(DecisionFactField.kind, UInt64(kind.rawValue))
        fields.put(DecisionFactField.role, role.name)
        fields.put(DecisionFactField.number, number)
        fields.put(DecisionFactField.path, path)
        fields.put(DecisionFactField.mode, UInt64(mode))
        fields.put(DecisionFactField.isMissing, exists ? UInt64(0) : 1)
        for name in Self.names(rights) { fields.put(DecisionFactField.rights, name) }
        for name in Self.names(derived) { fields.put(DecisionFactField.derived, name) }
        fields.put(DecisionFactField.digest, digest)
        fields.put(DecisionFactField.address, address)
        fields.put(DecisionFactField.family, family)
        fields.put(DecisionFactField.type, type)
        fields.put(DecisionFactField.protocolNumber, protocolNumber)
        fields.put(DecisionFactField.isLocal, isLocal ? UInt64(1) : 0)
        return fields.bytes
    }

    fileprivate init?(decoding content: UnsafeRawBufferPointer) throws(FormatDamage) {
        var kind: Kind?
        self.init(.object)
        number = 0
        var reader = ProtobufReader(content)
        while let (field, value) = try reader.next() {
            switch (Int(field), value) {
            case (DecisionFactField.kind, .varint(let number)): kind = UInt8(exactly: number).flatMap(Kind.init)
            case (_, .varint(let value)): take(Int(field), value)
            case (DecisionFactField.role, .bytes(let bytes)):
                let name = RecordedDecision.text(bytes)
                role = HandleRole.allCases.first { $0.name == name } ?? .object
            case (DecisionFactField.rights, .bytes(let bytes)):
                rights.formUnion(Self.rights(RecordedDecision.text(bytes)))
            case (DecisionFactField.derived, .bytes(let bytes)):
                derived.formUnion(Self.rights(RecordedDecision.text(bytes)))
            case (DecisionFactField.path, .bytes(let bytes)): path = Array(bytes)
            case (DecisionFactField.digest, .bytes(let bytes)): digest = Array(bytes)
            case (DecisionFactField.address, .bytes(let bytes)): address = Array(bytes)
            default: break
            }
        }
        guard let kind else { return nil }
        self.kind = kind
    }

    /// Everything is one word.
    private static func names(_ rights: Rights) -> [String] { rights == .all ? ["all"] : rights.names }

    private static func rights(_ name: String) -> Rights {
        if name == "all" { return .all }
        return Right.allCases.first { $0.name == name }.map { Rights($0) } ?? []
    }

    private mutating func take(_ field: Int, _ value: UInt64) {
        let short = Int32(truncatingIfNeeded: value)
        switch field {
        case DecisionFactField.number: number = short
        case DecisionFactField.mode: mode = UInt32(truncatingIfNeeded: value)
        case DecisionFactField.isMissing: exists = value == 0
        case DecisionFactField.family: family = short
        case DecisionFactField.type: type = short
        case DecisionFactField.protocolNumber: protocolNumber = short
        case DecisionFactField.isLocal: isLocal = value != 0
        default: break
        }
    }
}
