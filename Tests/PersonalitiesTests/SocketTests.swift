// Sockets: what the kernel would refuse must still be said, with every length that a program can pass.

import Messages
import Testing

@testable import Personalities

@Suite struct SocketTests {
    private static let header: UInt64 = 0x6000

    /// A message header as the personality lays it out.
    private func header(
        _ personality: Personality, vectors: UInt64 = 0, count: UInt64 = 0, control: UInt64 = 0, length: UInt64 = 0
    ) -> FakeCall {
        var call = FakeCall("sendmsg", RawArguments(3, Self.header, 0), personality)
        call.memory.write(
            Self.header, numbers: [0, 0, vectors, count, control, length, 0], width: personality.wordSize)
        return call
    }

    private func member(_ name: String, _ message: Message) -> Value? {
        guard case .record(let fields) = message.value("msg") else { return nil }
        return fields.first { $0.name == name }?.value
    }

    private func controlMessage(_ length: UInt64, _ level: UInt64, _ type: UInt64, _ personality: Personality)
        -> [UInt8]
    {
        little(length, personality.wordSize) + little(level, 4) + little(type, 4)
    }

    @Test(arguments: Personality.allCases) func passedDescriptors(personality: Personality) {
        let head = UInt64(personality.wordSize + 8)
        var call = header(personality, control: 0x7000, length: head + 8)
        call.memory.write(
            0x7000, controlMessage(head + 8, 1, 1, personality) + little(5, 4) + little(UInt64(UInt32.max), 4))
        let expected = Value.list([
            .record([
                Field("cmsg_len", .unsigned(head + 8)), Field("cmsg_level", .symbol(.socketLevel, 1)),
                Field("cmsg_type", .symbol(.socketControl, 1)),
                Field("cmsg_data", .list([.descriptor(5), .descriptor(-1)])),
            ])
        ])
        #expect(member("msg_control", call.enter()) == expected)
    }

    /// A length of nothing, of less than a header, of more than there is, and of everything.
    @Test(arguments: Personality.allCases, [UInt64(0), 3, 17, 4000, 0x7FFF_FFFF, UInt64.max])
    func controlLengths(personality: Personality, length: UInt64) {
        var call = header(personality, control: 0x7000, length: 40)
        call.memory.write(0x7000, controlMessage(length, 1, 1, personality))
        guard case .list(let parts) = member("msg_control", call.enter()) else {
            Issue.record("no list of control messages")
            return
        }
        #expect((1...4).contains(parts.count))
        guard case .record(let fields) = parts.first else {
            Issue.record("no control message")
            return
        }
        let mask: UInt64 = personality == .i386 ? 0xFFFF_FFFF : .max
        #expect(fields.first == Field("cmsg_len", .unsigned(length & mask)))
    }

    @Test(arguments: Personality.allCases) func controlDataThatIsNotThere(personality: Personality) {
        #expect(member("msg_control", header(personality, length: 64).enter()) == .address(0))
        #expect(member("msg_control", header(personality, control: 0x9000, length: 64).enter()) == .address(0x9000))
        #expect(member("msg_control", header(personality, control: 0x6000, length: 3).enter()) == .address(0x6000))
        #expect(member("msg_control", header(personality).enter()) == nil)
    }

    /// The number of vectors is the program's to choose; what is read is ours.
    @Test func numbersOfVectors() {
        for count in [UInt64(1) << 60, UInt64.max, 1025] {
            var call = header(.x86_64, vectors: 0x7000, count: count)
            call.memory.write(0x7000, numbers: [0x5000, 1], width: 8)
            guard case .cutList(let parts) = member("msg_iov", call.enter()) else {
                Issue.record("\(count) vectors are not cut")
                continue
            }
            #expect(parts.count <= 1024)
        }
    }

