// Which objects a call's row asks about, as instructions: the counterpart of `Snapshot.factNeeds`.

import Messages

extension CaptureCompiler {
    /// AF_NETLINK (linux/socket.h)
    private static let netlink = 16

    mutating func objects(_ row: CallRow, _ known: (Int) -> UInt64?) {
        // Messages of netlink mean nothing without the socket's protocol, whoever asks.
        if row.carriesDatagram || row.call == .sendmsg || row.call == .recvmsg {
            descriptor(source(0), family: Self.netlink, [.entry, .exit])
        }
        guard tellsObjects else { return }
        if row.result.kind == .descriptor { return descriptor(.result) }
        switch row.call {
        case .pipe, .pipe2: both(source(0))
        case .socketpair: both(source(3))
        case .connect: descriptor(source(0), [.exit, .failure])
        case .bind, .listen: descriptor(source(0))
        case .chdir, .fchdir: place(.workingDirectory)
        case .chroot, .pivotRoot, .setns, .unshare:
            place(.workingDirectory)
            place(.root)
        case .clone: descriptor(.memory(bytes(source(2), fixed: 4, .exit), offset: 0, width: 4))
        case .clone3:
            let arguments = bytes(source(0), fixed: 64, .exit)
            let number = bytes(.memory(arguments, offset: 8, width: 8), fixed: 4, .exit)
            descriptor(.memory(number, offset: 0, width: 4))
        default:
            // Every command that makes one has a choice of its own.
            guard let makers = row.makers, let command = known(makers.argument) else { return }
            if makers.commands.contains(command) { descriptor(.result) }
        }
    }

    private mutating func both(_ address: Source) {
        let pair = bytes(address, fixed: 8, .exit)
        for offset in [0, 4] { descriptor(.memory(pair, offset: offset, width: 4)) }
    }

    private mutating func descriptor(_ number: Source, family: Int = 0, _ phases: CapturePhases = .exit) {
        add(
            CaptureInstruction(
                kind: .descriptor, phases: phases, base: .none, count: number, countWidth: 4, unit: family, limit: 0))
    }

    private mutating func place(_ kind: CaptureInstruction.Kind) {
        add(CaptureInstruction(kind: kind, phases: .exit, base: .none, count: .none, limit: 0))
    }

    /// What a received message brings along in its control data.
    mutating func passed(in place: Int, _ phases: CapturePhases) {
        guard tellsObjects, phases.contains(.exit) else { return }
        add(
            CaptureInstruction(
                kind: .passed, phases: .exit, base: .memory(place, offset: 0, width: word), count: .none, limit: 0))
    }
}
