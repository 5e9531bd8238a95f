// A report: one page that says what a program touched, and loads nothing from anywhere.

import Messages
import Rendering

/// Draws what was gathered as a page.
public struct Report {
    private let data: ReportData
    private let title: String
    private let remark: String?

    /// - Parameter title: the recording's name.
    /// - Parameter remark: what is missing from the recording, nil where it is whole.
    public init(_ data: ReportData, title: String, remark: String?) {
        self.data = data
        self.title = Words.text(Array(title.utf8))
        self.remark = remark
    }

    /// The page.
    public func page() -> String {
        var page = HTML()
        page.raw("<!doctype html>\n")
        page.wrap("html", ["lang": "en"]) { page in
            head(&page)
            page.wrap("body") { page in
                top(&page)
                contents(&page)
                page.wrap("main") { page in
                    for part in parts { section(part, &page) }
                }
                page.wrap("footer", "Made by abitrace from \(title). This page loads nothing and sends nothing.")
                page.raw("<script>")
                page.raw(PageStyle.script)
                page.raw("</script>")
            }
        }
        return page.text + "\n"
    }

    /// A section of the page.
    private struct Part {
        var id: String
        var name: String
        var lead: String
        var draw: (inout HTML) -> Void
    }

    private var parts: [Part] {
        var parts: [Part] = []
        if let policy = data.policy {
            parts.append(
                Part(id: "policy", name: "Policy", lead: "What \(policy) would refuse, and by which line.") {
                    drawRefusals(&$0)
                })
        }
        if !data.recordedUnder.isEmpty || data.decided > 0 {
            let names = data.recordedUnder.isEmpty ? "a policy" : data.recordedUnder.joined(separator: " and ")
            parts.append(
                Part(id: "decisions", name: "Decisions", lead: "What \(names) said while this was recorded.") {
                    drawDecisions(&$0)
                })
        }
        parts += [
            Part(
                id: "processes", name: "Processes",
                lead:
                    "Who made whom, when each ran, and how it ended. A mark stands where it ran a program; amber ended with a failure, red was killed."
            ) {
                Timeline(data.lives).draw(&$0)
            },
            Part(
                id: "files", name: "Files",
                lead: "Everything that was named or used. Open a directory to see what is in it; / goes to the filter."
            ) { drawFiles(&$0) },
            Part(
                id: "network", name: "Network", lead: "Peers that were connected or sent to, and what was listened on."
            ) {
                drawNetwork(&$0)
            },
            Part(id: "programs", name: "Programs", lead: "What was run, with its arguments.") { drawPrograms(&$0) },
            Part(
                id: "operations", name: "Operations",
                lead: "Time is from the call to its return as it was recorded, waiting and the tracing included."
            ) { drawOperations(&$0) },
            Part(id: "failures", name: "Failures", lead: "Calls that failed, by errno. Many are part of normal work.") {
                drawFailures(&$0)
            },
            Part(id: "identity", name: "Identity and signals", lead: "Changes of users, groups and capabilities.") {
                drawIdentity(&$0)
            },
        ]
        return parts
    }

    // MARK: The frame

    private func head(_ page: inout HTML) {
        page.wrap("head") { page in
            page.element("meta", ["charset": "utf-8"])
            page.element("meta", ["name": "viewport", "content": "width=device-width, initial-scale=1"])
            // The page's own script runs, and no other: names of a tracee could hold one.
            page.element(
                "meta",
                [
                    "http-equiv": "Content-Security-Policy",
                    "content": "default-src 'none'; style-src 'unsafe-inline'; script-src '\(PageStyle.scriptDigest)'",
                ])
            page.wrap("title", "\(command) – abitrace")
            page.raw("<style>")
            page.raw(PageStyle.css)
            page.raw("</style>")
        }
    }

    /// What the first program was called with.
    private var command: String {
        guard let first = data.lives.all.first else { return title }
        let words = first.runs.first?.arguments ?? []
        return words.isEmpty ? title : words.joined(separator: " ").cut(160)
    }

