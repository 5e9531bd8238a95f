// The part of the eBPF interceptor that runs in the kernel: one record a call of a thread under watch, with the memory
// that the call's row asks for. What is read is said by instructions that user space compiles from the spec's rows;
// nothing here knows any call but those that make and change threads.

#include <linux/bpf.h>
#include <linux/errno.h>
#include <stdbool.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "records.h"

#define AS_THE_KERNEL_HAS_IT __attribute__((preserve_access_index))

// Members that are read, wherever the running kernel keeps them (BTF relocations).
struct pt_regs {
    unsigned long bp, bx, r10, r9, r8, cx, dx, si, di, orig_ax, ip, sp;
} AS_THE_KERNEL_HAS_IT;

struct thread_info {
    unsigned int status;
} AS_THE_KERNEL_HAS_IT;

struct upid {
    int nr;
} AS_THE_KERNEL_HAS_IT;

struct pid {
    struct upid numbers[1];
} AS_THE_KERNEL_HAS_IT;

struct mm_struct {
    unsigned long arg_start, arg_end;
} AS_THE_KERNEL_HAS_IT;

struct linux_binprm {
    const char *filename, *interp;
} AS_THE_KERNEL_HAS_IT;

struct task_struct {
    struct mm_struct *mm;
    struct thread_info thread_info;
    struct task_struct *group_leader;
    struct pid *thread_pid;
    unsigned int ptrace;
} AS_THE_KERNEL_HAS_IT;

// TS_COMPAT (asm/thread_info.h): the call came through the 32-bit entry.
#define COMPAT 2

// The depth of the supervisor's pid namespace: threads are named as it names them.
const volatile unsigned int pid_level = 0;
// The number of execve in the table of the launching code, which is our own.
const volatile unsigned int launching_exec = 59;
const volatile unsigned int vector_limit = 32;

// How many bytes wait in the ring when a reader that sleeps is woken.
const volatile unsigned int wake_at = 1 << 20;

// What the reader sees and changes while the program runs.
struct abitrace_variables variables SEC(".data.shared");

struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 1 << 24);
} ring SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_TASK_STORAGE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, int);
    __type(value, struct abitrace_thread);
} threads SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 2 * ABITRACE_NUMBERS);
    __type(key, unsigned int);
    __type(value, struct abitrace_row);
} rows SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 16384);
    __type(key, struct abitrace_choice);
    __type(value, struct abitrace_row);
} choices SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, ABITRACE_INSTRUCTIONS);
    __type(key, unsigned int);
    __type(value, struct abitrace_instruction);
} instructions SEC(".maps");

// Losses of threads that ended while the ring was full.
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 65536);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, int);
    __type(value, unsigned long long);
} remainders SEC(".maps");

// A record while it is put together, and what is known while that goes on. Tracepoints of calls run with preemption
// off, so that one for each processor does.
struct desk {
    unsigned int offset;
    unsigned int pieces;
    unsigned int first;
    unsigned int mask;
    unsigned int phase;
    unsigned int word;
    bool incomplete;
    bool cut;
    // Of the instruction in hand.
    unsigned int instruction;
    unsigned int limit;
    unsigned int list;
    unsigned int list_length;
    unsigned long long left;
    unsigned long long address;
    unsigned long long arguments[6];
    unsigned long long stack_pointer;
    long long result;
    // Where each instruction's memory lies, and how much there is.
    unsigned int place[ABITRACE_CALL_INSTRUCTIONS];
    unsigned int length[ABITRACE_CALL_INSTRUCTIONS];
    unsigned char bytes[2 * ABITRACE_PIECE_LIMIT + 256];
};

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, unsigned int);
    __type(value, struct desk);
} desks SEC(".maps");

static __always_inline struct desk *take_desk(void) {
    unsigned int processor = bpf_get_smp_processor_id();
    return bpf_map_lookup_elem(&desks, &processor);
}

static __always_inline int number_of(struct task_struct *task) {
    struct pid *pid = task->thread_pid;
    int number = 0;
    bpf_core_read(&number, sizeof number, &pid->numbers[pid_level].nr);
    return number;
}

static __always_inline unsigned long long wake(void) {
    if (!variables.reader_sleeps || bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) < wake_at) return BPF_RB_NO_WAKEUP;
    variables.reader_sleeps = 0;
    return BPF_RB_FORCE_WAKEUP;
}

