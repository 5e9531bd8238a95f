// A child stops itself, the parent sees it stop, go on and end: job control must survive a tracer.
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void) {
    int status = 0;
    pid_t child = fork();
    if (child < 0) return 1;
    if (child == 0) {
        raise(SIGSTOP);
        for (;;) pause();
    }
    if (waitpid(child, &status, WUNTRACED) != child || !WIFSTOPPED(status)) return 2;
    printf("stopped by %d\n", WSTOPSIG(status));
    kill(child, SIGCONT);
    if (waitpid(child, &status, WCONTINUED) != child || !WIFCONTINUED(status)) return 3;
    printf("continued\n");
    kill(child, SIGTERM);
    if (waitpid(child, &status, 0) != child || !WIFSIGNALED(status)) return 4;
    printf("ended by %d\n", WTERMSIG(status));
    return 0;
}
