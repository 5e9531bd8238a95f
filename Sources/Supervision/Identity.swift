// Who a program runs as: read from the system's files, for a static program has no name service.

import Glibc

/// A user with groups.
public struct Identity: Sendable, Equatable {
    public let user: UInt32
    public let group: UInt32
    public let groups: [UInt32]

    /// The user of a name, or of a number, in /etc/passwd and /etc/group.
    /// - Throws: `LaunchError.noSuchUser`.
    public init(named name: String) throws(LaunchError) {
        let entry = Self.lines("/etc/passwd").first { $0.count > 3 && ($0[0] == name || $0[2] == name) }
        guard let entry, let user = UInt32(entry[2]), let group = UInt32(entry[3]) else {
            throw .noSuchUser(name)
        }
        self.user = user
        self.group = group
        let others = Self.lines("/etc/group").filter { line in
            line.count > 3 && line[3].split(separator: ",").contains(Substring(entry[0]))
        }
        groups = [group] + others.compactMap { UInt32($0[2]) }.filter { $0 != group }
    }

    /// The home directory of a user, nil where /etc/passwd has none.
    public static func home(of user: UInt32) -> String? {
        lines("/etc/passwd").first { $0.count > 5 && $0[2] == "\(user)" && $0[5].hasPrefix("/") }?[5]
    }

    private static func lines(_ path: String) -> [[String]] {
        guard let file = fopen(path, "re") else { return [] }
        defer { fclose(file) }
        var text: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let got = fread(&buffer, 1, buffer.count, file)
            if got == 0 { break }
            text += buffer[..<got]
        }
        return String(decoding: text, as: UTF8.self).split(separator: "\n").map {
            $0.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        }
    }
}
