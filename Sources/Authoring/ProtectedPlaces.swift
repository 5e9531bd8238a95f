// Places that a learned policy treats with care: what holds secrets is never widened, what holds settings seldom.
// Paths here are text as policies write it (PolicyText.pattern).

/// How freely a path may be generalised.
public enum Tier: Int, Comparable, Sendable {
    /// Keys, credentials, other processes: exactly what was seen, and nothing beside it.
    case protected = 0
    /// Settings of the system and of the user: widened only with a comment that says so.
    case guarded = 1
    case ordinary = 2

    public static func < (one: Tier, other: Tier) -> Bool { one.rawValue < other.rawValue }
}

/// Which places are which. Paths under the home directory are given from `~`.
public enum ProtectedPlaces {
    private static let secretInHome = [
        ".ssh", ".gnupg", ".aws", ".azure", ".config/gcloud", ".config/gh", ".kube", ".docker", ".netrc", ".npmrc",
        ".pypirc", ".git-credentials", ".password-store", ".local/share/keyrings", ".mozilla",
        ".config/google-chrome", ".config/chromium", ".thunderbird", ".bash_history", ".zsh_history", ".pgpass",
        ".my.cnf", ".cargo/credentials", ".cargo/credentials.toml",
    ]
    private static let secret = [
        "/etc/shadow", "/etc/gshadow", "/etc/shadow-", "/etc/gshadow-", "/etc/sudoers", "/etc/sudoers.d", "/etc/ssh",
        "/etc/ssl/private", "/root/.ssh", "/var/lib/sss", "/etc/krb5.keytab", "/dev/mem", "/dev/kmem", "/proc/kcore",
        "/proc/sysrq-trigger", "/boot", "/sys/kernel", "/sys/firmware",
    ]
    private static let guarded = ["/etc", "/var", "/home", "/root", "/sys", "/proc", "/dev", "/run", "/srv"]

    /// The tier of a path.
    public static func tier(of path: String, home: String) -> Tier {
        let secrets = secret + secretInHome.map { home + "/" + $0 }
        if secrets.contains(where: { lies(path, in: $0) }) { return .protected }
        // Another user's home, and another process, belong to somebody else.
        if otherProcess(in: path) != nil { return .protected }
        if lies(path, in: home) { return .guarded }
        return guarded.contains { lies(path, in: $0) } ? .guarded : .ordinary
    }

    /// Protected places below a directory: granting the directory must leave them out.
    public static func below(_ directory: String, home: String) -> [String] {
        (secret + secretInHome.map { home + "/" + $0 }).filter { lies($0, in: directory) && $0 != directory }
    }

    /// The path from the working directory or the home, where it lies in one of them.
    static func spelled(_ path: String, workingDirectory: String, home: String) -> String {
        for (place, name) in [(workingDirectory, "${CWD}"), (home, "~")]
        where !place.isEmpty && place != "/" && lies(path, in: place) {
            return name + path.dropFirst(place.count)
        }
        return path
    }

    static func lies(_ path: String, in directory: String) -> Bool {
        path == directory || path.hasPrefix(directory == "/" ? "/" : directory + "/")
    }

    /// What lies behind `/proc/PID`, nil for other paths. The program's own is `/proc/self` here.
    static func otherProcess(in path: String) -> String? {
        guard path.hasPrefix("/proc/") else { return nil }
        let number = path.dropFirst(6).prefix { $0 != "/" }
        guard !number.isEmpty, number.allSatisfy(\.isNumber) else { return nil }
        return String(path.dropFirst(6 + number.count).drop { $0 == "/" })
    }
}
