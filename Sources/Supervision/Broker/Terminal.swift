// The terminal that /dev/tty means: the caller's, not the supervisor's.

import Glibc

extension Work {
    /// Opens the caller's controlling terminal as /dev/tty would for the caller itself. Who has a terminal may open it,
    /// whatever the modes of its device are.
    func openTerminal(_ flags: Int32) throws(CallError) -> Descriptor {
        let device = try Terminal.device(of: caller.thread)
        if device == 0 { throw CallError(ENXIO) }
        return try worker.asSupervisor { () throws(CallError) in
            if try device == Terminal.device(of: getpid()) {
                return try Kernel.openPlainly(AT_FDCWD, Array("/dev/tty".utf8), flags: flags)
            }
            let terminal = try Kernel.openPlainly(AT_FDCWD, try Terminal.path(of: device), flags: flags)
            guard try Kernel.status(terminal.number).st_rdev == device else { throw CallError(ENXIO) }
            return terminal
        }
    }
}

enum Terminal {
    /// The number of /dev/tty, 5:0 (Documentation/admin-guide/devices.txt).
    static let controlling: dev_t = 5 << 8
    /// The majors of pseudo terminals, 256 to each.
    private static let pseudoTerminals: ClosedRange<UInt64> = 136...143

    /// The number of a thread's controlling terminal, 0 for none (proc(5), the seventh field of the stat file).
    static func device(of thread: Int32) throws(CallError) -> dev_t {
        let text = try Kernel.contents("/proc/\(thread)/stat")
        // The second field, in parentheses, is the program's to choose.
        guard let end = text.lastIndex(of: UInt8(ascii: ")")) else { throw CallError(ENXIO) }
        let fields = text[(end + 1)...].split(separator: 32)
        guard fields.count > 4, let number = Int32(String(decoding: fields[4], as: UTF8.self)) else {
            throw CallError(ENXIO)
        }
        // new_encode_dev (linux/kdev_t.h) and gnu_dev_makedev agree in these bits.
        return dev_t(UInt32(bitPattern: number))
    }

    /// Where the device of a terminal is.
    static func path(of device: dev_t) throws(CallError) -> [UInt8] {
        let major = UInt64(device >> 8) & 0xFFF
        let minor = UInt64(device & 0xFF) | UInt64(device >> 12) & 0xFFF00
        if pseudoTerminals.contains(major) {
            return Array("/dev/pts/\((major - pseudoTerminals.lowerBound) * 256 + minor)".utf8)
        }
        let text = try Kernel.contents("/sys/dev/char/\(major):\(minor)/uevent")
        guard let name = text.split(separator: 10).first(where: { $0.starts(with: "DEVNAME=".utf8) }) else {
            throw CallError(ENXIO)
        }
        return Array("/dev/".utf8) + name.dropFirst(8)
    }
}
