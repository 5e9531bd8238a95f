// The message form: what is done, with named items, whichever call did it.

import Messages

/// Prints a call as its message: `file.open at=AT_FDCWD path="/etc/passwd" flags=O_RDONLY -> new_fd=3`.
public struct MessageText: Sendable {
    private let values: ValueText

    public init(style: TextStyle) {
        var style = style
        style.namesOperations = true
        values = ValueText(style: style)
    }

    /// One line without its end. A call that a signal interrupted shows its id, for the call that takes it up again.
    public func line(_ event: Event, _ given: Message) -> [UInt8] {
        let message = given.canonical
        var line = Array("\(event.thread) \(message.operation.name)".utf8)
        if event.restarts != 0 { line += " restarts=#\(event.restarts)".utf8 }
        for constant in message.constants { line += " \(constant.name)=\(constant.value)".utf8 }
        for argument in message.arguments {
            let name = argument.item == "-" || argument.item.isEmpty ? argument.name : argument.item
            line += " \(name)=".utf8
            if case .named(_, let value) = argument.value {
                values.append(value, to: &line)
            } else {
                values.append(argument.value, to: &line)
            }
        }
        guard let reply = message.reply else { return line }
        if Reply.isRestart(reply.raw) {
            line += " ! interrupted, as #\(event.id)".utf8
        } else if let errno = reply.errno {
            line += " ! \(Names.errno(errno) ?? "\(errno)")".utf8
        } else if !reply.item.isEmpty {
            line += " -> \(reply.item)=".utf8
            values.append(reply.value, to: &line)
        } else {
            line += " -> ok".utf8
        }
        return line
    }
}
