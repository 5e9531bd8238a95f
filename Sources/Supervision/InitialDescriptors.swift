// The descriptors that a program starts with: its own, narrowed to what a policy grants, and those made for it.

import Glibc
import Interception
import Messages
import Policy

/// A descriptor that a program starts with.
public struct InitialDescriptor: Sendable {
    /// Ours, of which the program gets a copy.
    let ours: Int32
    /// The number in the program's table.
    let number: Int32
    /// What may be done through it.
    let rights: Rights
}

/// An object that a program holds from its start on, and what it may do there because it holds it.
struct InitialHandle: Sendable {
    let device: UInt64
    let inode: UInt64
    let rights: Rights
    /// Where it lies, for a directory: names below it can be reached through it.
    let directory: [UInt8]?
    /// Its address, for a socket that listens: what it accepts has the same.
    let socketName: [UInt8]?
}

/// Why a descriptor that a policy gives could not be made.
public struct GiveError: Error, Equatable, CustomStringConvertible {
    let give: Give
    let errno: Int32

    public var description: String {
        let how =
            switch give.source {
            case .open(let path): "open \(String(decoding: path, as: UTF8.self))"
            case .listen(let transport, let address): "listen on \(transport.name) \(address.text)"
            case .connect(let transport, let address): "connect to \(transport.name) \(address.text)"
            }
        return "\(give.line.place): \(give.name): cannot \(how): \(String(cString: strerror(errno)))"
    }
}

/// The descriptors of one launch. What is not in it is closed for the program.
public struct InitialDescriptors: Sendable {
    /// By rising numbers.
    public private(set) var list: [InitialDescriptor] = []
    /// What the kernel cannot hold of the rights that are granted, in words.
    public private(set) var gaps: [String] = []
    /// What is not given although a policy names it, in words.
    public private(set) var remarks: [String] = []
    /// Flags of descriptions that others share with us, to be put back in the end.
    private var formerFlags: [(number: Int32, flags: Int32)] = []
    /// Files that were opened again: whoever shares the former description goes on where the program ends.
    private var openedAgain: [(number: Int32, copy: Int32)] = []

    /// For a program whose descriptors are nobody's business.
    static let untouched = InitialDescriptors()

    /// Every descriptor that we have inherited ourselves, as it is.
    public static func asInherited() -> InitialDescriptors {
        var all = InitialDescriptors()
        all.list = inherited().map { InitialDescriptor(ours: copy($0), number: $0, rights: .all) }
        return all
    }

    /// What a policy grants of the inherited descriptors, and what it gives.
    /// - Throws: `GiveError` for one that cannot be made.
    public init(_ policy: Policy) throws(GiveError) {
        var entries: [Int32: InitialDescriptor] = [:]
        for number in Self.inherited() {
            guard let rights = policy.rightsOfInherited(number) else { continue }
            entries[number] = InitialDescriptor(
                ours: narrowed(number, rights, policy.place(ofHandle: number)), number: number, rights: rights)
        }
        for give in policy.gives {
            guard let rights = policy.rightsOfInherited(give.number) else {
                remarks.append(
                    "\(give.line.place): \(give.name) is not given: another policy grants no such descriptor")
                continue
            }
            if let other = entries.updateValue(
                InitialDescriptor(ours: try Self.make(give, rights), number: give.number, rights: rights),
                forKey: give.number)
            {
                close(other.ours)
            }
        }
        list = entries.values.sorted { $0.number < $1.number }
    }

    private init() {}

    /// What the broker has to know of them.
    var handles: [InitialHandle] {
        list.compactMap { entry -> InitialHandle? in
            guard let status = try? Kernel.status(entry.ours) else { return nil }
            var path = [CChar](repeating: 0, count: 4096)
            var directory: [UInt8]?
            if status.st_mode & S_IFMT == S_IFDIR {
                let count = readlink("/proc/self/fd/\(entry.ours)", &path, path.count)
                directory = path.prefix(max(0, count)).map { UInt8(bitPattern: $0) }
            }
            return InitialHandle(
                device: UInt64(status.st_dev), inode: UInt64(status.st_ino), rights: entry.rights, directory: directory,
                socketName: Self.listeningName(entry.ours))
        }
    }

    private static func listeningName(_ number: Int32) -> [UInt8]? {
        // SO_ACCEPTCONN (asm-generic/socket.h)
        guard (try? Kernel.option(number, 30)) == 1 else { return nil }
        return try? SocketAddress.name(of: number)
    }

    /// Lets our copies go: who waits for the end of a pipe or a connection waits for the program alone.
    func release() {
        for entry in list { close(entry.ours) }
    }

    /// Puts back what was changed where others see it.
    public func restore() {
        for (number, flags) in formerFlags { _ = fcntl(number, F_SETFL, flags) }
        for (number, copy) in openedAgain { lseek(number, lseek(copy, 0, SEEK_CUR), SEEK_SET) }
    }

