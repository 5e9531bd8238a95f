// A child that asks to be traced by whoever traces its parent (clone(2), CLONE_PTRACE), and is killed.
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static char stack[65536];

static int sleeper(void *unused) {
    (void)unused;
    while (pause() < 0) continue;
    return 0;
}

int main(void) {
    int status = 0;
    int child = clone(sleeper, stack + sizeof stack, CLONE_PTRACE | SIGCHLD, NULL);
    if (child < 0) return 1;
    kill(child, SIGTERM);
    waitpid(child, &status, 0);
    printf("killed by %d\n", WTERMSIG(status));
    return 0;
}
