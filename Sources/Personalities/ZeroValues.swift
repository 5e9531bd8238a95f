// Which values say nothing: a field that is shown only where it says something asks.

import Messages

extension Value {
    /// A number, a name or bytes of which nothing is set.
    var isZero: Bool {
        switch self {
        case .signed(let number): number == 0
        case .unsigned(let number), .hexadecimal(let number), .octal(let number), .address(let number),
            .permissions(let number), .symbol(_, let number), .flags(_, let number), .device(let number):
            number == 0
        case .bytes(let bytes): bytes.bytes.allSatisfy { $0 == 0 }
        case .list(let values): values.allSatisfy(\.isZero)
        case .record(let fields): fields.allSatisfy(\.value.isZero)
        case .written(let value, _): value.isZero
        default: false
        }
    }
}
