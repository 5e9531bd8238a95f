// A decision as recordings keep it: what a policy said of a call, what came of it, and the facts that it was said on.

/// What came of a decision.
public enum DecisionEffect: UInt8, Sendable, CaseIterable {
    /// The verdict was carried out.
    case done = 1
    /// It was told, and the program did as it liked.
    case told = 2
    /// A person or a hook was asked, and let the call through.
    case agreed = 3
    /// A person or a hook was asked, or nobody was there to ask, and the call was refused.
    case declined = 4

    public var name: String { "\(self)" }
}

/// A new value of an item.
public struct ItemChange: Equatable, Sendable {
    public var item: String
    public var value: String

    public init(item: String, value: String) {
        self.item = item
        self.value = value
    }
}

/// How often a rule that counts had matched in its process, this call included.
public struct RuleCount: Equatable, Sendable {
    public var file: String
    public var line: Int
    public var number: UInt64

    public init(file: String, line: Int, number: UInt64) {
        self.file = file
        self.line = line
        self.number = number
    }
}

/// One thing that a call was about, as the supervisor found it when it decided.
public struct DecisionFact: Equatable, Sendable {
    public enum Kind: UInt8, Sendable, CaseIterable {
        /// What a name led to: `path`, `mode`, `exists`, and the rights that were asked for.
        case object = 1
        /// What a descriptor stood for: `number`, `path`, `mode`.
        case handle = 2
        /// A file to run, or an interpreter that is loaded for it: `path`, `mode`, `digest`.
        case program = 3
        /// A socket address: `path` for a unix socket that has one, else `address`; what the socket was made as.
        case address = 4
        /// Nothing that a policy can speak of; `path` says why.
        case unnameable = 5

        public var name: String { "\(self)" }
    }

    public var kind: Kind
    public var role: HandleRole
    public var number: Int32 = -1
    /// Absolute, links followed; or the kernel's word for what has no path.
    public var path: [UInt8] = []
    /// The bits of `st_mode`, 0 where there was nothing to ask.
    public var mode: UInt32 = 0
    public var exists = true
    /// What was to be done with it, beyond what the call's message says.
    public var rights: Rights = []
    /// What a handle that was given at the start allows, whatever the object's place.
    public var derived: Rights = []
    /// SHA-256 of the file, where a policy asked for it.
    public var digest: [UInt8] = []
    /// A `sockaddr`, with what socket(2) was given for its socket.
    public var address: [UInt8] = []
    public var family: Int32 = 0
    public var type: Int32 = 0
    public var protocolNumber: Int32 = 0
    /// An address to bind, not to reach.
    public var isLocal = false

    public init(_ kind: Kind, role: HandleRole = .object, path: [UInt8] = []) {
        self.kind = kind
        self.role = role
        self.path = path
    }
}

/// What a policy said of a call.
public struct RecordedDecision: Equatable, Sendable {
    /// `allow`, `warn`, `rewrite`, `stub`, `reply`, `ask`, `deny`, `kill`; `inject` where no policy but the command line
    /// says so.
    public var verdict: String
    /// Of a refusal: what the call failed with, 0 else.
    public var errno: Int32 = 0
    /// Of a rewrite or a reply: the new form.
    public var changes: [ItemChange] = []
    /// The line that decided, 0 where the language's own default did.
    public var file = ""
    public var line = 0
    /// Why, in words.
    public var reason = ""
    /// Who held it: `kernel filter`, `broker`, `ptrace event`, or `advisory: …` with the race.
    public var enforcement = ""
    public var effect = DecisionEffect.done
    /// The image that ran.
    public var program: [UInt8] = []
    public var facts: [DecisionFact] = []
    public var counts: [RuleCount] = []

    public init(verdict: String) { self.verdict = verdict }

    /// The call was answered because the command line says so.
    public static let injected: RecordedDecision = {
        var decision = RecordedDecision(verdict: "inject")
        decision.enforcement = "ptrace event"
        return decision
    }()

    /// The thread stood still before the call or after it because the command line says so.
    public static let delayed: RecordedDecision = {
        var decision = RecordedDecision(verdict: "delay")
        decision.enforcement = "ptrace event"
        return decision
    }()

    /// Whether it comes from the command line and not from a policy.
    public var isOfCommandLine: Bool { verdict == "inject" || verdict == "delay" }

    /// Whether the call was simply let through.
    public var isAllowed: Bool { verdict == "allow" }
}
