// Which opens Landlock can hold by itself, and rules that let it: at no place more than the policy grants there.
// The supervisor opens everything else for the program, and is under no rules itself.

import Messages
import Policy

extension LandlockRights {
    /// Each kind of access by which something is opened, and what a policy calls it. Who opens a file to write it sets its
    /// place too; what is made is written by the same rights as what is there.
    fileprivate static let opening: [(access: LandlockRights, rights: Rights)] = [
        (.readFile, .read), (.readDirectory, .readdir), (.writeFile, [.write, .seek]), (.truncate, .resize),
        (.makeFile, .createFile),
    ]
}

extension LandlockRules {
    /// The same rules, without what one would say of more than the policy grants.
    /// - Parameter isPlain: whether names at and below a path mean the same whoever asks.
    /// - Returns: the rules, and the kinds of access that they grant nowhere where the layer does not.
    public func withoutExcess(
        _ layer: PolicyLayer, where isPlain: (_ path: [UInt8]) -> Bool
    ) -> (rules: LandlockRules, held: LandlockRights) {
        var (rules, held) = (self, LandlockRights())
        for (access, rights) in LandlockRights.opening {
            // What every path has is opened unasked, and needs its rules as they are.
            guard handled.contains(access), !layer.isUniversal(rights) else { continue }
            let narrowed = rules.places.map { place in
                layer.grants(rights, throughout: place.path) && isPlain(place.path)
                    ? place : Place(path: place.path, access: place.access.subtracting(access))
            }
            // A program is read by the kernel that runs it.
            let runs = zip(rules.places, narrowed).contains { former, place in
                access == .readFile && place.access.contains(.execute) && former != place
            }
            if runs { continue }
            rules.places = narrowed.filter { !$0.access.isEmpty }
            held.formUnion(access)
        }
        return (rules, held)
    }
}
