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
long abitrace_seize(pid_t thread, int kill_with_supervisor);
long abitrace_interrupt(pid_t thread);
long abitrace_listen(pid_t thread);
long abitrace_detach(pid_t thread, int signal);
long abitrace_resume_to_call(pid_t thread, int signal);
long abitrace_resume(pid_t thread, int signal);
long abitrace_syscall_info(pid_t thread, struct abitrace_syscall_info *info);
// The exit's result alone, from the result register: cheaper than the whole info.
long abitrace_event_message(pid_t thread, unsigned long *message);
// Fills the 128 bytes of a siginfo_t.
long abitrace_signal_info(pid_t thread, void *info);

// Waits for any thread under watch. Answers its id, 0 where `block` is 0 and nothing is there, or a negative errno.
pid_t abitrace_wait(int *status, int block);
pid_t abitrace_wait_for(pid_t thread, int *status, int block);

// Starts a child that waits for a byte on a pipe, then runs `path`. `go` receives the descriptor to write that
// byte to, `failure` one that yields the errno of a failed exec or ends without a byte. Answers the child's id.
pid_t abitrace_spawn(const char *path, char *const argv[], char *const envp[],
                     const struct abitrace_identity *identity, int *go, int *failure);

// Installs the handlers of the signals that ask the supervisor to end or to stop. `abitrace_pending_signal`
// answers one that arrived, with its si_code, and forgets it.
void abitrace_watch_signals(void);
int abitrace_pending_signal(int *code);
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

// Makes this process undumpable, so that no tracee of the same user may read or trace it (prctl(2)).
void abitrace_hide_self(void);

#endif
