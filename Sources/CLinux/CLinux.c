// What Swift cannot call: variadic functions, the child side of fork, function-like macros, signal handlers.
#define _GNU_SOURCE
#include "CLinux.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/close_range.h>
#include <linux/ptrace.h>
#include <sched.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// <sys/ptrace.h> and <linux/ptrace.h> both define PTRACE_*: the kernel's header is used and the call made raw.
static long request(long what, pid_t thread, unsigned long address, unsigned long data) {
    long answer = syscall(SYS_ptrace, what, (long)thread, address, data);
    return answer < 0 ? -errno : answer;
}

long abitrace_seize(pid_t thread, int how) {
    unsigned long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC;
    if (how & ABITRACE_SEIZE_CHILDREN) options |= PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE;
    if (how & ABITRACE_SEIZE_KILL) options |= PTRACE_O_EXITKILL;
    if (how & ABITRACE_SEIZE_FILTERED) options |= PTRACE_O_TRACESECCOMP;
    if (how & ABITRACE_SEIZE_ENDS) options |= PTRACE_O_TRACEEXIT;
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
// What NT_PRSTATUS answers: struct user_regs_struct of the personality that the thread runs in, 27 words of 64 bits or 17
// of 32 (arch/x86/include/asm/user_64.h, user_32.h).
union registers {
    uint64_t wide[27];
    uint32_t narrow[17];
};
static long read_registers(pid_t thread, union registers *registers, int *is_narrow) {
    struct iovec room = {registers, sizeof *registers};
    long answer = request(PTRACE_GETREGSET, thread, NT_PRSTATUS, (unsigned long)&room);
    *is_narrow = room.iov_len == sizeof registers->narrow;
    return answer;
}
long abitrace_stack_pointer(pid_t thread, uint64_t *pointer, int *word) {
    union registers registers;
    int is_narrow;
    long answer = read_registers(thread, &registers, &is_narrow);
    if (answer < 0) return answer;
    *word = is_narrow ? 4 : 8;
    *pointer = is_narrow ? registers.narrow[15] : registers.wide[19];  // esp, rsp
    return 0;
}
long abitrace_peek(pid_t thread, uint64_t address, uint64_t *value) {
    return request(PTRACE_PEEKDATA, thread, address, (unsigned long)value);
}
long abitrace_poke(pid_t thread, uint64_t address, uint64_t value) {
    return request(PTRACE_POKEDATA, thread, address, value);
}
long abitrace_signal_info(pid_t thread, void *info) {
    return request(PTRACE_GETSIGINFO, thread, 0, (unsigned long)info);
}

// Indices of struct user_regs_struct (arch/x86/include/asm/user_64.h); -1 is no call.
long abitrace_set_call(pid_t thread, long number) {
    return request(PTRACE_POKEUSR, thread, 15 * sizeof(long), (unsigned long)number);
}

long abitrace_set_result(pid_t thread, long result) {
    return request(PTRACE_POKEUSR, thread, 10 * sizeof(long), (unsigned long)result);
}

long abitrace_interrupted_call(pid_t thread, struct abitrace_syscall_info *info) {
    union registers registers;
    int is_narrow;
    long answer = read_registers(thread, &registers, &is_narrow);
    if (answer < 0) return answer;
    // rdi, rsi, rdx, r10, r8, r9; ebx, ecx, edx, esi, edi, ebp.
    static const int wide[6] = {14, 13, 12, 7, 9, 8};
    int32_t number = is_narrow ? (int32_t)registers.narrow[11] : (int32_t)registers.wide[15];
    int32_t result = is_narrow ? (int32_t)registers.narrow[6] : (int32_t)registers.wide[10];
    // ERESTARTSYS (linux/errno.h)
    if (number < 0 || result != -512) return 0;
    info->arch = is_narrow ? AUDIT_ARCH_I386 : AUDIT_ARCH_X86_64;
    info->number = (uint32_t)number;
    for (int i = 0; i < 6; i++) info->arguments[i] = is_narrow ? registers.narrow[i] : registers.wide[wide[i]];
    return 1;
}

long abitrace_syscall_info(pid_t thread, struct abitrace_syscall_info *info) {
    struct ptrace_syscall_info raw;
    long answer = request(PTRACE_GET_SYSCALL_INFO, thread, sizeof raw, (unsigned long)&raw);
    if (answer < 0) return answer;
    info->op = raw.op;
    info->arch = raw.arch;
    info->instruction_pointer = raw.instruction_pointer;
    info->stack_pointer = raw.stack_pointer;
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

// Moves a descriptor of the child's own out of the way of those that it is to start with.
static int move_beyond(int descriptor, int highest, int failure) {
    if (descriptor < 0 || descriptor > highest) return descriptor;
    int moved = fcntl(descriptor, F_DUPFD_CLOEXEC, highest + 1);
    if (moved < 0) fail_child(failure);
    return moved;
}

static void close_range_on_exec(unsigned first, unsigned last, int failure) {
    if (first > last) return;
    if (syscall(SYS_close_range, first, last, CLOSE_RANGE_CLOEXEC) < 0) fail_child(failure);
}

// Puts the descriptors that the program starts with at their numbers. Every other one closes at its exec; until then
// the child itself needs some of them.
static void place_descriptors(const struct abitrace_confinement *confinement, int failure) {
    size_t count = confinement->given_count;
    const struct abitrace_given *given = confinement->given;
    int highest = count > 0 ? given[count - 1].number : -1;
    int copies[count + 1];
    for (size_t i = 0; i < count; i++) {
        copies[i] = fcntl(given[i].ours, F_DUPFD_CLOEXEC, highest + 1);
        if (copies[i] < 0) fail_child(failure);
    }
    unsigned next = 0;
    for (size_t i = 0; i < count; i++) {
        if (dup2(copies[i], given[i].number) < 0) fail_child(failure);
        if (given[i].number > 0) close_range_on_exec(next, given[i].number - 1, failure);
        next = given[i].number + 1;
    }
    close_range_on_exec(next, ~0U, failure);
}

// struct sock_fprog: a length, padding, a pointer (linux/filter.h).
struct program {
    unsigned short length;
    const uint64_t *filter;
};

// A filter that only stops. With CAP_SYS_ADMIN set-id programs keep their privileges; without it the kernel asks for
// no_new_privs (seccomp(2)), under which they have none, as they have none under a tracer without CAP_SYS_PTRACE.
static void install_stops(const struct abitrace_confinement *confinement) {
    struct program program = {confinement->filter_length, confinement->filter};
    if (syscall(SYS_seccomp, 1, 0, &program) == 0 || errno != EACCES) return;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0) syscall(SYS_seccomp, 1, 0, &program);
}

// Everything a program is confined by, in an order in which no step needs what an earlier one took away.
static void confine(const struct abitrace_confinement *confinement, const int *rulesets, int failure) {
    for (size_t i = 0; i < confinement->limit_count; i++) {
        struct rlimit limit = {confinement->limits[i].value, confinement->limits[i].value};
        if (setrlimit(confinement->limits[i].resource, &limit) < 0) fail_child(failure);
    }
    // A supervisor that dies takes its program along, as PTRACE_O_EXITKILL does from the watch on.
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0) fail_child(failure);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) fail_child(failure);
    for (size_t i = 0; i < confinement->ruleset_count; i++) {
        // Sixteen rulesets is what a thread can be under (landlock_restrict_self(2)); those above us may be that many.
        if (syscall(SYS_landlock_restrict_self, rulesets[i], 0) < 0 && errno != E2BIG) fail_child(failure);
    }
    struct program program = {confinement->filter_length, confinement->filter};
    // The listener will have the lowest free number. It is told before there is one, as a negative number (an errno is
    // positive): once the filter is there a write may wait for whoever has the listener.
    int next = fcntl(failure, F_DUPFD_CLOEXEC, 0);
    if (next < 0) fail_child(failure);
    close(next);
    int told = -1 - next;
    if (write(failure, &told, sizeof told) != sizeof told) _exit(126);
    // SECCOMP_SET_MODE_FILTER (linux/seccomp.h)
    if (syscall(SYS_seccomp, 1, confinement->filter_flags, &program) != next) fail_child(failure);
}

