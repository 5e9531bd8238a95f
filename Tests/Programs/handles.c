// One of each kind of thing that a descriptor can stand for, with names that are hard to print.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

#define NAME "a<b>\n\"\303\251"

static void check(long answer) {
    if (answer < 0) _exit(1);
}

static void internet(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int server = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
    check(bind(server, (void *)&address, sizeof address));
    check(listen(server, 5));
    check(getsockname(server, (void *)&address, &length));
    check(connect(client, (void *)&address, length));
    int accepted = accept(server, NULL, NULL);
    check(write(client, "z", 1));
    check(write(accepted, "z", 1));
}

static void local(void) {
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "socket"};
    int pair[2], server = socket(AF_UNIX, SOCK_STREAM, 0), client = socket(AF_UNIX, SOCK_STREAM, 0);
    check(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair));
    check(write(pair[0], "k", 1));
    check(bind(server, (void *)&address, sizeof address));
    check(listen(server, 1));
    check(connect(client, (void *)&address, sizeof address));
    int accepted = accept(server, NULL, NULL);
    check(write(client, "a", 1));
    check(write(accepted, "b", 1));
    check(socket(AF_NETLINK, SOCK_RAW, 0));
    check(shutdown(accepted, SHUT_RDWR));
}

static void files(void) {
    int file = open(NAME, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    check(unlink(NAME));
    check(write(file, "x", 1));
    int copy = dup(file);
    check(close(copy));
    check(close(file));
    check(write(open("/dev/null", O_RDWR), "x", 1));
    check(mkdir("inner", 0700));
    int inner = open("inner", O_RDONLY | O_DIRECTORY);
    check(close(openat(inner, "file", O_CREAT | O_RDWR, 0600)));
    check(rename("inner", "moved"));
    check(fchdir(inner));
    check(openat(AT_FDCWD, ".", O_RDONLY));
    check(fcntl(inner, F_DUPFD, 100));
    check(dup2(inner, 50));
    check(chdir(".."));
    check(openat(50, "file", O_RDONLY));
}

int main(void) {
    char folder[] = "/tmp/abitrace-handles-XXXXXX";
    if (!mkdtemp(folder)) return 1;
    check(chdir(folder));
    files();
    internet();
    local();
    int ends[2];
    struct epoll_event event = {.events = EPOLLIN};
    check(pipe(ends));
    check(write(ends[1], "y", 1));
    check(epoll_ctl(epoll_create1(0), EPOLL_CTL_ADD, ends[0], &event));
    check(close(eventfd(0, 0)));
    check(close(timerfd_create(CLOCK_MONOTONIC, 0)));
    check(close(inotify_init()));
    check(close(memfd_create("memory", 0)));
    check(close(syscall(SYS_pidfd_open, getpid(), 0)));
    close(999);
    check(unlink("moved/file"));
    check(rmdir("moved"));
    check(unlink("socket"));
    check(rmdir(folder));
    return 0;
}
