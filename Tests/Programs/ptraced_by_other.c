// A child asks to be traced by its parent: bare this works, under a tracer it must fail cleanly with EPERM.
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void) {
    int status = 0;
    pid_t child = fork();
    if (child < 0) return 1;
    if (child == 0) {
        if (ptrace(PTRACE_TRACEME, 0, 0, 0) < 0) _exit(errno);
        raise(SIGSTOP);
        _exit(0);
    }
    if (waitpid(child, &status, WUNTRACED) != child) return 2;
    if (WIFSTOPPED(status)) {
        printf("errno 0\n");
        ptrace(PTRACE_CONT, child, 0, 0);
        waitpid(child, &status, 0);
    } else {
        printf("errno %d\n", WEXITSTATUS(status));
    }
    return WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == EPERM) ? 0 : 3;
}
