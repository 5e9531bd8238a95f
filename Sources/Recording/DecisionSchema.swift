// The part of the schema that says how decisions lie in records.

import Messages

extension Schema {
    static func decisionMessages() -> [[UInt8]] {
        let decision = message(
            "Decision",
            [
                field("verdict", DecisionField.verdict, .string),
                field("errno", DecisionField.errno, .int32),
                field("changes", DecisionField.changes, .message, of: ".abitrace.ItemChange", repeated: true),
                field("file", DecisionField.file, .string),
                field("line", DecisionField.line, .uint32),
                field("reason", DecisionField.reason, .string),
                field("enforcement", DecisionField.enforcement, .string),
                field("effect", DecisionField.effect, .enumeration, of: ".abitrace.DecisionEffect"),
                field("program", DecisionField.program, .bytes),
                field("facts", DecisionField.facts, .message, of: ".abitrace.DecisionFact", repeated: true),
                field("counts", DecisionField.counts, .message, of: ".abitrace.RuleCount", repeated: true),
            ])
        let change = message(
            "ItemChange", [field("item", ChangeField.item, .string), field("value", ChangeField.value, .string)])
        let count = message(
            "RuleCount",
            [
                field("file", CountField.file, .string), field("line", CountField.line, .uint32),
                field("number", CountField.number, .uint64),
            ])
        return [decision, change, count, decisionFact()]
    }

    private static func decisionFact() -> [UInt8] {
        message(
            "DecisionFact",
            [
                field("kind", DecisionFactField.kind, .enumeration, of: ".abitrace.DecisionFactKind"),
                field("role", DecisionFactField.role, .string),
                field("number", DecisionFactField.number, .int32),
                field("path", DecisionFactField.path, .bytes),
                field("mode", DecisionFactField.mode, .uint32),
                field("is_missing", DecisionFactField.isMissing, .boolean),
                field("rights", DecisionFactField.rights, .string, repeated: true),
                field("digest", DecisionFactField.digest, .bytes),
                field("address", DecisionFactField.address, .bytes),
                field("family", DecisionFactField.family, .int32),
                field("type", DecisionFactField.type, .int32),
                field("protocol", DecisionFactField.protocolNumber, .int32),
                field("is_local", DecisionFactField.isLocal, .boolean),
                field("derived", DecisionFactField.derived, .string, repeated: true),
            ])
    }

    static func decisionEnumerations() -> [[UInt8]] {
        let effects = DecisionEffect.allCases.map { ($0.name.uppercased(), UInt64($0.rawValue)) }
        let kinds = DecisionFact.Kind.allCases.map { ("DECIDED_" + $0.name.uppercased(), UInt64($0.rawValue)) }
        return [
            enumeration("DecisionEffect", [("EFFECT_UNSPECIFIED", 0)] + effects),
            enumeration("DecisionFactKind", [("DECIDED_UNSPECIFIED", 0)] + kinds),
        ]
    }

    private static func enumeration(_ name: String, _ values: [(String, UInt64)]) -> [UInt8] {
        values.reduce(into: text(1, name)) { out, value in out += bytes(2, text(1, value.0) + number(2, value.1)) }
    }
}