    private func top(_ page: inout HTML) {
        let lives = data.lives
        page.wrap("header") { page in
            page.wrap("h1", ["class": "m"], command)
            page.wrap("p", title)
            if let remark { page.wrap("p", ["class": "bad"], remark) }
            page.wrap("div", ["class": "figures"]) { page in
                figure(Figures.time(lives.last - (lives.first ?? lives.last)), "from start to end", &page)
                figure(Figures.count(lives.all.count), lives.all.count == 1 ? "process" : "processes", &page)
                figure(Figures.count(data.calls), "calls", &page)
                figure(Figures.count(data.errors), "failed", &page)
                figure(Figures.count(data.files.changed(limit: 0).count), "files changed", &page)
                figure(Figures.count(data.connects.count), data.connects.count == 1 ? "peer" : "peers", &page)
                if data.decided > 0 { figure(Figures.count(data.opposed), "refused or changed", &page) }
                if data.policy != nil { figure(Figures.count(data.refused), "would be refused", &page) }
            }
        }
    }

    private func figure(_ number: String, _ words: String, _ page: inout HTML) {
        page.wrap("div") { page in
            page.wrap("b", number)
            page.wrap("span", words)
        }
    }

    private func contents(_ page: inout HTML) {
        page.wrap("nav", ["aria-label": "Sections"]) { page in
            page.wrap("ul") { page in
                for part in parts {
                    page.wrap("li") { $0.wrap("a", ["href": "#\(part.id)"], part.name) }
                }
            }
        }
    }

    private func section(_ part: Part, _ page: inout HTML) {
        page.wrap("section", ["id": part.id, "aria-labelledby": "\(part.id)-title"]) { page in
            page.wrap("h2", ["id": "\(part.id)-title"], part.name)
            page.wrap("p", part.lead)
            part.draw(&page)
        }
    }

    // MARK: Sections

    private func drawFiles(_ page: inout HTML) {
        let changed = data.files.changed(limit: 100)
        page.wrap("h3", changed.count == 0 ? "Nothing was changed" : "What was changed")
        for (path, deeds) in changed.paths {
            page.wrap("div") { page in
                page.wrap("span", ["class": "m"], path)
                FileTree.badges(deeds.subtracting(.looked), &page)
            }
        }
        if changed.count > changed.paths.count {
            page.wrap(
                "div", ["class": "more"], "… and \(Figures.count(changed.count - changed.paths.count)) more, below")
        }
        page.wrap("h3", "All files")
        if data.files.count == 0 { return page.wrap("p", ["class": "none"], "No file was named.") }
        page.wrap("div", ["class": "tools"]) { drawTools(&$0) }
        var tree = FileTree(data.files)
        tree.draw(&page)
        if data.files.left > 0 {
            page.wrap(
                "p", ["class": "none"], "\(Figures.count(data.files.left)) more uses of other files are left out.")
        }
    }

    private func drawTools(_ page: inout HTML) {
        page.element(
            "input",
            ["id": "find", "type": "search", "placeholder": "Part of a path", "aria-label": "Filter files by path"])
        page.wrap("select", ["id": "deed", "aria-label": "Filter files by what was done"]) { page in
            page.wrap("option", ["value": ""], "anything was done")
            for entry in Deeds.words {
                page.wrap("option", ["value": FileTree.style(entry.word)], "\(entry.word): \(entry.meaning)")
            }
        }
        page.wrap("button", ["id": "open", "type": "button"], "Open all")
        page.wrap("button", ["id": "close", "type": "button"], "Close all")
        page.wrap("span", ["id": "told", "class": "soft", "role": "status"], "")
    }

