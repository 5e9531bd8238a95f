// A child blocks every signal and sits in a read; SIGKILL must end it all the same.
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void) {
    int never[2], ready[2], status = 0;
    char byte;
    if (pipe(never) || pipe(ready)) return 1;
    pid_t child = fork();
    if (child == 0) {
        sigset_t all;
        sigfillset(&all);
        sigprocmask(SIG_SETMASK, &all, NULL);
        if (write(ready[1], "!", 1) != 1) _exit(1);
        _exit(read(never[0], &byte, 1) == 1);
    }
    if (read(ready[0], &byte, 1) != 1) return 2;
    kill(child, SIGTERM);
    kill(child, SIGKILL);
    if (waitpid(child, &status, 0) != child || !WIFSIGNALED(status)) return 3;
    printf("child ended by %d\n", WTERMSIG(status));
    return WTERMSIG(status) == SIGKILL ? 0 : 4;
}
