// A chunk while it gathers: its records, and where each of them stands.

/// Records one after the other, as they will stand in the file. It belongs to one thread at a time: to the writer's
/// until it is handed over, then to the one that writes it, then to the writer's again.
final class Chunk {
    /// Enough for a full chunk and the record that filled it.
    private static let room = MCAPFormat.chunkTarget + (64 << 10)

    var records = RawBuffer(capacity: Chunk.room)
    /// One for each record.
    var entries: [IndexEntry] = []

    init() { entries.reserveCapacity(MCAPFormat.chunkTarget / MCAPFormat.smallestRecord) }

    /// Forgets the records and keeps the storage, except what one huge record made it grow to.
    func reset() {
        entries.removeAll(keepingCapacity: true)
        if records.capacity > 2 * Self.room {
            records = RawBuffer(capacity: Self.room)
        } else {
            records.reset()
        }
    }
}
