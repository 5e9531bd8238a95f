// What a policy says by places alone, and of everything that lies there: what rules of the kernel about places can hold.

import Messages

extension Policy {
    /// Whether nothing but the place of a file decides who may open it how: for every program the same, whatever it holds
    /// from its start on.
    public var opensHangOnPlaces: Bool { nested.isEmpty && layers.allSatisfy(\.opensHangOnPlaces) }
}

extension PolicyLayer {
    fileprivate var opensHangOnPlaces: Bool {
        // What it was given narrower than it is could be opened again by its name in /proc: no rule is about pipes.
        let narrowsHandles = handles.contains { handle in
            handle.rights.map { !$0.isSuperset(of: [.read, .write, .seek]) } ?? false
        }
        return !narrowsHandles && (classGrant(.fileOpen)?.verdict ?? .allow) == .allow
            && rules.allSatisfy { !$0.operations.contains(.fileOpen) }
    }

    /// Whether whatever lies at a path and below it, now or later, has these rights.
    public func grants(_ rights: Rights, throughout path: [UInt8]) -> Bool {
        guard let own = self.rights(of: path), own.isSuperset(of: rights) else { return false }
        let components = pathComponents(path)
        return files.allSatisfy { grant in
            !grant.pattern.reaches(below: components) || !grant.isHidden && grant.rights.isSuperset(of: rights)
        }
    }

    /// Whether a name can come to be there.
    public func mayMake(_ path: [UInt8]) -> Bool {
        let making: Rights = [.createFile, .createDir, .createNode, .symlink, .linkTarget, .renameTarget]
        return !(rights(of: path) ?? []).isDisjoint(with: making)
    }
}