static __always_inline void count_loss(struct abitrace_thread *thread) {
    thread->lost++;
    variables.lost[bpf_get_smp_processor_id() & (ABITRACE_PROCESSORS - 1)].count++;
}

// A number in memory that an earlier instruction has read; 0 where it is not there.
__noinline unsigned long long from_piece(unsigned int which, unsigned int offset, unsigned int width) {
    struct desk *desk = take_desk();
    if (!desk) return 0;
    which &= ABITRACE_CALL_INSTRUCTIONS - 1;
    if (offset + width > desk->length[which]) return 0;
    unsigned int at = desk->place[which] + offset;
    if (at > 2 * ABITRACE_PIECE_LIMIT) return 0;
    unsigned char *place = desk->bytes + at;
    if (width == 8) return *(unsigned long long *)place;
    if (width == 4) return *(unsigned int *)place;
    if (width == 2) return *(unsigned short *)place;
    return *place;
}

// What is left of an address's page.
static __always_inline unsigned int to_page_end(unsigned long long address) { return 4096 - (address & 4095); }

// Text in the kernel's own memory.
#define OF_THE_KERNEL 2

// Reads a piece of memory. What lies beyond a page that is not there is left out. A function of its own right, so that
// the kernel proves it once.
__noinline int add(unsigned long long address, unsigned int count, unsigned int is_text) {
    struct desk *desk = take_desk();
    if (!desk) return 0;
    desk->list_length = 0;
    unsigned int at = desk->offset;
    if (at > ABITRACE_PIECE_LIMIT || desk->pieces >= 255) {
        desk->cut = true;
        return 0;
    }
    if (count > ABITRACE_PIECE_LIMIT) count = ABITRACE_PIECE_LIMIT;
    struct abitrace_piece *piece = (void *)(desk->bytes + at);
    void *bytes = desk->bytes + at + sizeof *piece;
    unsigned short error = 0;
    long answer;
    if (is_text) {
        answer = is_text == OF_THE_KERNEL ? bpf_probe_read_kernel_str(bytes, count + 1, (void *)address)
                                          : bpf_probe_read_user_str(bytes, count + 1, (void *)address);
        // One byte more than wanted: there is no NUL among those that are.
        if (answer >= 0 && answer <= count) count = answer;
    } else {
        answer = bpf_probe_read_user(bytes, count, (void *)address);
    }
    if (answer < 0) {
        error = EFAULT;
        if (desk->phase == ABITRACE_AT_ENTRY) desk->incomplete = true;
        unsigned int first = to_page_end(address);
        if (first < count && bpf_probe_read_user(bytes, first, (void *)address) == 0)
            count = first;
        else
            count = 0;
    }
    piece->address = address;
    piece->count = count;
    piece->error = error;
    piece->phase = desk->phase;
    piece->instruction = desk->instruction;
    desk->pieces++;
    desk->offset = at + sizeof *piece + ((count + 7) & ~7U);
    desk->list = at + sizeof *piece;
    desk->list_length = count;
    return 0;
}

static __always_inline unsigned long long listed(struct desk *desk, unsigned int offset) {
    unsigned int at = desk->list + offset;
    if (offset + desk->word > desk->list_length || at > 2 * ABITRACE_PIECE_LIMIT) return 0;
    unsigned char *place = desk->bytes + at;
    return desk->word == 8 ? *(unsigned long long *)place : *(unsigned int *)place;
}

static long read_vector(unsigned int index, void *context) {
    struct desk *desk = take_desk();
    if (!desk) return 1;
    unsigned int list = desk->list, length = desk->list_length;
    unsigned int at = index * 2 * desk->word;
    if (at + 2 * desk->word > length) return 1;
    unsigned long long base = listed(desk, at), count = listed(desk, at + desk->word);
    if (count > desk->left) count = desk->left;
    desk->left -= count;
    if (count > desk->limit) count = desk->limit;
    if (base && count) add(base, count, 0);
    desk->list = list;
    desk->list_length = length;
    return 0;
}

static long read_listed_text(unsigned int index, void *context) {
    struct desk *desk = take_desk();
    if (!desk) return 1;
    unsigned int list = desk->list, length = desk->list_length;
    unsigned long long pointer = listed(desk, index * desk->word);
    if (!pointer) return 1;
    unsigned int limit = desk->limit;
    if (limit > 4096) limit = 4096;
    add(pointer, limit, 1);
    desk->list = list;
    desk->list_length = length;
    return 0;
}

