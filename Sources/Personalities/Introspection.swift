// What programs tell the kernel to count or to enforce: performance counters, security contexts.

import Messages

extension CallView {
    /// struct perf_event_attr says its own size; 0 means the first published one (linux/perf_event.h).
    func counter(_ address: UInt64) -> Value {
        guard let size = snapshot.number(at: address &+ 4, width: 4) else { return .address(address) }
        let given = size == 0 ? 64 : size
        guard given >= 64 else { return .address(address) }
        return structure(UInt16(StructureID.perfEventAttr.rawValue), at: address, size: given) ?? .address(address)
    }

    /// PERF_TYPE_HW_CACHE: the cache, what is done to it and how that ends, a byte each.
    func cacheCounter(_ place: UInt64) -> Value? {
        guard let config = snapshot.number(at: place, width: 8) else { return nil }
        var parts: [Value] = []
        if config >> 32 != 0 { parts.append(.shifted(.hexadecimal(config >> 32), by: 32)) }
        let unknown = config >> 24 & 0xFF
        if unknown != 0 { parts.append(.shifted(.hexadecimal(unknown), by: 24)) }
        parts.append(.shifted(.symbol(.perfCacheResult, config >> 16 & 0xFF), by: 16))
        parts.append(.shifted(.symbol(.perfCacheOperation, config >> 8 & 0xFF), by: 8))
        parts.append(.symbol(.perfCache, config & 0xFF))
        return .joined(parts)
    }

    /// How far a sample may be from what caused it (perf_event_open(2), precise_ip).
    func samplingSkid(_ place: UInt64) -> Value? {
        let words = ["arbitrary skid", "constant skid", "requested to have 0 skid", "must have 0 skid"]
        return snapshot.number(at: place, width: 8).map { flags in
            let skid = flags >> 15 & 3
            return .commented(.unsigned(skid), words[Int(skid)])
        }
    }

    /// Security contexts: struct lsm_ctx (linux/lsm.h), each as long as it says.
    func securityContexts(_ address: UInt64, _ count: UInt64) -> Value {
        guard address != 0 else { return .address(0) }
        var contexts: [Value] = []
        var at = address
        for _ in 0..<min(count, 64) {
            guard case .record(let fields) = structure(UInt16(StructureID.lsmCtx.rawValue), at: at),
                let length = snapshot.number(at: at &+ 16, width: 8),
                let textLength = snapshot.number(at: at &+ 24, width: 8)
            else { break }
            let kept = snapshot.bytes(at: at &+ 32, count: Int(min(textLength, UInt64(Capture.contextLimit)))) ?? []
            let text = Bytes(Array(kept.last == 0 ? kept.dropLast() : kept))
            contexts.append(.record(fields + [Field("ctx", .bytes(text))]))
            guard length >= 32 else { break }
            at = at &+ length
        }
        if contexts.isEmpty && count > 0 { return .address(address) }
        return UInt64(contexts.count) < count ? .cutList(contexts) : .list(contexts)
    }
}

extension Value {
    static func shifted(_ value: Value, by bits: UInt64) -> Value { .separated([value, .unsigned(bits)], by: "<<") }
}

extension Capture {
    /// How many bytes of security contexts are kept.
    static let contextLimit = 4096

    func counter(_ address: UInt64, _ snapshot: inout Snapshot, _ memory: some TraceeMemory) {
        plain(address, 8, &snapshot, memory)
        guard let size = snapshot.number(at: address &+ 4, width: 4) else { return }
        plain(address, Int(min(max(size, 64), 256)), &snapshot, memory)
    }

    func securityContexts(
        _ address: UInt64, size: UInt64, _ snapshot: inout Snapshot, _ memory: some TraceeMemory
    ) {
        plain(address, Int(min(size & 0xFFFF_FFFF, UInt64(Self.contextLimit))), &snapshot, memory)
    }
}
