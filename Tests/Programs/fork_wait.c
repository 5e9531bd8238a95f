// Forks a child that exits with 7 and waits for it: the smallest process tree.
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void) {
    pid_t child = fork();
    if (child < 0) return 1;
    if (child == 0) _exit(7);
    int status = 0;
    if (waitpid(child, &status, 0) != child) return 2;
    printf("child exited with %d\n", WEXITSTATUS(status));
    return WEXITSTATUS(status) == 7 ? 0 : 3;
}
