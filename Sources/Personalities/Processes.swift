// The arguments of calls that make, run and wait for processes.

import Messages

/// Bits of clone's flags that decide what is made (sched.h).
enum CloneFlag {
    static let thread: UInt64 = 0x10000
    static let signalMask: UInt64 = 0xFF
    /// MAX_PID_NS_LEVEL (linux/pid_namespace.h): ids that clone3's set_tid may list.
    static let depth: UInt64 = 32
}

extension CallView {
    /// clone3 says in memory whether it makes a process or a thread.
    func cloneOperation() -> Operation {
        let flags = snapshot.number(at: stop.arguments.a0, width: 8) ?? 0
        return flags & CloneFlag.thread != 0 ? .threadCreate : .procFork
    }

    /// clone's flags carry the exit signal in their lowest byte.
    func cloneFlags(_ raw: UInt64) -> Value {
        let signal = raw & CloneFlag.signalMask
        let flags = raw & ~CloneFlag.signalMask & 0xFFFF_FFFF
        let names = Value.flags(.clone, flags)
        if signal == 0 { return .named("flags", names) }
        let ending = Value.signal(Int32(signal))
        return .named("flags", flags == 0 ? ending : .joined([names, ending]))
    }

    /// Where the kernel stores the child's id for its parent.
    func cloneParent(_ address: UInt64) -> Value {
        guard address != 0, result != nil, let thread = snapshot.number(at: address, width: 4) else {
            return .address(address)
        }
        let number = Int32(truncatingIfNeeded: thread)
        // CLONE_PARENT_SETTID and CLONE_PIDFD (sched.h) never come together.
        return .list([stop.arguments.a0 & 0x1000 != 0 ? .descriptor(number) : .process(number)])
    }

    /// clone's arguments as people know them: named, the stack first, and only those that the flags ask for.
    func cloneOrder(_ arguments: [Argument]) -> [Argument] {
        guard arguments.count == 5 else { return arguments }
        let flags = stop.arguments.a0
        func named(_ index: Int, _ name: String) -> Argument {
            var argument = arguments[index]
            if case .named = argument.value { return argument }
            argument.value = .named(name, argument.value)
            return argument
        }
        let tls = arguments.firstIndex { $0.name == "tls" } ?? 4
        let child = arguments.firstIndex { $0.name == "child_tidptr" } ?? 3
        var order = [named(1, "child_stack"), named(0, "flags")]
        // CLONE_PARENT_SETTID and CLONE_PIDFD, CLONE_SETTLS, CLONE_CHILD_SETTID and CLONE_CHILD_CLEARTID (sched.h)
        if flags & 0x0010_1000 != 0 { order.append(named(2, "parent_tid")) }
        if flags & 0x0008_0000 != 0 { order.append(named(tls, "tls")) }
        if flags & 0x0120_0000 != 0 { order.append(named(child, "child_tidptr")) }
        return order
    }

    /// struct clone_args (linux/sched.h), as far as its size goes.
    func cloneArguments(_ address: UInt64, _ size: UInt64) -> Value {
        guard let flags = snapshot.number(at: address, width: 8), size >= 64 else { return .address(address) }
        func member(_ index: UInt64) -> UInt64 { snapshot.number(at: address &+ index * 8, width: 8) ?? 0 }
        var fields = [Field("flags", .flags(.clone, flags))]
        if flags & 0x1000 != 0 { fields.append(Field("pidfd", .address(member(1)))) }
        if flags & 0x0120_0000 != 0 { fields.append(Field("child_tid", .address(member(2)))) }
        if flags & 0x0010_0000 != 0 { fields.append(Field("parent_tid", .address(member(3)))) }
        let signal = member(4)
        let isSignal = signal > 0 && signal < UInt64(Int32.max)
        fields.append(Field("exit_signal", isSignal ? .signal(Int32(signal)) : .unsigned(signal)))
        fields.append(Field("stack", .address(member(5))))
        fields.append(Field("stack_size", .hexadecimal(member(6))))
        if flags & 0x80000 != 0 { fields.append(Field("tls", .address(member(7)))) }
        if size >= 80, member(8) != 0 || member(9) != 0 {
            fields.append(Field("set_tid", chosenThreads(member(8), member(9))))
            fields.append(Field("set_tid_size", .unsigned(member(9))))
        }
        // CLONE_INTO_CGROUP
        if size >= 88, member(10) != 0 || flags & 0x2_0000_0000 != 0 {
            let isDescriptor = member(10) <= UInt64(Int32.max)
            fields.append(
                Field("cgroup", isDescriptor ? .descriptor(Int32(member(10))) : .unsigned(member(10))))
        }
        if let rest = rest(of: size, after: 88, at: address) {
            fields.append(Field("rest", .remainder(offset: 88, rest)))
        }
        return .record(fields)
    }

