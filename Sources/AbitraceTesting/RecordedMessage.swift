// One call of a recorded run, as abitrace's JSON Lines tell it.

import Foundation

/// A call: what was done, with which objects, and what came of it.
public struct RecordedMessage: Sendable, CustomStringConvertible {
    public let id: UInt64
    public let process: Int32
    public let thread: Int32
    /// The program that the process ran, empty before the first exec.
    public let program: String
    /// The kernel's name of the call, and the operation that it is: `openat`, `file.open`.
    public let call: String
    public let operation: String
    /// Objects of the file system that it names, as the kernel resolved them.
    public let paths: [String]
    /// `tcp 127.0.0.1:80`, `unix /run/x`: where it connects, sends, binds.
    public let address: String?
    /// The flags of an open, and of calls like it.
    public let flags: Set<String>
    /// `ENOENT`, nil where it succeeded.
    public let errno: String?
    /// The call came back.
    public let isFinished: Bool

    public var description: String {
        let things = paths + (address.map { [$0] } ?? [])
        let ending = errno.map { " (\($0))" } ?? ""
        let name = program.isEmpty ? "process" : (program as NSString).lastPathComponent
        return "\(name)[\(process)] \(call): \(operation) \(things.joined(separator: " "))\(ending)"
    }

    /// Whether it opens to write, or changes what it names.
    public var writes: Bool {
        if operation == "file.open" {
            return !flags.isDisjoint(with: ["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_APPEND", "O_TMPFILE"])
        }
        return [
            "file.create", "file.link", "file.symlink", "file.rename", "file.unlink", "file.stat_put",
        ].contains(operation)
    }

    // MARK: Reading

    static func list(_ lines: Data) throws -> [RecordedMessage] {
        var programs: [Int32: String] = [:]
        var sockets: [Int32: [Int: String]] = [:]
        return try lines.split(separator: UInt8(ascii: "\n")).compactMap { line in
            guard let object = try JSONSerialization.jsonObject(with: line) as? [String: Any] else {
                throw RecordingProblem(description: "abitrace told something that is no JSON object")
            }
            if object["event"] as? String == "created", let child = number(object["child"]) {
                programs[Int32(child)] = programs[Int32(number(object["process"]) ?? 0)]
            }
            guard object["event"] as? String == "call" else { return nil }
            let message = RecordedMessage(object, &programs, &sockets)
            return message
        }
    }

    private init(_ object: [String: Any], _ programs: inout [Int32: String], _ sockets: inout [Int32: [Int: String]]) {
        let items = object["items"] as? [String: Any] ?? [:]
        let resolved = (object["resolved"] as? [String: Any] ?? [:]).compactMapValues(Self.text)
        id = UInt64(Self.number(object["id"]) ?? 0)
        process = Int32(Self.number(object["process"]) ?? 0)
        thread = Int32(Self.number(object["thread"]) ?? 0)
        call = object["call"] as? String ?? ""
        operation = object["operation"] as? String ?? ""
        errno = object["errno"] as? String
        isFinished = object["result"] != nil
        flags = Set((items["flags"] as? String ?? "").split(separator: "|").map(String.init))
        paths = Self.paths(object, items, resolved)
        if operation == "sock.create",
            let descriptor = Self.number((object["result"] as? [String: Any])?["fd"] ?? object["result"])
        {
            sockets[process, default: [:]][descriptor] = Self.transport(items)
        }
        let descriptor = Self.number((items["fd"] as? [String: Any])?["fd"] ?? items["fd"]) ?? -1
        address =
            Self.address(items["address"], sockets[process]?[descriptor])
            // What it connects to is never left out: an address that says nothing is none that was expected.
            ?? (operation == "sock.connect" ? "an address that says nothing" : nil)
        if operation == "proc.exec", errno == nil, let image = resolved.values.first ?? paths.first {
            programs[process] = image
        }
        program = programs[process] ?? ""
    }

    /// A name: as it is, or `\xHH` for the bytes of one that is no UTF-8; with … where it was cut. A name that went
    /// missing would meet every expectation.
    private static func text(_ value: Any?) -> String? {
        if let text = value as? String { return text }
        guard let fields = value as? [String: Any] else { return nil }
        guard let digits = fields["hex"] as? String else { return text(fields["text"]).map { $0 + "…" } }
        var name = ""
        var rest = digits[...]
        while rest.count >= 2, let byte = UInt8(rest.prefix(2), radix: 16) {
            name += (0x20..<0x7F).contains(byte) ? String(Unicode.Scalar(byte)) : "\\x\(rest.prefix(2))"
            rest = rest.dropFirst(2)
        }
        return name
    }

    private static func number(_ value: Any?) -> Int? { (value as? NSNumber)?.intValue }

    /// What was opened; else what the paths led to; else the paths from where they start.
    private static func paths(_ object: [String: Any], _ items: [String: Any], _ resolved: [String: String]) -> [String]
    {
        let operation = object["operation"] as? String
        if operation == "file.open", let result = object["result"] as? [String: Any],
            let name = text(result["name"])
        {
            return [name]
        }
        if !resolved.isEmpty { return resolved.sorted { $0.key < $1.key }.map(\.value) }
        return ["path", "from_path", "to_path"].compactMap { item in
            guard let path = text(items[item]), !path.isEmpty else { return nil }
            if path.hasPrefix("/") { return URL(fileURLWithPath: path).standardized.path }
            let start = text((items["at"] as? [String: Any])?["name"]) ?? "."
            return URL(fileURLWithPath: start + "/" + path).standardized.path
        }
    }

    private static func transport(_ items: [String: Any]) -> String {
        let (family, type) = (items["family"] as? String ?? "", items["type"] as? String ?? "")
        if family == "AF_UNIX" { return "unix" }
        if family == "AF_NETLINK" { return "netlink" }
        return type.contains("SOCK_DGRAM") ? "udp" : type.contains("SOCK_STREAM") ? "tcp" : "other"
    }

    private static func address(_ value: Any?, _ transport: String?) -> String? {
        guard let fields = value as? [String: Any] else { return nil }
        if let path = self.text(fields["sun_path"]) ?? self.text(fields["path"]) {
            // `@"name"` is a name of the abstract namespace, which policies write as `@name`.
            return "unix " + (path.hasPrefix("@\"") ? "@" + path.dropFirst(2).dropLast() : path)
        }
        // `htons(80)`, `inet_addr("10.0.0.1")`: what stands between the quotes, or else the number.
        func text(_ names: String...) -> String? {
            guard let name = names.first(where: { fields[$0] != nil }), let found = fields[name] else { return nil }
            let parts = "\(found)".split(separator: "\"", omittingEmptySubsequences: false)
            if parts.count > 2 { return String(parts[1]) }
            let digits = "\(found)".drop { !$0.isNumber }.prefix { $0.isNumber }
            return "\(found)".hasPrefix("htons(") ? String(digits) : "\(found)"
        }
        guard let port = text("sin_port", "sin6_port", "port"), let host = text("sin_addr", "sin6_addr", "addr", "host")
        else {
            return text("sa_family", "family")
        }
        return "\(transport ?? "tcp") \(host.contains(":") ? "[\(host)]" : host):\(port)"
    }
}
