// JSON Lines: one object a call, when it is complete, and one an event that is no call.
//
// {"id":1,"time":1700000000000000000,"thread":7,"process":7,"event":"call","personality":"x86_64","call":"openat",
//  "operation":"file.open","class":"file","items":{"at":-100,…},"result":3,"duration":1200}
// A call that failed has "errno":"ENOENT"; one that never came back has no "result"; one that a signal interrupted has
// "interrupted":true, and the call that takes it up again names its id in "restarts". Bytes that are not UTF-8 are
// {"hex":"…"}; a string that was cut is {"text":"…","total":n}.

import Messages

/// Writes events as JSON objects, a line each.
public struct JSONLines: Sendable {
    public init() {}

    /// A call; `end` is the event of its return, nil where there was none.
    public func call(_ event: Event, _ given: Message, end: Event?) -> [UInt8] {
        let message = given.canonical
        var object = JSONObject()
        head(event, "call", &object)
        object.add("personality", .string(message.personality.name))
        object.add("call", .string(message.name))
        object.add("operation", .string(message.operation.name))
        object.add("class", .string(message.operation.operationClass.name))
        object.add("items", .raw(Self.items(message).text))
        if !message.resolved.isEmpty { object.add("resolved", Self.resolved(message.resolved)) }
        if let reply = message.reply {
            if let errno = reply.errno {
                object.add(
                    "errno",
                    .string(Names.errno(errno) ?? LineText.restarts[errno].map { _ in "ERESTART" } ?? "\(errno)"))
                if Reply.isRestart(reply.raw) { object.add("interrupted", .raw("true")) }
            } else {
                object.add("result", Self.value(reply.value))
                if let auxiliary = reply.auxiliary { object.add("meaning", Self.value(auxiliary)) }
            }
        }
        if !message.decisions.isEmpty {
            object.add("decisions", .raw("[" + message.decisions.map(Self.decision).joined(separator: ",") + "]"))
        }
        if let end { object.add("duration", .raw("\(end.time - event.time)")) }
        return Array((object.text + "\n").utf8)
    }

    /// An event that is no call; `auxiliary` is the vector that a new image began with.
    public func other(_ event: Event, auxiliary: Value? = nil) -> [UInt8] {
        var object = JSONObject()
        switch event.happening {
        case .entry, .exit: return []
        case .started(let parent, let attached):
            head(event, "started", &object)
            object.add("parent", .raw("\(parent)"))
            object.add("attached", .raw("\(attached)"))
        case .created(let child, let how):
            head(event, "created", &object)
            object.add("child", .raw("\(child)"))
            object.add("how", .string("\(how)"))
        case .executed(let former):
            head(event, "executed", &object)
            object.add("former", .raw("\(former)"))
            if let auxiliary { object.add("auxv", Self.value(auxiliary)) }
        case .signal(let info):
            head(event, "signal", &object)
            object.add("signal", .string(Names.signal(info.number)))
            object.add("info", Self.value(info.record()))
        case .stopped(let signal):
            head(event, "stopped", &object)
            object.add("signal", .string(Names.signal(signal)))
        case .continued: head(event, "continued", &object)
        case .exited(let status):
            head(event, "exited", &object)
            object.add("status", .raw("\(status)"))
        case .killed(let signal, let core):
            head(event, "killed", &object)
            object.add("signal", .string(Names.signal(signal)))
            object.add("core", .raw("\(core)"))
        case .detached: head(event, "detached", &object)
        case .lost(let calls):
            head(event, "lost", &object)
            object.add("calls", .raw("\(calls)"))
        }
        return Array((object.text + "\n").utf8)
    }

    /// What a message says, by the names of its items.
    package static func items(_ message: Message) -> JSONObject {
        var items = JSONObject()
        for constant in message.constants { items.add(constant.name, .string(constant.value)) }
        for argument in message.arguments {
            let name = argument.item == "-" || argument.item.isEmpty ? argument.name : argument.item
            items.add(items.has(name) ? argument.name : name, Self.value(argument.value))
        }
        return items
    }

    private func head(_ event: Event, _ kind: String, _ object: inout JSONObject) {
        if event.id != 0 { object.add("id", .raw("\(event.id)")) }
        if event.restarts != 0 { object.add("restarts", .raw("\(event.restarts)")) }
        object.add("time", .raw("\(event.time)"))
        object.add("thread", .raw("\(event.thread)"))
        object.add("process", .raw("\(event.process)"))
        object.add("event", .string(kind))
    }

    /// What a policy said, why, what came of it, and the facts that it was said on.
    private static func decision(_ decision: RecordedDecision) -> String {
        var object = JSONObject()
        object.add("verdict", .string(decision.verdict))
        if decision.errno != 0 {
            object.add("errno", .string(Names.errno(decision.errno) ?? "\(decision.errno)"))
        }
        if !decision.changes.isEmpty {
            var changes = JSONObject()
            for change in decision.changes { changes.add(change.item, .string(change.value)) }
            object.add("changes", .raw(changes.text))
        }
        if decision.line > 0 {
            object.add("file", .string(decision.file))
            object.add("line", .raw("\(decision.line)"))
        }
        if !decision.reason.isEmpty { object.add("reason", .string(decision.reason)) }
        object.add("enforcement", .string(decision.enforcement))
        object.add("effect", .string(decision.effect.name))
        if !decision.program.isEmpty { object.add("program", bytes(Bytes(decision.program))) }
        if !decision.facts.isEmpty {
            object.add("facts", .raw("[" + decision.facts.map(fact).joined(separator: ",") + "]"))
        }
        if !decision.counts.isEmpty {
            let counts = decision.counts.map { count in
                var object = JSONObject()
                object.add("file", .string(count.file))
                object.add("line", .raw("\(count.line)"))
                object.add("number", .raw("\(count.number)"))
                return object.text
            }
            object.add("counts", .raw("[" + counts.joined(separator: ",") + "]"))
        }
        return object.text
    }

