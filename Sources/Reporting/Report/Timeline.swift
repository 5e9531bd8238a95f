// The timeline: a bar a process, from its beginning to its end, under the process that made it.

import Messages
import Rendering

/// Draws lives as rows.
struct Timeline {
    private let lives: Lives
    private let start: Int64
    private let span: Int64
    private static let limit = 400

    init(_ lives: Lives) {
        self.lives = lives
        start = lives.first ?? 0
        span = max(1, lives.last - start)
    }

    func draw(_ page: inout HTML) {
        let rows = ordered()
        if rows.isEmpty { return page.wrap("p", ["class": "none"], "No process was seen.") }
        axis(&page)
        for (place, depth) in rows.prefix(Self.limit) { row(lives.all[place], depth, &page) }
        if rows.count > Self.limit {
            page.wrap("div", ["class": "more"], "… and \(Figures.count(rows.count - Self.limit)) more processes")
        }
    }

    private func axis(_ page: inout HTML) {
        page.wrap("div", ["class": "life axis", "aria-hidden": "true"]) { page in
            page.wrap("span", "")
            page.wrap("span") { page in
                for part in 0...4 { page.wrap("span", Figures.time(span * Int64(part) / 4)) }
            }
            page.wrap("span", "")
        }
    }

    /// Makers before what they made, each with its depth. Iterative: a chain of forks may be long.
    private func ordered() -> [(place: Int, depth: Int)] {
        var children: [Int: [Int]] = [:]
        var stack: [(place: Int, depth: Int)] = []
        for (place, life) in lives.all.enumerated().reversed() {
            if let parent = life.parent {
                children[parent, default: []].append(place)
            } else {
                stack.append((place, 0))
            }
        }
        var rows: [(place: Int, depth: Int)] = []
        while let next = stack.popLast() {
            rows.append(next)
            for child in children[next.place] ?? [] { stack.append((child, next.depth + 1)) }
        }
        return rows
    }

    private func row(_ life: Life, _ depth: Int, _ page: inout HTML) {
        let command = lives.command(of: life).joined(separator: " ")
        let ending = Words.ending(life.ending)
        let end = life.ended ?? lives.last
        let words =
            "\(life.process) \(command.cut(400)): \(Figures.counted(life.calls, "call", "calls")), \(ending)"
            + " after \(Figures.time(end - life.began))"
        page.wrap("div", ["class": "life", "title": words]) { page in
            page.wrap("span", ["class": "who m", "style": "padding-left:\(min(depth, 12) * 14)px"]) { page in
                page.say(lives.name(of: life) + " ")
                page.wrap("span", ["class": "pid"], "\(life.process)")
            }
            page.wrap(
                "svg",
                ["viewBox": "0 0 1000 14", "preserveAspectRatio": "none", "role": "img", "aria-label": words]
            ) { page in
                let left = place(life.began)
                let width = max(2, place(end) - left)
                page.wrap(
                    "rect",
                    [
                        "x": "\(min(left, 998))", "y": "2", "width": "\(width)", "height": "10", "rx": "2",
                        "class": style(life.ending),
                    ], "")
                for run in life.runs.prefix(20) {
                    let x = "\(place(run.time))"
                    page.wrap("line", ["x1": x, "x2": x, "y1": "1", "y2": "13"], "")
                }
            }
            page.wrap("span", ["class": "n"], Figures.time(end - life.began))
        }
    }

    private func place(_ time: Int64) -> Int { Int(min(1000, max(0, (time - start) * 1000 / span))) }

    private func style(_ happening: Happening?) -> String {
        switch happening {
        case .killed: "killed"
        case .exited(let status) where status != 0: "nonzero"
        default: ""
        }
    }
}