    private func drawNetwork(_ page: inout HTML) {
        if data.connects.isEmpty && data.listens.isEmpty {
            return page.wrap("p", ["class": "none"], "No address was named.")
        }
        for (name, list) in [("Connected or sent to", data.connects), ("Bound or listened on", data.listens)]
        where !list.isEmpty {
            page.wrap("h3", name)
            let sorted = list.sorted { ($1.value.calls, $0.key) < ($0.value.calls, $1.key) }
            Table(["Address", "Calls", "Sent", "Received", "Failures"], numbers: [1, 2, 3]).draw(
                sorted.prefix(500), left: sorted.count - 500, &page
            ) { entry in
                let peer = entry.value
                let failures = peer.failures.sorted { $0.key < $1.key }.map { "\($0.key) × \($0.value)" }
                return [
                    Table.Cell(entry.key, isCode: true), Table.Cell(Figures.count(peer.calls), Int64(peer.calls)),
                    Table.Cell(peer.bytesOut == 0 ? "" : Figures.bytes(peer.bytesOut), peer.bytesOut),
                    Table.Cell(peer.bytesIn == 0 ? "" : Figures.bytes(peer.bytesIn), peer.bytesIn),
                    Table.Cell(failures.joined(separator: ", "), isBad: true),
                ]
            }
        }
    }

    private func drawPrograms(_ page: inout HTML) {
        var programs: [String: (count: Int, commands: [String: Int])] = [:]
        for life in data.lives.all {
            for run in life.runs {
                let name = run.arguments.first.map { Words.base(Array($0.utf8)) } ?? "(unknown)"
                let command = run.arguments.joined(separator: " ").cut(2000)
                programs[name, default: (0, [:])].count += 1
                if (programs[name]?.commands.count ?? 0) < 100 {
                    programs[name]?.commands[command, default: 0] += 1
                }
            }
        }
        if programs.isEmpty { return page.wrap("p", ["class": "none"], "Nothing was run while it was recorded.") }
        let sorted = programs.sorted { ($1.value.count, $0.key) < ($0.value.count, $1.key) }
        for (name, program) in sorted.prefix(500) {
            page.wrap("details") { page in
                page.wrap("summary") { page in
                    page.wrap("b", ["class": "m"], name)
                    page.wrap("span", ["class": "d"], Figures.counted(program.count, "time", "times"))
                }
                for (command, count) in program.commands.sorted(by: { $0.key < $1.key }) {
                    page.wrap("div", ["class": "leaf m cmd"], command + (count > 1 ? "   × \(count)" : ""))
                }
            }
        }
    }

    private func drawOperations(_ page: inout HTML) {
        let sorted = data.operations.sorted { ($1.value.time, $0.key) < ($0.value.time, $1.key) }
        let longest = max(1, sorted.first?.value.time ?? 1)
        Table(["Operation", "Calls", "Failed", "Time", "Average", ""], numbers: [1, 2, 3, 4], isSorted: true).draw(
            sorted[...], left: 0, &page
        ) { entry in
            let tally = entry.value
            let average = tally.time / Int64(max(1, tally.calls))
            return [
                Table.Cell(entry.key, isCode: true), Table.Cell(Figures.count(tally.calls), Int64(tally.calls)),
                Table.Cell(tally.errors == 0 ? "" : Figures.count(tally.errors), Int64(tally.errors)),
                Table.Cell(Figures.time(tally.time), tally.time), Table.Cell(Figures.time(average), average),
                Table.Cell(meter: Int(tally.time * 100 / longest)),
            ]
        }
    }

    private func drawFailures(_ page: inout HTML) {
        if data.failures.isEmpty { return page.wrap("p", ["class": "none"], "No call failed.") }
        let groups = Dictionary(grouping: data.failures) { $0.key.errno }
        let sorted = groups.map { ($0.key, $0.value, $0.value.reduce(0) { $0 + $1.value.count }) }
            .sorted { ($1.2, $0.0) < ($0.2, $1.0) }
        for (errno, entries, count) in sorted {
            page.wrap("details") { page in
                page.wrap("summary") { page in
                    page.wrap("b", ["class": "m"], errno)
                    page.wrap("span", ["class": "d"], Figures.counted(count, "call", "calls"))
                    let names = entries.sorted { $0.value.count > $1.value.count }.prefix(4).map(\.key.operation)
                    page.wrap("span", ["class": "soft"], "  " + names.joined(separator: ", "))
                }
                for (failing, failure) in entries.sorted(by: { $0.value.count > $1.value.count }) {
                    page.wrap(
                        "h3", ["class": "leaf"],
                        "\(failing.operation), \(Figures.counted(failure.count, "call", "calls"))")
                    for (object, count) in failure.objects.sorted(by: { ($1.value, $0.key) < ($0.value, $1.key) })
                        .prefix(50)
                    {
                        page.wrap("div", ["class": "leaf m"], object + (count > 1 ? "   × \(count)" : ""))
                    }
                    if failure.objects.count > 50 { page.wrap("div", ["class": "more"], "… and others") }
                }
            }
        }
    }

