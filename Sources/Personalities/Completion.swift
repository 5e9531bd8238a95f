// Completes the message of an entry by what the kernel wrote until the exit.

import Messages

extension CallView {
    /// Puts what was read at the exit into the message of the entry.
    func complete(_ message: inout Message) {
        if failed, !row.leavesTime(result ?? 0) {
            failedHeaders(&message)
            failedAnswers(&message)
            failedVectors(&message)
            failedWaits(&message)
            return
        }
        if row.operation == .timeSleep, !failed { return }
        // Nobody had ended: the kernel wrote nothing.
        if row.call == .wait4, result == 0 { return }
        if row.call == .ioUringEnter { completeRing(&message) }
        for argument in row.chosenArguments(stop.arguments)
        where argument.direction != .entry && !staysAsPassed(argument) {
            guard let place = message.arguments.firstIndex(where: { $0.name == argument.name }) else { continue }
            if argument.direction == .exit {
                message.arguments[place].value = value(argument)
            } else if argument.direction == .both {
                message.arguments[place].value = change(
                    from: message.arguments[place].value, to: value(argument), argument)
            }
        }
    }

    /// Of a read that failed, the places that it was to fill.
    private func failedVectors(_ message: inout Message) {
        for argument in row.chosenArguments(stop.arguments) where argument.type.isVectorToFill {
            guard let place = message.arguments.firstIndex(where: { $0.name == argument.name }) else { continue }
            message.arguments[place].value = value(argument)
        }
    }

    private func change(from before: Value, to after: Value, _ argument: ArgumentRow) -> Value {
        if isAskedAgain(argument.type) {
            if case .record = before { return .change(before, after) }
            return after
        }
        if case .address = after { return before }
        // What was asked for stays in the struct that comes back (adjtimex(2)).
        if row.call == .adjtimex || row.call == .clockAdjtime || row.call == .clockAdjtime64 { return after }
        if argument.type.kind == .structure, SpecTables.answeringStructures[Int(argument.type.table)] {
            if SpecTables.structure(argument.type.table, personality).isApart { return .change(before, after) }
            return answered(before, after)
        }
        if argument.type.kind == .custom && argument.type.table == CustomKind.transfer.rawValue {
            return answered(before, after)
        }
        if case .named(let name, .address) = before { return .named(name, after) }
        if argument.type.kind == .custom && argument.type.table == CustomKind.cloneArguments.rawValue {
            return cloneAnswer().map { .change(before, $0) } ?? before
        }
        if argument.type.kind == .custom, CustomKind.messageHeaders.contains(argument.type.table) {
            return answeredHeaders(before, after)
        }
        if row.call == .sendfile || row.call == .sendfile64 {
            // Shown as two lists: strace does so for this call alone.
        } else if case .list(let first) = before, case .list(let second) = after, first.count == 1,
            second.count == 1, first != second
        {
            return .list([.change(first[0], second[0])])
        }
        if case .record(let first) = before, case .record(let second) = after, let keeps = mergeRule(argument.type) {
            return .record(merged(first, second, keeps))
        }
        if case .abbreviated(_, .opaque) = after { return after }
        if before == after || (argument.type.kind == .custom && !tellsChange(argument.type)) { return after }
        return .change(before, after)
    }

    /// Custom arguments of which people want to see what was there before.
    private func tellsChange(_ type: TypeRow) -> Bool {
        switch CustomKind(rawValue: type.table) {
        case .ringWorkers, .fiemap, .dedupe, .driveCommand: true
        default: false
        }
    }

    /// Structs that only code decodes and that the kernel completes.
    private static let completed: Set<CustomKind> = [.interface, .interfaceList, .fileHandle, .registerSet]

    /// Where a struct is completed by the kernel: the fields that keep what the program put there. Nil for structs
    /// that are shown before and after.
    private func mergeRule(_ type: TypeRow) -> Set<String>? {
        if type.kind == .custom {
            let kind = CustomKind(rawValue: type.table)
            return kind.map { Self.completed.contains($0) } == true ? [] : nil
        }
        guard type.kind == .structure else { return nil }
        let layout = SpecTables.structure(type.table, personality)
        let fields = SpecTables.fields[Int(layout.firstField)..<Int(layout.firstField) + Int(layout.fieldCount)]
        guard fields.contains(where: { $0.direction != .entry }) else { return nil }
        return Set(fields.filter { $0.direction == .entry }.map(\.name))
    }

    /// A struct that went in, with what the kernel put into it.
    private func merged(_ before: [Field], _ after: [Field], _ keeps: Set<String>) -> [Field] {
        var left = before
        var fields: [Field] = []
        for var field in after {
            if let place = left.firstIndex(where: { $0.name == field.name }) {
                let old = left.remove(at: place)
                if keeps.contains(field.name) || old.value == field.value {
                    field = old
                } else if case .address = old.value {
                    // What lay behind a pointer is known now.
                } else {
                    field.value = .change(old.value, field.value)
                }
            }
            fields.append(field)
        }
        return left + fields
    }
}
