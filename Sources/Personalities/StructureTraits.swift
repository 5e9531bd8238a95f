// What structs have in common with others, looked up once: whether anything is looked behind, or answered, in them.

import Messages

extension SpecTables {
    /// Whether a struct, by its id, holds anything that is looked behind.
    static let pointingStructures: [Bool] = structures.map { layout in
        fields[Int(layout.firstField)..<Int(layout.firstField) + Int(layout.fieldCount)].contains { field in
            switch (field.type.shape, field.type.kind) {
            case (.pointer, _), (_, .path), (_, .text), (_, .buffer), (_, .custom), (_, .structure), (_, .signalSet):
                true
            case (.array, _): field.type.count != .none
            default: false
            }
        }
    }

    /// Whether the kernel fills in some fields of a struct, by its id, that are not shown before.
    static let answeringStructures: [Bool] = structures.map { layout in
        fields[Int(layout.firstField)..<Int(layout.firstField) + Int(layout.fieldCount)].contains {
            $0.direction != .entry
        }
    }
}
