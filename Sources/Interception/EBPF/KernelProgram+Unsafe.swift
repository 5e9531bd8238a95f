// The program in the kernel: loading it, telling it what to read and whom to watch, and taking it away again.

import CBPF
import CLinux
import Glibc
import Messages
import Personalities

/// A loaded program and its maps. While it is attached, every process of the machine pays for each of its calls, a
/// fraction of a microsecond: `detach` as soon as nothing is to be seen any more.
final class KernelProgram {
    private let object: OpaquePointer
    private var links: [OpaquePointer] = []
    private let threads: Int32
    private let remainders: Int32
    let ring: CallRing
    /// The calls of which records bring anything besides registers.
    let reading: CallInterest
    /// The program's variables, shared with it.
    private let variables: UnsafeMutableRawPointer
    private let variablesSize: Int
    private let sleepsOffset: Int
    private let lostOffset: Int

    /// How long a line of a processor's cache is, which `lost` has one of for each.
    private static let lostStride = 64

    /// Loads the program and attaches it; it sees nothing yet.
    /// - Parameter ringBytes: how much may wait to be read; a power of two, at least a page.
    /// - Throws: `TraceError.kernelProgram` where this kernel, or this user, cannot have it.
    init(_ watching: PtraceOptions, ringBytes: Int) throws(TraceError) {
        libbpf_set_print(nil)
        let bytes = Self.bytes()
        var options = bpf_object_open_opts()
        options.sz = MemoryLayout<bpf_object_open_opts>.size
        let opened = bytes.withUnsafeBytes { bpf_object__open_mem($0.baseAddress, $0.count, &options) }
        guard let object = opened else { throw .kernelProgram("reading the program", errno: errno) }
        self.object = object
        let table = CaptureTable(watching.capture, watching.interest, tellsObjects: watching.facts != .none)
        reading = table.reading
        let program: Loaded
        do {
            program = try Self.load(object, table, ringBytes: ringBytes)
        } catch {
            bpf_object__close(object)
            throw error
        }
        threads = program.threads
        remainders = program.remainders
        ring = program.ring
        variables = program.variables
        variablesSize = program.variablesSize
        sleepsOffset = 0
        lostOffset = Self.lostStride
        for name in Self.tracepoints {
            guard let part = bpf_object__find_program_by_name(object, name), let link = bpf_program__attach(part) else {
                let failure = errno
                detach()
                throw .kernelProgram("attaching \(name)", errno: failure)
            }
            links.append(link)
        }
    }

    deinit {
        detach()
        munmap(variables, variablesSize)
        bpf_object__close(object)
    }

    /// From here on the machine runs as if nobody had watched; what is in the ring stays there.
    func detach() {
        for link in links { bpf_link__destroy(link) }
        links.removeAll()
    }

    // MARK: Threads

    /// Takes a thread under watch; the children that it makes from then on are too.
    func watch(_ thread: Int32, process: Int32, flags: UInt32) throws(TraceError) {
        var state = abitrace_thread()
        state.thread = thread
        state.process = process
        state.flags = UInt8(truncatingIfNeeded: flags)
        var handle = try Self.handle(of: thread, process)
        defer { close(handle) }
        guard bpf_map_update_elem(threads, &handle, &state, UInt64(BPF_NOEXIST)) == 0 || errno == EEXIST
        else {
            throw .kernelProgram("watching thread \(thread)", errno: errno)
        }
    }

    func unwatch(_ thread: Int32, process: Int32) {
        guard var handle = try? Self.handle(of: thread, process) else { return }
        defer { close(handle) }
        _ = bpf_map_delete_elem(threads, &handle)
    }

    /// PIDFD_THREAD (linux/pidfd.h, Linux 6.9); without it a process's first thread alone has one.
    private static func handle(of thread: Int32, _ process: Int32) throws(TraceError) -> Int32 {
        let flags = thread == process ? UInt(0) : UInt(O_EXCL)
        // pidfd_open is 434 in every table.
        let handle = abitrace_call(434, UInt(thread), flags, 0, 0, 0, 0)
        guard handle >= 0 else {
            if handle == -Int(ESRCH) { throw .noSuchProcess(thread) }
            throw .kernelProgram("a descriptor of thread \(thread)", errno: Int32(-handle))
        }
        return Int32(handle)
    }

