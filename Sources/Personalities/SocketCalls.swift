// The scalar arguments of socket calls whose meaning depends on each other: type, protocol, option.

import Messages

extension CallView {
    /// A socket's type with the flags that share its register (socket(2)).
    func socketType(_ raw: UInt64) -> Value {
        let type = Value.symbol(.socketType, raw & 0xF)
        let flags = raw & 0xFFFF_FFF0
        return flags == 0 ? type : .joined([type, .flags(.socketTypeFlags, flags)])
    }

    /// A protocol's names belong to its family.
    func socketProtocol(_ raw: UInt64) -> Value {
        let number = raw & 0xFFFF_FFFF
        switch stop.arguments.a0 {
        case 2, 10: return .symbol(.ipProtocol, number)  // AF_INET, AF_INET6
        case 16: return .symbol(.netlinkProtocol, number)  // AF_NETLINK
        default: return .unsigned(number)
        }
    }

    /// An option's names belong to its level (the header of the level in linux/).
    func socketOption(_ raw: UInt64) -> Value {
        let number = raw & 0xFFFF_FFFF
        switch stop.arguments.a1 & 0xFFFF_FFFF {
        case 1: return .symbol(.socketOption, number)
        case 6: return .symbol(.tcpOption, number)
        case 17: return .symbol(.udpOption, number)
        case 0: return .symbol(.ipOption, number)
        case 41: return .symbol(.ipv6Option, number)
        case 263: return .symbol(.packetOption, number)
        case 270: return .symbol(.netlinkOption, number)
        default: return .hexadecimal(number)
        }
    }

    /// An ioctl's request; one without a name shows what its bits say (asm-generic/ioctl.h).
    func controlRequest(_ raw: UInt64) -> Value {
        let request = raw & 0xFFFF_FFFF
        let row = SpecTables.symbolSets[Int(SymbolSet.ioctlRequest.rawValue)]
        let symbols = SpecTables.symbols[Int(row.firstSymbol)..<Int(row.firstSymbol) + Int(row.count)]
        if symbols.contains(where: { $0.value == request }) { return .symbol(.ioctlRequest, request) }
        let directions = ["_IOC_NONE", "_IOC_WRITE", "_IOC_READ", "_IOC_READ|_IOC_WRITE"]
        return .call(
            "_IOC",
            [
                .word(directions[Int(request >> 30)]), .hexadecimal(request >> 8 & 0xFF),
                .hexadecimal(request & 0xFF), .hexadecimal(request >> 16 & 0x3FFF),
            ])
    }
}
