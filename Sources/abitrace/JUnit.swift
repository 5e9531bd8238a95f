// JUnit's XML, as CI systems read it.

enum JUnit {
    /// A test and why it failed, nil where it did not.
    struct Case {
        var name: String
        var className: String
        var failure: (summary: String, text: String)?
    }

    static func report(_ suite: String, _ cases: [Case]) -> String {
        let failed = cases.filter { $0.failure != nil }.count
        var text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        text += "<testsuite name=\"\(escaped(suite))\" tests=\"\(cases.count)\" failures=\"\(failed)\">\n"
        for each in cases {
            text += "  <testcase name=\"\(escaped(each.name))\" classname=\"\(escaped(each.className))\">"
            if let failure = each.failure {
                text += "\n    <failure message=\"\(escaped(failure.summary))\">"
                text += escaped(failure.text) + "</failure>\n  "
            }
            text += "</testcase>\n"
        }
        return text + "</testsuite>\n"
    }

    /// - Throws: `Failure` where the file cannot be written.
    static func write(_ suite: String, _ cases: [Case], to path: String) throws {
        let output = try Output(path: path, split: false)
        output.write(Array(report(suite, cases).utf8), thread: 0)
        output.close()
        if output.failed { throw Failure(description: "\(path) is not complete") }
    }

    /// Characters that XML cannot hold at all become the replacement character (XML 1.0, 2.2).
    private static func escaped(_ text: String) -> String {
        text.unicodeScalars.reduce(into: "") { out, scalar in
            switch scalar {
            case "&": out += "&amp;"
            case "<": out += "&lt;"
            case ">": out += "&gt;"
            case "\"": out += "&quot;"
            case "\n", "\t": out.unicodeScalars.append(scalar)
            case _ where scalar.value < 0x20: out += "\u{FFFD}"
            default: out.unicodeScalars.append(scalar)
            }
        }
    }
}
