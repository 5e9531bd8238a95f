// What Swift cannot call: variadic functions, the child side of fork, function-like macros, signal handlers.
#ifndef ABITRACE_CLINUX_H
#define ABITRACE_CLINUX_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// The facts of a system call stop, flattened from struct ptrace_syscall_info (ptrace(2)).
struct abitrace_syscall_info {
    uint8_t op;  // 0 none, 1 entry, 2 exit, 3 seccomp
    uint8_t is_error;
    uint32_t arch;
    uint64_t instruction_pointer;
    uint64_t stack_pointer;
    uint64_t number;
    uint64_t arguments[6];
    int64_t result;
};

// What the child of a launch becomes before it runs the program.
struct abitrace_identity {
    int change;  // 0: stay who we are
    uid_t uid;
    gid_t gid;
    size_t group_count;
    const gid_t *groups;
};

// ptrace requests. Each answers 0 or more, or a negative errno.
long abitrace_seize(pid_t thread, int how);
enum {
    ABITRACE_SEIZE_KILL = 1,      // The thread ends with its supervisor.
    ABITRACE_SEIZE_CHILDREN = 2,  // What it makes is seized too.
    ABITRACE_SEIZE_FILTERED = 4,  // It stops where a filter says so, which it is to install.
    ABITRACE_SEIZE_ENDS = 8,      // It stops before it ends, while it still has all that it had.
};
long abitrace_interrupt(pid_t thread);
long abitrace_listen(pid_t thread);
long abitrace_detach(pid_t thread, int signal);
long abitrace_resume_to_call(pid_t thread, int signal);
long abitrace_resume(pid_t thread, int signal);
// At a call's entry: the kernel makes this call instead; -1 for none.
// At the stop of a signal: whether a call was interrupted that would be made again where a handler wants it (1 or 0),
// and which.
long abitrace_interrupted_call(pid_t thread, struct abitrace_syscall_info *info);
long abitrace_set_call(pid_t thread, long number);
// At a call's exit: what the program gets from it.
long abitrace_set_result(pid_t thread, long result);
long abitrace_syscall_info(pid_t thread, struct abitrace_syscall_info *info);
long abitrace_event_message(pid_t thread, unsigned long *message);
// The stack pointer of a stopped thread, and the width of its words in bytes.
long abitrace_stack_pointer(pid_t thread, uint64_t *pointer, int *word);
// Reads eight bytes of a stopped thread's memory.
long abitrace_peek(pid_t thread, uint64_t address, uint64_t *value);
// Writes eight bytes into a stopped thread's memory, write-protected or not.
long abitrace_poke(pid_t thread, uint64_t address, uint64_t value);
// Fills the 128 bytes of a siginfo_t.
long abitrace_signal_info(pid_t thread, void *info);

// Waits for any thread under watch. Answers its id, 0 where `block` is 0 and nothing is there, or a negative errno.
pid_t abitrace_wait(int *status, int block);
pid_t abitrace_wait_for(pid_t thread, int *status, int block);

// A resource limit that a launched program gets; both values are the same.
struct abitrace_limit {
    int resource;
    uint64_t value;
};

// A descriptor that a launched program starts with: one of ours, at the number that the program sees.
struct abitrace_given {
    int ours;
    int number;
};

// What confines a launched program from its exec on, or only says where it stops.
struct abitrace_confinement {
    // The filter says which calls stop, and nothing else is done: no listener, no limits. It is installed when the
    // supervisor watches; a kernel that refuses it leaves the program without, and the supervisor sees that.
    int only_stops;
    // A seccomp program: `count` pairs of 32-bit words, each a struct sock_filter (linux/filter.h).
    const uint64_t *filter;
    unsigned short filter_length;
    // SECCOMP_FILTER_FLAG_* for its installation.
    unsigned long filter_flags;
    // The descriptors that the program starts with, by rising numbers; every other one is closed.
    const struct abitrace_given *given;
    size_t given_count;
    const struct abitrace_limit *limits;
    size_t limit_count;
    // Landlock rulesets to apply, one after the other.
    const int *rulesets;
    size_t ruleset_count;
};

// Starts a child that waits for a byte on a pipe, then runs `path`. `go` receives the descriptor to write that
// byte to, `failure` one that yields the errno of a failed exec or ends without a byte. Answers the child's id.
// With `daemon` the roles change: this process will run `path`, and the call returns in a grandchild of it, which
// answers to the same group (1), to a group (2) or to a session (3) of its own.
// With a confinement, `listener` receives our copy of the filter's listener; the child has passed the filter's
// installation by then.
pid_t abitrace_spawn(const char *path, char *const argv[], char *const envp[],
                     const struct abitrace_identity *identity, int daemon,
                     const struct abitrace_confinement *confinement, int *go, int *failure, int *listener);

