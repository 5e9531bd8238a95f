// What a policy said of a call, in a few words for the end of a line.

import Messages

enum DecisionText {
    /// `DENIED by build.yaml:12`; of a change the new items too.
    static func remark(_ decision: RecordedDecision) -> String {
        // As strace says it.
        if decision.isOfCommandLine { return decision.verdict == "inject" ? "INJECTED" : "DELAYED" }
        var text = word(decision)
        if decision.line > 0 {
            text += " by \(visible(String(decision.file.split(separator: "/").last ?? "")))"
            text += ":\(decision.line)"
        } else {
            text += " by default"
        }
        if !decision.changes.isEmpty {
            text += ": " + decision.changes.map { "\(visible($0.item))=\(visible($0.value))" }.joined(separator: ", ")
        }
        return text
    }

    private static func word(_ decision: RecordedDecision) -> String {
        let past: String =
            switch decision.verdict {
            case "deny": "DENIED"
            case "kill": "KILLED"
            case "warn": "WARNED"
            case "rewrite": "REWRITTEN"
            case "reply": "REPLIED"
            case "stub": "STUBBED"
            case "ask": "ASKED"
            default: visible(decision.verdict.uppercased())
            }
        switch decision.effect {
        case .done: return past
        case .told: return "WOULD BE " + past
        case .agreed: return "ASKED AND ALLOWED"
        case .declined: return "ASKED AND DENIED"
        }
    }

    /// Text that ends no bracket and no line.
    private static func visible(_ text: String) -> String {
        var out = ""
        for scalar in text.unicodeScalars {
            if scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value) || "()<>\\".unicodeScalars.contains(scalar) {
                out += "\\x" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
            } else {
                out.unicodeScalars.append(scalar)
            }
        }
        return out
    }
}
