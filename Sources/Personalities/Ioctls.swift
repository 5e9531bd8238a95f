// What ioctl requests carry where a struct of the spec does not say it: requests with a size in their number, lists
// that follow a struct, and everything that is unknown.

import Messages

/// The parts of a request's number (asm-generic/ioctl.h).
struct RequestNumber {
    let raw: UInt64

    init(_ raw: UInt64) { self.raw = raw & 0xFFFF_FFFF }

    var number: UInt64 { raw & 0xFF }
    var type: UInt64 { raw >> 8 & 0xFF }
    var size: UInt64 { raw >> 16 & 0x3FFF }
    var direction: UInt64 { raw >> 30 }
    /// The program writes: the kernel reads what is there at the entry.
    var isWrite: Bool { direction & 1 != 0 }
    var isRead: Bool { direction & 2 != 0 }
}

extension Capture {
    /// How much of a struct that nobody knows is read for its digest.
    private static let opaqueLimit: UInt64 = 4096

    /// The memory of a request's argument. `result` is nil at the entry.
    func control(
        _ kind: CustomKind, _ address: UInt64, _ result: Int64?, _ snapshot: inout Snapshot, _ memory: some TraceeMemory
    ) {
        let request = RequestNumber(snapshot.stop.arguments.a1)
        let word = snapshot.stop.personality.wordSize
        switch kind {
        case .fiemap:
            plain(address, 32, &snapshot, memory)
            guard result != nil, let extents = snapshot.number(at: address &+ 20, width: 4) else { return }
            plain(address &+ 32, Int(min(extents, UInt64(elementLimit))) * 56, &snapshot, memory)
        case .dedupe:
            plain(address, 24, &snapshot, memory)
            guard let count = snapshot.number(at: address &+ 16, width: 2) else { return }
            plain(address &+ 24, Int(min(count, UInt64(elementLimit))) * 32, &snapshot, memory)
        case .entropy:
            plain(address, 8, &snapshot, memory)
            if let size = snapshot.number(at: address &+ 4, width: 4) { payload(address &+ 8, size, &snapshot, memory) }
        case .interface: plain(address, word == 8 ? 40 : 32, &snapshot, memory)
        case .transfer: transfer(address, &snapshot, memory)
        case .inputBits:
            if let result, result > 0 {
                plain(address, Int(min(result, Int64(InputBits.limit))), &snapshot, memory)
            }
        case .driveCommand:
            plain(address, 4, &snapshot, memory)
            guard result != nil, let sectors = snapshot.number(at: address &+ 3, width: 1) else { return }
            payload(address &+ 4, sectors * 512, &snapshot, memory)
        case .interfaceList:
            plain(address, 2 * word, &snapshot, memory)
            guard result != nil, let length = snapshot.number(at: address, width: 4),
                let list = snapshot.number(at: address &+ UInt64(word), width: word)
            else { return }
            plain(list, Int(min(length, UInt64(elementLimit) * 40)), &snapshot, memory)
        default:
            guard result == nil ? request.isWrite : request.isRead else { return }
            plain(address, Int(min(request.size, Self.opaqueLimit)), &snapshot, memory)
        }
    }
}

extension CallView {
    /// An ioctl's request; one without a name shows what its bits say (asm-generic/ioctl.h).
    func controlRequest(_ raw: UInt64) -> Value {
        let request = RequestNumber(raw)
        let sized = Self.sizedName(request)
        if sized == nil, let set = requestSet(request.raw) { return .symbol(set, request.raw) }
        if let sized {
            let others = SpecTables.alternatives(request.raw, in: .ioctlRequest)
            return .written(.hexadecimal(request.raw), as: .word(([sized] + others).joined(separator: " or ")))
        }
        let directions = ["_IOC_NONE", "_IOC_WRITE", "_IOC_READ", "_IOC_READ|_IOC_WRITE"]
        return .written(
            .hexadecimal(request.raw),
            as: .call(
                "_IOC",
                [
                    .word(directions[Int(request.direction)]), .hexadecimal(request.type),
                    .hexadecimal(request.number), .hexadecimal(request.size),
                ]))
    }

    /// The set that names a request. Where structs hold longs, i386 has numbers of its own.
    private func requestSet(_ request: UInt64) -> SymbolSet? {
        if personality == .i386, !SpecTables.alternatives(request, in: .ioctlRequest32).isEmpty {
            return .ioctlRequest32
        }
        return SpecTables.alternatives(request, in: .ioctlRequest).isEmpty ? nil : .ioctlRequest
    }

    /// Requests whose number holds the size of the caller's buffer, or an axis or event: linux/input.h,
    /// linux/hidraw.h, linux/soundcard.h, linux/uinput.h, linux/joystick.h, linux/spi/spidev.h.
    private static func sizedName(_ request: RequestNumber) -> String? {
        let (number, size) = (request.number, request.size)
        switch (request.type, request.direction) {
        case (0x45, 1) where (0xC0...0xFF).contains(number): return "EVIOCSABS(\(axis(number - 0xC0)))"
        case (0x45, 2):
            if (0x20...0x3F).contains(number) { return "EVIOCGBIT(\(event(number - 0x20)), \(size))" }
            if (0x40...0x7F).contains(number) { return "EVIOCGABS(\(axis(number - 0x40)))" }
            let names: [UInt64: String] = [
                0x06: "EVIOCGNAME", 0x07: "EVIOCGPHYS", 0x08: "EVIOCGUNIQ", 0x09: "EVIOCGPROP", 0x0A: "EVIOCGMTSLOTS",
                0x18: "EVIOCGKEY", 0x19: "EVIOCGLED", 0x1A: "EVIOCGSND", 0x1B: "EVIOCGSW",
            ]
            return names[number].map { "\($0)(\(size))" }
        case (0x48, 2):
            let names: [UInt64: String] = [
                0x04: "HIDIOCGRAWNAME", 0x05: "HIDIOCGRAWPHYS", 0x06: "HIDIOCSFEATURE", 0x08: "HIDIOCGRAWUNIQ",
                0x12: "HIDIOCGPHYS",
            ]
            return names[number].map { "\($0)(\(size))" }
        case (0x48, 3) where number == 6 || number == 7:
            return number == 6 ? "HIDIOCSFEATURE(\(size))" : "HIDIOCGFEATURE(\(size))"
        case (0x4D, 1): return "MIXER_WRITE(\(number))"
        case (0x4D, 2): return "MIXER_READ(\(number))"
        case (0x55, 2) where number == 0x2C: return "UI_GET_SYSNAME(\(size))"
        case (0x6A, 2) where number == 0x13: return "JSIOCGNAME(\(size))"
        case (0x6B, 1) where number == 0: return "SPI_IOC_MESSAGE(\(size))"
        default: return nil
        }
    }

