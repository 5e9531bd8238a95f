// What structs and arguments of their own kind ask for, as instructions: the counterpart of `Structures` and
// `CustomCapture`.

import Messages

extension CaptureCompiler {
    /// How far pointers in structs are followed.
    private static let depthLimit = 3

    private var restLimit: Int { CallView.restLimit }

    // MARK: Structs

    mutating func one(_ type: TypeRow, _ base: Source, _ count: Source, depth: Int, _ phases: CapturePhases) {
        let size = type.elementSize(personality)
        let place: Int
        switch type.count {
        case .none: place = bytes(base, fixed: size, phases)
        case .own: place = bytes(base, fixed: size + restLimit, phases)
        case .fixed(let number): place = bytes(base, fixed: min(Int(number), size + restLimit), phases)
        case .argument, .narrow, .result: place = bytes(base, count, unit: 1, limit: size + restLimit, phases)
        }
        if type.kind == .structure { behind(type.table, in: place, at: 0, depth: depth, phases) }
    }

    mutating func many(_ type: TypeRow, _ base: Source, _ count: Source, depth: Int, _ phases: CapturePhases) {
        let size = type.elementSize(personality)
        let limit = capture.elementLimit * size
        let place: Int
        if case .fixed(let number) = type.count {
            place = bytes(base, fixed: min(Int(number) * size, limit), phases)
        } else {
            place = bytes(base, count, unit: size, limit: limit, phases)
        }
        guard type.kind == .structure, SpecTables.pointingStructures[Int(type.table)] else { return }
        var looked = 0
        if case .fixed(let number) = type.count { looked = min(Int(number), Self.elementsLookedBehind) }
        if isWithinEach {
            // Of lists within lists the first elements are looked behind.
            program.isPartial = true
            looked = Self.elementsLookedBehind
        }
        if looked > 0 {
            for index in 0..<looked { behind(type.table, in: place, at: index * size, depth: depth, phases) }
            return
        }
        each(of: place, count, size: size, phases) { $0.behind(type.table, in: place, at: 0, depth: depth, $1) }
    }

    /// What is read once for each element of a list that an instruction has read.
    private mutating func each(
        of place: Int, _ count: Source, width: Int = 8, size: Int, _ phases: CapturePhases,
        _ body: (inout CaptureCompiler, CapturePhases) -> Void
    ) {
        let head = add(
            CaptureInstruction(
                kind: .each, phases: phases, base: .memory(place, offset: 0, width: word), count: count,
                countWidth: width,
                unit: size, limit: capture.elementLimit))
        let former = list.count
        isWithinEach = true
        body(&self, phases)
        isWithinEach = false
        if head == former - 1 {
            list[head].fixed = list.count - former
        } else if list.count > former {
            // The same list with another meaning: its body stands elsewhere.
            list.removeLast(list.count - former)
            program.isPartial = true
        }
    }

