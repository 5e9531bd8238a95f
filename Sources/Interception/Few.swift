// A list that needs no memory of its own while it is short.

/// A list that is empty or short nearly always.
struct Few<Element> {
    private var first: Element?
    private var second: Element?
    private var rest: [Element] = []

    mutating func add(_ element: Element) {
        if first == nil {
            first = element
        } else if second == nil {
            second = element
        } else {
            rest.append(element)
        }
    }

    func forEach(_ body: (Element) -> Void) {
        if let first { body(first) }
        if let second { body(second) }
        for element in rest { body(element) }
    }
}
