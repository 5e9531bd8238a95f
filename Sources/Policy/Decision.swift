// A decision: what happens to a call, which lines of the policy say so, and who holds it.

import Messages

/// A place in a policy file.
public struct PolicyLine: Hashable, Sendable {
    public var file: String
    /// From 1; 0 for what no line says (a default of the language).
    public var line: Int
    public var column: Int
    /// The line as it is written, without the space around it.
    public var text: String

    public init(file: String, line: Int, column: Int = 1, text: String = "") {
        self.file = file
        self.line = line
        self.column = column
        self.text = text
    }
}

/// A new value for an item of the message (rewrite) or of its answer (reply), as the policy writes it.
public struct Change: Equatable, Sendable {
    public var item: String
    public var value: String
    public var line: PolicyLine

    public init(item: String, value: String, line: PolicyLine) {
        self.item = item
        self.value = value
        self.line = line
    }
}

/// What happens to a call, from the mildest to the strictest.
public enum Verdict: Equatable, Sendable {
    case allow
    /// It runs, and is always reported.
    case warn
    /// It runs with other items; the original never reaches the kernel.
    case rewrite([Change])
    /// It succeeds without effect; the kernel never sees it.
    case stub
    /// It is answered with these items; the kernel never sees it.
    case reply([Change])
    /// A person or a hook decides.
    case ask
    /// It fails with this errno.
    case deny(Int32)
    /// The whole tree ends.
    case kill

    /// The word that policies and recordings use.
    public var word: String {
        switch self {
        case .allow: "allow"
        case .warn: "warn"
        case .rewrite: "rewrite"
        case .stub: "stub"
        case .reply: "reply"
        case .ask: "ask"
        case .deny: "deny"
        case .kill: "kill"
        }
    }

    /// How strict it is; the strictest of several is what happens.
    public var strictness: Int {
        switch self {
        case .allow: 0
        case .warn: 1
        case .rewrite: 2
        case .stub: 3
        case .reply: 4
        case .ask: 5
        case .deny: 6
        case .kill: 7
        }
    }
}

/// Who holds a decision.
public enum Enforcement: Equatable, Sendable {
    /// The seccomp filter alone: registers decide.
    case kernelFilter
    /// The supervisor decides on a copy and performs the call from it.
    case broker
    /// Checked at a ptrace event, as things then really are.
    case ptraceEvent
    /// It can be raced, and how.
    case advisory(String)

    public var word: String {
        switch self {
        case .kernelFilter: "kernel filter"
        case .broker: "broker"
        case .ptraceEvent: "ptrace event"
        case .advisory: "advisory"
        }
    }
}

/// Why a call is not simply allowed.
public enum Cause: Equatable, Sendable {
    /// A class, an operation or a case of one is switched.
    case switched(String)
    /// It is refused unless named, and why.
    case refusedByDefault(name: String, reason: String)
    /// The object is not there for this program.
    case hidden([UInt8])
    /// The handle in a role lacks rights; `object` says what it is.
    case missing(Rights, role: HandleRole, object: [UInt8])
    /// No pattern covers the address.
    case address(AddressFact)
    /// The file is not among the programs that may run, or is not the one that was named.
    case program([UInt8])
    /// Moving or linking would give the object rights that it does not have where it is.
    case widening(from: [UInt8], to: [UInt8])
    /// What the decision is about could not be read, or was not looked up.
    case unknown(String)
    /// A rule's `where` holds.
    case rule(because: String)
}

/// One reason of a decision.
public struct Reason: Equatable, Sendable {
    public var verdict: Verdict
    public var cause: Cause
    /// The line that says so; nil where the language's default does.
    public var line: PolicyLine?

    public init(_ verdict: Verdict, _ cause: Cause, _ line: PolicyLine?) {
        self.verdict = verdict
        self.cause = cause
        self.line = line
    }
}

/// What is done with a call.
public struct Decision: Equatable, Sendable {
    public var verdict: Verdict
    /// Every reason for something stricter than `allow`, the strictest first. Empty where the call is allowed.
    public var reasons: [Reason]
    public var enforcement: Enforcement

    public init(_ verdict: Verdict, reasons: [Reason] = [], enforcement: Enforcement = .broker) {
        self.verdict = verdict
        self.reasons = reasons
        self.enforcement = enforcement
    }

    /// Nothing stands in the call's way.
    public static let allowed = Decision(.allow)

    public var isAllowed: Bool { verdict == .allow }

    /// The errno that the program sees, nil where it is not refused with one.
    public var errno: Int32? {
        if case .deny(let number) = verdict { return number }
        return nil
    }

    /// The policy line that decided.
    public var line: PolicyLine? { reasons.first?.line }
}
