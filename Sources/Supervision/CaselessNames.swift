// Finds entries of a policy that another spelling of the same name would go past: some file systems tell no case apart.

import Glibc
import Messages
import Policy

/// The kernel calls an object by the name that it was asked for. Where a directory knows one file by many spellings
/// (casefolded ext4, vfat, shares of other systems), an entry is about one of them.
public enum CaselessNames {
    /// The entries of a policy that take something away under one spelling alone, in words.
    public static func words(_ policy: Policy) -> [String] {
        policy.layers.flatMap { layer in
            layer.files.indices.compactMap { index -> String? in
                let grant = layer.files[index]
                let names = grant.pattern.fixedPrefix
                guard takesAway(index, layer), let directory = caselessDirectory(names) else { return nil }
                return "\(grant.line.place): `\(grant.pattern.text)`: names in \(PolicyText.visible(directory)) "
                    + "are the same in every case, and the entry is about one"
            }
        }
    }

    /// Whether more would be granted at the entry's place without it.
    private static func takesAway(_ index: Int, _ layer: PolicyLayer) -> Bool {
        let grant = layer.files[index]
        var others = layer
        others.files.remove(at: index)
        let path = grant.pattern.fixedPrefix.flatMap { [UInt8(ascii: "/")] + $0 }
        guard let without = Policy(layers: [others]).rights(of: path) else { return false }
        return grant.isHidden ? !without.isEmpty : !without.isSubset(of: grant.rights)
    }

    /// The first directory on the way that gives the same object for a name in the other case.
    private static func caselessDirectory(_ names: [[UInt8]]) -> [UInt8]? {
        var directory: [UInt8] = []
        for name in names {
            let other = name.map { isLetter($0) ? $0 ^ 0x20 : $0 }
            let path = directory + [UInt8(ascii: "/")]
            guard let object = status(path + name) else { return nil }
            if other != name, let same = status(path + other), same.st_ino == object.st_ino,
                same.st_dev == object.st_dev
            {
                return directory.isEmpty ? path : directory
            }
            directory = path + name
        }
        return nil
    }

    private static func isLetter(_ byte: UInt8) -> Bool { (65...90).contains(byte & ~0x20) }

    private static func status(_ path: [UInt8]) -> stat? {
        var status = stat()
        return lstat(path.map { CChar(bitPattern: $0) } + [0], &status) == 0 ? status : nil
    }
}
