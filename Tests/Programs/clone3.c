// Makes a child with clone3 and waits for it on the pidfd that the call hands out.
#define _GNU_SOURCE
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void) {
    int handle = -1;
    struct clone_args arguments = {.flags = CLONE_PIDFD, .pidfd = (uintptr_t)&handle, .exit_signal = SIGCHLD};
    long child = syscall(SYS_clone3, &arguments, sizeof arguments);
    if (child < 0) return 1;
    if (child == 0) _exit(5);
    siginfo_t info = {0};
    if (waitid(P_PIDFD, handle, &info, WEXITED)) return 2;
    printf("child of clone3 exited with %d\n", info.si_status);
    return info.si_pid == child && info.si_status == 5 ? 0 : 3;
}
