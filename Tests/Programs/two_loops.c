// Two processes that call getppid argv[1] times each and do nothing else on the way: how many calls they make is known.
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int count, char **arguments) {
    long rounds = count > 1 ? atol(arguments[1]) : 1000;
    int status = 0;
    pid_t child = fork();
    if (child < 0) return 1;
    for (long round = 0; round < rounds; round++) syscall(SYS_getppid);
    if (child == 0) _exit(0);
    return waitpid(child, &status, 0) != child || status;
}