// Any system call, by its number in the x86_64 table, of the calling thread alone: glibc's own setresuid and its like
// change every thread. Answers the result, or a negative errno.
long abitrace_call(long number, unsigned long a, unsigned long b, unsigned long c, unsigned long d, unsigned long e,
                   unsigned long f);

// Installs the handlers of the signals that ask the supervisor to end or to stop. `abitrace_pending_signal`
// answers one that arrived, with its si_code, and forgets it.
void abitrace_watch_signals(void);
int abitrace_pending_signal(int *code);
// Makes a signal interrupt calls and do nothing else.
void abitrace_catch(int number);
// Keeps a signal from interrupting anything but `abitrace_wait_input`.
void abitrace_hold(int number);
// Waits until a descriptor has input, for so many milliseconds at most, or until a signal comes, `number` among
// them. Answers 1 where there is input.
int abitrace_wait_input(int descriptor, int milliseconds, int number);
// Makes a blocked wait of this thread return in so many nanoseconds and every millisecond after, 0 for not at all.
void abitrace_wake_in(long nanoseconds);
// 1 where one arrived and was not asked for yet.
int abitrace_signal_is_pending(void);
// Makes a blocked wait return every so often, 0 for never.
void abitrace_set_tick(int milliseconds);
// Ends this process as the signal does, without a core file.
void abitrace_die_of(int signal);
// Stops this process as a signal of job control does, until it is continued.
void abitrace_stop_self(int signal);
// 1 where an event of the thread can be waited for without blocking.
int abitrace_has_event(pid_t thread);

int abitrace_open(const char *path, int flags, unsigned mode);
// Sends signal 0 to a thread of a process: 0 where the thread belongs to it.
int abitrace_belongs(pid_t process, pid_t thread);
// Signals one process; answers 0 or a negative errno.
int abitrace_kill(pid_t process, int signal);

// Processor affinity, as a mask of the first 1024 processors. Answers 0 or a negative errno.
int abitrace_get_affinity(pid_t thread, uint64_t mask[16]);
int abitrace_set_affinity(pid_t thread, const uint64_t mask[16]);
int abitrace_current_processor(void);
int abitrace_processor_count(const uint64_t mask[16]);

// What stat(2) says of the object behind a link of /proc.
struct abitrace_object {
    uint32_t mode;  // 0 where stat failed
    uint64_t device;
    uint64_t inode;
    uint64_t special_device;
};

// Reads the link /proc/THREAD/ENTRY, or /proc/THREAD/fd/DESCRIPTOR where `entry` is null, and what stat says of
// its object. Answers the length of the name, or a negative errno.
long abitrace_look_up(pid_t thread, const char *entry, int descriptor, char *name, size_t room,
                      struct abitrace_object *object);

// Whether a thread's descriptor closes on exec, as /proc/THREAD/fdinfo tells it (proc(5)).
int abitrace_closes_on_exec(pid_t thread, int descriptor);

// Follows a path as a thread would, from its root, its working directory (AT_FDCWD) or one of its descriptors, and
// writes the absolute name of the object. Of what does not exist the name is that of the deepest directory above it
// and the rest of the path, and the mode is 0. Answers the length of the name, or a negative errno where not even the directory is there.
long abitrace_resolve(pid_t thread, int directory, const char *path, int follow, char *name, size_t room,
                      struct abitrace_object *object);

// A socket as socket(7), getsockname(2), getpeername(2) and, for a unix socket's peer, sock_diag(7) tell it.
struct abitrace_socket {
    int family, type, protocol;
    uint32_t local_length, peer_length;
    uint32_t peer_inode;
    uint8_t local[128], peer[128];
};

// Looks at the socket DESCRIPTOR of a stopped thread. Answers 0 or a negative errno.
long abitrace_look_up_socket(pid_t thread, int descriptor, uint32_t inode, struct abitrace_socket *socket);

// Makes this process undumpable, so that no tracee of the same user may read or trace it (prctl(2)).
void abitrace_hide_self(void);

// Lets this process have as many descriptors as it may: a broker holds two for each thread under watch.
void abitrace_raise_descriptor_limit(void);

#endif
