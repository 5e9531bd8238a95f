// Reads questions: `or` binds least, then `and`, then `not`; parentheses group.

import Messages
import Policy
import Rendering

struct WhereReader {
    private struct Token {
        var text: String
        var column: Int
        var isQuoted = false
        /// `=`, `<=`, `(` and the like.
        var isSign = false
    }

    private var tokens: [Token] = []
    private var next = 0
    private var depth = 0
    private let width: Int
    private var mistake: WhereError?

    init(_ text: String) {
        let letters = Array(text)
        width = letters.count
        var place = 0
        while place < letters.count {
            let start = place
            let letter = letters[place]
            if letter.isWhitespace {
                place += 1
            } else if letter == "\"" || letter == "'" {
                place += 1
                while place < letters.count, letters[place] != letter { place += 1 }
                if place == letters.count {
                    mistake = WhereError(column: start + 1, message: "the quote is not closed")
                }
                let words = String(letters[(start + 1)..<min(place, letters.count)])
                tokens.append(Token(text: words, column: start + 1, isQuoted: true))
                place += 1
            } else if "()=!<>".contains(letter) {
                place += 1
                if "!<>=".contains(letter), place < letters.count, letters[place] == "=" { place += 1 }
                tokens.append(Token(text: String(letters[start..<place]), column: start + 1, isSign: true))
            } else {
                while place < letters.count, !letters[place].isWhitespace, !"()=!<>\"'".contains(letters[place]) {
                    place += 1
                }
                tokens.append(Token(text: String(letters[start..<place]), column: start + 1))
            }
        }
    }

    mutating func read() throws(WhereError) -> Where.Test {
        if let mistake { throw mistake }
        let test = try alternatives()
        if let rest = peek { throw error(rest, "expected `and`, `or` or the end, not `\(rest.text)`") }
        return test
    }

    // MARK: Joining

    private var peek: Token? { next < tokens.count ? tokens[next] : nil }

    private func isWord(_ word: String) -> Bool { peek.map { !$0.isQuoted && $0.text == word } ?? false }

    private mutating func take(_ what: String) throws(WhereError) -> Token {
        guard let token = peek else {
            throw WhereError(column: width + 1, message: "expected \(what), but it ends here")
        }
        next += 1
        return token
    }

    private func error(_ token: Token, _ message: String) -> WhereError {
        WhereError(column: token.column, message: message)
    }

    private mutating func alternatives() throws(WhereError) -> Where.Test {
        var tests = [try conjunction()]
        while isWord("or") {
            next += 1
            tests.append(try conjunction())
        }
        return tests.count == 1 ? tests[0] : .any(tests)
    }

    private mutating func conjunction() throws(WhereError) -> Where.Test {
        var tests = [try negation()]
        while isWord("and") {
            next += 1
            tests.append(try negation())
        }
        return tests.count == 1 ? tests[0] : .all(tests)
    }

    private mutating func negation() throws(WhereError) -> Where.Test {
        depth += 1
        defer { depth -= 1 }
        let token = try take("a condition")
        guard depth < 100 else { throw error(token, "nested too deep") }
        if !token.isQuoted, token.text == "not" || token.text == "!" { return .not(try negation()) }
        guard token.isSign, token.text == "(" else { return try condition(token) }
        let inner = try alternatives()
        let end = try take("`)`")
        guard end.isSign, end.text == ")" else { throw error(end, "expected `)`, not `\(end.text)`") }
        return inner
    }

    // MARK: Conditions

    private mutating func condition(_ token: Token) throws(WhereError) -> Where.Test {
        if token.isSign || token.isQuoted { throw error(token, "expected a condition, not `\(token.text)`") }
        if let sign = peek, sign.isSign, sign.text != "(", sign.text != ")", sign.text != "!" {
            next += 1
            return try comparison(token, sign)
        }
        if isWord("under") || isWord("has") || isWord("lacks") {
            let sign = try take("a word")
            return try comparison(token, sign)
        }
        switch token.text {
        case "failed": return .failed
        case "succeeded": return .succeeded
        case "interrupted": return .interrupted
        case "unfinished": return .unfinished
        default: break
        }
        if let operation = Messages.Operation.allCases.first(where: { $0.name == token.text }) {
            return .operation(operation)
        }
        if token.text.hasSuffix(".*") { return try group(token, String(token.text.dropLast(2))) }
        if Self.callNames.contains(token.text) { return .call(token.text) }
        if Self.subjects.contains(token.text) || Predicate.itemNames.contains(token.text) {
            let place = peek ?? Token(text: "", column: width + 1)
            throw error(place, "expected =, !=, <, <=, >, >=, under, has or lacks after `\(token.text)`")
        }
        throw error(token, "`\(token.text)` is no operation, no call, and no word that stands alone\(Self.hint)")
    }

    private static let hint =
        "; there are class, operation, call, errno, path, program, object, address, port, pid, tid, id, result, "
        + "duration, the items of messages, and failed, succeeded, interrupted, unfinished"
    private static let subjects = Set(
        ["class", "operation", "call", "errno", "path", "program", "object", "address", "port"]
            + Where.Quantity.allCases.map(\.rawValue))
    private static let callNames = Set(SpecTables.calls.map(\.name))

