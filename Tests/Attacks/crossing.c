// A program that may do less turns on the one that started it, which may do more: its memory, its descriptors, its life.
#include "attack.h"
#include <sys/resource.h>
static int reaches(const char *entry, int flags) {
    char name[64];
    snprintf(name, sizeof name, "/proc/%d/%s", getppid(), entry);
    return open(name, flags) >= 0;
}
// Writes where its code lies, which no mode of a mapping forbids to this file (proc(5)).
static int writes_memory(const char *entry) {
    char name[64];
    unsigned long start, offset = 0;
    snprintf(name, sizeof name, "/proc/%d/maps", getppid());
    FILE *maps = fopen(name, "r");
    // Where it may not be looked up it can be known.
    if (!maps || fscanf(maps, "%lx-%*x %*s %lx", &start, &offset) < 1) start = (unsigned long)secret & ~4095UL;
    snprintf(name, sizeof name, "/proc/%d/%s", getppid(), entry);
    int memory = open(name, O_RDWR);
    char bytes[8];
    return memory >= 0 && pread(memory, bytes, 8, start) == 8 && pwrite(memory, bytes, 8, start) == 8;
}
static int attempt(const char *way) {
    // Each way is a child's own: its parent is this program, and not the one that may do more.
    if (!strcmp(way, "memory")) return writes_memory("mem");
    if (!strcmp(way, "environment")) return reaches("environ", O_RDONLY);
    if (!strcmp(way, "pipe")) return reaches("fd/0", O_RDONLY);
    if (!strcmp(way, "root")) return reaches("root/etc/passwd", O_RDONLY);
    if (!strcmp(way, "signal")) return kill(getppid(), SIGCONT) == 0;
    if (!strcmp(way, "thread's signal")) return syscall(SYS_tgkill, getppid(), getppid(), SIGCONT) == 0;
    if (!strcmp(way, "handle's signal")) return syscall(424, syscall(434, getppid(), 0), SIGCONT, NULL, 0) == 0;
    if (!strcmp(way, "owner")) return fcntl(0, F_SETOWN, getppid()) == 0;
    if (!strcmp(way, "limit")) return prlimit(getppid(), RLIMIT_NOFILE, &(struct rlimit){64, 64}, NULL) == 0;
    if (!strcmp(way, "priority")) return setpriority(PRIO_PROCESS, getppid(), 1) == 0;
    char entry[64];
    snprintf(entry, sizeof entry, "task/%d/mem", getppid());
    if (!strcmp(way, "thread")) return writes_memory(entry);
    return 0;
}
int main(int argc, char **argv) {
    (void)argc;
    begin(argv);
    int wins = 0;
    for (char **way = argv + 2; *way; way++) {
        if (attempt(*way)) printf("%s\n", *way), wins++;
    }
    return wins ? WON : HELD;
}
