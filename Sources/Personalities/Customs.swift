// Sends each custom argument to its decoder.

import Messages

extension CallView {
    /// The decoder of a custom kind. A kind without one shows the register.
    func custom(_ table: UInt16, _ index: Int) -> Value {
        let address = stop.arguments[index]
        let next = index < 5 ? stop.arguments[index + 1] : 0
        guard let kind = CustomKind(rawValue: table) else { return .hexadecimal(address) }
        switch kind {
        case .iovec, .iovecOut: return vectors(address, next & 0xFFFF_FFFF)
        case .strings: return strings(address)
        case .environment: return environment(address)
        case .sockaddr: return socketAddress(address, Int(next & 0xFFFF_FFFF))
        case .sockaddrOut: return answeredAddress(address, lengthAt: next)
        case .message, .messageOut: return header(address)
        case .messages: return headers(address, next)
        case .waitStatus: return waitStatus(address)
        case .fdPair: return pair(address)
        case .cloneFlags: return cloneFlags(address)
        case .cloneArguments: return cloneArguments(address, next)
        case .pollfd: return polled(address, next & 0xFFFF_FFFF)
        case .fdSet: return descriptorSet(address)
        case .sigaction, .sigactionOut: return signalAction(address)
        case .sigsetOut: return signalSet(address)
        case .directoryEntries, .directoryEntriesOld:
            return directoryEntries(address, is64: kind == .directoryEntries)
        case .epollEvent: return pollEvent(address) ?? .address(address)
        case .epollEvents: return pollEvents(address)
        case .timevalPair: return times(address, unit: "tv_usec")
        case .timespecPair: return times(address, unit: "tv_nsec")
        case .fcntlArgument: return descriptorCommand(stop.arguments[1], address)
        case .ioctlArgument: return control(stop.arguments[1], address)
        case .futexOperation: return futexOperation(address)
        case .sockoptValue: return optionValue(address, next & 0xFFFF_FFFF)
        case .sockoptValueOut: return optionValue(address, snapshot.number(at: next, width: 4) ?? 0)
        case .prctlArgument:
            if stop.arguments[0] == 15 || stop.arguments[0] == 16 { return text(address, isPath: false) }
            return .hexadecimal(address)
        case .futexTimeout, .futexTimeout64: return futexTimeout(address, is64: kind == .futexTimeout64)
        case .cloneParent: return cloneParent(address)
        case .sigsetPair: return .address(address)
        case .socketType: return socketType(address)
        case .socketProtocol: return socketProtocol(address)
        case .socketOption: return socketOption(address)
        case .ioctlRequest: return controlRequest(address)
        case .schedPolicy: return .symbol(.schedPolicy, address & 0xFFFF_FFFF)
        case .personality: return .hexadecimal(address & 0xFFFF_FFFF)
        default: return .hexadecimal(address)
        }
    }

    /// What a result means in more words.
    func auxiliary() -> Value? {
        switch row.call {
        case .poll, .ppoll: return polledReply()
        case .select, .pselect6: return selectedReply()
        case .fcntl: return descriptorReply()
        default: return nil
        }
    }
}