    @Test func addressLengths() {
        for length in [UInt64(0), 1, UInt64(UInt32.max), 1 << 32] {
            var call = FakeCall("bind", RawArguments(3, 0x5000, length))
            call.memory.write(0x5000, [1, 0, 97, 0])
            #expect(call.enter().value("umyaddr") == .address(0x5000))
        }
        var whole = FakeCall("bind", RawArguments(3, 0x5000, 0x7FFF_FFFF))
        whole.memory.write(0x5000, [1, 0, 97, 0])
        #expect(
            whole.enter().value("umyaddr")
                == .record([Field("sa_family", .symbol(.socketFamily, 1)), Field("sun_path", .path("a"))]))
    }

    /// A name is as long as the room that was given for it, though the kernel says how long it would be (recvmsg(2)).
    @Test func namesCutToTheirRoom() {
        var call = FakeCall("recvmsg", RawArguments(3, 0x6000, 0))
        call.memory.write(0x5000, little(1, 2) + Array("/run/a-long-name".utf8))
        call.memory.write(0x6000, numbers: [0x5000, 6, 0, 0, 0, 0, 0], width: 8)
        let asked = call.enter()
        call.memory.write(0x6000, numbers: [0x5000, 18, 0, 0, 0, 0, 0], width: 8)
        let message = call.leave(asked, result: 0)
        guard case .record(let fields) = message.value("msg"), case .record(let name)? = fields.first?.value else {
            Issue.record("no name")
            return
        }
        #expect(name.last?.value == .path(Bytes(Array("/run".utf8), isText: true)))
    }

    /// No address of any family and length is a trap, and each says its family.
    @Test func addressesOfEveryFamily() {
        for family in UInt64(0)...60 {
            for length in [UInt64(2), 3, 4, 6, 8, 10, 12, 14, 16, 20, 24, 28, 36, 96, 110, 128, 200] {
                for fill in [UInt8(0), 7, 255] {
                    var call = FakeCall("connect", RawArguments(3, 0x5000, length))
                    call.memory.write(0x5000, little(family, 2) + [UInt8](repeating: fill, count: 300))
                    guard case .record(let fields) = call.enter().value("uservaddr") else {
                        Issue.record("family \(family) of \(length) bytes is no record")
                        continue
                    }
                    #expect(fields.first?.name == "sa_family")
                    #expect(length == 2 || fields.count > 1, "family \(family) of \(length) bytes")
                }
            }
        }
    }

    @Test(arguments: [
        ("::", "::"), ("::1", "::0.0.0.1"), ("2001:db8::1", ""), ("::ffff:1.2.3.4", ""), ("1:0:0:2::3", ""),
    ])
    func internetAddresses(text: String, other: String) {
        let bytes: [String: [UInt8]] = [
            "::": [UInt8](repeating: 0, count: 16), "::1": [UInt8](repeating: 0, count: 15) + [1],
            "2001:db8::1": [0x20, 1, 0xD, 0xB8] + [UInt8](repeating: 0, count: 11) + [1],
            "::ffff:1.2.3.4": [UInt8](repeating: 0, count: 10) + [255, 255, 1, 2, 3, 4],
            "1:0:0:2::3": [0, 1, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 3],
        ]
        #expect(bytes[text].map { InternetAddress.text($0) } == text)
    }

    /// An option's value is what its level and name say; too little of it is an address.
    @Test func options() {
        var call = FakeCall("setsockopt", RawArguments(3, 1, 13, 0x5000, 8))
        call.memory.write(0x5000, numbers: [1, 30], width: 4)
        let linger = Value.record([Field("l_onoff", .signed(1)), Field("l_linger", .signed(30))])
        #expect(call.enter().value("optval") == linger)
        var short = FakeCall("setsockopt", RawArguments(3, 1, 13, 0x5000, 7))
        short.memory.write(0x5000, numbers: [1, 30], width: 4)
        #expect(short.enter().value("optval") == .address(0x5000))
        #expect(FakeCall("setsockopt", RawArguments(3, 1, 13, 0x5000, 8)).enter().value("optval") == .address(0x5000))
        var time = FakeCall("setsockopt", RawArguments(3, 1, 20, 0x5000, 8), .i386)
        time.memory.write(0x5000, numbers: [5, 70], width: 4)
        #expect(
            time.enter().value("optval")
                == .record([Field("tv_sec", .signed(5)), Field("tv_usec", .unsigned(70))]))
    }
}