    private static func fact(_ fact: DecisionFact) -> String {
        var object = JSONObject()
        object.add("kind", .string(fact.kind.name))
        object.add("role", .string(fact.role.name))
        if fact.number >= 0 { object.add("number", .raw("\(fact.number)")) }
        if !fact.path.isEmpty { object.add("path", bytes(Bytes(fact.path))) }
        if fact.kind != .address && fact.kind != .unnameable {
            object.add("mode", .raw("\(fact.mode)"))
            object.add("exists", .raw("\(fact.exists)"))
        }
        if !fact.rights.isEmpty { object.add("rights", .string(fact.rights.expression)) }
        if !fact.derived.isEmpty {
            object.add("derived", .string(fact.derived == .all ? "all" : fact.derived.expression))
        }
        if !fact.digest.isEmpty {
            object.add("sha256", .string(fact.digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()))
        }
        if !fact.address.isEmpty {
            object.add("address", SocketText.address(fact.address).map { .string($0) } ?? bytes(Bytes(fact.address)))
        }
        return object.text
    }

    /// What paths led to, by the name of the argument.
    private static func resolved(_ paths: [ResolvedPath]) -> JSONText {
        var object = JSONObject()
        for path in paths { object.add(path.argument, bytes(Bytes(path.path))) }
        return .raw(object.text)
    }

    // MARK: Values

    package static func value(_ value: Value) -> JSONText {
        switch value {
        case .signed(let number): return .raw("\(number)")
        case .unsigned(let number), .hexadecimal(let number), .octal(let number), .permissions(let number),
            .fileMode(let number), .device(let number), .address(let number), .unended(_, at: let number):
            return .raw("\(number)")
        // AT_FDCWD (linux/fcntl.h) is a name, not a descriptor.
        case .directory(-100): return .string("AT_FDCWD")
        case .descriptor(let number), .directory(let number), .process(let number): return .raw("\(number)")
        case .user(let id), .group(let id): return .raw("\(id)")
        case .nanoseconds(let time): return .raw("\(time)")
        case .bytes(let bytes), .path(let bytes), .remainder(_, let bytes): return self.bytes(bytes)
        case .list(let values), .cutList(let values), .brokenList(let values, at: _):
            return .raw("[" + values.map { self.value($0).text }.joined(separator: ",") + "]")
        case .record(let fields):
            var object = JSONObject()
            for field in fields where !field.name.isEmpty { object.add(field.name, self.value(field.value)) }
            return .raw(object.text)
        case .message(let operation, let arguments):
            var object = JSONObject()
            object.add("operation", .string(operation.name))
            for argument in arguments {
                let name = argument.item.isEmpty || object.has(argument.item) ? argument.name : argument.item
                object.add(name, self.value(argument.value))
            }
            return .raw(object.text)
        case .spelled(_, let number): return .raw("\(number)")
        case .written(.signed(let number), _): return .raw("\(number)")
        case .written(.unsigned(let number), _) where value.unnamedInterface != nil: return .raw("\(number)")
        case .named(_, let inner), .commented(let inner, _): return self.value(inner)
        case .abbreviated(_, let whole): return self.value(whole)
        case .referring(let value, let referent):
            var object = JSONObject()
            object.add("fd", self.value(value))
            object.add("name", self.bytes(Bytes(referent.name)))
            if !referent.remark.isEmpty { object.add("remark", .string(referent.remark)) }
            if referent.isDeleted { object.add("deleted", .raw("true")) }
            return .raw(object.text)
        case .change(let before, let after):
            var object = JSONObject()
            object.add("before", self.value(before))
            object.add("after", self.value(after))
            return .raw(object.text)
        default:
            // Names and applied names are text in every form.
            var style = TextStyle()
            style.stringLimit = Int.max
            var text: [UInt8] = []
            ValueText(style: style).append(value, to: &text)
            return .string(String(decoding: text, as: UTF8.self))
        }
    }

    private static func bytes(_ bytes: Bytes) -> JSONText {
        let text: JSONText
        if let string = String(validating: bytes.bytes, as: UTF8.self) {
            text = .string(string)
        } else {
            let digits = bytes.bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
            text = .raw("{\"hex\":\"\(digits)\"}")
        }
        guard UInt64(bytes.bytes.count) < bytes.total else { return text }
        var object = JSONObject()
        object.add("text", text)
        object.add("total", .raw("\(bytes.total)"))
        return .raw(object.text)
    }
}

/// A JSON value as text.
package enum JSONText {
    case raw(String)
    case string(String)

    package var text: String {
        switch self {
        case .raw(let text): return text
        case .string(let string): return JSONString.quoted(string)
        }
    }
}

/// A JSON object under way.
package struct JSONObject {
    private var members = ""
    private var names: Set<String> = []

    package init() {}

    package var text: String { "{" + members + "}" }
    package func has(_ name: String) -> Bool { names.contains(name) }

    package mutating func add(_ name: String, _ value: JSONText) {
        if !members.isEmpty { members += "," }
        names.insert(name)
        members += JSONText.string(name).text + ":" + value.text
    }
}