// Takes the listener out of the child, whose descriptor closes at its exec.
static int take_listener(pid_t child, int report) {
    int told;
    ssize_t got;
    do got = read(report, &told, sizeof told);
    while (got < 0 && errno == EINTR);
    if (got != sizeof told) return -EPIPE;
    if (told >= 0) return -told;
    int process = (int)syscall(SYS_pidfd_open, child, 0);
    if (process < 0) return -errno;
    int listener, error;
    while ((listener = (int)syscall(SYS_pidfd_getfd, process, -1 - told, 0)) < 0 && (error = errno) == EBADF) {
        // Not there yet, unless the child says that there will be none.
        struct pollfd report_end = {report, POLLIN, 0};
        if (poll(&report_end, 1, 1) == 0) continue;
        error = read(report, &told, sizeof told) == sizeof told ? told : EPIPE;
        break;
    }
    close(process);
    return listener < 0 ? -error : listener;
}

// Answers 0 in this process, and this process's id in a grandchild of it.
static pid_t change_places(int daemon) {
    pid_t self = getpid();
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
    pid_t child = fork();
    if (child < 0) return -1;
    if (child > 0) {
        int status;
        while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
        return 0;
    }
    pid_t grandchild = fork();
    if (grandchild != 0) _exit(grandchild < 0);
    if (daemon == 2) setpgid(0, 0);
    if (daemon == 3) setsid();
    return self;
}