    /// What the fields of a struct point to that an instruction has read, at an offset.
    private mutating func behind(_ id: UInt16, in place: Int, at start: Int, depth: Int, _ phases: CapturePhases) {
        guard depth < Self.depthLimit, SpecTables.pointingStructures[Int(id)] else { return }
        let fields = ChosenFields(id, at: 0, size: Int.max, personality)
        let layout = fields.layout
        for index in Int(layout.firstField)..<Int(layout.firstField) + Int(layout.fieldCount) {
            let field = SpecTables.fields[index]
            let type = field.type
            let offset = start + Int(fields.place(field))
            func pointer() -> Source { .memory(place, offset: offset, width: fields.pointerWidth) }
            func count() -> Source {
                guard case .argument(let position) = type.count, Int(position) < Int(layout.fieldCount) else {
                    return .none
                }
                let other = SpecTables.fields[Int(layout.firstField) + Int(position)]
                return .memory(place, offset: start + Int(fields.place(other)), width: min(fields.width(other), 8))
            }
            if field.isInline {
                bytes(
                    list[place].base, count(), unit: type.elementSize(personality),
                    limit: capture.elementLimit * type.elementSize(personality),
                    displacement: list[place].displacement + offset, phases)
                continue
            }
            switch (type.shape, type.kind) {
            case (_, .custom): customField(type.table, in: place, at: offset, phases)
            case (.value, .structure):
                behind(type.table, in: place, at: offset, depth: depth + 1, phases)
            case (.array, .structure):
                if case .fixed(let number) = type.count {
                    for element in 0..<min(Int(number), Self.elementsLookedBehind) {
                        let at = offset + element * type.elementSize(personality)
                        behind(type.table, in: place, at: at, depth: depth + 1, phases)
                    }
                } else {
                    many(type, pointer(), count(), depth: depth + 1, phases)
                }
            case (.pointer, _): one(type, pointer(), count(), depth: depth + 1, phases)
            case (.value, .path), (.value, .text): text(pointer(), limit: Capture.textLimit, phases)
            case (.value, .buffer): bytes(pointer(), count(), unit: 1, limit: capture.payloadLimit, phases)
            case (.value, .signalSet): bytes(pointer(), fixed: 8, phases)
            case (.array, _):
                if case .argument = type.count { many(type, pointer(), count(), depth: depth + 1, phases) }
            default: break
            }
        }
    }

    private mutating func customField(_ table: UInt16, in place: Int, at offset: Int, _ phases: CapturePhases) {
        func number(_ offset: Int, _ width: Int) -> Source { .memory(place, offset: offset, width: width) }
        switch CustomKind(rawValue: table) {
        case .seccompFilter, .socketFilter:
            bytes(
                number(offset, word), number(offset - word, 2), unit: 8, limit: Capture.instructionLimit * 8, phases)
        case .bpfInstructions:
            bytes(number(offset, 8), number(offset - 4, 4), unit: 8, limit: Capture.instructionLimit * 8, phases)
        case .bpfInformation:
            bytes(number(offset, 8), number(offset - 4, 4), unit: 1, limit: Capture.informationLimit, phases)
        case .entryAddress, .entryDestination, .entryHeader, .entryEvent: program.isPartial = true
        default: break
        }
    }

    // MARK: Messages

    /// A message header that an instruction's base points to.
    private mutating func header(_ base: Source, _ phases: CapturePhases) {
        let place = bytes(base, fixed: MessageHeader.size(word), phases)
        header(in: place, isFilled: true, phases)
    }

    /// What a message header leads to that an instruction has read. `isFilled`: the result says how far.
    private mutating func header(in place: Int, isFilled: Bool, _ phases: CapturePhases) {
        func member(_ index: Int, _ width: Int) -> Source {
            .memory(place, offset: index * word, width: width)
        }
        let name = bytes(member(0, word), member(1, 4), unit: 1, limit: 128, phases)
        let vectors = vector(
            member(2, word), member(3, word), isFilled: isFilled, limit: capture.payloadLimit, phases)
        list[vectors].address = name
        list[vectors].fixed = Capture.netlinkLimit
        let control = bytes(member(4, word), member(5, word), unit: 1, limit: Int(Capture.controlLimit), phases)
        passed(in: control, phases)
    }

    // MARK: Arguments of their own kind

