// The part of the eBPF interceptor that runs in the kernel: one record a call of a thread under watch, with what the
// call's row asks for. Nothing here knows any call but those that make and change threads.

#include <linux/bpf.h>
#include <linux/errno.h>
#include <stdbool.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "capture.h"

// TS_COMPAT (asm/thread_info.h): the call came through the 32-bit entry.
#define COMPAT 2

// The depth of the supervisor's pid namespace: threads are named as it names them.
const volatile unsigned int pid_level = 0;
// The number of execve in the table of the launching code, which is our own.
const volatile unsigned int launching_exec = 59;
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

// Losses of threads that ended while the ring was full.
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 65536);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, int);
    __type(value, unsigned long long);
} remainders SEC(".maps");

// When a call began that may have waited for a filter's listener before sys_enter.
static __always_inline void begin(struct abitrace_thread *thread, struct pt_regs *regs, unsigned long long time) {
    if (!thread->waits_at || thread->waits_at != regs->ip) thread->entry_time = time;
    thread->waits_at = 0;
}

static __always_inline int number_of(struct task_struct *task) {
    struct pid *pid = MEMBER(task, thread_pid);
    int number = 0;
    bpf_core_read(&number, sizeof number, &pid->numbers[pid_level].nr);
    return number;
}

static __always_inline unsigned long long wake(struct abitrace_thread *thread) {
    // Asking how full the ring is costs a tenth of a record: one in sixteen asks.
    if (!variables.reader_sleeps || ++thread->sent & 15) return BPF_RB_NO_WAKEUP;
    if (bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) < wake_at) return BPF_RB_NO_WAKEUP;
    variables.reader_sleeps = 0;
    return BPF_RB_FORCE_WAKEUP;
}

static __always_inline void count_loss(struct abitrace_thread *thread) {
    thread->lost++;
    variables.lost[bpf_get_smp_processor_id() & (ABITRACE_PROCESSORS - 1)].count++;
}

// What a call's registers say. They are read once: each place that reads them has to be proven.
struct registers {
    unsigned long long arguments[6];
    unsigned long long instruction_pointer, stack_pointer;
};