pid_t abitrace_spawn(const char *path, char *const argv[], char *const envp[],
                     const struct abitrace_identity *identity, int daemon,
                     const struct abitrace_confinement *given, int *go, int *failure, int *listener) {
    const struct abitrace_confinement *stops = given && given->only_stops ? given : NULL;
    const struct abitrace_confinement *confinement = stops ? NULL : given;
    int start[2], report[2];
    if (pipe2(start, O_CLOEXEC) < 0) return -errno;
    if (pipe2(report, O_CLOEXEC) < 0) {
        int error = errno;
        close(start[0]);
        close(start[1]);
        return -error;
    }
    pid_t child = daemon ? change_places(daemon) : fork();
    if (child == 0) {
        char byte;
        ssize_t got;
        close(start[1]);
        if (confinement) {
            size_t count = confinement->given_count;
            int highest = count > 0 ? confinement->given[count - 1].number : -1;
            report[1] = move_beyond(report[1], highest, report[1]);
            start[0] = move_beyond(start[0], highest, report[1]);
            int rulesets[confinement->ruleset_count + 1];
            for (size_t i = 0; i < confinement->ruleset_count; i++)
                rulesets[i] = move_beyond(confinement->rulesets[i], highest, report[1]);
            place_descriptors(confinement, report[1]);
            become(identity, report[1]);
            confine(confinement, rulesets, report[1]);
        }
        do got = read(start[0], &byte, 1);
        while (got < 0 && errno == EINTR);
        if (got != 1) _exit(126);
        // The grandchild could not trace its grandparent under Yama; once it does, nobody else shall.
        if (daemon) prctl(PR_SET_PTRACER, 0, 0, 0, 0);
        if (stops) install_stops(stops);
        if (!confinement) become(identity, report[1]);
        execve(path, argv, envp);
        fail_child(report[1]);
    }
    int error = errno;
    close(start[0]);
    close(report[1]);
    if (child > 0 && confinement) {
        *listener = take_listener(child, report[0]);
        if (*listener < 0) {
            error = -*listener;
            kill(child, SIGKILL);
            waitpid(child, NULL, 0);
            child = -1;
        }
    }
    if (child < 0) {
        close(start[1]);
        close(report[0]);
        return -error;
    }
    *go = start[1];
    *failure = report[0];
    return child;
}

long abitrace_call(long number, unsigned long a, unsigned long b, unsigned long c, unsigned long d, unsigned long e,
                   unsigned long f) {
    long answer = syscall(number, a, b, c, d, e, f);
    return answer < 0 ? -errno : answer;
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

void abitrace_catch(int number) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    sigemptyset(&action.sa_mask);
    action.sa_handler = wake;
    sigaction(number, &action, NULL);
}

void abitrace_hold(int number) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, number);
    sigprocmask(SIG_BLOCK, &set, NULL);
}

int abitrace_wait_input(int descriptor, int milliseconds, int number) {
    sigset_t set;
    sigprocmask(SIG_BLOCK, NULL, &set);
    sigdelset(&set, number);
    struct pollfd request = {.fd = descriptor, .events = POLLIN};
    struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000L};
    return ppoll(&request, 1, &time, &set) > 0;
}

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
    // A SIGCHLD ignored by whoever started us would make the kernel throw away exit statuses (wait(2)). Stops are
    // waited for: a signal for each would be made and thrown away.
    action.sa_handler = SIG_DFL;
    action.sa_flags = SA_NOCLDSTOP;
    sigaction(SIGCHLD, &action, NULL);
    action.sa_flags = 0;
    // Writing to a terminal that another group holds must not stop the supervisor, nor a closed pipe end it.
    action.sa_handler = SIG_IGN;
    sigaction(SIGTTOU, &action, NULL);
    sigaction(SIGTTIN, &action, NULL);
    sigaction(SIGTSTP, &action, NULL);
    sigaction(SIGPIPE, &action, NULL);
}

void abitrace_wake_in(long nanoseconds) {
    static timer_t timer;
    static int is_made;
    if (!is_made) {
        struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGALRM};
        event._sigev_un._tid = (int)syscall(SYS_gettid);
        if (timer_create(CLOCK_MONOTONIC, &event, &timer) < 0) return;
        is_made = 1;
    }
    // It comes again: the first may come just before the wait that it is to end.
    struct itimerspec times = {{0, nanoseconds ? 1000000 : 0}, {nanoseconds / 1000000000, nanoseconds % 1000000000}};
    timer_settime(timer, 0, &times, NULL);
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

void abitrace_raise_descriptor_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

void abitrace_hide_self(void) {
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    // The Swift runtime may have handlers that look at a crashed process for many seconds, and print what they find: its
    // tracees would stand still for as long.
    static const int crashes[] = {SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGTRAP};
    for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++) signal(crashes[i], SIG_DFL);
}
