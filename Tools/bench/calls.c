// Calls by each way that a policy has of deciding them: a line each, its name and its time in nanoseconds.
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>
static long now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000L + t.tv_nsec;
}
static int order(const void *a, const void *b) { return (*(long *)a > *(long *)b) - (*(long *)a < *(long *)b); }
#define MEASURE(name, count, batch, call) do { \
    static long times[count]; \
    for (int i = 0; i < count; i++) { \
        long start = now(); \
        for (int j = 0; j < batch; j++) { call; } \
        times[i] = (now() - start) / batch; \
    } \
    qsort(times, count, sizeof *times, order); \
    /* The lower quartile: what others on the machine take is not the call's. */ \
    printf("%s %ld\n", name, times[count / 4]); \
} while (0)
/* Where places alone decide, which is not so under the policy of the others. */
static int left(void) {
    MEASURE("open+close: allowed, left to the kernel", 4000, 1, close(open("file", O_RDONLY)));
    MEASURE("open: not there, left to the kernel", 4000, 1, open("missing", O_RDONLY));
    return 0;
}
int main(int argc, char **argv) {
    (void)argv;
    if (argc > 1) return left();
    struct stat status;
    struct utsname names;
    struct sockaddr_un nobody = {AF_UNIX, "/run/nobody-is-here"};
    MEASURE("getppid: the filter allows", 2000, 20, syscall(SYS_getppid));
    MEASURE("read: the filter allows by its descriptor", 2000, 20, (void)!read(0, &status, 0));
    MEASURE("swapon: refused, and told", 2000, 20, syscall(SYS_swapon, 0, 0));
    MEASURE("mlock: a stub", 2000, 20, syscall(SYS_mlock, 0, 0));
    MEASURE("kill: decided, then the kernel's", 2000, 1, kill(getpid(), 0));
    MEASURE("stat: performed on the copy", 4000, 1, stat("file", &status));
    MEASURE("open+close: performed, descriptor handed over", 4000, 1, close(open("file", O_RDONLY)));
    MEASURE("open+close, six components", 4000, 1, close(open("/usr/include/x86_64-linux-gnu/bits/types.h", O_RDONLY)));
    MEASURE("open: not there", 4000, 1, open("missing", O_RDONLY));
    MEASURE("open: refused", 4000, 1, open("secret", O_RDONLY));
    MEASURE("open+close: rewritten", 4000, 1, close(open("other", O_RDONLY)));
    MEASURE("uname: answered with items", 2000, 1, uname(&names));
    int one = socket(AF_UNIX, SOCK_STREAM, 0);
    MEASURE("connect: performed on a copy of the socket", 2000, 1, connect(one, (void *)&nobody, sizeof nobody));
    return 0;
}
