// A thread that receives calls, performs them and answers, one after the other.

import CLinux
import Glibc
import Interception
import Messages
import Personalities
import Policy

/// One of the broker's threads. Everything here but `state` is used on that thread alone.
final class Worker: @unchecked Sendable {
    let broker: Broker
    private var wardrobe: Wardrobe
    private var snapshot = Snapshot()
    private let capture = Capture(payloadLimit: 0, elementLimit: 64)
    private let decoder = Decoder()
    private let thread = Kernel.thread()
    private var caller: CallingThread?

    /// To be made on the thread that will work.
    init(broker: Broker) throws(CallError) {
        self.broker = broker
        wardrobe = try Wardrobe()
        // CLONE_FS: mask and working directory of this thread are its own from here on.
        try Kernel.call(Number.unshare, 0x200)
    }

    /// It is asked once in so many calls whether others wait: asking costs a thirtieth of a short call, and where calls
    /// come in crowds the next ones find them too.
    private static let interval = 4

    /// Works until there is no need of it.
    func run() {
        var taken = 0
        repeat {
            let notification = broker.listener.next()
            taken &+= 1
            broker.pool.works(isCrowded: taken % Self.interval == 0 && broker.listener.hasNext)
            if let notification { serve(notification) }
            caller?.wasServed(by: thread)
            caller = nil
        } while broker.pool.takesTurn(isCrowded: broker.listener.hasNext)
    }

    private func serve(_ notification: Notification) {
        broker.interrupted.takes(notification.thread)
        if broker.isLaunch(notification) { return broker.listener.answer(notification.id, .proceed) }
        var answer = Answer.refuse(EACCES)
        var held: Descriptor?
        var used: (name: UsedName, since: UInt64)?
        do throws(CallError) {
            guard
                let caller = try broker.callers.caller(
                    notification.thread, for: thread, waits: { broker.listener.isWaiting(notification.id) })
            else { return }
            self.caller = caller
            snapshot.reset(to: notification.stop)
            capture.entry(&snapshot, memory: caller)
            if broker.remembersNames, let name = UsedName(snapshot, of: caller) {
                guard let since = broker.unknown(name) else {
                    return broker.listener.answer(notification.id, .proceed)
                }
                used = (name, since)
            }
            let credentials = try caller.currentCredentials()
            // What was read is the caller's, if it still waits: its id cannot have been anybody else's meanwhile. Whoever
            // ends from now on has its call ended.
            guard broker.listener.isWaiting(notification.id) else { return }
            var work = Work(
                caller: caller, worker: self, id: notification.id, snapshot: snapshot,
                resolution: Resolution(for: caller, by: self))
            defer { wardrobe.takeOff() }
            try wear(credentials)
            try work.settle()
            answer = try work.performRewriting()
            held = work.held
        } catch {
            answer = error.answer ?? .refuse(error.errno)
        }
        if let used, answer == .proceed { broker.learn(used.name, since: used.since) }
        // A call that is answered by a descriptor needs it until then.
        broker.interrupted.answers(notification.thread, notification.stop, answer)
        withExtendedLifetime(held) { broker.listener.answer(notification.id, answer) }
    }

    // MARK: For the work

    func wear(_ credentials: Credentials) throws(CallError) { try wardrobe.wear(credentials) }

    func showEffective() throws(CallError) { try wardrobe.showEffective() }

    /// Whether messages can be sent in another's name.
    var mayClaim: Bool { wardrobe.own.effective & Self.claims == Self.claims }
    /// CAP_SETGID, CAP_SETUID and CAP_SYS_ADMIN (linux/capability.h).
    private static let claims: UInt64 = 1 << 6 | 1 << 7 | 1 << 21

    /// Runs a call that sends in another's name, where it does.
    func claiming<Result>(_ claims: Bool, _ body: () throws(CallError) -> Result) throws(CallError) -> Result {
        guard claims && mayClaim else { return try body() }
        let own = wardrobe.worn.effective
        try wardrobe.set(effective: own | Self.claims)
        let outcome = Swift.Result { () throws(CallError) in try body() }
        try wardrobe.set(effective: own)
        return try outcome.get()
    }

    /// Runs `body` with the supervisor's own credentials: what it looks up is not the caller's to be allowed.
    func asSupervisor<Result>(_ body: () throws(CallError) -> Result) throws(CallError) -> Result {
        let worn = wardrobe.worn
        wardrobe.takeOff()
        let outcome = Swift.Result { () throws(CallError) in try body() }
        try wardrobe.wear(worn)
        return try outcome.get()
    }

    func message(of snapshot: Snapshot) -> Message { decoder.entry(snapshot) }
}

/// One call while it is performed.
struct Work {
    let caller: CallingThread
    let worker: Worker
    let id: UInt64
    private(set) var snapshot: Snapshot
    private let made: Stop
    var resolution: Resolution
    /// The descriptor that the answer hands over.
    private(set) var held: Descriptor?
    /// What a rule puts in place of items.
    var changes: [Change] = []

    init(caller: CallingThread, worker: Worker, id: UInt64, snapshot: Snapshot, resolution: Resolution) {
        self.caller = caller
        self.worker = worker
        self.id = id
        self.snapshot = snapshot
        made = snapshot.stop
        self.resolution = resolution
    }

    var stop: Stop { snapshot.stop }

    // MARK: Arguments

    /// Registers get other values than the caller gave them.
    mutating func set(_ stop: Stop) { snapshot.stop = stop }

    func integer(_ index: Int) -> Int32 { Int32(truncatingIfNeeded: stop.arguments[index]) }

