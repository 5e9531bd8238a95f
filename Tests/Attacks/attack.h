// What every attack shares: an arena with a place that may be used, one that is hidden and one that is read-only.
#ifndef ATTACK_H
#define ATTACK_H
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// Exit codes: the attack got through, or it was held. Anything else is a broken test.
enum { WON = 0, HELD = 3 };

static char open_file[256], secret[256], readonly[256], arena[200];

static void begin(char **argv) {
    snprintf(arena, sizeof arena, "%s", argv[1]);
    snprintf(open_file, sizeof open_file, "%s/open/file", arena);
    snprintf(secret, sizeof secret, "%s/closed/secret", arena);
    snprintf(readonly, sizeof readonly, "%s/fixed/file", arena);
}

__attribute__((unused)) static int threads(char **argv) { return argv[2] ? atoi(argv[2]) : 1; }

// How many threads race against the one that calls, where no argument says it.
__attribute__((unused)) static int racers(void) {
    const char *count = getenv("THREADS");
    return count ? atoi(count) : 1;
}

// How often a race is run; Tools/races runs them long. Bare it only has to be won once, however long that takes on a busy
// machine: PATIENCE times as often.
__attribute__((unused)) static int tries(void) {
    const char *tries = getenv("TRIES"), *patience = getenv("PATIENCE");
    return (tries ? atoi(tries) : 4000) * (patience ? atoi(patience) : 1);
}

// Whether the descriptor yields the secret.
__attribute__((unused)) static int is_secret(int descriptor) {
    char buffer[16] = "";
    if (descriptor < 0) return 0;
    ssize_t got = pread(descriptor, buffer, sizeof buffer - 1, 0);
    close(descriptor);
    return got >= 6 && memcmp(buffer, "SECRET", 6) == 0;
}

// Tries each way that is named from the third argument on, in a child of its own, and says which got through.
__attribute__((unused)) static int each_way(char **argv, int (*attempt)(const char *way)) {
    int wins = 0;
    for (char **way = argv + 2; *way; way++) {
        pid_t child = fork();
        if (child == 0) _exit(attempt(*way) ? WON : HELD);
        int status;
        waitpid(child, &status, 0);
        if (!WIFEXITED(status) || (WEXITSTATUS(status) != WON && WEXITSTATUS(status) != HELD)) return 9;
        if (WEXITSTATUS(status) != WON) continue;
        printf("%s\n", *way);
        wins++;
    }
    return wins ? WON : HELD;
}

__attribute__((unused)) static int won_if(int yes, const char *how) {
    if (yes) printf("won: %s\n", how);
    return yes;
}
#endif
