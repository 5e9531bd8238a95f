// A child stops itself, the parent sees it stop, go on and end: job control must survive a tracer.
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static int continued[2];

// Both signals pending at once would be delivered in the order of their numbers, SIGTERM alone: the parent waits.
static void on_continue(int number) {
    (void)number;
    if (write(continued[1], "c", 1) != 1) _exit(9);
}

int main(void) {
    int status = 0;
    char byte;
    if (pipe(continued) < 0) return 6;
    pid_t child = fork();
    if (child < 0) return 1;
    if (child == 0) {
        signal(SIGCONT, on_continue);
        raise(SIGSTOP);
        for (;;) pause();
    }
    if (waitpid(child, &status, WUNTRACED) != child || !WIFSTOPPED(status)) return 2;
    printf("stopped by %d\n", WSTOPSIG(status));
    kill(child, SIGCONT);
    if (waitpid(child, &status, WCONTINUED) != child || !WIFCONTINUED(status)) return 3;
    if (read(continued[0], &byte, 1) != 1) return 5;
    printf("continued\n");
    kill(child, SIGTERM);
    if (waitpid(child, &status, 0) != child || !WIFSIGNALED(status)) return 4;
    printf("ended by %d\n", WTERMSIG(status));
    return 0;
}
