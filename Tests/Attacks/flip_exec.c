// A sibling thread flips the name of a program between one that may run and one that may not.
#include "attack.h"
static char allowed[] = "/bin/true", other[256], name[256];
static void *flip(void *argument) {
    (void)argument;
    for (;;) {
        memcpy(name, other, strlen(other) + 1);
        memcpy(name, allowed, sizeof allowed);
    }
    return NULL;
}
static void *run(void *argument) {
    char *const empty[] = {name, NULL};
    execve(name, empty, NULL);
    _exit(1);
    return argument;
}
int main(int argc, char **argv) {
    (void)argc;
    begin(argv);
    snprintf(other, sizeof other, "%s/open/program", arena);
    int runs = tries() / 10, count = threads(argv);
    for (int i = 0; i < runs; i++) {
        pid_t child = fork();
        if (child == 0) {
            pthread_t thread;
            strcpy(name, other);
            pthread_create(&thread, NULL, flip, NULL);
            if (count > 1) {
                // From another thread than the leader.
                pthread_create(&thread, NULL, run, NULL);
                pause();
            }
            run(NULL);
        }
        int status;
        waitpid(child, &status, 0);
        if (WIFEXITED(status) && won_if(WEXITSTATUS(status) == 77, "exec")) return WON;
    }
    return HELD;
}