    mutating func custom(_ kind: CustomKind, _ index: Int, _ phases: CapturePhases) {
        let base = source(index)
        let next: Source = index < 5 ? source(index + 1) : .none
        let limit = capture.payloadLimit
        switch kind {
        case .iovec, .iovecOut: vector(base, next, limit: limit, phases)
        case .strings:
            add(CaptureInstruction(kind: .texts, phases: phases, base: base, count: .none, limit: max(256, limit + 1)))
        case .environment:
            if capture.keepsEnvironment {
                add(
                    CaptureInstruction(
                        kind: .texts, phases: phases, base: base, count: .none, limit: max(256, limit + 1)))
            }
            add(CaptureInstruction(kind: .pointers, phases: phases, base: base, count: .none, limit: 512))
        case .sockaddr: bytes(base, next, width: 4, unit: 1, limit: 128, phases)
        case .sockaddrOut: sized(base, lengthAt: next, limit: 128, phases)
        case .message, .messageOut: header(base, phases)
        case .messages:
            let size = MessageHeader.manySize(word)
            let place = bytes(base, next, width: 4, unit: size, limit: size * capture.elementLimit, phases)
            // The result is a number of messages, and says nothing of their lengths.
            each(of: place, next, width: 4, size: size, phases) { $0.header(in: place, isFilled: false, $1) }
        case .rseqArea: bytes(base, next, width: 4, unit: 1, limit: 64, phases)
        case .userDescriptor, .segment: bytes(base, fixed: UserDescriptor.size, phases)
        case .waitStatus, .cloneParent: bytes(base, fixed: 4, phases)
        case .fdPair, .sigsetOut, .featureMask: bytes(base, fixed: 8, phases)
        case .epollEvent: bytes(base, fixed: 12, phases)
        case .siginfo, .siginfoIn: bytes(base, fixed: 128, phases)
        case .sigaction, .sigactionOut: bytes(base, fixed: word == 8 ? 32 : 20, phases)
        case .timevalPair, .timespecPair: bytes(base, fixed: 4 * word, phases)
        case .futexTimeout, .futexTimeout64: bytes(base, fixed: kind == .futexTimeout64 ? 16 : 2 * word, phases)
        case .signalFrame: signalFrame(phases)
        case .cloneArguments: cloneArguments(base, next, phases)
        case .pollfd: bytes(base, next, width: 4, unit: 8, limit: 8 * 1024, phases)
        case .epollEvents: bytes(base, .result, unit: 12, limit: 12 * capture.elementLimit, phases)
        case .directoryEntries, .directoryEntriesOld: bytes(base, .result, unit: 1, limit: 65536, phases)
        case .fdSet: bytes(base, fixed: 128, phases)
        default: rare(kind, base, next, phases)
        }
    }

