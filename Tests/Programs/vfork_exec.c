// Vforks and execs: the parent must sleep until the child's exec.
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void) {
    pid_t child = vfork();
    if (child < 0) return 1;
    if (child == 0) {
        execl("/bin/echo", "echo", "from the child", (char *)0);
        _exit(127);
    }
    int status = 0;
    if (waitpid(child, &status, 0) != child) return 2;
    printf("child exited with %d\n", WEXITSTATUS(status));
    return WEXITSTATUS(status);
}