    func address(_ index: Int) -> UInt64 {
        stop.personality == .i386 ? stop.arguments[index] & 0xFFFF_FFFF : stop.arguments[index]
    }

    /// A name that an argument points to: as a rule has it, else as the snapshot has it.
    func name(_ index: Int) throws(CallError) -> [UInt8] {
        if let name = replacement(of: index) { return name }
        guard let region = snapshot.region(at: stop.arguments[index]), region.errno == 0 else {
            throw CallError(EFAULT)
        }
        guard region.wanted == region.count else { throw CallError(ENAMETOOLONG) }
        return Array(snapshot.arena[region.offset..<region.offset + region.count])
    }

    // MARK: Decisions

    func require(_ found: Found, _ rights: Rights, role: HandleRole = .object) throws(CallError) {
        try require([Need(found, rights, role: role)])
    }

    var calling: Calling {
        Calling(id: id, stop: stop, made: made, thread: caller.thread, process: caller.process)
    }

    func require(_ needs: [Need]) throws(CallError) {
        try require(.objects(needs.map { need throws(CallError) in try watched(need) }))
    }

    /// An object as a policy names it, if it tells the caller of no others.
    func watched(_ need: Need) throws(CallError) -> Need {
        try resolution.requireWatched(need.processFile, need.rights)
        return need.seen(by: caller.process)
    }

    /// Answers at once what registers alone decide.
    func settle() throws(CallError) {
        guard let ruling = worker.broker.authority.settle(calling, worker.message(of: snapshot)) else { return }
        try obey(ruling)
    }

    func require(_ subject: Subject) throws(CallError) {
        try obey(worker.broker.authority.judge(subject, calling, worker.message(of: snapshot)))
    }

    private func obey(_ ruling: Ruling) throws(CallError) {
        // Somebody may have been asked, and taken his time.
        if caller.isGone { throw CallError(EINTR) }
        switch ruling {
        case .allow: return
        case .refuse(let errno): throw CallError(errno)
        case .stub: throw CallError(answering: .value(0))
        case .reply(let changes): throw CallError(answering: try reply(changes))
        // What a rule made of the call is performed; rules do not change it again.
        case .rewrite(let changes): if self.changes.isEmpty { throw CallError(rewriting: changes) }
        case .kill:
            worker.broker.endAll(caller.process)
            throw CallError(EPERM)
        }
    }

    /// Whether the caller may know that there is something.
    func isVisible(_ path: [UInt8]) -> Bool {
        worker.broker.authority.shows(path, calling)
    }

    /// An error as the caller may know it: whatever else would be said of a hidden object, it is not there.
    func disclosed(_ error: CallError) -> CallError {
        if let reason = error.reason { _ = refused(.unnameable(reason)) }
        guard let path = error.about, worker.broker.authority.hides(path, calling) else { return error }
        _ = refused(.unnameable("what is hidden is not there"))
        return CallError(ENOENT)
    }

    /// The errno of something that no policy can allow.
    func refused(_ subject: Subject) -> Int32 {
        if case .refuse(let errno) = worker.broker.authority.judge(
            subject, calling, worker.message(of: snapshot))
        {
            return errno
        }
        return EACCES
    }

    // MARK: Performing

    mutating func hand(over descriptor: Descriptor, closesOnExec: Bool) -> Answer {
        held = descriptor
        return .descriptor(descriptor.number, closesOnExec: closesOnExec)
    }

    /// The caller's number stands for another descriptor from now on, which closes when the former would have.
    mutating func replace(_ number: Int32, by descriptor: Descriptor, result: Int64) throws(CallError) -> Answer {
        held = descriptor
        let text = try worker.asSupervisor { () throws(CallError) in
            try Kernel.contents("/proc/\(caller.thread)/fdinfo/\(number)")
        }
        // The line `flags:` has O_CLOEXEC too (proc(5)).
        let line = text.split(separator: 10).first { $0.starts(with: "flags:".utf8) } ?? []
        let flags = Int32(String(decoding: line.dropFirst(6).filter { $0 > 32 }, as: UTF8.self), radix: 8) ?? 0
        return .replacement(
            descriptor.number, of: number, closesOnExec: flags & O_CLOEXEC != 0, result: result)
    }

    /// What is made gets the caller's mask.
    func wearUmask() throws(CallError) {
        let mask = try worker.asSupervisor { () throws(CallError) in try caller.umask() }
        try Kernel.call(Number.umask, Int(mask))
    }

    /// Puts an answer into the caller's memory.
    func write(_ bytes: [UInt8], to address: UInt64) throws(CallError) {
        try worker.asSupervisor { () throws(CallError) in try caller.write(bytes, to: address) }
    }

    /// A copy of a descriptor of the caller's.
    func descriptor(_ number: Int32) throws(CallError) -> Descriptor {
        try worker.asSupervisor { () throws(CallError) in try caller.descriptor(number) }
    }

    /// A copy of what a directory argument stands for: a descriptor of the caller's, or its working directory.
    func place(_ number: Int32) throws(CallError) -> Descriptor {
        try worker.asSupervisor { () throws(CallError) in try caller.base(number) }
    }

    /// Runs a call that may wait for somebody else. It ends with EINTR when the caller no longer waits for it.
    func waiting<Result>(
        _ mayWait: Bool, _ body: () throws(CallError) -> Result
    ) throws(CallError) -> Result {
        guard mayWait else { return try body() }
        guard worker.broker.pool.makesWay() else { throw CallError(ENOMEM) }
        return try worker.broker.waits.during(id, caller, body)
    }
}