    private mutating func rare(_ kind: CustomKind, _ base: Source, _ next: Source, _ phases: CapturePhases) {
        let limit = capture.payloadLimit
        switch kind {
        case .sigsetPair:
            let place = bytes(base, fixed: 2 * word, phases)
            bytes(.memory(place, offset: 0, width: word), fixed: 8, phases)
        case .messageBuffer, .messageBufferOut:
            bytes(base, next, unit: 1, fixed: word, limit: word + limit, phases)
        case .keyCapabilities: bytes(base, next, unit: 1, limit: 32, phases)
        case .keyInput, .keySignature:
            let place = bytes(source(1), fixed: 40, phases)
            let length = Source.memory(place, offset: kind == .keyInput ? 4 : 8, width: 4)
            bytes(base, length, unit: 1, limit: limit, phases)
        case .ioctlArgument: bytes(base, .requestSize, unit: 1, limit: 4096, phases)
        case .fiemap:
            bytes(base, fixed: 32 + 56 * capture.elementLimit, phases)
        case .dedupe: bytes(base, fixed: 24 + 32 * capture.elementLimit, phases)
        case .entropy: bytes(base, fixed: 8 + limit, phases)
        case .interface: bytes(base, fixed: word == 8 ? 40 : 32, phases)
        case .transfer: transfer(base, phases)
        case .inputAxis, .inputSlots, .inputKeycode: bytes(base, .requestSize, unit: 1, limit: 4096, phases)
        case .driveCommand: bytes(base, fixed: 4 + limit, phases)
        case .inputBits: bytes(base, .result, unit: 1, limit: InputBits.limit, phases)
        case .interfaceList:
            let place = bytes(base, fixed: 2 * word, phases)
            bytes(
                .memory(place, offset: word, width: word), .memory(place, offset: 0, width: 4), unit: 1,
                limit: capture.elementLimit * 40, phases)
        case .sockoptValue:
            let place = bytes(base, next, width: 4, unit: 1, limit: Int(Capture.optionLimit), phases)
            if attachesFilter {
                customField(CustomKind.socketFilter.rawValue, in: place, at: word, phases)
            } else if isCarried {
                // A call that carries setsockopt does not say which option it is in a register.
                program.isPartial = true
            }
        case .sockoptValueOut:
            // The length of a filter is a number of instructions.
            sized(base, lengthAt: next, unit: attachesFilter ? 8 : 1, limit: Int(Capture.optionLimit), phases)
        case .residence: bytes(base, fixed: 4096, phases)
        case .nodeMask, .nodeMaskAfter, .nodeMaskBefore: bytes(base, fixed: 128 * word, phases)
        case .pageStatus: bytes(base, source(1), unit: 4, limit: 4096, phases)
        case .fileHandle: bytes(base, fixed: 8 + Int(FileHandle.limit), phases)
        case .mountDetails: bytes(base, next, unit: 1, limit: 4096, phases)
        case .cpuMask: bytes(base, source(1), width: 4, unit: 1, limit: 1024, phases)
        case .cpuMaskOut: bytes(base, .result, unit: 1, limit: 1024, phases)
        case .capabilityData, .capabilityDataOut:
            bytes(source(0), fixed: 8, phases)
            bytes(base, fixed: 24, phases)
        case .perfAttributes: bytes(base, fixed: 256, phases)
        case .lsmContext: bytes(base, next, width: 4, unit: 1, limit: Capture.contextLimit, phases)
        case .lsmContexts: sized(base, lengthAt: next, limit: Capture.contextLimit, phases)
        case .ringFilesUpdate:
            let place = bytes(base, fixed: 16, phases)
            bytes(
                .memory(place, offset: 8, width: 8), next, width: 4, unit: 4, limit: 4 * capture.elementLimit, phases)
        case .ringProbe: bytes(base, next, width: 4, unit: 8, fixed: 16, limit: 16 + 8 * 256, phases)
        case .ringWorkers: bytes(base, fixed: 8, phases)
        case .ringAffinity: bytes(base, next, width: 4, unit: 1, limit: 128, phases)
        case .iocbs:
            let list = bytes(base, source(1), unit: word, limit: word * capture.elementLimit, phases)
            each(of: list, source(1), size: word, phases) { compiler, phases in
                let block = compiler.bytes(.memory(list, offset: 0, width: compiler.word), fixed: 64, phases)
                compiler.behind(UInt16(StructureID.iocb.rawValue), in: block, at: 0, depth: 0, phases)
            }
        default: break
        }
    }

    /// Memory whose length lies in memory itself.
    private mutating func sized(
        _ base: Source, lengthAt next: Source, unit: Int = 1, limit: Int, _ phases: CapturePhases
    ) {
        let place = bytes(next, fixed: 4, phases)
        bytes(base, .memory(place, offset: 0, width: 4), unit: unit, limit: limit, phases)
    }

    private mutating func signalFrame(_ phases: CapturePhases) {
        if personality == .x86_64 {
            bytes(.stackPointer, fixed: 8, displacement: 296, phases)
        } else {
            let place = bytes(.stackPointer, fixed: 4, displacement: 8, phases)
            add(
                CaptureInstruction(
                    kind: .bytes, phases: phases, base: .memory(place, offset: 0, width: 4), count: .none, fixed: 8,
                    limit: 8, displacement: 108))
        }
    }

    /// struct clone_args: the ids that it asks for, and what its pointers were filled with.
    private mutating func cloneArguments(_ base: Source, _ size: Source, _ phases: CapturePhases) {
        let place = bytes(base, size, unit: 1, limit: 88 + restLimit, phases)
        bytes(
            .memory(place, offset: 64, width: 8), .memory(place, offset: 72, width: 8), unit: 4,
            limit: 4 * Int(CloneFlag.depth), phases)
        for offset in [8, 24] { bytes(.memory(place, offset: offset, width: 8), fixed: 4, phases) }
    }
}