    private static func axis(_ number: UInt64) -> String {
        SpecTables.name(of: number, in: .inputAxis) ?? "0x\(String(number, radix: 16)) /* ABS_??? */"
    }

    private static func event(_ number: UInt64) -> String {
        if number == 0 { return "0" }
        return SpecTables.name(of: number, in: .inputEvent) ?? "0x\(String(number, radix: 16)) /* EV_??? */"
    }

    /// The argument of a request that the spec does not know: what its number says it points to, as length and digest.
    func requestBytes(_ address: UInt64) -> Value {
        let request = RequestNumber(stop.arguments.a1)
        guard address != 0, result == nil ? request.isWrite : request.isRead,
            let region = snapshot.region(at: address), region.count > 0
        else { return .hexadecimal(address) }
        let bytes = snapshot.arena[region.offset..<region.offset + region.count]
        return .abbreviated(.address(address), .opaque(count: request.size, digest: Digest.of(bytes)))
    }

    // MARK: Files

    /// struct fiemap (linux/fiemap.h): what is asked for, then what is there.
    func fiemap(_ address: UInt64) -> Value {
        guard let bytes = snapshot.bytes(at: address, count: 32) else { return .address(address) }
        func number(_ offset: Int, _ width: Int) -> UInt64 {
            bytes[(bytes.startIndex + offset)..<(bytes.startIndex + offset + width)].reversed()
                .reduce(0) { $0 << 8 | UInt64($1) }
        }
        let flags = Field("fm_flags", .flags(.fiemap, number(16, 4)))
        guard result != nil else {
            return .record([
                Field("fm_start", .unsigned(number(0, 8))), Field("fm_length", .unsigned(number(8, 8))), flags,
                Field("fm_extent_count", .unsigned(number(24, 4))),
            ])
        }
        let count = number(20, 4)
        let extent = TypeRow(.array, .structure, 0, StructureID.fiemapExtent.rawValue, .none)
        return .record([
            flags, Field("fm_mapped_extents", .unsigned(count)),
            Field("fm_extents", many(extent, address &+ 32, count), isDetail: true),
        ])
    }

    /// struct file_dedupe_range (linux/fs.h): what is to be shared, then what came of it.
    func dedupe(_ address: UInt64) -> Value {
        guard let offset = snapshot.number(at: address, width: 8),
            let length = snapshot.number(at: address &+ 8, width: 8),
            let count = snapshot.number(at: address &+ 16, width: 2)
        else { return .address(address) }
        var elements: [Value] = []
        for index in 0..<count {
            let at = address &+ 24 &+ index &* 32
            let (first, second, firstWidth, secondWidth) = result == nil ? (0, 8, 8, 8) : (16, 24, 8, 4)
            guard let left = snapshot.number(at: at &+ UInt64(first), width: firstWidth),
                let right = snapshot.number(at: at &+ UInt64(second), width: secondWidth)
            else { break }
            let fields =
                result == nil
                ? [
                    Field("dest_fd", .descriptor(Int32(truncatingIfNeeded: left))),
                    Field("dest_offset", .unsigned(right)),
                ]
                : [Field("bytes_deduped", .unsigned(left)), Field("status", .signed(Self.extend(right, 4)))]
            elements.append(.record(fields))
        }
        let whole: Value = UInt64(elements.count) < count ? .cutList(elements) : .list(elements)
        let info = Field("info", count > 2 ? .abbreviated(.cutList(Array(elements.prefix(2))), whole) : whole)
        if result != nil { return .record([info]) }
        return .record([
            Field("src_offset", .unsigned(offset)), Field("src_length", .unsigned(length)),
            Field("dest_count", .unsigned(count)), info,
        ])
    }

    /// struct rand_pool_info (linux/random.h) with the bytes that follow it.
    func entropy(_ address: UInt64) -> Value {
        guard let count = snapshot.number(at: address, width: 4),
            let size = snapshot.number(at: address &+ 4, width: 4)
        else { return .address(address) }
        return .record([
            Field("entropy_count", .signed(Self.extend(count, 4))), Field("buf_size", .signed(Self.extend(size, 4))),
            Field("buf", buffer(address &+ 8, size)),
        ])
    }

    /// NS_GET_NSTYPE answers the flag that makes such a namespace.
    func requestReply() -> Value? {
        guard let result, result >= 0, stop.arguments.a1 & 0xFFFF_FFFF == 0xB703 else { return nil }
        return .flags(.namespace, UInt64(result))
    }
}

/// FNV-1a, 64 bits: tells runs of bytes apart where they are not kept.
enum Digest {
    static func of(_ bytes: some Sequence<UInt8>) -> UInt64 {
        bytes.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }
}
