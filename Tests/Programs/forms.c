// The same thing asked for by each call that can ask it: attributes of a file, entries of a directory, readiness.
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <linux/futex.h>
#include <linux/stat.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <unistd.h>

static int pipe_ends[2], word;

static void *reads(void *unused) {
    char byte;
    syscall(SYS_read, pipe_ends[0], &byte, 1);
    return unused;
}

static void *waits(void *unused) {
    syscall(SYS_futex, &word, FUTEX_WAIT, 0, NULL, NULL, 0);
    return unused;
}

int main(void) {
    static char room[65536];
    struct stat { long words[32]; } buffer;
    struct statx wide;
    int file = open("/etc/passwd", O_RDONLY);
    syscall(SYS_stat, "/etc/passwd", &buffer);
    syscall(SYS_lstat, "/etc/passwd", &buffer);
    syscall(SYS_fstat, file, &buffer);
    syscall(SYS_newfstatat, AT_FDCWD, "/etc/passwd", &buffer, 0);
    syscall(SYS_statx, AT_FDCWD, "/etc/passwd", 0, STATX_BASIC_STATS, &wide);
    int directory = open("/etc/apt", O_RDONLY | O_DIRECTORY);
    syscall(SYS_getdents, directory, room, sizeof room);
    lseek(directory, 0, SEEK_SET);
    syscall(SYS_getdents64, directory, room, sizeof room);

    if (pipe(pipe_ends)) return 1;
    if (write(pipe_ends[1], "x", 1) != 1) return 1;
    struct pollfd one = {pipe_ends[0], POLLIN, 0};
    poll(&one, 1, -1);
    fd_set set;
    FD_ZERO(&set);
    FD_SET(pipe_ends[0], &set);
    select(pipe_ends[0] + 1, &set, NULL, NULL, NULL);
    int queue = epoll_create1(0);
    struct epoll_event event = {EPOLLIN, {.fd = pipe_ends[0]}};
    epoll_ctl(queue, EPOLL_CTL_ADD, pipe_ends[0], &event);
    epoll_wait(queue, &event, 1, -1);

    char byte;
    if (read(pipe_ends[0], &byte, 1) != 1) return 1;
    pthread_t reader, waiter;
    pthread_create(&reader, NULL, reads, NULL);
    pthread_create(&waiter, NULL, waits, NULL);
    usleep(200000);
    word = 1;
    syscall(SYS_futex, &word, FUTEX_WAKE, 1, NULL, NULL, 0);
    if (write(pipe_ends[1], "y", 1) != 1) return 1;
    pthread_join(reader, NULL);
    pthread_join(waiter, NULL);
    puts("done");
    return 0;
}