// Whether one of the pointers that were read last is null.
__noinline int has_null(void) {
    struct desk *desk = take_desk();
    if (!desk) return 1;
    for (unsigned int at = 0; at < 512; at += 8) {
        if (at + 8 > desk->list_length) break;
        unsigned int place = desk->list + at;
        if (place > 2 * ABITRACE_PIECE_LIMIT) return 1;
        unsigned int *words = (unsigned int *)(desk->bytes + place);
        if (desk->word == 8 ? !(words[0] | words[1]) : !words[0] || !words[1]) return 1;
    }
    return 0;
}

static long read_pointers(unsigned int index, void *context) {
    struct desk *desk = take_desk();
    if (!desk) return 1;
    unsigned int room = to_page_end(desk->address);
    if (room > 512) room = 512;
    add(desk->address, room, 0);
    if (desk->list_length < desk->word) return 1;
    if (has_null()) return 1;
    desk->address += desk->list_length;
    return 0;
}

static __always_inline unsigned long long narrow(struct desk *desk, unsigned long long address) {
    return desk->word == 8 ? address : address & 0xFFFFFFFF;
}

static __always_inline unsigned long long base_of(struct desk *desk, struct abitrace_instruction *instruction) {
    unsigned int base = instruction->base;
    unsigned long long address = 0;
    if (base < 6)
        address = desk->arguments[base];
    else if (base == ABITRACE_FROM_STACK)
        address = desk->stack_pointer;
    else if (base >= ABITRACE_FROM_PIECE)
        address = from_piece(base - ABITRACE_FROM_PIECE, instruction->base_offset, instruction->base_width);
    return address ? narrow(desk, address + instruction->displacement) : 0;
}

static __always_inline unsigned long long count_of(struct desk *desk, struct abitrace_instruction *instruction) {
    unsigned int count = instruction->count;
    if (count < 6) {
        unsigned long long number = desk->arguments[count];
        return instruction->count_width == 4 ? number & 0xFFFFFFFF : narrow(desk, number);
    }
    if (count == ABITRACE_FROM_RESULT) return desk->result > 0 ? desk->result : 0;
    // _IOC_SIZE (asm-generic/ioctl.h)
    if (count == ABITRACE_FROM_REQUEST) return desk->arguments[1] >> 16 & 0x3FFF;
    if (count == ABITRACE_FROM_NOTHING) return 0;
    return from_piece(count - ABITRACE_FROM_PIECE, instruction->count_offset, instruction->count_width);
}

static long obey(unsigned int index, void *context) {
    struct desk *desk = take_desk();
    if (!desk) return 1;
    unsigned int which = desk->first + index;
    struct abitrace_instruction *instruction = bpf_map_lookup_elem(&instructions, &which);
    if (!instruction) return 1;
    index &= ABITRACE_CALL_INSTRUCTIONS - 1;
    desk->length[index] = 0;
    if (!(instruction->phase & desk->mask)) return 0;
    unsigned long long address = base_of(desk, instruction);
    if (!address) return 0;
    desk->instruction = index;
    desk->list_length = 0;
    unsigned long long count = count_of(desk, instruction);
    unsigned int limit = instruction->limit;
    // AF_NETLINK (linux/socket.h)
    bool is_netlink = instruction->address && from_piece(instruction->address - 1, 0, 2) == 16;
    if (is_netlink) limit = instruction->fixed;
    switch (instruction->kind) {
    case ABITRACE_BYTES: {
        unsigned long long size = instruction->address ? 0 : instruction->fixed;
        if (count > limit) count = limit;
        size += count * instruction->unit;
        if (size > limit) size = limit;
        if (!size) return 0;
        add(address, size, 0);
        break;
    }
    case ABITRACE_TEXT:
        if (limit > 4096) limit = 4096;
        add(address, limit, 1);
        break;
    case ABITRACE_VECTOR:
        if (count > vector_limit) count = vector_limit;
        if (!count) return 0;
        desk->limit = limit;
        desk->left = desk->phase == ABITRACE_AT_ENTRY || !instruction->unit ? ~0ULL
                     : desk->result > 0                                    ? desk->result
                                                                           : 0;
        add(address, count * 2 * desk->word, 0);
        desk->place[index] = desk->list;
        desk->length[index] = desk->list_length;
        if (count > 1024) count = 1024;
        bpf_loop(count, read_vector, 0, 0);
        return 0;
    case ABITRACE_TEXTS:
        desk->limit = limit;
        add(address, (vector_limit + 1) * desk->word, 0);
        bpf_loop(vector_limit > 1024 ? 1024 : vector_limit, read_listed_text, 0, 0);
        return 0;
    case ABITRACE_POINTERS:
        desk->address = address;
        bpf_loop(64, read_pointers, 0, 0);
        return 0;
    }
    desk->place[index] = desk->list;
    desk->length[index] = desk->list_length;
    return 0;
}