static __always_inline void take_registers(struct registers *registers, struct pt_regs *regs,
                                           unsigned int personality) {
    unsigned long long *to = registers->arguments;
    registers->instruction_pointer = regs->ip;
    registers->stack_pointer = regs->sp;
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

// What is done at a call, whatever its arguments are.
static __always_inline struct abitrace_row *row_of(unsigned int personality, unsigned int number) {
    if (number >= ABITRACE_NUMBERS) return 0;
    unsigned int key = personality * ABITRACE_NUMBERS + number;
    return bpf_map_lookup_elem(&rows, &key);
}

// What is done where an argument chooses.
static __always_inline struct abitrace_row *choose(struct abitrace_row *row, unsigned int personality,
                                                   unsigned int number, struct registers *registers) {
    if (!row || !(row->flags & ABITRACE_SELECTS)) return row;
    unsigned long long *arguments = registers->arguments;
    struct abitrace_choice choice = {.personality_and_number = personality * ABITRACE_NUMBERS + number,
                                     .value = arguments[row->selector & 3]};
    struct abitrace_row *chosen = bpf_map_lookup_elem(&choices, &choice);
    return chosen ? chosen : row;
}

static __always_inline void fill(struct abitrace_record *record, struct abitrace_thread *thread,
                                 struct registers *registers, unsigned int kind, unsigned long long time) {
    record->kind = kind;
    record->personality = thread->personality;
    record->thread = thread->thread;
    record->process = thread->process;
    record->time = time;
    record->entry_time = thread->entry_time;
    record->lost = thread->lost;
    record->number = thread->number;
    record->instruction_pointer = registers->instruction_pointer;
    __builtin_memcpy(record->arguments, registers->arguments, sizeof record->arguments);
    // rt_sigreturn, and i386's (syscall_64.tbl, syscall_32.tbl)
    if (thread->number == (thread->personality ? 173 : 15)) record->arguments[0] = registers->stack_pointer;
}

// A record without memory.
static __always_inline bool send_bare(struct abitrace_thread *thread, struct registers *registers, unsigned int kind,
                                      unsigned int flags, unsigned long long time, long result) {
    struct abitrace_record *record = bpf_ringbuf_reserve(&ring, sizeof *record, 0);
    if (!record) return false;
    fill(record, thread, registers, kind, time);
    record->flags = flags;
    record->piece_count = 0;
    record->pieces = 0;
    record->result = result;
    thread->lost = 0;
    bpf_ringbuf_submit(record, wake(thread));
    return true;
}

static __always_inline struct desk *begin_record(struct registers *registers, unsigned int personality, long result) {
    struct desk *desk = take_desk();
    if (!desk) return 0;
    desk->offset = sizeof(struct abitrace_record);
    desk->pieces = 0;
    desk->incomplete = false;
    desk->cut = false;
    desk->word = personality ? 4 : 8;
    desk->result = result;
    desk->stack_pointer = registers->stack_pointer;
    __builtin_memcpy(desk->arguments, registers->arguments, sizeof desk->arguments);
    return desk;
}

static __always_inline bool send(struct desk *desk, struct abitrace_thread *thread, struct registers *registers,
                                 unsigned int kind, unsigned int flags, unsigned long long time) {
    struct abitrace_record *record = (void *)desk->bytes;
    fill(record, thread, registers, kind, time);
    record->flags = flags | (desk->cut ? ABITRACE_CUT : 0);
    record->piece_count = desk->pieces;
    record->result = desk->result;
    unsigned int size = desk->offset;
    record->pieces = size - sizeof *record;
    if (size > sizeof desk->bytes) size = sizeof desk->bytes;
    if (bpf_ringbuf_output(&ring, desk->bytes, size, wake(thread))) return false;
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
    begin(thread, regs, time);
    flags |= ABITRACE_IN_CALL;
    struct registers registers;
    struct abitrace_row *row = row_of(personality, id);
    if (row && row->flags & (ABITRACE_READS_AT_ENTRY | ABITRACE_SENDS_ENTRY | ABITRACE_SELECTS)) {
        take_registers(&registers, regs, personality);
        row = choose(row, personality, id, &registers);
    }
    if (row && row->flags & (ABITRACE_READS_AT_ENTRY | ABITRACE_SENDS_ENTRY)) {
        struct desk *desk = begin_record(&registers, personality, 0);
        if (desk) {
            follow(desk, row, ABITRACE_AT_ENTRY, ABITRACE_AT_ENTRY);
            // What is sent at once is not waited for.
            bool incomplete =
                desk->incomplete && (row->flags & (ABITRACE_SENDS_ENTRY | ABITRACE_EXECUTES)) != ABITRACE_SENDS_ENTRY;
            if (incomplete) flags |= ABITRACE_ENTRY_INCOMPLETE;
            if (send(desk, thread, &registers, ABITRACE_ENTRY, incomplete ? ABITRACE_INCOMPLETE : 0, time))
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
    // A launch's exec that was answered before sys_enter is the program's business all the same.
    if (state & ABITRACE_LAUNCHING && !(state & ABITRACE_IN_CALL) && regs->orig_ax == launching_exec)
        state &= ~ABITRACE_HIDDEN;
    if (state & (ABITRACE_HIDDEN | ABITRACE_BEGINS)) return 0;
    unsigned long long time = bpf_ktime_get_ns();
    unsigned int flags = 0;
    unsigned int entry = 0;
    if (!(state & ABITRACE_IN_CALL)) {
        // The call was answered before sys_enter: by a seccomp filter or a listener.
        flags = ABITRACE_REFUSED;
        entry = ABITRACE_AT_ENTRY;
        begin(thread, regs, time);
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
    unsigned int personality = thread->personality & 1, number = thread->number;
    struct registers registers;
    take_registers(&registers, regs, personality);
    struct abitrace_row *row = choose(row_of(personality, number), personality, number, &registers);
    // ERRNO limits (linux/err.h); the kernel's own -ERESTART* among them.
    bool failed = result < 0 && result >= -4095;
    unsigned int wanted = failed ? ABITRACE_READS_AT_FAILURE : ABITRACE_READS_AT_EXIT;
    if (entry) wanted |= ABITRACE_READS_AT_ENTRY;
    struct desk *desk = 0;
    if (row && row->flags & wanted) desk = begin_record(&registers, personality, result);
    if (!desk) {
        if (!send_bare(thread, &registers, ABITRACE_EXIT, flags, time, result)) count_loss(thread);
        return 0;
    }
    if (entry && row->flags & ABITRACE_READS_AT_ENTRY) follow(desk, row, ABITRACE_AT_ENTRY, ABITRACE_AT_ENTRY);
    follow(desk, row, ABITRACE_AT_EXIT, failed ? ABITRACE_AT_FAILURE : ABITRACE_AT_EXIT);
    // An entry that did not fit is no loss: the exit tells of it too.
    if (!send(desk, thread, &registers, ABITRACE_EXIT, flags, time)) count_loss(thread);
    return 0;
}

// A call that waits is told of before it returns: who looks on sees what a thread is in. One that waits for a filter's
// listener is not made yet: only when that began is kept.
SEC("tp_btf/sched_switch")
int BPF_PROG(wait, bool is_preempted, struct task_struct *former, struct task_struct *next) {
    if (is_preempted) return 0;
    struct abitrace_thread *thread = bpf_task_storage_get(&threads, former, 0, 0);
    if (!thread) return 0;
    unsigned int flags = thread->flags;
    if (flags & (ABITRACE_ENTRY_SENT | ABITRACE_HIDDEN) || !former->__state) return 0;
    struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(former);
    if (!(flags & ABITRACE_IN_CALL)) {
        // Whoever waits for a page of its own is in no call: the number of one is -1 then (asm/idtentry.h). Whoever has a
        // result is on its way back from one: until a call is made that is -ENOSYS (arch/x86/entry/entry_64.S).
        if ((int)regs->orig_ax < 0 || (long)regs->ax != -ENOSYS || thread->waits_at == regs->ip) return 0;
        thread->waits_at = regs->ip;
        thread->entry_time = bpf_ktime_get_ns();
        return 0;
    }
    struct registers registers;
    take_registers(&registers, regs, thread->personality);
    if (send_bare(thread, &registers, ABITRACE_ENTRY, 0, thread->entry_time, 0)) thread->flags = flags | ABITRACE_ENTRY_SENT;
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
    made->process = number_of(MEMBER(child, group_leader));
    made->flags = ABITRACE_BEGINS | (thread->flags & (ABITRACE_HIDDEN));
    return 0;
}

// The memory that the call named is gone: the kernel's copies of it are told.
static __always_inline void tell_image(struct abitrace_thread *thread, struct task_struct *task,
                                       struct linux_binprm *binary) {
    thread->flags &= ~ABITRACE_ENTRY_INCOMPLETE;
    struct registers registers;
    take_registers(&registers, (struct pt_regs *)bpf_task_pt_regs(task), thread->personality);
    struct desk *desk = begin_record(&registers, thread->personality, 0);
    if (!desk) return;
    desk->phase = ABITRACE_OF_IMAGE;
    desk->instruction = 0;
    unsigned long long path = 0, interpreter = 0;
    bpf_core_read(&path, sizeof path, &binary->filename);
    bpf_core_read(&interpreter, sizeof interpreter, &binary->interp);
    add(path, 4096, OF_THE_KERNEL);
    // A script's arguments are not those that were passed.
    struct mm_struct *memory = MEMBER(task, mm);
    if (interpreter == path && memory) {
        unsigned long start = MEMBER(memory, arg_start), length = MEMBER(memory, arg_end) - start;
        desk->instruction = 1;
        add(start, length > 16384 ? 16384 : length, 0);
    }
    send(desk, thread, &registers, ABITRACE_IMAGE, 0, thread->entry_time);
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
    // It still switches away, once at least: what it is in and what it lost is told here and not again there.
    thread->flags |= ABITRACE_HIDDEN;
    if (!is_in_call && !thread->lost) return 0;
    struct registers registers;
    take_registers(&registers, (struct pt_regs *)bpf_task_pt_regs(task), thread->personality);
    unsigned int kind = is_in_call ? ABITRACE_ENTRY : ABITRACE_END;
    if (send_bare(thread, &registers, kind, 0, bpf_ktime_get_ns(), 0)) return 0;
    if (is_in_call) count_loss(thread);
    int number = thread->thread;
    unsigned long long calls = thread->lost;
    bpf_map_update_elem(&remainders, &number, &calls, BPF_ANY);
    return 0;
}

// Helpers of the kernel that read memory are for programs under its licence: this file alone may be taken under it too.
char terms[] SEC("license") = "Dual BSD/GPL";