@Suite struct NetlinkTests {
    /// A message of one attribute that holds itself again and again, as route attributes do.
    private func nested(_ depth: Int) -> [UInt8] {
        var attribute: [UInt8] = []
        for _ in 0..<depth { attribute = little(UInt64(attribute.count + 4), 2) + little(52, 2) + attribute }
        let body = [UInt8](repeating: 0, count: 16)
        return little(UInt64(16 + body.count + attribute.count), 4) + little(16, 2) + little(1, 2) + little(0, 8) + body
            + attribute
    }

    private func decoded(
        _ bytes: [UInt8], _ protocolNumber: Int32? = 0, length: UInt64? = nil, at place: UInt64 = 0x7000
    )
        -> Value?
    {
        var call = FakeCall("sendmsg", RawArguments(3, 0x6000, 0))
        call.memory.write(0x5000, little(16, 2) + [UInt8](repeating: 0, count: 10))
        call.memory.write(0x6000, numbers: [0x5000, 12, 0x6100, 1, 0, 0, 0], width: 8)
        call.memory.write(0x6100, numbers: [place, length ?? UInt64(bytes.count)], width: 8)
        call.memory.write(place, bytes)
        var snapshot = Snapshot(stop: call.stop)
        call.capture.entry(&snapshot, memory: call.memory)
        #expect(snapshot.meaningDescriptor == 3)
        if let protocolNumber {
            snapshot.add(
                Fact(kind: .descriptor, number: 3, socket: SocketFact(family: 16, protocolNumber: protocolNumber)))
        }
        guard case .record(let fields) = Decoder().entry(snapshot).value("msg"),
            case .list(let parts) = fields.first(where: { $0.name == "msg_iov" })?.value,
            case .record(let part) = parts.first
        else { return nil }
        return part.first?.value
    }

    /// A header that can be read shows, with the address of what cannot.
    @Test func messagesThatMemoryCutsShort() {
        let bytes = little(32, 4) + little(18, 2) + little(0x300, 2) + little(0, 8)
        guard case .list(let parts) = decoded(bytes, length: 32, at: 0x8000 - 16) else {
            Issue.record("no message")
            return
        }
        #expect(parts.last == .address(0x8000))
    }

    /// The upper flags mean what the name of the message says.
    @Test(arguments: [(UInt64(10 << 8), SymbolSet.netlinkNew), (UInt64(10 << 8 | 1), .netlinkGet)])
    func flagsOfFilteringMessages(type: UInt64, set: SymbolSet) {
        let bytes = little(16, 4) + little(type, 2) + little(0x101, 2) + little(0, 8)
        guard case .record(let fields) = decoded(bytes, 12) else {
            Issue.record("no message")
            return
        }
        let flags = fields.first { $0.name == "nlmsg_flags" }
        #expect(flags?.value == .joined([.flags(.netlinkFlags, 1), .flags(set, 0x100)]))
    }

    /// The value of the one attribute behind a message's struct, which is zero.
    private func value(_ type: UInt64, body: Int, _ attribute: UInt64, _ data: [UInt8]) -> Value? {
        let bytes =
            little(UInt64(20 + body + data.count), 4) + little(type, 2) + little(1, 2) + little(0, 8)
            + [UInt8](repeating: 0, count: body) + little(UInt64(4 + data.count), 2) + little(attribute, 2) + data
        guard case .list(let parts) = decoded(bytes), case .list(let pair)? = parts.last else { return nil }
        return pair.last
    }

