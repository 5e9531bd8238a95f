// Sends each custom argument to its decoder.

import Messages

extension CallView {
    /// The decoder of a custom kind. A kind without one shows the register.
    func custom(_ table: UInt16, _ index: Int) -> Value {
        let address = stop.arguments[index]
        let next = index < 5 ? stop.arguments[index + 1] : 0
        guard let kind = CustomKind(rawValue: table) else { return .hexadecimal(address) }
        switch kind {
        case .iovec: return vectors(address, next & 0xFFFF_FFFF, fills: false)
        case .iovecOut: return vectors(address, next & 0xFFFF_FFFF, fills: true)
        case .strings: return strings(address)
        case .environment: return environment(address)
        case .sockaddr: return socketAddress(address, Int32(truncatingIfNeeded: next))
        case .sockaddrOut: return answeredAddress(address, lengthAt: next)
        case .message, .messageOut:
            let receives = row.call == .recvmsg && result != nil
            return header(
                address, filled: receives ? result.map { UInt64(max(0, $0)) } : nil,
                before: receives && passed.count > 1 ? passed[1].value : nil)
        case .messages: return headers(address, next)
        case .waitStatus: return waitStatus(address)
        case .fdPair: return pair(address)
        case .cloneFlags: return cloneFlags(address)
        case .cloneArguments: return cloneArguments(address, next)
        case .pollfd: return polled(address, next & 0xFFFF_FFFF)
        case .fdSet: return descriptorSet(address)
        case .sigaction, .sigactionOut: return signalAction(address)
        case .sigsetOut: return signalSet(address)
        case .signalFrame: return signalFrame(address)
        case .directoryEntries, .directoryEntriesOld:
            return directoryEntries(address, is64: kind == .directoryEntries)
        case .epollEvent: return pollEvent(address) ?? .address(address)
        case .epollEvents: return pollEvents(address)
        case .timevalPair: return times(address, unit: "tv_usec")
        case .timespecPair: return times(address, unit: "tv_nsec")
        case .ioctlArgument: return requestBytes(address)
        case .fiemap: return fiemap(address)
        case .offsetPair: return .signed(Self.offset(low: address, high: next))
        case .offsetHalves: return .signed(Self.offset(low: next, high: address))
        case .fanotifyMask:
            return .flags(.fanotifyEvent, UInt64(bitPattern: Self.offset(low: address, high: next)))
        case .dedupe: return dedupe(address)
        case .transfer: return transfer(address)
        case .inputBits: return inputBits(address)
        case .inputAxis: return inputAxis(address)
        case .inputSlots: return inputSlots(address)
        case .inputKeycode: return inputKeycode(address)
        case .driveCommand: return driveCommand(address)
        case .entropy: return entropy(address)
        case .interface: return interface(address)
        case .interfaceList: return interfaceList(address)
        case .futexOperation: return futexOperation(address)
        case .sockoptValue: return passedOption(address, next)
        case .sockoptValueOut: return answeredOption(address, lengthAt: next)
        case .futexTimeout, .futexTimeout64: return futexTimeout(address, is64: kind == .futexTimeout64)
        case .cloneParent: return cloneParent(address)
        case .sigsetPair: return sizedSignalSet(address, "sigmask", "sigsetsize")
        case .futexWake: return futexWake(address)
        case .ipcKey: return sharedKey(address)
        case .ipcFlags: return sharedFlags(.ipcGet, address)
        case .shmFlags: return sharedFlags(.shmget, address)
        case .messageBuffer, .messageBufferOut: return queuedMessage(address, next)
        case .keySerial: return keySerial(address)
        case .keyErrno: return keyErrno(address)
        case .keyCapabilities: return keyAbilities(address, next)
        case .keyInput: return keyInput(address, lengthAt: 4)
        case .keySignature: return keyInput(address, lengthAt: 8)
        case .iocbs: return controlBlocks(address, stop.arguments.a1)
        case .siginfo, .siginfoIn: return signalInfo(address)
        case .signalInfos: return signalInfos(address)
        case .registerSet, .registerSetIn: return registerSet(address)
        case .socketType: return socketType(address)
        case .socketProtocol: return socketProtocol(address)
        case .socketOption: return socketOption(address)
        case .userDescriptor: return userDescriptor(address)
        case .pageOffset: return .hexadecimal((address & 0xFFFF_FFFF) << 12)
        case .ioctlRequest: return controlRequest(address)
        case .schedPolicy: return schedulingPolicy(address)
        // IORING_REGISTER_USE_REGISTERED_RING
        case .ringRequest: return symbol(.uringRegister, address, .uringRegisterFlags, 0x8000_0000)
        case .residence: return residence(address, stop.arguments.a1)
        case .memoryPolicy: return memoryPolicy(address)
        case .nodeMask, .nodeMaskAfter: return nodeMask(address, next)
        case .nodeMaskBefore: return nodeMask(address, stop.arguments.a1)
        case .pageStatus: return pageStatus(address)
        case .fileHandle: return fileHandle(address)
        case .mountDetails: return mountDetails(address)
        case .segment: return stop.arguments.a0 & 0xFFFF_FFFF == 0 ? .address(address) : segment(address)
        case .rseqArea: return restartArea(address, next)
        case .featureMask: return processorStates(address)
        case .feature: return processorState(address)
        case .cpuMask: return processors(address, stop.arguments.a1 & 0xFFFF_FFFF)
        case .cpuMaskOut: return processors(address, UInt64(max(0, result ?? 0)))
        case .ioPriority:
            return .written(
                .signed(Self.extend(address & 0xFFFF_FFFF, 4)), as: Self.ioPriority(address & 0xFFFF_FFFF))
        case .personality: return executionDomain(address)
        case .capabilityData, .capabilityDataOut: return capabilities(address)
        case .tracer: return tracer(address)
        case .vectorLength: return vectorLength(address, .vectorLength)
        case .matrixLength: return vectorLength(address, .matrixLength)
        case .taggedAddresses: return taggedAddresses(address)
        case .vectorState: return vectorState(address)
        case .processKind: return remarked(.processKind, address & 0xFFFF_FFFF)
        case .logAction: return verbose(.syslogAction, address & 0xFFFF_FFFF)
        case .soundPeriod: return soundPeriod(address)
        case .soundTone: return soundTone(address)
        case .displayPort: return displayPort(address)
        case .logLevel: return verbose(.logLevel, address & 0xFFFF_FFFF)
        case .quotaCommand: return quotaCommand(address)
        case .swapFlags: return swapFlags(address)
        case .perfAttributes: return counter(address)
        case .lsmContexts: return securityContexts(address, result.map { UInt64(max(0, $0)) } ?? 0)
        case .lsmContext: return securityContexts(address, 1)
        case .ringFilesUpdate: return ringFilesUpdate(address)
        case .ringProbe: return ringProbe(address)
        case .ringWorkers: return ringWorkers(address)
        case .ringAffinity: return ringAffinity(address)
        default: return .hexadecimal(address)
        }
    }

