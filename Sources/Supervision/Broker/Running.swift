// Decides which programs run: the file, and whatever the kernel loads to run it.

import Glibc
import Interception
import Messages
import Policy

extension Work {
    /// execve and execveat cannot be performed for a caller. The decision on the copy saves a caller that asks for
    /// what it may not have; what really runs is judged again when it is loaded, before its first instruction.
    mutating func run(_ base: Int32, _ argument: Int, _ flags: Int32) throws(CallError) -> Answer {
        let (found, _) = try object(base, argument, flags)
        // Not even what its contents are.
        if worker.broker.authority.hides(found.path, calling) { throw CallError(EACCES, about: found.path) }
        let files = try Image(found).chain(seenBy: &self)
        try require(.programs(files.scripts + files.loaded))
        if let lost = (files.scripts + files.loaded).first(where: { !worker.broker.opens.run($0.path) }) {
            let name = String(decoding: lost.path, as: UTF8.self)
            throw CallError(
                refused(.unnameable("\(name) lies in a directory that has come to be since the start: start again")))
        }
        worker.broker.runs(caller.thread, files.scripts)
        return .proceed
    }
}

/// A file that the kernel is asked to run.
struct Image {
    private let found: Found

    init(_ found: Found) { self.found = found }

    /// BINPRM_BUF_SIZE (linux/binfmts.h): how far the kernel looks for an interpreter's name.
    private static let headLimit = 256
    /// Interpreters of interpreters (fs/exec.c); the kernel answers ELOOP beyond.
    private static let depthLimit = 5

    /// The scripts that the kernel is led on by, and all that it loads in the end.
    func chain(
        seenBy work: inout Work, depth: Int = 0
    ) throws(CallError) -> (scripts: [PathFact], loaded: [PathFact]) {
        guard found.kind == S_IFREG else { throw CallError(EACCES) }
        if depth > Self.depthLimit { throw CallError(ELOOP) }
        let contents = try ImageContents(of: found.object, by: work.worker)
        if contents.isLoader {
            throw CallError(work.refused(.unnameable("the dynamic loader, which would run what it is given")))
        }
        let wantsDigest = work.worker.broker.authority.wantsDigest
        let fact = try Self.fact(found, wantsDigest(found.path, work.caller.process) ? contents : nil)
        guard let interpreter = contents.interpreter else { return ([], [fact]) }
        let next = try work.resolution.object(interpreter, from: AT_FDCWD)
        if contents.isScript {
            let files = try Image(next).chain(seenBy: &work, depth: depth + 1)
            return ([fact] + files.scripts, files.loaded)
        }
        let isWanted = wantsDigest(next.path, work.caller.process)
        return ([], [fact, try Self.fact(next, isWanted ? ImageContents(of: next.object, by: work.worker) : nil)])
    }

    /// What is decided on: a file that is only in memory has no path, and no kind that a policy names.
    private static func fact(_ found: Found, _ contents: ImageContents?) throws(CallError) -> PathFact {
        let path = found.isNamed ? found.path : Array(found.path.drop { $0 == UInt8(ascii: "/") })
        var fact = PathFact(path: path, kind: found.isNamed ? FileKind(mode: UInt32(found.kind)) : .unknown)
        if let contents { fact.digest = try contents.digest() }
        return fact
    }

    /// What a process was loaded from, looked at when it is loaded: its file first, then the loader that the kernel
    /// has mapped for it. Nil where that file is itself a loader.
    static func loaded(_ process: Int32, by authority: any Authority) throws(CallError) -> [PathFact]? {
        let object = try Kernel.openPlainly(AT_FDCWD, Array("/proc/\(process)/exe".utf8), flags: O_PATH)
        let found = try Found(object)
        let contents = try ImageContents(of: object, by: nil)
        if contents.isLoader { return nil }
        var facts = [try fact(found, authority.wantsDigest(of: found.path, process) ? contents : nil)]
        var seen: [Mapping] = []
        for mapping in try mappings(process) where !seen.contains(mapping) {
            seen.append(mapping)
            // Numbers are one file system's: another file may have the program's. A name may be gone by now.
            let isProgram =
                mapping.inode == UInt64(found.status.st_ino)
                && (mapping.path == found.path || mapping.path == found.path + Array(" (deleted)".utf8))
            if isProgram { continue }
            facts.append(try fact(mapping, authority.wantsDigest(of: mapping.path, process)))
        }
        return facts
    }

    private struct Mapping: Equatable {
        let path: [UInt8]
        let inode: UInt64
    }

