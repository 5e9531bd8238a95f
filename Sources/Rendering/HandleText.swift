// What stands behind a descriptor in strace's words: a path (-y), or with sockets, devices and pidfds told (-yy).

import Messages
import Objects

/// How much is said of descriptors.
public enum HandleDetail: Sendable {
    case paths, everything
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
    }

    private func tell(_ value: Value, _ thread: Int32) -> Value {
        value.replacing { part in
            switch part {
            case .referring: part
            case .descriptor(let number), .directory(let number):
                file(number, thread).map { .referring(part, referent($0)) }
            default: nil
            }
        }
    }

    private func file(_ number: Int32, _ thread: Int32) -> OpenFile? {
        if number == -100 { return world.threads[thread]?.context.workingDirectory }  // AT_FDCWD
        return world.handle(number, of: thread)?.file
    }

    func referent(_ file: OpenFile) -> Referent {
        var referent = Referent(name: file.name, isDeleted: file.isDeleted)
        guard detail == .everything else { return referent }
        switch file.kind {
        case .socket:
            if let ends = file.socket {
                referent = Referent(name: SocketText.name(ends, inode: file.inode), isSafe: true)
            }
        case .character: referent.remark = "<char \(Self.device(file.specialDevice))>"
        case .block: referent.remark = "<block \(Self.device(file.specialDevice))>"
        case .pidfd:
            if case .process(let process) = file.detail {
                referent = Referent(name: Array("pid:\(process)".utf8), isSafe: true)
            }
        case .signalfd:
            if case .signals(let set) = file.detail {
                var text = Array("signalfd:".utf8)
                ValueText(style: TextStyle()).append(.signalSet(set), to: &text)
                referent = Referent(name: text, isSafe: true)
            }
        default: break
        }
        return referent
    }

    private static func device(_ device: UInt64) -> String {
        let major = (device >> 8 & 0xFFF) | (device >> 32 & 0xFFFF_F000)
        let minor = (device & 0xFF) | (device >> 12 & 0xFFFF_FF00)
        return "\(major):\(minor)"
    }
}