// Carries the instructions out that are for this phase.
__noinline int follow(unsigned int first, unsigned int count, unsigned int phase, unsigned int mask) {
    struct desk *desk = take_desk();
    if (!desk) return 0;
    desk->phase = phase;
    desk->mask = mask;
    desk->first = first;
    if (count > ABITRACE_CALL_INSTRUCTIONS) count = ABITRACE_CALL_INSTRUCTIONS;
    bpf_loop(count, obey, 0, 0);
    return 0;
}

static __always_inline void take_arguments(unsigned long long *to, struct pt_regs *regs, unsigned int personality) {
    if (personality) {
        to[0] = regs->bx;
        to[1] = regs->cx;
        to[2] = regs->dx;
        to[3] = regs->si;
        to[4] = regs->di;
        to[5] = regs->bp;
    } else {
        to[0] = regs->di;
        to[1] = regs->si;
        to[2] = regs->dx;
        to[3] = regs->r10;
        to[4] = regs->r8;
        to[5] = regs->r9;
    }
}

// What is done at a call; an empty row where nothing is.
static __always_inline struct abitrace_row *row_of(unsigned int personality, unsigned int number,
                                                   struct pt_regs *regs) {
    if (number >= ABITRACE_NUMBERS) return 0;
    unsigned int key = personality * ABITRACE_NUMBERS + number;
    struct abitrace_row *row = bpf_map_lookup_elem(&rows, &key);
    if (!row || !(row->flags & ABITRACE_SELECTS)) return row;
    unsigned long long arguments[6];
    take_arguments(arguments, regs, personality);
    struct abitrace_choice choice = {.personality_and_number = key, .value = arguments[row->selector & 3]};
    struct abitrace_row *chosen = bpf_map_lookup_elem(&choices, &choice);
    return chosen ? chosen : row;
}

static __always_inline void fill(struct abitrace_record *record, struct abitrace_thread *thread,
                                 struct pt_regs *regs, unsigned int kind, unsigned long long time) {
    record->kind = kind;
    record->personality = thread->personality;
    record->thread = thread->thread;
    record->process = thread->process;
    record->time = time;
    record->entry_time = thread->entry_time;
    record->lost = thread->lost;
    record->reserved = 0;
    record->number = thread->number;
    record->instruction_pointer = regs->ip;
    record->stack_pointer = regs->sp;
    take_arguments(record->arguments, regs, thread->personality);
}

// A record without memory.
static __always_inline bool send_bare(struct abitrace_thread *thread, struct pt_regs *regs, unsigned int kind,
                                      unsigned int flags, unsigned long long time, long result) {
    struct abitrace_record *record = bpf_ringbuf_reserve(&ring, sizeof *record, 0);
    if (!record) return false;
    fill(record, thread, regs, kind, time);
    record->flags = flags;
    record->piece_count = 0;
    record->pieces = 0;
    record->result = result;
    thread->lost = 0;
    bpf_ringbuf_submit(record, wake());
    return true;
}

static __always_inline struct desk *begin_record(struct pt_regs *regs, unsigned int personality, long result) {
    struct desk *desk = take_desk();
    if (!desk) return 0;
    desk->offset = sizeof(struct abitrace_record);
    desk->pieces = 0;
    desk->incomplete = false;
    desk->cut = false;
    desk->word = personality ? 4 : 8;
    desk->result = result;
    desk->stack_pointer = regs->sp;
    take_arguments(desk->arguments, regs, personality);
    return desk;
}