    /// Counters that a kernel does not have yet are missing, and bytes that nobody knows yet are left out.
    @Test(arguments: [(91, -1), (92, 23), (96, 24), (120, 24)]) func structsOfAnyAge(count: Int, fields: Int) {
        let value = value(16, body: 16, 7, [UInt8](repeating: 1, count: count))  // RTM_NEWLINK, IFLA_STATS
        if case .record(let found) = value { return #expect(found.count == fields) }
        #expect(fields == -1)
    }

    /// A gateway of another family than the route (linux/rtnetlink.h, RTM_NEWROUTE, RTA_VIA).
    @Test func gateways() {
        let family = Field("rtvia_family", .symbol(.socketFamily, 2))
        #expect(value(24, body: 12, 18, [2, 0]) == .record([family]))
        #expect(
            value(24, body: 12, 18, [2, 0, 10, 1, 2, 3])
                == .record([family, Field("rtvia_addr", NetworkText.inet([10, 1, 2, 3]))]))
        #expect(value(24, body: 12, 18, [2]) == .bytes(Bytes([2], isBinary: true)))
    }

    /// Hops are a list, each with attributes of its own where it has any (RTA_MULTIPATH).
    @Test func hops() {
        let hop: [UInt8] = [8, 0, 0, 3, 1, 0, 0, 0]
        guard case .list(let hops) = value(24, body: 12, 9, hop + hop) else {
            Issue.record("no list")
            return
        }
        #expect(hops.count == 2 && hops[0] == hops[1])
        let longer: [UInt8] = [13, 0, 0, 3, 1, 0, 0, 0, 5, 0, 20, 0, 7]  // RTA_PREF
        guard case .list(let parts) = value(24, body: 12, 9, longer), case .list(let attribute)? = parts.last else {
            Issue.record("no attribute")
            return
        }
        #expect(attribute.last == .unsigned(7))
    }

    /// What multicast routing reports has names by its family, and none in other families (linux/mroute.h, mroute6.h).
    @Test func multicastReports() {
        func attribute(_ family: UInt8) -> Value? {
            let bytes =
                little(28, 4) + little(96, 2) + little(1, 2) + little(0, 8) + [family, 0, 0, 0] + little(8, 2)
                + little(2, 2) + little(7, 4)
            guard case .list(let parts) = decoded(bytes) else { return nil }
            return parts.last
        }
        guard case .list(let pair)? = attribute(0x81), case .record(let header)? = pair.first else {
            Issue.record("no attribute")
            return
        }
        #expect(header.last?.value == .symbol(.multicastReport6, 2))
        #expect(pair.last == .unsigned(7))
        #expect(attribute(2) == .bytes(Bytes([8, 0, 2, 0, 7, 0, 0, 0], isBinary: true)))
    }

    /// What a link of a kind says of itself; a pair of virtual links carries the message of the other (linux/veth.h).
    @Test func linksOfAKind() {
        func data(_ kind: String, _ bytes: [UInt8]) -> Value? {
            let name = little(UInt64(4 + kind.utf8.count), 2) + little(1, 2) + Array(kind.utf8)
            let info = name + little(UInt64(4 + bytes.count), 2) + little(2, 2) + bytes
            guard case .list(let parts) = value(16, body: 16, 18, info), case .list(let pair)? = parts.last else {
                return nil
            }
            return pair.last
        }
        guard case .list(let vlan)? = data("vlan", little(6, 2) + little(1, 2) + little(5, 2)),
            case .list(let veth)? = data("veth", little(20, 2) + little(1, 2) + [UInt8](repeating: 0, count: 16)),
            case .record(let peer)? = veth.last
        else {
            Issue.record("no attribute")
            return
        }
        #expect(vlan.last == .unsigned(5))
        #expect(peer.first?.name == "ifi_family")
    }

