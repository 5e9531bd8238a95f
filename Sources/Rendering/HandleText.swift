// What stands behind a descriptor in strace's words: a path (-y), or with sockets, devices and pidfds told (-yy).

import Messages
import Objects

/// What is said beside a descriptor, as strace's `-e decode-fds=` names it.
public struct HandleDetail: OptionSet, Sendable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// The file's path.
    public static let path = HandleDetail(rawValue: 1)
    /// Protocol and addresses of a socket.
    public static let socket = HandleDetail(rawValue: 2)
    /// Major and minor number of a device.
    public static let device = HandleDetail(rawValue: 4)
    /// The process of a pidfd.
    public static let pidfd = HandleDetail(rawValue: 8)
    /// The signals of a signalfd.
    public static let signalfd = HandleDetail(rawValue: 16)
    /// Every member.
    public static let all = HandleDetail(rawValue: 31)
    /// The members as users write them.
    public static let names: [(String, HandleDetail)] = [
        ("path", .path), ("socket", .socket), ("dev", .device), ("pidfd", .pidfd), ("signalfd", .signalfd),
    ]
}

/// Puts what descriptors stand for beside their numbers.
public struct HandleText {
    private let world: World
    private let detail: HandleDetail

    public init(world: World, detail: HandleDetail) {
        self.world = world
        self.detail = detail
    }

    /// The message with the thread's descriptors told, as far as they are known.
    public func tell(_ message: inout Message, thread: Int32) {
        for index in message.arguments.indices {
            message.arguments[index].value = tell(message.arguments[index].value, thread)
        }
        if let value = message.reply?.value { message.reply?.value = tell(value, thread) }
        if message.call == .pidfdGetfd, message.arguments.count > 1 { tellForeign(&message, thread) }
    }

    /// The descriptor that pidfd_getfd takes is another process's.
    private func tellForeign(_ message: inout Message, _ thread: Int32) {
        guard case .referring(.descriptor(let pidfd), _)? = message.arguments.first?.value,
            case .process(let process)? = world.handle(pidfd, of: thread)?.file.detail,
            case .signed(let number) = message.arguments[1].value, let wanted = Int32(exactly: number),
            let told = told(message.arguments[1].value, world.handle(wanted, of: process)?.file)
        else { return }
        message.arguments[1].value = told
    }

    private func tell(_ value: Value, _ thread: Int32) -> Value {
        value.replacing { part in
            switch part {
            case .referring: part
            case .descriptor(let number): told(part, world.handle(number, of: thread)?.file)
            // AT_FDCWD (linux/fcntl.h)
            case .directory(-100): told(part, world.threads[thread]?.context.workingDirectory)
            case .directory(let number): told(part, world.handle(number, of: thread)?.file)
            default: nil
            }
        }
    }

    private func told(_ value: Value, _ file: OpenFile?) -> Value? {
        file.flatMap { referent($0, detail) }.map { .referring(value, $0) }
    }

    func referent(_ file: OpenFile) -> Referent {
        referent(file, detail) ?? Referent(name: file.name, isDeleted: file.isDeleted)
    }

    /// Nil where nothing that was asked for can be said.
    private func referent(_ file: OpenFile, _ detail: HandleDetail) -> Referent? {
        var referent = Referent(name: file.name, isDeleted: file.isDeleted)
        switch file.kind {
        case .socket where detail.contains(.socket):
            if let ends = file.socket { return Referent(name: SocketText.name(ends, inode: file.inode), isSafe: true) }
        case .character where detail.contains(.device):
            referent.remark = "<char \(Self.device(file.specialDevice))>"
            return referent
        case .block where detail.contains(.device):
            referent.remark = "<block \(Self.device(file.specialDevice))>"
            return referent
        case .pidfd where detail.contains(.pidfd):
            if case .process(let process) = file.detail {
                return Referent(name: Array("pid:\(process)".utf8), isSafe: true)
            }
        case .signalfd where detail.contains(.signalfd):
            if case .signals(let set) = file.detail {
                var text = Array("signalfd:".utf8)
                ValueText(style: TextStyle()).append(.signalSet(set), to: &text)
                return Referent(name: text, isSafe: true)
            }
        default: break
        }
        return detail.contains(.path) ? referent : nil
    }

    private static func device(_ device: UInt64) -> String {
        let major = (device >> 8 & 0xFFF) | (device >> 32 & 0xFFFF_F000)
        let minor = (device & 0xFF) | (device >> 12 & 0xFFFF_FF00)
        return "\(major):\(minor)"
    }
}