static __always_inline bool send(struct desk *desk, struct abitrace_thread *thread, struct pt_regs *regs,
                                 unsigned int kind, unsigned int flags, unsigned long long time) {
    struct abitrace_record *record = (void *)desk->bytes;
    fill(record, thread, regs, kind, time);
    record->flags = flags | (desk->cut ? ABITRACE_CUT : 0);
    record->piece_count = desk->pieces;
    record->result = desk->result;
    unsigned int size = desk->offset;
    record->pieces = size - sizeof *record;
    if (size > sizeof desk->bytes) size = sizeof desk->bytes;
    if (bpf_ringbuf_output(&ring, desk->bytes, size, wake())) return false;
    thread->lost = 0;
    return true;
}

SEC("tp_btf/sys_enter")
int BPF_PROG(enter, struct pt_regs *regs, long id) {
    struct task_struct *task = bpf_get_current_task_btf();
    struct abitrace_thread *thread = bpf_task_storage_get(&threads, task, 0, 0);
    if (!thread) return 0;
    unsigned int personality = task->thread_info.status & COMPAT ? 1 : 0;
    unsigned int flags = thread->flags & ~(ABITRACE_BEGINS | ABITRACE_ENTRY_SENT | ABITRACE_ENTRY_INCOMPLETE);
    if (flags & ABITRACE_HIDDEN) {
        if (!(flags & ABITRACE_LAUNCHING) || id != launching_exec) return 0;
        flags &= ~ABITRACE_HIDDEN;
    }
    thread->personality = personality;
    thread->number = id;
    unsigned long long time = bpf_ktime_get_ns();
    thread->entry_time = time;
    flags |= ABITRACE_IN_CALL;
    struct abitrace_row *row = row_of(personality, id, regs);
    if (row && row->flags & (ABITRACE_READS_AT_ENTRY | ABITRACE_SENDS_ENTRY)) {
        struct desk *desk = begin_record(regs, personality, 0);
        if (desk) {
            follow(row->first, row->count, ABITRACE_AT_ENTRY, ABITRACE_AT_ENTRY);
            // What is sent at once is not waited for.
            bool incomplete =
                desk->incomplete && (row->flags & (ABITRACE_SENDS_ENTRY | ABITRACE_EXECUTES)) != ABITRACE_SENDS_ENTRY;
            if (incomplete) flags |= ABITRACE_ENTRY_INCOMPLETE;
            if (send(desk, thread, regs, ABITRACE_ENTRY, incomplete ? ABITRACE_INCOMPLETE : 0, time))
                flags |= ABITRACE_ENTRY_SENT;
        }
    }
    thread->flags = flags;
    return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(leave, struct pt_regs *regs, long result) {
    struct task_struct *task = bpf_get_current_task_btf();
    struct abitrace_thread *thread = bpf_task_storage_get(&threads, task, 0, 0);
    if (!thread) return 0;
    unsigned int state = thread->flags;
    thread->flags = state & ~(ABITRACE_IN_CALL | ABITRACE_BEGINS | ABITRACE_ENTRY_SENT | ABITRACE_ENTRY_INCOMPLETE);
    if (state & (ABITRACE_HIDDEN | ABITRACE_BEGINS)) return 0;
    unsigned long long time = bpf_ktime_get_ns();
    unsigned int flags = 0;
    unsigned int entry = 0;
    if (!(state & ABITRACE_IN_CALL)) {
        // The call was answered before sys_enter: by a seccomp filter or a listener.
        flags = ABITRACE_REFUSED;
        entry = ABITRACE_AT_ENTRY;
        thread->entry_time = time;
        thread->number = regs->orig_ax;
        thread->personality = task->thread_info.status & COMPAT ? 1 : 0;
    } else if (!(state & ABITRACE_ENTRY_SENT) || state & ABITRACE_ENTRY_INCOMPLETE) {
        entry = ABITRACE_AT_ENTRY;
    }
    if (state & ABITRACE_ENTRY_SENT) flags |= ABITRACE_HAS_ENTRY;
    if (state & ABITRACE_ENTRY_INCOMPLETE) flags |= ABITRACE_INCOMPLETE;
    if (state & ABITRACE_LAUNCHING) {
        // The launch's exec came back: either it runs, or the child reports why not and ends.
        thread->flags &= ~ABITRACE_LAUNCHING;
        if (result) thread->flags |= ABITRACE_HIDDEN;
    }
    struct abitrace_row *row = row_of(thread->personality, thread->number, regs);
    // ERRNO limits (linux/err.h); the kernel's own -ERESTART* among them.
    bool failed = result < 0 && result >= -4095;
    unsigned int wanted = failed ? ABITRACE_READS_AT_FAILURE : ABITRACE_READS_AT_EXIT;
    if (entry) wanted |= ABITRACE_READS_AT_ENTRY;
    struct desk *desk = 0;
    if (row && row->flags & wanted) desk = begin_record(regs, thread->personality, result);
    if (!desk) {
        if (!send_bare(thread, regs, ABITRACE_EXIT, flags, time, result)) count_loss(thread);
        return 0;
    }
    if (entry && row->flags & ABITRACE_READS_AT_ENTRY) follow(row->first, row->count, ABITRACE_AT_ENTRY, ABITRACE_AT_ENTRY);
    follow(row->first, row->count, ABITRACE_AT_EXIT, failed ? ABITRACE_AT_FAILURE : ABITRACE_AT_EXIT);
    // An entry that did not fit is no loss: the exit tells of it too.
    if (!send(desk, thread, regs, ABITRACE_EXIT, flags, time)) count_loss(thread);
    return 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(fork, struct task_struct *parent, struct task_struct *child) {
    struct abitrace_thread *thread = bpf_task_storage_get(&threads, parent, 0, 0);
    if (!thread) return 0;
    // Who is watched for its life is watched for its calls; CLONE_UNTRACED leaves both.
    if (parent->ptrace && !child->ptrace) return 0;
    struct abitrace_thread *made = bpf_task_storage_get(&threads, child, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
    if (!made) {
        count_loss(thread);
        return 0;
    }
    made->thread = number_of(child);
    made->process = number_of(child->group_leader);
    made->flags = ABITRACE_BEGINS | (thread->flags & (ABITRACE_HIDDEN));
    return 0;
}

// The memory that the call named is gone: the kernel's copies of it are told.
static __always_inline void tell_image(struct abitrace_thread *thread, struct task_struct *task,
                                       struct linux_binprm *binary) {
    thread->flags &= ~ABITRACE_ENTRY_INCOMPLETE;
    struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);
    struct desk *desk = begin_record(regs, thread->personality, 0);
    if (!desk) return;
    desk->phase = ABITRACE_OF_IMAGE;
    desk->instruction = 0;
    unsigned long long path = 0, interpreter = 0;
    bpf_core_read(&path, sizeof path, &binary->filename);
    bpf_core_read(&interpreter, sizeof interpreter, &binary->interp);
    add(path, 4096, OF_THE_KERNEL);
    // A script's arguments are not those that were passed.
    if (interpreter == path && task->mm) {
        unsigned long start = task->mm->arg_start, length = task->mm->arg_end - start;
        desk->instruction = 1;
        add(start, length > 16384 ? 16384 : length, 0);
    }
    send(desk, thread, regs, ABITRACE_IMAGE, 0, thread->entry_time);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(exec, struct task_struct *task, int former, struct linux_binprm *binary) {
    struct abitrace_thread *thread = bpf_task_storage_get(&threads, task, 0, 0);
    if (!thread) return 0;
    if (thread->flags & ABITRACE_ENTRY_INCOMPLETE) tell_image(thread, task, binary);
    // A thread that execs takes its leader's number.
    thread->thread = thread->process = number_of(task);
    return 0;
}

// What a thread was in when it died would never be seen.
SEC("tp_btf/sched_process_exit")
int BPF_PROG(end, struct task_struct *task) {
    struct abitrace_thread *thread = bpf_task_storage_get(&threads, task, 0, 0);
    if (!thread || thread->flags & ABITRACE_HIDDEN) return 0;
    bool is_in_call = (thread->flags & (ABITRACE_IN_CALL | ABITRACE_ENTRY_SENT)) == ABITRACE_IN_CALL;
    if (!is_in_call && !thread->lost) return 0;
    struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);
    unsigned int kind = is_in_call ? ABITRACE_ENTRY : ABITRACE_END;
    if (send_bare(thread, regs, kind, 0, bpf_ktime_get_ns(), 0)) return 0;
    if (is_in_call) count_loss(thread);
    int number = thread->thread;
    unsigned long long calls = thread->lost;
    bpf_map_update_elem(&remainders, &number, &calls, BPF_ANY);
    return 0;
}

// Helpers of the kernel that read memory are for programs under its licence: this file alone may be taken under it too.
char terms[] SEC("license") = "Dual BSD/GPL";
