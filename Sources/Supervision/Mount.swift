// The mounts that the supervisor sees, as the kernel lists them.

/// A line of /proc/self/mountinfo (proc_pid_mountinfo(5)).
struct Mount {
    let id: UInt64
    /// What of its file system it shows, from the root of that on.
    let root: [UInt8]
    let path: [UInt8]
    /// The numbers of the file system's device.
    private let device: [UInt8]
    private let type: [UInt8]

    /// - Throws: where the kernel does not tell.
    static func all() throws(CallError) -> [Mount] {
        try Kernel.contents("/proc/self/mountinfo").split(separator: 10).compactMap { Mount($0) }
    }

    /// Number, parent, device, root, place, options; a dash ends optional fields, and the type follows.
    private init?(_ line: ArraySlice<UInt8>) {
        let fields = line.split(separator: 32)
        guard fields.count > 5, let dash = fields.firstIndex(where: { $0.elementsEqual([45]) }),
            dash + 1 < fields.count, let id = UInt64(String(decoding: fields[0], as: UTF8.self))
        else { return nil }
        self.id = id
        device = Array(fields[2])
        root = Self.unescaped(fields[3])
        path = Self.unescaped(fields[4])
        type = Array(fields[dash + 1])
    }

    var isProcesses: Bool { type.elementsEqual("proc".utf8) }

    /// Whether it shows the whole of the file system that another one shows some of.
    func isWhole(of other: Mount) -> Bool { root == [UInt8(ascii: "/")] && device == other.device }

    /// A backslash and three octal digits stand for a byte.
    private static func unescaped(_ field: ArraySlice<UInt8>) -> [UInt8] {
        var (bytes, rest) = ([UInt8](), field)
        while let first = rest.popFirst() {
            let digits = rest.prefix(3)
            guard first == 92, digits.count == 3, digits.allSatisfy({ (48...55).contains($0) }) else {
                bytes.append(first)
                continue
            }
            bytes.append(digits.reduce(0) { $0 &<< 3 | ($1 & 7) })
            rest = rest.dropFirst(3)
        }
        return bytes
    }
}