    /// The decoder of a custom kind that is a field of a struct; `place` is the field's own address.
    func customField(_ table: UInt16, at place: UInt64) -> Value? {
        switch CustomKind(rawValue: table) {
        case .time: time(at: place)
        case .keySerial: snapshot.number(at: place, width: 4).map { keySerial($0) }
        case .aioCommand: controlCommand(place)
        case .tracedCall: tracedCall(place)
        case .entryAddress: entryAddress(place)
        case .entryDestination: entryDestination(place)
        case .entryHeader: entryHeader(place)
        case .entryEvent: entryEvent(place)
        case .entrySocketType: entrySocketType(place)
        case .seccompFilter: classicProgram(place, .calls)
        case .socketFilter: classicProgram(place, .packets)
        case .bpfInstructions: extendedProgram(place)
        case .bpfInformation: informed(at: place)
        case .kernelVersion: kernelVersion(place)
        case .keyboardKey: keyboardKey(place)
        case .character: snapshot.number(at: place, width: 1).map { Self.character($0) }
        case .waitStatus: snapshot.number(at: place, width: 4).map { Self.waitStatus($0) }
        case .fourLetters: fourLetters(place)
        case .videoControl: snapshot.number(at: place, width: 4).map { Self.videoControl($0) }
        case .videoControlNext: snapshot.number(at: place, width: 4).map { Self.nextVideoControl($0) }
        case .clockTicks: snapshot.number(at: place, width: word).map { .ticks($0) }
        case .seccompNumber: systemCallName(place)
        case .perfCacheConfig: cacheCounter(place)
        case .perfSkid: samplingSkid(place)
        case .sockaddr: socketAddress(place, Int32(SocketAddress.limit))
        case .uuid: identifier(place)
        case .etherType: snapshot.number(at: place, width: 2).map { etherType($0) }
        case .lineAttribute: lineAttribute(place).map { .record($0) }
        case .lineSetting: lineSetting(place)
        case .negativeErrno: negativeErrno(place)
        case .btrfsStatistics: deviceStatistics(place)
        case .networkHexadecimal:
            snapshot.number(at: place, width: 4).map {
                NetworkText.written($0, 4, "htonl", [.hexadecimal(NetworkText.swapped($0, 4))])
            }
        case .callResult: callResult(place)
        case .requestPriority:
            snapshot.number(at: place, width: 2).map { .written(.signed(Self.extend($0, 2)), as: Self.ioPriority($0)) }
        case .wideAddress: snapshot.number(at: place, width: 8).map { .address($0) }
        case .bridgeDirections: bridgeDirections(place)
        case .diagAddress: multicastAddress(place)
        case .signatureKey: signatureKey(place)
        default: snapshot.number(at: place, width: word).map { .hexadecimal($0) }
        }
    }

    /// What a result means in more words.
    func auxiliary() -> Value? {
        switch row.call {
        case .poll, .ppoll, .ppollTime64: return polledReply()
        case .select, .newselect, .pselect6, .pselect6Time64: return selectedReply()
        case .recvmmsg, .recvmmsgTime64: return receivedReply()
        case .fcntl, .fcntl64: return descriptorReply()
        case .membarrier: return barrierReply()
        case .setThreadArea: return userDescriptorReply()
        case .prctl: return optionReply()
        case .archPrctl: return architectureReply()
        case .schedGetscheduler:
            return result.flatMap { Self.schedulingName(UInt64(bitPattern: $0)) }.map { .word($0) }
        case .ioprioGet: return result.map { Self.ioPriority(UInt64(bitPattern: $0)) }
        case .personality: return result.map { executionDomain(UInt64(bitPattern: $0)) }
        case .rtSigtimedwait, .rtSigtimedwaitTime64:
            return result.flatMap { $0 > 0 ? .signal(Int32(truncatingIfNeeded: $0)) : nil }
        case .ioctl: return requestReply()
        case .adjtimex, .clockAdjtime, .clockAdjtime64:
            return result.flatMap { $0 >= 0 ? .symbol(.timexState, UInt64($0)) : nil }
        case .time: return result.flatMap { Calendar.text(seconds: $0, fraction: 0, digits: 0) }.map { .word($0) }
        default: return nil
        }
    }
}
