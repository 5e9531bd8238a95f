// Calls whose effect hangs on registers and on what those stand for: decided on copies, and performed on them where the
// caller's numbers could change meanwhile.

import Glibc
import Interception
import Messages
import Personalities

extension Work {
    /// Decides a call that names no file and no address by memory. The kernel performs it where nobody but the caller
    /// can give its numbers a new meaning, and we do where that can be done from outside. What is left can be raced: a
    /// strict authority refuses it.
    mutating func pass(_ row: CallRow) throws(CallError) -> Answer {
        let dependsOnMemory = row.argumentRows.contains { argument in
            argument.direction != .exit && argument.type.kind == .path
        }
        if dependsOnMemory || row.carriesCalls {
            throw CallError(refused(.unnameable("nobody performs \(row.name) on a program's behalf")))
        }
        var handles: [Held] = []
        var copies: [Int: Descriptor] = [:]
        for argument in row.argumentRows where argument.type.shape == .value {
            let number = integer(Int(argument.register))
            switch argument.type.kind {
            case .descriptor, .directory:
                guard let role = role(of: argument.item, row.operation(stop.arguments)) else { continue }
                guard let held = try copy(number, row.operation) else { continue }
                copies[Int(argument.register)] = held
                let found = try Found(held)
                handles.append(try self.held(found, as: number, role))
            case .process where argument.item == "who":
                guard case .watched = standing(of: number) else { continue }
                handles.append(Held(number: number, role: .who, path: Array("child".utf8), mode: 0))
            default: continue
            }
        }
        if row.operation == .memProtect { handles += try backings(address(0), address(1)) }
        try require(.handles(handles))
        if row.operation(stop.arguments) == .procFork && stop.arguments[0] & Self.sharesFiles == Self.sharesFiles {
            worker.broker.callers.shareTables()
        }
        try requireRoom(row.operation(stop.arguments))
        if handles.allSatisfy({ $0.role == .who }) { return .proceed }
        if try !sharesDescriptors() { return .proceed }
        if let answer = try performOnCopies(row, copies) { return answer }
        try requireRaceable(row)
        return .proceed
    }

    /// A number that stands for nothing is the kernel's to refuse. To map memory it may mean nothing; -1 asks signalfd(2)
    /// for a new descriptor.
    private func copy(_ number: Int32, _ operation: Messages.Operation) throws(CallError) -> Descriptor? {
        do throws(CallError) {
            return try descriptor(number)
        } catch {
            if operation == .memMap || operation == .eventCreate && number == -1 { return nil }
            throw error
        }
    }

    private func requireRoom(_ operation: Messages.Operation) throws(CallError) {
        guard operation == .procFork || operation == .threadCreate else { return }
        if worker.broker.tasks.mayMake(caller.thread) { return }
        _ = refused(.unnameable("more processes and threads than the policy's limit"))
        throw CallError(EAGAIN)
    }

    /// CLONE_FILES (linux/sched.h).
    private static let sharesFiles: UInt64 = 0x400

    private func requireRaceable(_ row: CallRow) throws(CallError) {
        guard worker.broker.authority.isStrict else { return }
        _ = refused(.unnameable("\(row.name) in a process with threads, which could change what it is about"))
        throw CallError(EACCES)
    }

    private func role(of item: String, _ operation: Messages.Operation) -> HandleRole? {
        switch item {
        case "fd", "at": operation == .eventChange ? .target : .object
        case "in_fd": .input
        case "out_fd": .output
        case "queue": .queue
        default: nil
        }
    }

    /// The files that lie behind a stretch of memory (proc(5), the maps file).
    private func backings(_ start: UInt64, _ length: UInt64) throws(CallError) -> [Held] {
        let text = try worker.asSupervisor { () throws(CallError) in
            try Kernel.contents("/proc/\(caller.thread)/maps")
        }
        var handles: [Held] = []
        for line in text.split(separator: 10) {
            let words = line.split(separator: 32, maxSplits: 5, omittingEmptySubsequences: true)
            let bounds = (words.first ?? []).split(separator: UInt8(ascii: "-")).map { digits in
                UInt64(String(decoding: digits, as: UTF8.self), radix: 16) ?? 0
            }
            guard bounds.count == 2, bounds[0] < start &+ length, bounds[1] > start else { continue }
            let name = words.count > 5 ? Array(words[5].drop { $0 == 32 }) : Array("anonymous memory".utf8)
            handles.append(Held(number: -1, role: .backing, path: name, mode: 0))
        }
        return handles
    }
}