    private func group(_ token: Token, _ name: String) throws(WhereError) -> Where.Test {
        guard let group = OperationClass.allCases.first(where: { $0.name == name }) else {
            let names = OperationClass.allCases.map(\.name).joined(separator: ", ")
            throw error(token, "no class `\(name)`; there are \(names)")
        }
        return .operationClass(group)
    }

    private mutating func comparison(_ subject: Token, _ sign: Token) throws(WhereError) -> Where.Test {
        let value = try take("a value")
        if value.isSign { throw error(value, "expected a value, not `\(value.text)`") }
        if let quantity = Where.Quantity(rawValue: subject.text) {
            guard let comparison = Where.Comparison(rawValue: sign.text == "==" ? "=" : sign.text) else {
                throw error(sign, "`\(subject.text)` is compared by =, !=, <, <=, > or >=")
            }
            return .number(quantity, comparison, try number(value, isTime: quantity == .duration))
        }
        switch sign.text {
        case "=", "==": return try equality(subject, sign, value)
        case "!=": return .not(try equality(subject, sign, value))
        case "under": return try equality(subject, sign, value)
        case "has": return try item(subject, .has([Operand(value.text)]))
        case "lacks": return try item(subject, .lacks([Operand(value.text)]))
        case "<", "<=", ">", ">=": return try order(subject, sign, value)
        default: throw error(sign, "`\(sign.text)` compares nothing")
        }
    }

    private func equality(_ subject: Token, _ sign: Token, _ value: Token) throws(WhereError) -> Where.Test {
        let isUnder = sign.text == "under"
        switch subject.text {
        case "path", "object", "program": return .condition(try places(subject.text, value, isUnder))
        case _ where isUnder: throw error(sign, "`under` goes with path, object and program")
        case "class": return try group(value, value.text)
        case "operation":
            guard let operation = Messages.Operation.allCases.first(where: { $0.name == value.text }) else {
                throw error(value, "no operation `\(value.text)`")
            }
            return .operation(operation)
        case "call":
            guard Self.callNames.contains(value.text) else { throw error(value, "no call `\(value.text)`") }
            return .call(value.text)
        case "errno":
            if let number = Int32(value.text), let name = Names.errno(number) { return .errno(name) }
            guard value.text == "ERESTART" || SpecTables.value(of: value.text, in: .errno) != nil else {
                throw error(value, "no errno `\(value.text)`")
            }
            return .errno(value.text)
        case "address": return .address(Glob(value.text))
        case "port": return .condition([Condition(.port, .equals(Operand(value.text)))])
        default: return try item(subject, .equals(Operand(value.text)))
        }
    }

    /// A path of a message in any role; the object of a descriptor counts as a path too.
    private func places(_ subject: String, _ value: Token, _ isUnder: Bool) throws(WhereError) -> [Condition] {
        guard let pattern = PathPattern(Array(value.text.utf8)) else {
            throw error(value, "expected an absolute path without `..`, not `\(value.text)`")
        }
        switch subject {
        case "program": return [Condition(.program(pattern, under: isUnder))]
        case "object": return [Condition(.objectPath(pattern, under: isUnder))]
        default:
            let roles: [HandleRole] = [.object, .from, .to, .target]
            return roles.map { Condition(.path($0, pattern, under: isUnder)) }
                + [Condition(.objectPath(pattern, under: isUnder))]
        }
    }

    private func item(_ subject: Token, _ predicate: Predicate) throws(WhereError) -> Where.Test {
        guard Predicate.itemNames.contains(subject.text) else {
            throw error(subject, "no message has an item `\(subject.text)`\(Self.hint)")
        }
        return .condition([Condition(.item(subject.text), predicate)])
    }

    private func order(_ subject: Token, _ sign: Token, _ value: Token) throws(WhereError) -> Where.Test {
        let bound = try number(value, isTime: false)
        let range: Predicate
        switch sign.text {
        case "<" where bound > .min: range = .range(.min, bound - 1)
        case "<=": range = .range(.min, bound)
        case ">" where bound < .max: range = .range(bound + 1, .max)
        case ">=": range = .range(bound, .max)
        default: throw error(value, "no number is beyond that")
        }
        if subject.text == "port" { return .condition([Condition(.port, range)]) }
        return try item(subject, range)
    }

    /// A number; times in ns, us, ms or s, seconds where no unit stands.
    private func number(_ token: Token, isTime: Bool) throws(WhereError) -> Int64 {
        if !isTime {
            guard case .number(let bits) = Operand(token.text) else {
                throw error(token, "expected a number, not `\(token.text)`")
            }
            return Int64(bitPattern: bits)
        }
        let units: [(String, Double)] = [("ns", 1), ("us", 1e3), ("µs", 1e3), ("ms", 1e6), ("s", 1e9)]
        let unit = units.first { token.text.hasSuffix($0.0) }
        guard let number = Double(token.text.dropLast(unit?.0.count ?? 0)), number >= 0,
            number * (unit?.1 ?? 1e9) < 9e18
        else { throw error(token, "expected a time such as 5ms, not `\(token.text)`") }
        return Int64(number * (unit?.1 ?? 1e9))
    }
}