    /// The ids that a new process shall have, one for each namespace.
    private func chosenThreads(_ address: UInt64, _ count: UInt64) -> Value {
        guard address != 0, count > 0, count <= CloneFlag.depth else { return .address(address) }
        var threads: [Value] = []
        for index in 0..<count {
            guard let thread = snapshot.number(at: address &+ index * 4, width: 4) else { return .address(address) }
            threads.append(.process(Int32(truncatingIfNeeded: thread)))
        }
        return .list(threads)
    }

    /// What clone3 stored through its struct.
    func cloneAnswer() -> Value? {
        let address = stop.arguments.a0
        guard let flags = snapshot.number(at: address, width: 8) else { return nil }
        func stored(_ offset: UInt64) -> Int32? {
            snapshot.number(at: address &+ offset, width: 8).flatMap { snapshot.number(at: $0, width: 4) }
                .map { Int32(truncatingIfNeeded: $0) }
        }
        var fields: [Field] = []
        // CLONE_PIDFD, CLONE_PARENT_SETTID
        if flags & 0x1000 != 0, let descriptor = stored(8) {
            fields.append(Field("pidfd", .list([.descriptor(descriptor)])))
        }
        if flags & 0x0010_0000 != 0, let thread = stored(24) {
            fields.append(Field("parent_tid", .list([.process(thread)])))
        }
        return fields.isEmpty ? nil : .record(fields)
    }

    /// A NULL-ended list of texts: argv.
    func strings(_ address: UInt64) -> Value {
        guard address != 0 else { return .address(0) }
        var texts: [Value] = []
        for index in 0..<UInt64(4096) {
            guard let pointer = snapshot.number(at: address &+ index * UInt64(word), width: word) else {
                return list(texts, of: index + 1, at: address, size: word)
            }
            if pointer == 0 { return .list(texts) }
            guard snapshot.region(at: pointer) != nil else { return .cutList(texts) }
            texts.append(text(pointer, isPath: false))
        }
        return .cutList(texts)
    }

    /// The environment: its address, and how many variables it has; the variables, where they were kept.
    func environment(_ address: UInt64) -> Value {
        let count = countedEnvironment(address)
        guard let first = snapshot.number(at: address, width: word), first == 0 || snapshot.region(at: first) != nil
        else { return count }
        return .abbreviated(count, strings(address))
    }

    private func countedEnvironment(_ address: UInt64) -> Value {
        guard address != 0 else { return .address(0) }
        for index in 0..<UInt64(8192) {
            guard let pointer = snapshot.number(at: address &+ index * UInt64(word), width: word) else {
                if index == 0 { return .address(address) }
                let number = index == 1 ? "1 var" : "\(index) vars"
                let isBroken = snapshot.isUnreadable(address &+ index * UInt64(word), count: word)
                return .commented(.address(address), isBroken ? "\(number), unterminated" : "\(index)+ vars")
            }
            if pointer == 0 { return .commented(.address(address), index == 1 ? "1 var" : "\(index) vars") }
        }
        return .address(address)
    }

    /// A wait status in the words of wait(2).
    func waitStatus(_ address: UInt64) -> Value {
        guard address != 0 else { return .address(0) }
        guard let raw = snapshot.number(at: address, width: 4), result.map({ $0 > 0 }) ?? false else {
            return .address(address)
        }
        return Self.waitStatus(raw)
    }

    static func waitStatus(_ raw: UInt64) -> Value { .list([.word(describe(status: Int32(truncatingIfNeeded: raw)))]) }

    private static func describe(status: Int32) -> String {
        let signal = status & 0x7F
        if signal == 0 { return "{WIFEXITED(s) && WEXITSTATUS(s) == \((status >> 8) & 0xFF)}" }
        if status & 0xFFFF == 0xFFFF { return "{WIFCONTINUED(s)}" }
        if signal == 0x7F {
            // PTRACE_O_TRACESYSGOOD sets a bit of its own; an event of ptrace stands above the signal (ptrace(2)).
            let marked = (status >> 8) & 0x80 != 0 ? " | 0x80" : ""
            let stopped = "{WIFSTOPPED(s) && WSTOPSIG(s) == \(SignalName.of((status >> 8) & 0x7F))\(marked)}"
            let event = UInt64(UInt32(bitPattern: status) >> 16)
            if event == 0 { return stopped }
            let name = SpecTables.name(of: event, in: .ptraceEvent)
            return stopped + "|" + (name ?? "0x\(String(event, radix: 16)) /* PTRACE_EVENT_??? */") + "<<16"
        }
        let core = status & 0x80 != 0 ? " && WCOREDUMP(s)" : ""
        return "{WIFSIGNALED(s) && WTERMSIG(s) == \(SignalName.of(signal))\(core)}"
    }
}