    // MARK: Variables

    /// Says that the reader is about to wait, or does not wait any more.
    func setReaderSleeps(_ sleeps: Bool) {
        let place = (variables + sleepsOffset).assumingMemoryBound(to: UInt32.self)
        abitrace_exchange(place, sleeps ? 1 : 0)
    }

    /// How many records did not fit into the ring.
    var lost: UInt64 {
        var sum: UInt64 = 0
        for processor in 0..<Int(ABITRACE_PROCESSORS) {
            sum &+= (variables + lostOffset + processor * Self.lostStride).load(as: UInt64.self)
        }
        return sum
    }

    /// How many calls a thread that has ended lost last, where nothing in the ring tells of them.
    func takeRemainder(of thread: Int32) -> UInt64 {
        var (thread, calls) = (thread, UInt64(0))
        guard bpf_map_lookup_elem(remainders, &thread, &calls) == 0 else { return 0 }
        _ = bpf_map_delete_elem(remainders, &thread)
        return calls
    }

    // MARK: Loading

    private struct Loaded {
        let threads: Int32
        let remainders: Int32
        let ring: CallRing
        let variables: UnsafeMutableRawPointer
        let variablesSize: Int
    }

    private static let tracepoints = ["fork", "exec", "end", "wait", "enter", "leave"]

    private static func load(
        _ object: OpaquePointer, _ table: CaptureTable, ringBytes: Int
    ) throws(TraceError) -> Loaded {
        guard let ringMap = bpf_object__find_map_by_name(object, "ring"),
            let desks = bpf_object__find_map_by_name(object, "desks"),
            bpf_map__set_max_entries(ringMap, UInt32(ringBytes)) == 0,
            bpf_map__set_max_entries(desks, UInt32(max(1, sysconf(Int32(_SC_NPROCESSORS_CONF))))) == 0
        else { throw .kernelProgram("sizing its maps", errno: errno) }
        let answer = bpf_object__load(object)
        guard answer == 0 else { throw .kernelProgram("loading it", errno: -answer) }
        func map(_ name: String) -> Int32 { bpf_object__find_map_fd_by_name(object, name) }
        // Names are told from our own root on.
        var run = bpf_test_run_opts()
        run.sz = MemoryLayout<bpf_test_run_opts>.size
        let finding = bpf_object__find_program_by_name(object, "find_root").map { bpf_program__fd($0) } ?? -1
        let found = bpf_prog_test_run_opts(finding, &run)
        guard found == 0 else { throw .kernelProgram("asking for the root directory", errno: -found) }
        try table.store(rows: map("rows"), choices: map("choices"), instructions: map("instructions"))
        guard let shared = bpf_object__find_map_by_name(object, ".data.shared") else {
            throw .kernelProgram("finding its variables", errno: ENOENT)
        }
        let size = (Int(bpf_map__value_size(shared)) + 4095) & ~4095
        let place = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(shared), 0)
        guard let place, place != MAP_FAILED else { throw .kernelProgram("sharing its variables", errno: errno) }
        let ring: CallRing
        do {
            ring = try CallRing(map("ring"), size: ringBytes)
        } catch {
            munmap(place, size)
            throw error
        }
        return Loaded(
            threads: map("threads"), remainders: map("remainders"), ring: ring, variables: place, variablesSize: size)
    }

    private static func bytes() -> [UInt8] {
        func digit(_ character: UInt8) -> UInt8 { character < 58 ? character - 48 : character - 87 }
        let text = KernelProgramBytes.hexadecimal
        let digits = UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
        return [UInt8](unsafeUninitializedCapacity: digits.count / 2) { bytes, count in
            count = digits.count / 2
            for index in 0..<count { bytes[index] = digit(digits[2 * index]) << 4 | digit(digits[2 * index + 1]) }
        }
    }
}
