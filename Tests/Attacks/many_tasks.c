// Makes as many processes, or threads, as it can: more than the second argument says is a win.
#include "attack.h"
static void *sleeper(void *unused) {
    pause();
    return unused;
}
int main(int argc, char **argv) {
    begin(argv);
    if (argc < 4) return 9;
    int most = atoi(argv[2]), made = 0, isThreads = !strcmp(argv[3], "threads");
    while (made <= most) {
        pthread_t thread;
        if (isThreads) {
            if (pthread_create(&thread, NULL, sleeper, NULL)) break;
        } else {
            pid_t child = fork();
            if (child == 0) pause();
            if (child < 0) break;
        }
        made++;
    }
    printf("%d\n", made);
    fflush(stdout);
    if (!isThreads) {
        signal(SIGTERM, SIG_IGN);
        kill(0, SIGTERM);
        while (wait(NULL) > 0) continue;
    }
    _exit(made >= most ? WON : HELD);
}
