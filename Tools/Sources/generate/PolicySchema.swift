// The JSON Schema of policies, for editors that complete and check YAML: its words are the spec's.

import Foundation

/// What `Sources/Policy/PolicyReader.swift` takes, as far as a schema can say it.
struct PolicySchema {
    let spec: Spec

    private typealias Schema = [String: Any]

    private var operationNames: [String] { spec.operations.map(\.name) }
    private var classNames: [String] { spec.classes.map(\.name) }
    private var switchNames: [String] {
        ["any"] + classNames + operationNames + spec.operations.flatMap { $0.refusals.map(\.name) }
    }
    private var rightNames: [String] {
        ["all"] + spec.groups.map(\.name) + spec.rights.map(\.name)
    }
    private var errnoNames: [String] {
        let names = spec.sets.first { $0.name == "errno" }?.symbols.map(\.name) ?? []
        return names.filter { name in name.hasPrefix("E") && name.allSatisfy { $0.isUppercase || $0.isNumber } }
    }

    func file() throws -> String {
        let root: Schema = [
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": "abitrace/policy.schema.json",
            "title": "A policy of abitrace",
            "description": "What a program holds. Made from Tools/Spec by Tools/generate; do not edit.",
            "type": "object", "required": ["abitrace"], "additionalProperties": false,
            "properties": properties, "$defs": definitions,
        ]
        let data = try JSONSerialization.data(
            withJSONObject: root, options: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes])
        return String(decoding: data, as: UTF8.self) + "\n"
    }

    // MARK: The sections

    private var properties: Schema {
        [
            "abitrace": ["const": "policy/1"],
            "name": text("A word that other policies call it by."),
            "description": text("What the program is for, in a sentence."),
            "default": described(
                "What no grant allows.",
                ["anyOf": [word(["ask", "warn", "kill", "allow"]), reference("deny")]]),
            "files": map(
                "Rights by path: the deepest entry that covers the object decides. `~`, `${CWD}`, `*` and `**` are known; a backslash takes what follows as it is, `\\xHH` is the byte HH.",
                reference("rights")),
            "network": ["anyOf": [word(["any", "none"]), reference("network")]],
            "programs": map("The only images that may run, where this is there.", reference("program")),
            "give": map("Descriptors made before the program starts.", reference("descriptor")),
            "handles": handles, "classes": classes, "rules": ["type": ["array", "null"], "items": reference("rule")],
            "ambient": list(of: [
                "type": "string", "pattern": "^(\(alternatives(spec.ambients.map(\.name))))([+-].*)?$",
            ]),
            "limits": limits, "vdso": word(["hide", "show"]),
            "include": described("Policies that narrow this one.", list(of: ["type": "string"])),
            "promises": described(
                "Policies whose grants are added: none takes away what another gives. An entry of this policy takes the "
                    + "place of what they say less deep.", list(of: ["type": "string"])),
        ]
    }

    private var handles: Schema {
        [
            "type": ["object", "null"], "additionalProperties": reference("rights"),
            "propertyNames": ["pattern": "^(stdin|stdout|stderr|inherited|[0-9]+)$"],
        ]
    }

    private var classes: Schema {
        [
            "description": "Whole classes and single operations.", "type": ["object", "null"],
            "propertyNames": word(switchNames), "additionalProperties": reference("verdict"),
        ]
    }

    private var limits: Schema {
        let amount: Schema = ["type": ["integer", "string"], "pattern": "^[0-9]+[kKMGT]?$"]
        let time: Schema = ["type": ["integer", "string"], "pattern": "^[0-9]+[smh]?$"]
        return object(
            ["processes": amount, "memory": amount, "open files": amount, "cpu": time, "time": time], required: [])
    }

    // MARK: Parts

    private var definitions: Schema {
        let rights = alternatives(rightNames)
        return [
            "rights": ["type": "string", "pattern": "^(none|(\(rights))( *[+-] *(\(rights)))*)$"],
            "errno": word(errnoNames),
            "deny": [
                "anyOf": [
                    ["type": "string", "pattern": "^deny( (\(alternatives(errnoNames))))?$"],
                    object(["deny": reference("errno")], required: ["deny"]),
                ]
            ],
            "items": ["type": "object", "minProperties": 1, "additionalProperties": ["type": Self.scalar]],
            "verdict": [
                "anyOf": [
                    word(["allow", "warn", "stub", "ask", "kill"]), reference("deny"),
                    object(["reply": reference("items")], required: ["reply"]),
                ]
            ],
            "address": ["type": "string", "pattern": "^(any|(tcp|udp|unix|netlink)( .+)?)$"],
            "network": object(
                ["connect": list(of: reference("address")), "listen": list(of: reference("address"))], required: []),
            "program": described(
                "An image, and the policy that it runs under.",
                [
                    "type": ["object", "null"], "additionalProperties": false,
                    "properties": [
                        "sha256": ["type": "string", "pattern": "^[0-9a-fA-F]{64}$"], "policy": ["type": "string"],
                    ],
                ]),
            "descriptor": descriptor, "rule": rule, "condition": condition,
        ]
    }

    private var descriptor: Schema {
        var schema = object(
            [
                "open": text("A path."), "listen": reference("address"), "connect": reference("address"),
                "rights": reference("rights"), "fd": ["type": "integer", "minimum": 0, "maximum": 4095],
            ], required: ["rights", "fd"])
        schema["oneOf"] = ["open", "listen", "connect"].map { ["required": [$0]] }
        return schema
    }

    private var rule: Schema {
        let actions = ["rewrite", "reply", "deny", "stub", "warn", "ask", "kill", "allow"]
        let count: Schema = ["type": "integer", "minimum": 1]
        var known: Schema = [
            "on": list(of: word(operationNames + classNames)),
            "where": ["type": "object", "additionalProperties": reference("condition")],
            "when": object(["from": count, "every": count, "count": count], required: []),
            "because": text("The reason, for people."),
            "rewrite": reference("items"), "reply": reference("items"),
            "deny": ["anyOf": [reference("errno"), ["type": ["boolean", "null"]]]],
        ]
        for action in actions where known[action] == nil { known[action] = ["type": ["boolean", "null"]] }
        var schema = object(known, required: ["on"])
        schema["oneOf"] = actions.map { ["required": [$0]] }
        return schema
    }

    private var condition: Schema {
        [
            "description":
                "A value, a list of which one must hold, or {from, to}, {has}, {all}, {lacks}, {not}; of an object its path and kind.",
            "type": Self.scalar + ["array", "object"],
        ]
    }

    // MARK: Small parts

    private static let scalar = ["string", "integer", "boolean"]

    private func reference(_ name: String) -> Schema { ["$ref": "#/$defs/\(name)"] }
    private func word(_ words: [String]) -> Schema { ["enum": words] }
    private func text(_ description: String) -> Schema { ["type": "string", "description": description] }

    private func described(_ description: String, _ schema: Schema) -> Schema {
        schema.merging(["description": description]) { $1 }
    }

    private func map(_ description: String, _ value: Schema) -> Schema {
        ["description": description, "type": ["object", "null"], "additionalProperties": value]
    }

    /// A list, or one where a list of one is meant.
    private func list(of element: Schema) -> Schema {
        ["anyOf": [element, ["type": ["array", "null"], "items": element]]]
    }

    private func object(_ properties: Schema, required: [String]) -> Schema {
        ["type": "object", "additionalProperties": false, "properties": properties, "required": required]
    }

    private func alternatives(_ words: [String]) -> String { words.joined(separator: "|") }
}