    // MARK: Inherited

    /// The numbers of the descriptors that were open when we started; what we open ourselves closes on exec.
    private static func inherited() -> [Int32] {
        guard let folder = opendir("/proc/self/fd") else { return [] }
        defer { closedir(folder) }
        var numbers: [Int32] = []
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard let number = Int32(name), fcntl(number, F_GETFD) & FD_CLOEXEC == 0 else { continue }
            numbers.append(number)
        }
        return numbers.sorted()
    }

    private static func copy(_ number: Int32) -> Int32 { fcntl(number, F_DUPFD_CLOEXEC, 3) }

    /// A descriptor of the same object that can do no more than the rights say, as far as its mode can hold that.
    private mutating func narrowed(_ number: Int32, _ rights: Rights, _ place: String) -> Int32 {
        let flags = fcntl(number, F_GETFL)
        guard flags >= 0, flags & O_PATH == 0, let status = try? Kernel.status(number) else { return Self.copy(number) }
        let kind = status.st_mode & S_IFMT
        let readable = flags & O_ACCMODE != O_WRONLY
        let writable = flags & O_ACCMODE != O_RDONLY
        let reads = rights.contains(kind == S_IFDIR ? Right.readdir : Right.read)
        let appends = kind == S_IFREG && writable && rights.contains(Right.write) && !rights.contains(Right.seek)
        if (!readable || reads) && (!writable || rights.contains(Right.write)) {
            if appends && flags & O_APPEND == 0 {
                // Whoever shares the description shares its place in the file too: a new one would lose that.
                formerFlags.append((number, flags))
                _ = fcntl(number, F_SETFL, flags | O_APPEND)
            }
            return Self.copy(number)
        }
        if kind == S_IFSOCK {
            gaps.append("\(place): a socket, which no mode narrows")
            return Self.copy(number)
        }
        var wanted = kind == S_IFDIR ? O_PATH : Self.mode(readable && reads, writable && rights.contains(Right.write))
        wanted |= flags & (O_NONBLOCK | O_SYNC | O_DSYNC | O_DIRECT | O_APPEND) | (appends ? O_APPEND : 0)
        let opened = Glibc.open("/proc/self/fd/\(number)", wanted | O_CLOEXEC | O_NOCTTY)
        guard opened >= 0 else {
            gaps.append("\(place): it cannot be opened again (\(String(cString: strerror(errno))))")
            return Self.copy(number)
        }
        if kind == S_IFREG {
            lseek(opened, lseek(number, 0, SEEK_CUR), SEEK_SET)
            openedAgain.append((number, Self.copy(opened)))
        }
        return opened
    }

    /// The access mode of open(2); the fourth, which permits neither, is the one that its notes describe.
    private static func mode(_ reads: Bool, _ writes: Bool) -> Int32 {
        switch (reads, writes) {
        case (true, true): O_RDWR
        case (true, false): O_RDONLY
        case (false, true): O_WRONLY
        case (false, false): O_ACCMODE
        }
    }

    // MARK: Given

    private static func make(_ give: Give, _ rights: Rights) throws(GiveError) -> Int32 {
        do throws(CallError) {
            switch give.source {
            case .open(let path): return try open(path, rights)
            case .listen(let transport, let address): return try GivenSocket(transport, address).listening()
            case .connect(let transport, let address): return try GivenSocket(transport, address).connected(rights)
            }
        } catch {
            throw GiveError(give: give, errno: error.errno)
        }
    }

    private static func open(_ path: [UInt8], _ rights: Rights) throws(CallError) -> Int32 {
        var status = stat()
        let isThere = stat(String(decoding: path, as: UTF8.self), &status) == 0
        var flags = mode(rights.contains(Right.read), rights.contains(Right.write))
        if isThere && status.st_mode & S_IFMT == S_IFDIR {
            flags = O_DIRECTORY | (rights.contains(Right.readdir) ? O_RDONLY : O_PATH)
        } else {
            if rights.contains(Right.write) && !rights.contains(Right.seek) { flags |= O_APPEND }
            if !isThere && rights.contains(Right.createFile) { flags |= O_CREAT }
        }
        let number = try Kernel.withName(path) { name throws(CallError) in
            try Kernel.call(Number.openat, Int(AT_FDCWD), name, Int(flags | O_CLOEXEC | O_NOCTTY), 0o666)
        }
        return Int32(number)
    }
}

extension Policy {
    /// The line about an inherited descriptor, in words.
    fileprivate func place(ofHandle number: Int32) -> String {
        let names = ["\(number)", number < 3 ? ["stdin", "stdout", "stderr"][Int(number)] : "inherited"]
        let grant = layers.flatMap(\.handles).first { names.contains($0.name) }
        let name = names[number < 3 ? 1 : 0]
        return grant.map { "\($0.line.place): the rights of \(name)" } ?? "the rights of \(name)"
    }
}
