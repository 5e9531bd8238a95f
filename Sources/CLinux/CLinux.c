// What Swift cannot call: variadic functions, the child side of fork, function-like macros, signal handlers.
#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/ptrace.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

// <sys/ptrace.h> and <linux/ptrace.h> both define PTRACE_*: the kernel's header is used and the call made raw.
static long request(long what, pid_t thread, unsigned long address, unsigned long data) {
    long answer = syscall(SYS_ptrace, what, (long)thread, address, data);
    return answer < 0 ? -errno : answer;
}

long abitrace_seize(pid_t thread, int kill_with_supervisor) {
    unsigned long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
                            PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC;
    if (kill_with_supervisor) options |= PTRACE_O_EXITKILL;
    return request(PTRACE_SEIZE, thread, 0, options);
}
long abitrace_interrupt(pid_t thread) { return request(PTRACE_INTERRUPT, thread, 0, 0); }
long abitrace_listen(pid_t thread) { return request(PTRACE_LISTEN, thread, 0, 0); }
long abitrace_detach(pid_t thread, int signal) { return request(PTRACE_DETACH, thread, 0, signal); }
long abitrace_resume_to_call(pid_t thread, int signal) { return request(PTRACE_SYSCALL, thread, 0, signal); }
long abitrace_resume(pid_t thread, int signal) { return request(PTRACE_CONT, thread, 0, signal); }
long abitrace_event_message(pid_t thread, unsigned long *message) {
    return request(PTRACE_GETEVENTMSG, thread, 0, (unsigned long)message);
}
long abitrace_signal_info(pid_t thread, void *info) {
    return request(PTRACE_GETSIGINFO, thread, 0, (unsigned long)info);
}

long abitrace_syscall_info(pid_t thread, struct abitrace_syscall_info *info) {
    struct ptrace_syscall_info raw;
    long answer = request(PTRACE_GET_SYSCALL_INFO, thread, sizeof raw, (unsigned long)&raw);
    if (answer < 0) return answer;
    info->op = raw.op;
    info->arch = raw.arch;
    info->instruction_pointer = raw.instruction_pointer;
    if (raw.op == PTRACE_SYSCALL_INFO_ENTRY || raw.op == PTRACE_SYSCALL_INFO_SECCOMP) {
        info->number = raw.entry.nr;
        memcpy(info->arguments, raw.entry.args, sizeof info->arguments);
    } else if (raw.op == PTRACE_SYSCALL_INFO_EXIT) {
        info->result = raw.exit.rval;
        info->is_error = raw.exit.is_error;
    }
    return 0;
}

pid_t abitrace_wait(int *status, int block) { return abitrace_wait_for(-1, status, block); }

pid_t abitrace_wait_for(pid_t thread, int *status, int block) {
    pid_t answer = wait4(thread, status, __WALL | (block ? 0 : WNOHANG), NULL);
    return answer < 0 ? -errno : answer;
}

static _Noreturn void fail_child(int failure) {
    int error = errno;
    ssize_t ignored = write(failure, &error, sizeof error);
    (void)ignored;
    _exit(error == ENOENT ? 127 : 126);
}

static void become(const struct abitrace_identity *identity, int failure) {
    if (!identity->change) return;
    if (setgroups(identity->group_count, identity->groups) < 0) fail_child(failure);
    if (setresgid(identity->gid, identity->gid, identity->gid) < 0) fail_child(failure);
    if (setresuid(identity->uid, identity->uid, identity->uid) < 0) fail_child(failure);
}

pid_t abitrace_spawn(const char *path, char *const argv[], char *const envp[],
                     const struct abitrace_identity *identity, int *go, int *failure) {
    int start[2], report[2];
    if (pipe2(start, O_CLOEXEC) < 0) return -errno;
    if (pipe2(report, O_CLOEXEC) < 0) {
        int error = errno;
        close(start[0]);
        close(start[1]);
        return -error;
    }
    pid_t child = fork();
    if (child == 0) {
        char byte;
        ssize_t got;
        close(start[1]);
        do got = read(start[0], &byte, 1);
        while (got < 0 && errno == EINTR);
        if (got != 1) _exit(126);
        become(identity, report[1]);
        execve(path, argv, envp);
        fail_child(report[1]);
    }
    int error = errno;
    close(start[0]);
    close(report[1]);
    if (child < 0) {
        close(start[1]);
        close(report[0]);
        return -error;
    }
    *go = start[1];
    *failure = report[0];
    return child;
}

