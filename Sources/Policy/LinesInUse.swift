// Which line of a layer answers for a thing, for finding the lines that answer for nothing.

import Messages

extension PolicyLayer {
    /// The entry that decides about a path.
    public func line(for path: [UInt8]) -> PolicyLine? {
        guard path.first == UInt8(ascii: "/") else { return nil }
        return fileGrant(pathComponents(path))?.line
    }

    /// The entry that covers an address.
    public func line(for fact: AddressFact) -> PolicyLine? { network(fact)?.line }

    public func line(forProgram path: [UInt8]) -> PolicyLine? { program(path)?.line }

    /// What a socket may be made for, where nothing says yet what it will reach.
    public func lines(forSocketOf request: Request) -> [PolicyLine] {
        guard let row = SpecTables.row(request.stop.personality, request.stop.number) else { return [] }
        let items = CallItems(
            row: row, personality: request.stop.personality, registers: request.stop.arguments,
            message: request.message, request: request)
        guard let transport = try? items.transport() else { return [] }
        let admitting = (connect + listen).filter { $0.pattern.admits(transport) }
        // One line is enough to let the socket be.
        return admitting.first.map { [$0.line] } ?? []
    }

    public func lines(forHandle number: Int32) -> [PolicyLine] {
        let standard: [Int32: String] = [0: "stdin", 1: "stdout", 2: "stderr"]
        let names = ["\(number)", standard[number] ?? "inherited"]
        return handles.filter { names.contains($0.name) }.map(\.line)
            + gives.filter { $0.number == number }.map(\.line)
    }

    /// The entries under `classes` and `ambient` that an operation rests on.
    public func lines(for operation: Operation) -> [PolicyLine] {
        var names = [operation.name, operation.operationClass.name, "any"]
        names += operation.refusals.map(\.name)
        let roles = operation.needs.map(\.role)
        let held = ambients.filter { ambient in
            roles.contains { $0.ambient == ambient.ambient || ($0 == .who && ambient.ambient == .procs) }
        }
        return classes.filter { names.contains($0.name) }.map(\.line) + held.compactMap(\.line)
    }

    /// Lines that give and never take away: without one, no message is allowed that is refused with it.
    public var grantingLines: [PolicyLine] {
        var lines = files.filter { grant in
            // An entry under a wider one narrows it.
            var without = self
            without.files.removeAll { $0.line == grant.line }
            let rest = without.rights(of: grant.pattern.sample) ?? []
            return !grant.isHidden && grant.rights.isSuperset(of: rest)
        }.map(\.line)
        if defaultVerdict == .allow { return [] }
        lines += (connect + listen).map(\.line)
        // The first program that is named makes all others refused.
        if let programs, programs.count > 1 { lines += programs.map(\.line) }
        lines += classes.filter { $0.verdict == .allow && !Operation.allCases.map(\.name).contains($0.name) }
            .filter { grant in SpecTables.refusals.contains { $0.name == grant.name } }.map(\.line)
        lines += ambients.compactMap(\.line)
        return Array(Set(lines)).sorted { ($0.line, $0.column) < ($1.line, $1.column) }
    }
}
