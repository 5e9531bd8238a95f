// A socket by its protocol and ends: `TCP:[127.0.0.1:80->127.0.0.1:40001]`, `UNIX-STREAM:[12->13,"/run/x"]`.

import Messages
import Objects
import Personalities

enum SocketText {
    static func name(_ ends: SocketEnds, inode: UInt64) -> [UInt8] {
        let title = title(ends)
        let content: [UInt8]
        switch ends.family {
        case 1: content = unix(ends, inode)  // AF_UNIX
        case 2, 10: content = internet(ends, inode)  // AF_INET, AF_INET6
        case 16: content = netlink(ends, inode)  // AF_NETLINK
        default: content = Array("\(inode)".utf8)
        }
        return Array("\(title):[".utf8) + content + Array("]".utf8)
    }

    /// The protocol where it has a name, the family otherwise.
    private static func title(_ ends: SocketEnds) -> String {
        switch ends.family {
        case 1: return ["UNIX", "UNIX-STREAM", "UNIX-DGRAM"][ends.type == 1 || ends.type == 2 ? Int(ends.type) : 0]
        case 2, 10:
            let name = word(.ipProtocol, ends.protocolNumber, dropping: "IPPROTO_") ?? "\(ends.protocolNumber)"
            return ends.family == 10 ? name + "v6" : name
        default: return word(.socketFamily, ends.family, dropping: "AF_") ?? "socket"
        }
    }

    private static func word(_ set: SymbolSet, _ value: Int32, dropping prefix: String) -> String? {
        let name = Names.symbol(set, UInt64(UInt32(bitPattern: value)))
        guard let name, name.hasPrefix(prefix) else { return nil }
        return String(name.dropFirst(prefix.count))
    }

    // MARK: Unix

    private static func unix(_ ends: SocketEnds, _ inode: UInt64) -> [UInt8] {
        var text = "\(inode)"
        if ends.peerInode != 0 { text += "->\(ends.peerInode)" }
        var line = Array(text.utf8)
        let path = ends.local.dropFirst(2)
        guard !path.isEmpty else { return line }
        line += ",".utf8
        let isAbstract = path.first == 0
        if isAbstract { line += "@".utf8 }
        let name = isAbstract ? Array(path.dropFirst()) : Array(path.prefix { $0 != 0 })
        ValueText(style: TextStyle()).append(.path(Bytes(name)), to: &line)
        return line
    }

    // MARK: Netlink

    /// The protocol and the port that the kernel gave, once it has: struct sockaddr_nl (netlink(7)).
    private static func netlink(_ ends: SocketEnds, _ inode: UInt64) -> [UInt8] {
        guard ends.local.count >= 8, let name = word(.netlinkProtocol, ends.protocolNumber, dropping: "NETLINK_") else {
            return Array("\(inode)".utf8)
        }
        let port = ends.local[4..<8].reversed().reduce(0) { $0 << 8 | UInt32($1) }
        return Array((port == 0 ? "\(inode)" : "\(name):\(port)").utf8)
    }

    // MARK: Internet

    /// A socket without a port has no end to be known by.
    private static func internet(_ ends: SocketEnds, _ inode: UInt64) -> [UInt8] {
        guard let local = end(ends.local), local.port != 0 else { return Array("\(inode)".utf8) }
        var text = local.text
        if let peer = end(ends.peer) { text += "->" + peer.text }
        return Array(text.utf8)
    }

    /// struct sockaddr_in and sockaddr_in6 (ip(7), ipv6(7)).
    /// `10.0.0.1:80`, `@name`; nil for another family.
    static func address(_ bytes: [UInt8]) -> String? {
        // AF_UNIX (linux/socket.h); a name of the abstract namespace begins with NUL.
        if bytes.count > 3, bytes[0] == 1, bytes[1] == 0, bytes[2] == 0 {
            return "@" + String(decoding: bytes[3...], as: UTF8.self)
        }
        return end(bytes)?.text
    }

    private static func end(_ address: [UInt8]) -> (text: String, port: Int)? {
        guard address.count >= 8 else { return nil }
        let port = Int(address[2]) << 8 | Int(address[3])
        if address[0] == 2 {
            return (address[4..<8].map { "\($0)" }.joined(separator: ".") + ":\(port)", port)
        }
        guard address[0] == 10, address.count >= 24 else { return nil }
        return ("[\(InternetAddress.text(Array(address[8..<24])))]:\(port)", port)
    }
}