static volatile sig_atomic_t pending_signal, pending_code;
static struct itimerval tick;

// A signal between the check and the wait would be seen only after the next event: the timer makes the wait
// return until the supervisor has looked.
static void note_signal(int signal, siginfo_t *info, void *context) {
    (void)context;
    int error = errno;
    pending_code = info->si_code;
    pending_signal = signal;
    struct itimerval again = {{0, 20000}, {0, 20000}};
    setitimer(ITIMER_REAL, &again, NULL);
    errno = error;
}
static void wake(int signal) { (void)signal; }

void abitrace_watch_signals(void) {
    static const int ending[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
    struct sigaction action;
    memset(&action, 0, sizeof action);
    sigemptyset(&action.sa_mask);
    action.sa_flags = SA_SIGINFO;
    action.sa_sigaction = note_signal;
    for (size_t i = 0; i < sizeof ending / sizeof *ending; i++) {
        struct sigaction old;
        sigaction(ending[i], NULL, &old);
        if (old.sa_handler == SIG_IGN && !(old.sa_flags & SA_SIGINFO)) continue;
        sigaction(ending[i], &action, NULL);
    }
    action.sa_flags = 0;
    action.sa_handler = wake;
    sigaction(SIGALRM, &action, NULL);
    // A SIGCHLD ignored by whoever started us would make the kernel throw away exit statuses (wait(2)).
    signal(SIGCHLD, SIG_DFL);
    // Writing to a terminal that another group holds must not stop the supervisor, nor a closed pipe end it.
    action.sa_handler = SIG_IGN;
    sigaction(SIGTTOU, &action, NULL);
    sigaction(SIGTTIN, &action, NULL);
    sigaction(SIGTSTP, &action, NULL);
    sigaction(SIGPIPE, &action, NULL);
}

int abitrace_signal_is_pending(void) { return pending_signal != 0; }

int abitrace_pending_signal(int *code) {
    int signal = pending_signal;
    if (!signal) return 0;
    *code = pending_code;
    pending_signal = 0;
    setitimer(ITIMER_REAL, &tick, NULL);
    return signal;
}

void abitrace_set_tick(int milliseconds) {
    tick.it_interval.tv_sec = tick.it_value.tv_sec = milliseconds / 1000;
    tick.it_interval.tv_usec = tick.it_value.tv_usec = milliseconds % 1000 * 1000;
    setitimer(ITIMER_REAL, &tick, NULL);
}

void abitrace_die_of(int number) {
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    signal(number, SIG_DFL);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, number);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    kill(getpid(), number);
    _exit(128 + number);
}

void abitrace_stop_self(int number) {
    struct sigaction stop, old;
    memset(&stop, 0, sizeof stop);
    stop.sa_handler = SIG_DFL;
    // SIGSTOP has no handler to change; the kernel refuses, and stops us all the same.
    int changed = sigaction(number, &stop, &old) == 0;
    kill(getpid(), number);
    if (changed) sigaction(number, &old, NULL);
}

int abitrace_has_event(pid_t thread) {
    siginfo_t info;
    info.si_pid = 0;
    return waitid(P_PID, thread, &info, WNOHANG | WNOWAIT | __WALL | WSTOPPED | WEXITED) == 0 && info.si_pid != 0;
}

int abitrace_open(const char *path, int flags, unsigned mode) {
    int answer = open(path, flags, mode);
    return answer < 0 ? -errno : answer;
}

int abitrace_belongs(pid_t process, pid_t thread) {
    return syscall(SYS_tgkill, process, thread, 0) < 0 ? -errno : 0;
}
int abitrace_kill(pid_t process, int number) { return kill(process, number) < 0 ? -errno : 0; }

int abitrace_get_affinity(pid_t thread, uint64_t mask[16]) {
    memset(mask, 0, 16 * sizeof *mask);
    return sched_getaffinity(thread, 16 * sizeof *mask, (cpu_set_t *)mask) < 0 ? -errno : 0;
}
int abitrace_set_affinity(pid_t thread, const uint64_t mask[16]) {
    return sched_setaffinity(thread, 16 * sizeof *mask, (const cpu_set_t *)mask) < 0 ? -errno : 0;
}
int abitrace_current_processor(void) { return sched_getcpu(); }
int abitrace_processor_count(const uint64_t mask[16]) {
    int count = 0;
    for (int i = 0; i < 16; i++) count += __builtin_popcountll(mask[i]);
    return count;
}

void abitrace_hide_self(void) { prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); }