    /// The files behind a process's memory (proc(5), the maps file).
    private static func mappings(_ process: Int32) throws(CallError) -> [Mapping] {
        try Kernel.contents("/proc/\(process)/maps").split(separator: 10).compactMap { line in
            // Addresses, permissions, offset, device, inode, name.
            let words = line.split(separator: 32, maxSplits: 5, omittingEmptySubsequences: true)
            guard words.count == 6, let inode = UInt64(String(decoding: words[4], as: UTF8.self)), inode != 0 else {
                return nil
            }
            return Mapping(path: Array(words[5].drop { $0 == 32 }), inode: inode)
        }
    }

    /// Of the very file that is mapped: one that has another name by now has no digest that anybody wants.
    private static func fact(_ mapping: Mapping, _ wantsDigest: Bool) throws(CallError) -> PathFact {
        var fact = PathFact(path: mapping.path)
        guard wantsDigest else { return fact }
        let object = try Kernel.openPlainly(AT_FDCWD, mapping.path, flags: O_PATH)
        guard try UInt64(Kernel.status(object.number).st_ino) == mapping.inode else { return fact }
        fact.digest = try ImageContents(of: object, by: nil).digest()
        return fact
    }
}

/// What of a program's file says how it is loaded (elf(5), execve(2)).
struct ImageContents {
    private(set) var interpreter: [UInt8]?
    private(set) var isScript = false
    /// A shared object that is no program: the dynamic loader, run by its own name.
    private(set) var isLoader = false
    private let file: Descriptor

    init(of object: Descriptor, by worker: Worker?) throws(CallError) {
        let name = Array("/proc/self/fd/\(object.number)".utf8)
        if let worker {
            file = try worker.asSupervisor { () throws(CallError) in
                try Kernel.openPlainly(AT_FDCWD, name, flags: O_RDONLY)
            }
        } else {
            file = try Kernel.openPlainly(AT_FDCWD, name, flags: O_RDONLY)
        }
        let head = Self.read(file, 0, 256)
        if head.starts(with: "#!".utf8) {
            readScript(head)
        } else if head.starts(with: [0x7F, 0x45, 0x4C, 0x46]) && head.count >= 64 {
            readELF(file, head)
        }
    }

    /// SHA-256 of the whole file.
    func digest() throws(CallError) -> [UInt8] {
        var digest = SHA256()
        var offset: UInt64 = 0
        while true {
            let bytes = Self.read(file, offset, 1 << 16)
            if bytes.isEmpty { return digest.finish() }
            digest.add(bytes)
            offset += UInt64(bytes.count)
        }
    }

    private static func read(_ file: Descriptor, _ offset: UInt64, _ count: Int) -> [UInt8] {
        guard offset <= UInt64(Int64.max) else { return [] }
        var bytes = [UInt8](repeating: 0, count: count)
        let got = pread(file.number, &bytes, count, Int(offset))
        return Array(bytes.prefix(max(0, got)))
    }

    private mutating func readScript(_ head: [UInt8]) {
        let line = head.dropFirst(2).prefix { $0 != 10 && $0 != 0 }
        let name = line.drop { $0 == 32 || $0 == 9 }.prefix { $0 != 32 && $0 != 9 }
        isScript = true
        if !name.isEmpty { interpreter = Array(name) }
    }

    private mutating func readELF(_ file: Descriptor, _ head: [UInt8]) {
        let isWide = head[4] == 2
        let isShared = head.number(16, 2) == 3
        let start = isWide ? head.number(32, 8) : head.number(28, 4)
        let size = Int(head.number(isWide ? 54 : 42, 2))
        let count = min(Int(head.number(isWide ? 56 : 44, 2)), 512)
        guard size >= 32, size <= 256 else { return }
        let headers = Self.read(file, start, size * count)
        var isProgram = !isShared
        for index in 0..<headers.count / size {
            let header = Array(headers[index * size..<(index + 1) * size])
            let offset = isWide ? header.number(8, 8) : header.number(4, 4)
            let length = Int(min(isWide ? header.number(32, 8) : header.number(16, 4), 65536))
            switch header.number(0, 4) {
            case 3:  // PT_INTERP
                interpreter = Array(Self.read(file, offset, min(length, 4096)).prefix { $0 != 0 })
                isProgram = true
            case 2:  // PT_DYNAMIC: DT_FLAGS_1 with DF_1_PIE makes a shared object a program.
                let entries = Self.read(file, offset, length)
                let width = isWide ? 8 : 4
                for entry in stride(from: 0, to: max(0, entries.count - 2 * width + 1), by: 2 * width)
                where entries.number(entry, width) == 0x6FFF_FFFB
                    && entries.number(entry + width, width) & 0x0800_0000 != 0
                {
                    isProgram = true
                }
            default: break
            }
        }
        isLoader = !isProgram
    }
}
