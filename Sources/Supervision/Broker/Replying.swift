// Answers that a policy gives in the kernel's place.

import CLinux
import Glibc
import Interception
import Messages
import Personalities
import Policy

extension Work {
    /// Puts the answer into the caller's memory. What the policy leaves open is what the kernel would say.
    func reply(_ changes: [Change]) throws(CallError) -> Answer {
        let known = knownAnswer()
        let family = try? Kernel.option(descriptor(integer(0)).number, 39)  // SO_DOMAIN
        let reply: EncodedReply
        do throws(EncodingFault) {
            reply = try Encoder(stop.personality).reply(
                to: stop, changes.map { ItemChange(item: $0.item, value: $0.value) },
                otherwise: { known[$0] },
                address: { Address(written: $0)?.sockaddr(family: family.map { UInt16(clamping: $0) }) },
                length: { place in
                    guard let bytes = try? caller.bytes(place, 4) else { return nil }
                    return UInt32(bytes.number(0, 4))
                })
        } catch {
            // An answer that cannot be given is none: the program goes without.
            throw CallError(EACCES)
        }
        for write in reply.writes { try self.write(write.bytes, to: write.address) }
        return .value(reply.result)
    }

    /// What the kernel would answer, by the names of fields: what this machine says to us it says to the caller.
    private func knownAnswer() -> [String: String] {
        switch stop.operation {
        case .sysInfo: stop.name == "sysinfo" ? Self.machine(stop.personality) : Self.names()
        case .timeGet: time()
        default: [:]
        }
    }

    private static func names() -> [String: String] {
        var name = utsname()
        guard uname(&name) == 0 else { return [:] }
        func text<Tuple>(_ tuple: Tuple) -> String {
            withUnsafeBytes(of: tuple) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        }
        return [
            "sysname": text(name.sysname), "nodename": text(name.nodename), "release": text(name.release),
            "version": text(name.version), "machine": text(name.machine), "domainname": text(name.__domainname),
        ]
    }

    /// struct sysinfo of the x86_64 layout (linux/sysinfo.h): uptime, three loads, six sizes, processes, two sizes,
    /// the unit. For 32-bit callers sizes are told in pages, as the kernel does (kernel/sys.c).
    private static func machine(_ personality: Personality) -> [String: String] {
        var words = [UInt64](repeating: 0, count: 16)
        let answer = words.withUnsafeMutableBytes {
            abitrace_call(99, UInt(bitPattern: $0.baseAddress), 0, 0, 0, 0, 0)
        }
        guard answer == 0 else { return [:] }
        let shift: UInt64 = personality == .i386 ? 12 : 0
        let unit = words[13] & 0xFFFF_FFFF
        var known = [
            "uptime": "\(words[0])", "loads": "\(words[1]),\(words[2]),\(words[3])", "procs": "\(words[10] & 0xFFFF)",
            "mem_unit": "\(unit << shift)",
        ]
        let sizes = [
            "totalram", "freeram", "sharedram", "bufferram", "totalswap", "freeswap", "", "totalhigh", "freehigh",
        ]
        for (index, name) in sizes.enumerated() where !name.isEmpty { known[name] = "\(words[4 + index] >> shift)" }
        return known
    }

    /// The clock that is asked for, where it is one that all processes share (clock_gettime(2)).
    private func time() -> [String: String] {
        var clock: Int32 = 0
        if stop.name.hasPrefix("clock_") { clock = integer(0) }
        guard [0, 1, 4, 5, 6, 7, 8, 9, 11].contains(clock) else { return [:] }
        var now = timespec()
        guard clock_gettime(clock, &now) == 0 else { return [:] }
        return ["tv_sec": "\(now.tv_sec)", "tv_nsec": "\(now.tv_nsec)", "tv_usec": "\(now.tv_nsec / 1000)"]
    }
}
