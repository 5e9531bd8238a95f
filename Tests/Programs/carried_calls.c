// Calls that i386 carries in others, and old forms of its calls; on x86-64 the calls that they stand for.
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#ifdef __i386__
static long words[6];

static long carried(long number, long a, long b, long c, long d, long e) {
    memcpy(words, (long[]){a, b, c, d, e, 0}, sizeof words);
    return syscall(102, number, words);
}

#define SOCKET(family, type, protocol) carried(1, family, type, protocol, 0, 0)
#define BIND(fd, address, length) carried(2, fd, (long)(address), length, 0, 0)
#define CONNECT(fd, address, length) carried(3, fd, (long)(address), length, 0, 0)
#define LISTEN(fd, backlog) carried(4, fd, backlog, 0, 0, 0)
#define ACCEPT4(fd, address, length, flags) carried(18, fd, (long)(address), (long)(length), flags, 0)
#define GETSOCKNAME(fd, address, length) carried(6, fd, (long)(address), (long)(length), 0, 0)
#define SOCKETPAIR(family, type, protocol, fds) carried(8, family, type, protocol, (long)(fds), 0)
#define SHUTDOWN(fd, how) carried(13, fd, how, 0, 0, 0)
#define SETSOCKOPT(fd, level, name, value, length) carried(14, fd, level, name, (long)(value), length)
#define GETSOCKOPT(fd, level, name, value, length) carried(15, fd, level, name, (long)(value), (long)(length))
#define SENDMSG(fd, message, flags) carried(16, fd, (long)(message), flags, 0, 0)
#define RECVMSG(fd, message, flags) carried(17, fd, (long)(message), flags, 0, 0)
#else
#define SOCKET(family, type, protocol) syscall(SYS_socket, family, type, protocol)
#define BIND(fd, address, length) syscall(SYS_bind, fd, address, length)
#define CONNECT(fd, address, length) syscall(SYS_connect, fd, address, length)
#define LISTEN(fd, backlog) syscall(SYS_listen, fd, backlog)
#define ACCEPT4(fd, address, length, flags) syscall(SYS_accept4, fd, address, length, flags)
#define GETSOCKNAME(fd, address, length) syscall(SYS_getsockname, fd, address, length)
#define SOCKETPAIR(family, type, protocol, fds) syscall(SYS_socketpair, family, type, protocol, fds)
#define SHUTDOWN(fd, how) syscall(SYS_shutdown, fd, how)
#define SETSOCKOPT(fd, level, name, value, length) syscall(SYS_setsockopt, fd, level, name, value, length)
#define GETSOCKOPT(fd, level, name, value, length) syscall(SYS_getsockopt, fd, level, name, value, length)
#define SENDMSG(fd, message, flags) syscall(SYS_sendmsg, fd, message, flags)
#define RECVMSG(fd, message, flags) syscall(SYS_recvmsg, fd, message, flags)
#endif

int main(void) {
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    memcpy(name.sun_path, "\0abitrace carried calls", 23);
    struct linger linger = {1, 2};
    socklen_t length = sizeof name;
    int fds[2], type = 0;
    int listener = SOCKET(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    SETSOCKOPT(listener, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    BIND(listener, &name, 25);
    LISTEN(listener, 3);
    int caller = SOCKET(AF_UNIX, SOCK_STREAM, 0);
    CONNECT(caller, &name, 25);
    int taken = ACCEPT4(listener, &name, &length, SOCK_CLOEXEC);
    GETSOCKNAME(taken, &name, &length);
    length = sizeof type;
    GETSOCKOPT(taken, SOL_SOCKET, SO_TYPE, &type, &length);
    struct iovec part = {"carried", 7};
    char room[32] = {0};
    struct iovec place = {room, sizeof room};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1}, answer = {.msg_iov = &place, .msg_iovlen = 1};
    SENDMSG(caller, &message, MSG_NOSIGNAL);
    RECVMSG(taken, &answer, 0);
    SHUTDOWN(taken, SHUT_WR);
    SOCKETPAIR(AF_UNIX, SOCK_SEQPACKET, 0, fds);
    SOCKET(4711, 1, 0);

    fd_set writable;
    FD_ZERO(&writable);
    FD_SET(caller, &writable);
    long time[2] = {0, 0};
#ifdef __i386__
    void *there = (void *)syscall(90, (long[]){0, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0});
    syscall(82, (long[]){caller + 1, 0, (long)&writable, 0, (long)time});
#else
    void *there = (void *)syscall(SYS_mmap, 0, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    syscall(SYS_select, caller + 1, 0, &writable, 0, time);
#endif
    puts(there != MAP_FAILED && !strcmp(room, "carried") ? "carried" : "not carried");
    return 0;
}
