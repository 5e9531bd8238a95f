// Makes, shares, passes and closes descriptors at random, and writes down what its table really holds.
// Usage: descriptors [LOG SEED STEPS DEPTH]. Each checkpoint is a failing write to descriptor -1 that names it,
// followed by lines "checkpoint TAB descriptor TAB close-on-exec TAB name" in LOG.
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// Shared by the processes: a name that one of them changes is another's too, and none looks while it is changed.
static pthread_mutex_t *turn;
static const char *log_path = "descriptors.log", *self;
static unsigned state = 1;
static int checkpoints, depth;

static unsigned draw(unsigned below) {
    state = state * 1103515245u + 12345u;
    return (state >> 16) % below;
}

static void checkpoint(void) {
    char mark[64];
    int length = snprintf(mark, sizeof mark, "checkpoint %d.%d.%d", getpid(), depth, checkpoints++);
    FILE *log = fopen(log_path, "ae");
    DIR *table = opendir("/proc/self/fd");
    if (!log || !table) _exit(3);
    // One write a checkpoint: other processes append to the log meanwhile.
    static char room[1 << 17];
    setvbuf(log, room, _IOFBF, sizeof room);
    int own = dirfd(table), other = fileno(log);
    struct dirent *entry;
    while ((entry = readdir(table))) {
        int descriptor = atoi(entry->d_name);
        char link[64], name[4096];
        if (entry->d_name[0] == '.' || descriptor == own || descriptor == other) continue;
        snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
        ssize_t got = readlink(link, name, sizeof name - 1);
        if (got < 0) continue;
        name[got] = 0;
        fprintf(log, "%s\t%d\t%d\t%s\n", mark, descriptor, fcntl(descriptor, F_GETFD) & FD_CLOEXEC, name);
    }
    closedir(table);
    fclose(log);
    if (write(-1, mark, length) >= 0) _exit(4);
}

static int any(void) { return 3 + (int)draw(24); }

static void pass(void) {
    int ends[2];
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(2 * sizeof(int))];
    } control = {0};
    char byte = 'x';
    struct iovec data = {&byte, 1};
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = control.room,
                             .msg_controllen = sizeof control.room};
    if (socketpair(AF_UNIX, SOCK_DGRAM, 0, ends)) return;
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(2 * sizeof(int));
    memcpy(CMSG_DATA(head), (int[]){1, ends[0]}, 2 * sizeof(int));
    if (sendmsg(ends[0], &message, 0) == 1) {
        message.msg_controllen = sizeof control.room;
        recvmsg(ends[1], &message, draw(2) ? MSG_CMSG_CLOEXEC : 0);
    }
    close(ends[draw(2)]);
}

static void files(void) {
    char name[64], other[64];
    snprintf(name, sizeof name, "f%d.%u", getpid(), draw(4));
    snprintf(other, sizeof other, "./f%d.%u", getpid(), draw(4));
    switch (draw(5)) {
    case 0: open(name, O_CREAT | O_RDWR | (draw(2) ? O_CLOEXEC : 0), 0600); break;
    case 1: rename(name, other); break;
    case 2: unlink(name); break;
    case 3: open("/etc/passwd", O_RDONLY); break;
    case 4: syscall(SYS_renameat2, AT_FDCWD, name, AT_FDCWD, other, 2); break;
    }
}

static void step(void) {
    int pair[2];
    switch (draw(16)) {
    case 0: case 1: case 2: files(); break;
    case 3: if (pipe2(pair, draw(2) ? O_CLOEXEC : 0)) return; break;
    case 4: dup(any()); break;
    case 5: dup2(any(), any()); break;
    case 6: dup3(any(), any(), O_CLOEXEC); break;
    case 7: fcntl(any(), draw(2) ? F_DUPFD : F_DUPFD_CLOEXEC, any()); break;
    case 8: fcntl(any(), F_SETFD, draw(2)); break;
    case 9: case 10: close(any()); break;
    case 11: { int from = any(); close_range(from, from + draw(3), draw(2) ? CLOSE_RANGE_CLOEXEC : 0); break; }
    case 12: pass(); break;
    case 13: socket(AF_UNIX, SOCK_STREAM | (draw(2) ? SOCK_CLOEXEC : 0), 0); break;
    case 14: draw(2) ? memfd_create("memory", MFD_CLOEXEC) : epoll_create1(draw(2) ? EPOLL_CLOEXEC : 0); break;
    case 15: eventfd(0, draw(2) ? EFD_CLOEXEC : 0); break;
    }
}

static void steps(int count) {
    for (int index = 0; index < count; index++) {
        pthread_mutex_lock(turn);
        step();
        if (draw(6) == 0) checkpoint();
        pthread_mutex_unlock(turn);
    }
}

static void *thread(void *count) { return steps(*(int *)count), NULL; }

// A process that shares this one's table until it says otherwise.
static int sharer(void *count) {
    steps(*(int *)count);
    if (draw(2)) unshare(CLONE_FILES);
    steps(*(int *)count);
    checkpoint();
    _exit(0);
}

static void grow(int count) {
    pthread_t other;
    switch (draw(4)) {
    case 0:
        pthread_create(&other, NULL, thread, &count);
        steps(count);
        pthread_join(other, NULL);
        break;
    case 1: {
        char *stack = mmap(NULL, 1 << 18, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        int child = clone(sharer, stack + (1 << 18), CLONE_FILES | SIGCHLD, &count);
        waitpid(child, NULL, 0);
        break;
    }
    case 2: {
        int child = fork();
        if (child == 0) {
            steps(count);
            checkpoint();
            _exit(0);
        }
        steps(count);
        waitpid(child, NULL, 0);
        break;
    }
    case 3:
        if (depth > 0) {
            char seed[16], rest[16], next[16];
            snprintf(seed, sizeof seed, "%u", state);
            snprintf(rest, sizeof rest, "%d", count);
            snprintf(next, sizeof next, "%d", depth - 1);
            checkpoint();
            execl(self, self, log_path, seed, rest, next, NULL);
            _exit(5);
        }
    }
}

int main(int count, char **arguments) {
    self = arguments[0];
    if (count < 5) return 0;
    log_path = arguments[1];
    state = (unsigned)strtoul(arguments[2], NULL, 10);
    depth = atoi(arguments[4]);
    turn = mmap(NULL, sizeof *turn, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_mutexattr_t shared;
    pthread_mutexattr_init(&shared);
    pthread_mutexattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(turn, &shared);
    for (int round = 0; round < 6; round++) {
        steps(atoi(arguments[3]));
        grow(atoi(arguments[3]));
    }
    checkpoint();
    return 0;
}
