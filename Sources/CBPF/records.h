// What the program in the kernel and its reader agree on: the records of the ring, the instructions of a capture, the
// state of a thread. Every member has the same place for both compilers.
#ifndef ABITRACE_RECORDS_H
#define ABITRACE_RECORDS_H

// How many numbers each personality's table may have.
#define ABITRACE_NUMBERS 1024
// How many instructions one call may have, and all of them together.
#define ABITRACE_CALL_INSTRUCTIONS 32
#define ABITRACE_INSTRUCTIONS 16384
// The most bytes of one piece of memory; a power of two. One record has twice as much room.
#define ABITRACE_PIECE_LIMIT 0x10000
// How many processors have room for a record that is being put together; a power of two.
#define ABITRACE_PROCESSORS 256

enum abitrace_record_kind {
    ABITRACE_ENTRY = 1,
    // A call that returned; where no entry was sent, the entry too.
    ABITRACE_EXIT = 2,
    // A thread's end, where calls of it were lost and nothing else would tell.
    ABITRACE_END = 3,
    // What the kernel has of an exec whose path or arguments were on pages that were not there.
    ABITRACE_IMAGE = 4,
};

enum abitrace_record_flags {
    // An entry was sent before.
    ABITRACE_HAS_ENTRY = 1,
    // Some memory was not there at the entry; the exit brings it again.
    ABITRACE_INCOMPLETE = 2,
    // A filter of the kernel answered the call: it was never made (seccomp(2)).
    ABITRACE_REFUSED = 4,
    // Memory was left out: it did not fit.
    ABITRACE_CUT = 8,
};

// One record of the ring; its pieces of memory follow it.
struct abitrace_record {
    unsigned char kind;
    unsigned char personality;
    unsigned char flags;
    unsigned char piece_count;
    int thread;
    int process;
    // Bytes of all pieces.
    unsigned int pieces;
    // Calls of the thread that were lost since its last record.
    unsigned int lost;
    // The kernel itself keeps it in an int.
    int number;
    // Of the monotonic clock, in nanoseconds.
    unsigned long long time;
    unsigned long long entry_time;
    // Of calls that return from a signal handler the first is the stack pointer, where their arguments lie.
    unsigned long long arguments[6];
    unsigned long long instruction_pointer;
    long long result;
};

// One piece of memory; `count` bytes follow, filled up to a multiple of eight.
struct abitrace_piece {
    unsigned long long address;
    unsigned int count;
    // The errno of the read where not all that was wanted is there.
    unsigned short error;
    // 1: as it was at the entry; 2: at the exit; 8: a new image's arguments, one text after the other; 16 and 32: no
    // memory, but an `abitrace_kernel_object` or `abitrace_ends`, whose address is its kind (32 bits) and number.
    unsigned char phase;
    // The instruction that asked for it, in its call's list.
    unsigned char instruction;
};

// What an object is to a thread.
enum abitrace_relation {
    ABITRACE_A_DESCRIPTOR = 1,
    ABITRACE_THE_WORKING_DIRECTORY = 2,
    ABITRACE_THE_ROOT = 3,
};

// How many directories and mounts a name may lead through.
#define ABITRACE_NAME_PARTS 128

// What the kernel knows of an object. The parts of its name follow, from the last to the first, a byte with its length
// before each.
struct abitrace_kernel_object {
    unsigned int mode;
    // As the kernel keeps device numbers: 12 bits, then 20.
    unsigned int device;
    unsigned int special_device;
    // s_magic (linux/magic.h)
    unsigned int file_system;
    unsigned long long inode;
    unsigned char is_deleted;
    // No directory has it; its one part says what it is.
    unsigned char names_itself;
    // All parts are there.
    unsigned char is_named;
    unsigned char reserved;
    unsigned int name_bytes;
};

// The ends of a socket as `sockaddr`s; those without a length are not there.
struct abitrace_ends {
    unsigned short family;
    unsigned short type;
    unsigned short protocol_number;
    unsigned short local_length;
    unsigned short peer_length;
    unsigned short reserved;
    unsigned int peer_inode;
    unsigned char local[112];
    unsigned char peer[112];
};

// struct sockaddr_in, sockaddr_in6 and sockaddr_nl (linux/in.h, in6.h, netlink.h).
struct abitrace_address_4 {
    unsigned short family, port;
    unsigned int address, zero[2];
};
struct abitrace_address_6 {
    unsigned short family, port;
    unsigned int flow, address[4], scope;
};
struct abitrace_address_netlink {
    unsigned short family, zero;
    unsigned int port, groups;
};

