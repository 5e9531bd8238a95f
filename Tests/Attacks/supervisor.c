// The program turns on its supervisor, or leaves its sight. Bare, the parent stands for the supervisor.
#include "attack.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/uio.h>
static int nothing(void *argument) {
    (void)argument;
    usleep(100000);
    return 0;
}
int main(int argc, char **argv) {
    (void)argc;
    begin(argv);
    const char *way = argv[2];
    pid_t parent = getppid();
    char name[64];
    if (!strcmp(way, "ptrace")) return won_if(ptrace(PTRACE_SEIZE, parent, 0, 0) == 0, way) ? WON : HELD;
    if (!strcmp(way, "memory")) {
        snprintf(name, sizeof name, "/proc/%d/mem", parent);
        return won_if(open(name, O_RDWR) >= 0, way) ? WON : HELD;
    }
    if (!strcmp(way, "memory to read")) {
        snprintf(name, sizeof name, "/proc/%d/mem", parent);
        return won_if(open(name, O_RDONLY) >= 0, way) ? WON : HELD;
    }
    if (!strcmp(way, "descriptors")) {
        snprintf(name, sizeof name, "/proc/%d/fd/0", parent);
        return won_if(open(name, O_RDONLY) >= 0, way) ? WON : HELD;
    }
    if (!strcmp(way, "environment")) {
        char byte;
        snprintf(name, sizeof name, "/proc/%d/environ", parent);
        return won_if(read(open(name, O_RDONLY), &byte, 1) == 1, way) ? WON : HELD;
    }
    if (!strcmp(way, "score")) {
        snprintf(name, sizeof name, "/proc/%d/oom_score_adj", parent);
        return won_if(write(open(name, O_WRONLY), "900", 3) == 3, way) ? WON : HELD;
    }
    // What the kernel says of everybody.
    if (!strcmp(way, "log")) return won_if(open("/proc/kmsg", O_RDONLY | O_NONBLOCK) >= 0, way) ? WON : HELD;
    if (!strcmp(way, "kernel")) return won_if(open("/proc/kcore", O_RDONLY) >= 0, way) ? WON : HELD;
    if (!strcmp(way, "vm")) {
        char byte;
        struct iovec local = {&byte, 1}, remote = {(void *)main, 1};
        return won_if(process_vm_readv(parent, &local, 1, &remote, 1, 0) == 1 || errno == EFAULT, way) ? WON : HELD;
    }
    if (!strcmp(way, "getfd")) {
        int process = syscall(434, parent, 0);
        return won_if(syscall(438, process, 0, 0) >= 0, way) ? WON : HELD;
    }
    if (!strcmp(way, "signal")) return won_if(kill(parent, SIGCONT) == 0, way) ? WON : HELD;
    if (!strcmp(way, "signal handle"))
        return won_if(syscall(424, syscall(434, parent, 0), SIGCONT, NULL, 0) == 0, way) ? WON : HELD;
    if (!strcmp(way, "limit")) {
        struct rlimit limit = {64, 64};
        return won_if(prlimit(parent, RLIMIT_NOFILE, &limit, NULL) == 0, way) ? WON : HELD;
    }
    if (!strcmp(way, "listener")) {
        struct sock_filter allow = {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW};
        struct sock_fprog program = {1, &allow};
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        return won_if(syscall(SYS_seccomp, 1, 1 << 3, &program) >= 0, way) ? WON : HELD;
    }
    if (!strcmp(way, "untraced")) {
        static char stack[65536];
        return won_if(clone(nothing, stack + sizeof stack, CLONE_UNTRACED | SIGCHLD, NULL) > 0, way) ? WON : HELD;
    }
    if (!strcmp(way, "userfault")) return won_if(syscall(323, 1) >= 0, way) ? WON : HELD;
    return 9;
}
