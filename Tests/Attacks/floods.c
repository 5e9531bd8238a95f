// The supervisor is kept busy, then asked for the secret: calls that wait, callers without number, names without end.
#include "attack.h"
static char fifo[300];
static void *wait_for_other_end(void *argument) {
    close(open(fifo, O_RDONLY));
    return argument;
}
static void *ask(void *argument) {
    for (int i = 0; i < 50; i++) {
        if (is_secret(open(secret, O_RDONLY))) return argument;
    }
    return NULL;
}
static int asked_by_many(int count) {
    pthread_t threads[64];
    int won = 0;
    for (int i = 0; i < count; i++) pthread_create(&threads[i], NULL, ask, &won);
    for (int i = 0; i < count; i++) {
        void *answer = NULL;
        pthread_join(threads[i], &answer);
        won |= answer != NULL;
    }
    return won;
}
static int attempt(const char *way) {
    if (!strcmp(way, "waits")) {
        pthread_t thread;
        snprintf(fifo, sizeof fifo, "%s/open/fifo", arena);
        mkfifo(fifo, 0600);
        pthread_attr_t small;
        pthread_attr_init(&small);
        pthread_attr_setstacksize(&small, 1 << 16);
        for (int i = 0; i < 300; i++) pthread_create(&thread, &small, wait_for_other_end, NULL);
        usleep(300000);
        return asked_by_many(8);
    }
    if (!strcmp(way, "callers")) {
        // Each that has called once is remembered until it ends.
        int count = 0, ends[2];
        if (pipe(ends) < 0) return 0;
        for (; count < 600; count++) {
            pid_t child = fork();
            if (child < 0) break;
            if (child == 0) {
                close(open(open_file, O_RDONLY));
                close(ends[1]);
                char byte;
                (void)!read(ends[0], &byte, 1);
                _exit(0);
            }
        }
        int won = asked_by_many(8);
        close(ends[1]);
        while (wait(NULL) > 0) continue;
        return won;
    }
    if (!strcmp(way, "names")) {
        static char longest[1 << 16];
        memset(longest, '\x1b', sizeof longest - 1);
        for (int i = 0; i < 2000; i++) {
            snprintf(longest + 200, 20, "%d/", i);
            longest[220] = '\x1b';
            close(open(longest + 190, O_RDONLY));
        }
        return asked_by_many(8);
    }
    if (!strcmp(way, "signals")) {
        // A storm of interruptions while the same question is asked.
        signal(SIGALRM, SIG_IGN);
        pid_t self = getpid(), child = fork();
        if (child == 0) for (;;) kill(self, SIGALRM);
        int won = asked_by_many(8);
        kill(child, SIGKILL);
        return won;
    }
    return 0;
}
int main(int argc, char **argv) {
    (void)argc;
    begin(argv);
    return each_way(argv, attempt);
}
