// A sleep that its child stops and continues twice: the kernel goes on with it through restart_syscall.
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int main(void) {
    struct timespec pause = {0, 200000000}, whole = {1, 0};
    pid_t parent = getpid();
    pid_t child = fork();
    if (child == 0) {
        for (int round = 0; round < 2; round++) {
            nanosleep(&pause, NULL);
            kill(parent, SIGSTOP);
            nanosleep(&pause, NULL);
            kill(parent, SIGCONT);
        }
        _exit(0);
    }
    int answer;
    do answer = nanosleep(&whole, NULL);
    while (answer < 0 && errno == EINTR);
    printf("slept %d\n", answer);
    int status = 0;
    return waitpid(child, &status, 0) != child || status;
}