    /// Counters of multicast in a bridge (RTM_NEWSTATS, IFLA_STATS_LINK_XSTATS), and what follows the struct.
    @Test func bridgeCounters() {
        let counters = little(1, 2) + [UInt8](repeating: 0, count: 6) + [UInt8](repeating: 0, count: 232) + [9]
        let mcast = little(UInt64(4 + counters.count), 2) + little(2, 2) + counters
        let bridge = little(UInt64(4 + mcast.count), 2) + little(1, 2) + mcast
        guard case .list(let outer)? = value(92, body: 12, 2, bridge), case .list(let pair)? = outer.last,
            case .separated(let parts, by: ", ")? = pair.last, case .record(let fields)? = parts.first
        else {
            Issue.record("no counters")
            return
        }
        #expect(fields.first?.name == "igmp_v1queries")
        #expect(
            fields.first?.value
                == .list([.named("[BR_MCAST_DIR_RX]", .unsigned(1)), .named("[BR_MCAST_DIR_TX]", .unsigned(0))]))
        #expect(parts.last == .bytes(Bytes([9], isBinary: true)))
    }

    /// A bridge's router port: an interface, and what was found out about it (linux/if_bridge.h).
    @Test func routerPorts() {
        let timer: [UInt8] = [8, 0, 1, 0, 100, 0, 0, 0]
        let port = [16, 0, 1, 0, 1, 0, 0, 0] + timer
        guard case .list(let pair) = value(84, body: 8, 2, port), case .separated(let parts, by: ", ")? = pair.last,
            case .list(let attribute)? = parts.last
        else {
            Issue.record("no port")
            return
        }
        #expect(parts[0] == CallView.interface(1))
        #expect(attribute.last == .ticks(100))
    }

    /// What the kernel says of a device is text; udev puts a header before its own.
    @Test func devices() {
        let text = Array("add@/devices/x\0ACTION=add\0".utf8)
        #expect(decoded(text, 15) == .bytes(Bytes(text)))
        let header = Array("libudev\0".utf8) + [UInt8](repeating: 0, count: 32)
        guard case .record(let fields) = decoded(header, 15) else {
            Issue.record("no header")
            return
        }
        #expect(fields.first == Field("prefix", .bytes(Bytes(Array("libudev".utf8), isText: true, isWhole: true))))
        guard case .list(let parts) = decoded(header + text, 15) else {
            Issue.record("no text")
            return
        }
        #expect(parts.last == .bytes(Bytes(text)))
    }

    /// Attributes in attributes end somewhere, however deep a program nests them.
    @Test(arguments: [1, 5, 9, 40, 900]) func nestedAttributes(depth: Int) {
        guard case .list(let parts) = decoded(nested(depth)) else {
            Issue.record("no message")
            return
        }
        #expect(parts.count == 3)
    }

    /// Lengths of nothing, of less than a header, of more than there is.
    @Test(arguments: [UInt64(0), 3, 15, 16, 17, 4000, 0xFFFF_FFFF]) func lengths(length: UInt64) {
        var bytes = nested(3)
        bytes.replaceSubrange(0..<4, with: little(length, 4))
        #expect(decoded(bytes) != nil)
        #expect(decoded(bytes, nil) != nil)
        #expect(decoded(bytes, length: 1 << 60) != nil)
        var attribute = nested(1)
        attribute.replaceSubrange(32..<34, with: little(length & 0xFFFF, 2))
        #expect(decoded(attribute) != nil)
    }

    /// Without its protocol a type is a number; with it, a name.
    @Test func typesBelongToProtocols() {
        func type(_ value: Value?) -> Value? {
            guard case .list(let parts) = value, case .record(let header) = parts.first else { return nil }
            return header.first { $0.name == "nlmsg_type" }?.value
        }
        #expect(type(decoded(nested(1))) == .symbol(.routeType, 16))
        #expect(type(decoded(nested(1), 16)) == .symbol(.genericType, 16))
        #expect(type(decoded(nested(1), nil)) == .symbol(.netlinkType, 16))
    }
}