    private func drawIdentity(_ page: inout HTML) {
        if data.credentials.isEmpty {
            page.wrap("p", ["class": "none"], "No process changed who it is.")
        } else {
            let start = data.lives.first ?? 0
            Table(["After", "Process", "Change"], numbers: [0, 1]).draw(
                data.credentials[...], left: data.credentialCount - data.credentials.count, &page
            ) { change in
                [
                    Table.Cell(Figures.time(change.time - start), change.time),
                    Table.Cell("\(change.process)", Int64(change.process)), Table.Cell(change.text, isCode: true),
                ]
            }
        }
        guard !data.signals.isEmpty else { return }
        page.wrap("h3", "Signals that were delivered")
        page.wrap("p", ["class": "none"]) { page in
            let words = data.signals.sorted { $0.key < $1.key }.map { "\($0.key) × \(Figures.count($0.value))" }
            page.wrap("span", ["class": "m"], words.joined(separator: ", "))
        }
    }

    private func drawRefusals(_ page: inout HTML) {
        if data.refusals.isEmpty {
            return page.wrap(
                "p", ["class": "good none"], "Nothing: every one of \(Figures.count(data.calls)) calls is allowed.")
        }
        drawByLine(data.refusals, &page)
    }

    private func drawDecisions(_ page: inout HTML) {
        if data.decisions.isEmpty {
            return page.wrap(
                "p", ["class": "good none"],
                "Every one of \(Figures.counted(data.decided, "call", "calls")) that were asked about was allowed.")
        }
        drawByLine(data.decisions, &page)
    }

    /// How many answers of a line are shown without being asked for.
    private static let answersShown = 12

    /// Answers under the lines that give them, the most frequent first.
    private func drawByLine(_ answers: [ReportData.Answer: Int], _ page: inout HTML) {
        let lines = Dictionary(grouping: answers) { $0.key.line }
            .map { (line: $0.key, answers: $0.value, count: $0.value.reduce(0) { $0 + $1.value }) }
            .sorted { ($1.count, $0.line) < ($0.count, $1.line) }
        for (line, answers, count) in lines {
            let sorted = answers.sorted { ($1.value, $0.key.subject) < ($0.value, $1.key.subject) }.prefix(500)
            page.wrap("details", ["open": ""]) { page in
                page.wrap("summary") { page in
                    page.wrap("span", ["class": "m"], line)
                    page.wrap("span", ["class": "d failed"], Figures.counted(count, "call", "calls"))
                }
                for (answer, count) in sorted.prefix(Self.answersShown) { draw(answer, count, &page) }
                let rest = sorted.dropFirst(Self.answersShown)
                if rest.isEmpty { return }
                page.wrap("details", ["class": "leaf"]) { page in
                    page.wrap("summary", ["class": "soft"], "\(Figures.count(rest.count)) more")
                    for (answer, count) in rest { draw(answer, count, &page) }
                }
                if answers.count > sorted.count { page.wrap("div", ["class": "more"], "… and others") }
            }
        }
    }

    private func draw(_ answer: ReportData.Answer, _ count: Int, _ page: inout HTML) {
        page.wrap("div", ["class": "leaf"]) { page in
            page.wrap("span", ["class": "m"], answer.subject)
            page.wrap("span", ["class": "d failed"], answer.verdict)
            if count > 1 { page.wrap("span", ["class": "soft"], "  × \(Figures.count(count))") }
            if !answer.words.isEmpty { page.wrap("div", ["class": "soft"], answer.words) }
        }
    }
}
