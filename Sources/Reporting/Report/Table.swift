// Tables of a report: numbers stand right, and columns of them can be sorted by.

/// A table with its columns' names.
struct Table {
    struct Cell {
        var text: String
        /// What it is sorted by, nil for its text.
        var key: Int64?
        var isCode = false
        var isBad = false
        /// Hundredths of a bar, nil for no bar.
        var meter: Int?

        init(_ text: String, _ key: Int64? = nil, isCode: Bool = false, isBad: Bool = false) {
            self.text = text
            self.key = key
            self.isCode = isCode
            self.isBad = isBad
        }

        init(meter: Int) {
            text = ""
            self.meter = meter
        }
    }

    private let columns: [String]
    private let numbers: Set<Int>
    private let isSorted: Bool

    /// - Parameter isSorted: headings are buttons that sort by their column.
    init(_ columns: [String], numbers: Set<Int>, isSorted: Bool = false) {
        self.columns = columns
        self.numbers = numbers
        self.isSorted = isSorted
    }

    /// A row for each of `entries`; `left` is how many there are beside them.
    func draw<Entry>(_ entries: ArraySlice<Entry>, left: Int, _ page: inout HTML, _ row: (Entry) -> [Cell]) {
        page.wrap("div", ["class": "scroll"]) { page in
            page.wrap("table") { page in
                page.wrap("thead") { $0.wrap("tr") { heads(&$0) } }
                page.wrap("tbody") { page in
                    for entry in entries {
                        page.wrap("tr") { page in
                            for (index, cell) in row(entry).enumerated() { draw(cell, index, &page) }
                        }
                    }
                }
            }
        }
        if left > 0 { page.wrap("div", ["class": "more"], "… and \(Figures.count(left)) more") }
    }

    private func heads(_ page: inout HTML) {
        for (index, name) in columns.enumerated() {
            page.wrap("th", ["scope": "col", "class": numbers.contains(index) ? "n" : ""]) { page in
                if isSorted && !name.isEmpty {
                    page.wrap("button", ["type": "button"], name)
                } else {
                    page.say(name)
                }
            }
        }
    }

    private func draw(_ cell: Cell, _ index: Int, _ page: inout HTML) {
        if let meter = cell.meter {
            return page.wrap("td") { page in
                page.wrap("div", ["class": "meter"]) { $0.wrap("i", ["style": "width:\(meter)%"], "") }
            }
        }
        let style = (numbers.contains(index) ? "n" : "") + (cell.isCode ? " m" : "") + (cell.isBad ? " bad" : "")
        if let key = cell.key {
            page.wrap("td", ["class": style, "data-v": "\(key)"], cell.text)
        } else {
            page.wrap("td", ["class": style], cell.text)
        }
    }
}