enum abitrace_instruction_kind {
    // `fixed` bytes and `unit` for each of the count, up to `limit`.
    ABITRACE_BYTES = 1,
    // Up to a NUL, `limit` bytes at most.
    ABITRACE_TEXT = 2,
    // An array of iovec, and what each points to: `limit` bytes of each; where there is a `unit`, as far as the result
    // goes at an exit.
    ABITRACE_VECTOR = 3,
    // A NULL-ended list of texts, `limit` bytes of each; and one without its texts.
    ABITRACE_TEXTS = 4,
    ABITRACE_POINTERS = 5,
    // The `fixed` instructions that follow, once for each of the count, `limit` at most: in the piece that the base
    // names the elements lie `unit` bytes apart.
    ABITRACE_EACH = 6,
    // What the descriptor stands for that is the count; where there is a `unit`, only of sockets of that family.
    ABITRACE_DESCRIPTOR = 7,
    // What the descriptors stand for that are in the control data of the base's piece.
    ABITRACE_PASSED = 8,
    ABITRACE_WORKING_DIRECTORY = 9,
    ABITRACE_ROOT = 10,
};

enum abitrace_phase {
    ABITRACE_AT_ENTRY = 1,
    ABITRACE_AT_EXIT = 2,
    // At the exit of a call that failed, too.
    ABITRACE_AT_FAILURE = 4,
    ABITRACE_OF_IMAGE = 8,
    ABITRACE_OF_OBJECT = 16,
    ABITRACE_OF_SOCKET = 32,
};

// Where a number comes from: an argument, the result, the stack pointer, the size in an ioctl request's number, or
// memory that an earlier instruction has read.
#define ABITRACE_FROM_NOTHING 255
#define ABITRACE_FROM_RESULT 8
#define ABITRACE_FROM_STACK 9
#define ABITRACE_FROM_REQUEST 10
#define ABITRACE_FROM_PIECE 16

// One thing to read at a call.
struct abitrace_instruction {
    unsigned char kind;
    unsigned char phase;
    // Where its address and its count come from: 0 to 5, RESULT, PIECE + the instruction's place.
    unsigned char base;
    unsigned char count;
    // Where in the piece the address and the count stand; the count's bytes.
    unsigned short base_offset;
    unsigned short count_offset;
    unsigned char count_width;
    // Of a base in a piece: its bytes.
    unsigned char base_width;
    // 1 + the instruction that reads a socket address: of a netlink socket's, `fixed` bytes are read in place of
    // `limit`.
    unsigned char address;
    unsigned char reserved;
    unsigned int unit;
    unsigned int fixed;
    unsigned int limit;
    // Added to the address.
    unsigned int displacement;
};

enum abitrace_row_flags {
    // The entry is sent at once: the call may not return, or others are to come between entry and exit.
    ABITRACE_SENDS_ENTRY = 1,
    ABITRACE_READS_AT_ENTRY = 2,
    ABITRACE_READS_AT_EXIT = 4,
    ABITRACE_READS_AT_FAILURE = 8,
    // This argument chooses the instructions: `ABITRACE_SELECTS` and three bits above.
    ABITRACE_SELECTS = 16,
    // A call that leaves no memory behind to be read at its return.
    ABITRACE_EXECUTES = 32,
};

// What is done at one number of one personality.
struct abitrace_row {
    unsigned short first;
    unsigned char count;
    unsigned char flags;
    // With ABITRACE_SELECTS: the argument whose value is looked up.
    unsigned char selector;
    unsigned char reserved[3];
};

// The key of a row that an argument's value chooses.
struct abitrace_choice {
    unsigned int personality_and_number;
    unsigned int value;
};

enum abitrace_thread_flags {
    ABITRACE_IN_CALL = 1,
    ABITRACE_ENTRY_SENT = 2,
    // A return without a call is to come: a fork's in the child, or of a call that was under way.
    ABITRACE_BEGINS = 4,
    // The launching code's own calls are nobody's business.
    ABITRACE_HIDDEN = 8,
    // Between the launch's exec and its success.
    ABITRACE_LAUNCHING = 16,
    ABITRACE_ENTRY_INCOMPLETE = 32,
};

// Variables that both sides see.
struct abitrace_variables {
    // The reader waits, and wants to be woken when the ring fills.
    unsigned int reader_sleeps;
    unsigned int padding[15];
    // Records that did not fit, a line of the cache for each processor.
    struct {
        unsigned long long count;
        unsigned long long padding[7];
    } lost[ABITRACE_PROCESSORS];
};

// What the kernel remembers of a thread under watch.
struct abitrace_thread {
    int thread;
    int process;
    unsigned char flags;
    unsigned char personality;
    // Records, as far as the reader has to be woken for them.
    unsigned short sent;
    int number;
    unsigned int lost;
    unsigned int padding;
    unsigned long long entry_time;
    // The instruction of a call that began to wait before sys_enter, at the entry time; 0 for none.
    unsigned long long waits_at;
};

#endif
