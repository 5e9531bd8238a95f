// The numbers of the MCAP container (https://mcap.dev/spec) and the choices that abitrace makes within it.

/// Constants that the writer and the reader share.
enum MCAPFormat {
    static let magic: [UInt8] = [0x89, 0x4D, 0x43, 0x41, 0x50, 0x30, 0x0D, 0x0A]
    /// Where the container's version digit stands in the magic.
    static let magicVersionIndex = 5
    /// An opcode and a 64-bit length lead every record.
    static let frameSize = 9
    /// The fields of a Message record before its payload.
    static let messageHeadSize = 22
    /// The length of a Footer record's content.
    static let footerSize = 20

    static let profile = "abitrace"
    /// The library string is this and the version; a file that another tool rewrote has another string.
    static let libraryPrefix = "abitrace recording "
    static let version = 1

    static let schemaIdentifier: UInt16 = 1
    static let encoding = "protobuf"
    static let compression = "zstd"

    /// A chunk is written out when it has grown to this size.
    static let chunkTarget = 256 << 10
    /// No record is smaller: its head, its time and its kind.
    static let smallestRecord = 48
    /// The largest payload the writer takes, so that no chunk outgrows what the reader accepts.
    static let largestRecord = 32 << 20
    /// The largest chunk, attachment or other record the reader accepts, before and after decompression.
    static let largestContent = 64 << 20
}

/// The kinds of MCAP record.
enum MCAPOpcode {
    static let header: UInt8 = 0x01
    static let footer: UInt8 = 0x02
    static let schema: UInt8 = 0x03
    static let channel: UInt8 = 0x04
    static let message: UInt8 = 0x05
    static let chunk: UInt8 = 0x06
    static let messageIndex: UInt8 = 0x07
    static let chunkIndex: UInt8 = 0x08
    static let attachment: UInt8 = 0x09
    static let attachmentIndex: UInt8 = 0x0A
    static let statistics: UInt8 = 0x0B
    static let metadata: UInt8 = 0x0C
    static let metadataIndex: UInt8 = 0x0D
    static let summaryOffset: UInt8 = 0x0E
    static let dataEnd: UInt8 = 0x0F
}

/// The names of the attachments.
enum AttachmentName {
    static let command = "command"
    static let machine = "machine"
    static let spec = "spec"
    /// What the command was held to has this before the names of its parts.
    static let policyPrefix = "policy/"
}

/// The names of the metadata records.
enum MetadataName {
    /// What the recorder says of itself: how often and how long it held the program up.
    static let recorder = "recorder"
}
