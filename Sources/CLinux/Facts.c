// Looks up what a tracee's descriptors refer to: pidfd_getfd(2) and sock_diag(7) have no wrappers that Swift sees.
#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif

long abitrace_look_up(pid_t thread, const char *entry, int descriptor, char *name, size_t room,
                      struct abitrace_object *object) {
    char path[64];
    if (entry)
        snprintf(path, sizeof path, "/proc/%d/%s", thread, entry);
    else
        snprintf(path, sizeof path, "/proc/%d/fd/%d", thread, descriptor);
    memset(object, 0, sizeof *object);
    ssize_t length = readlink(path, name, room);
    if (length < 0) return -errno;
    struct stat info;
    if (stat(path, &info) == 0) {
        object->mode = info.st_mode;
        object->device = info.st_dev;
        object->inode = info.st_ino;
        object->special_device = info.st_rdev;
    }
    return length;
}

int abitrace_closes_on_exec(pid_t thread, int descriptor) {
    char path[64], text[128];
    snprintf(path, sizeof path, "/proc/%d/fdinfo/%d", thread, descriptor);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return 0;
    ssize_t count = read(file, text, sizeof text - 1);
    close(file);
    if (count < 0) return 0;
    text[count] = 0;
    const char *flags = strstr(text, "flags:");
    unsigned value = 0;
    return flags && sscanf(flags + 6, "%o", &value) == 1 && (value & O_CLOEXEC) != 0;
}

// The name of an open descriptor of our own.
static long name_of(int descriptor, char *name, size_t room) {
    char path[40];
    snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(path, name, room);
    return length < 0 ? -errno : length;
}

// Opens what a thread's path leads to without touching it (O_PATH): no FIFO waits, no device wakes.
static int reach(pid_t thread, int directory, const char *path, int flags) {
    char base[40];
    if (path[0] == '/')
        snprintf(base, sizeof base, "/proc/%d/root", thread);
    else if (directory == AT_FDCWD)
        snprintf(base, sizeof base, "/proc/%d/cwd", thread);
    else
        snprintf(base, sizeof base, "/proc/%d/fd/%d", thread, directory);
    int start = open(base, O_PATH | O_CLOEXEC);
    if (start < 0) return -errno;
    while (*path == '/') path++;
    int reached = openat(start, *path ? path : ".", O_PATH | O_CLOEXEC | flags);
    int failure = errno;
    close(start);
    return reached < 0 ? -failure : reached;
}

// The name of what is not there: the deepest directory above it that is, and the rest of the path.
static long resolve_above(pid_t thread, int directory, const char *path, char *name, size_t room, int failure) {
    char parent[4096];
    size_t end = strlen(path);
    while (end > 0 && path[end - 1] == '/') end--;
    for (size_t last = end; last > 0;) {
        while (last > 0 && path[last - 1] != '/') last--;
        if (last >= sizeof parent) return failure;
        memcpy(parent, path, last);
        parent[last] = 0;
        int above = reach(thread, directory, last ? parent : ".", O_DIRECTORY);
        if (above >= 0) {
            long length = name_of(above, name, room);
            close(above);
            if (length < 0) return length;
            if (length > 1) {
                if ((size_t)length >= room) return -ENAMETOOLONG;
                name[length++] = '/';
            }
            if ((size_t)length + (end - last) > room) return -ENAMETOOLONG;
            memcpy(name + length, path + last, end - last);
            return length + (long)(end - last);
        }
        while (last > 0 && path[last - 1] == '/') last--;
    }
    return failure;
}

long abitrace_resolve(pid_t thread, int directory, const char *path, int follow, char *name, size_t room,
                      struct abitrace_object *object) {
    memset(object, 0, sizeof *object);
    int reached = reach(thread, directory, path, follow ? 0 : O_NOFOLLOW);
    if (reached >= 0) {
        struct stat info;
        if (fstat(reached, &info) == 0) {
            object->mode = info.st_mode;
            object->device = info.st_dev;
            object->inode = info.st_ino;
            object->special_device = info.st_rdev;
        }
        long length = name_of(reached, name, room);
        close(reached);
        return length;
    }
    return resolve_above(thread, directory, path, name, room, reached);
}

// The inode of a unix socket's peer, 0 where there is none or it cannot be asked.
static uint32_t unix_peer(uint32_t inode) {
    int diag = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (diag < 0) return 0;
    struct {
        struct nlmsghdr head;
        struct unix_diag_req body;
    } ask = {
        .head = {.nlmsg_len = sizeof ask, .nlmsg_type = SOCK_DIAG_BY_FAMILY, .nlmsg_flags = NLM_F_REQUEST},
        .body = {.sdiag_family = AF_UNIX,
                 .udiag_states = -1,
                 .udiag_ino = inode,
                 .udiag_cookie = {~0u, ~0u},
                 .udiag_show = UDIAG_SHOW_PEER}};
    uint32_t peer = 0;
    union {
        struct nlmsghdr head;
        char bytes[1024];
    } answer;
    if (send(diag, &ask, sizeof ask, 0) == sizeof ask) {
        ssize_t got = recv(diag, &answer, sizeof answer, MSG_DONTWAIT);
        if (got > 0 && NLMSG_OK(&answer.head, (size_t)got) && answer.head.nlmsg_type == SOCK_DIAG_BY_FAMILY) {
            size_t at = NLMSG_LENGTH(sizeof(struct unix_diag_msg));
            while (at + sizeof(struct nlattr) <= answer.head.nlmsg_len) {
                struct nlattr attribute;
                memcpy(&attribute, answer.bytes + at, sizeof attribute);
                if (attribute.nla_len < sizeof attribute || at + attribute.nla_len > answer.head.nlmsg_len) break;
                if (attribute.nla_type == UNIX_DIAG_PEER && attribute.nla_len >= sizeof attribute + 4)
                    memcpy(&peer, answer.bytes + at + sizeof attribute, 4);
                at += NLA_ALIGN(attribute.nla_len);
            }
        }
    }
    close(diag);
    return peer;
}

static int option(int descriptor, int name) {
    int value = 0;
    socklen_t length = sizeof value;
    return getsockopt(descriptor, SOL_SOCKET, name, &value, &length) == 0 ? value : 0;
}

long abitrace_look_up_socket(pid_t thread, int descriptor, uint32_t inode, struct abitrace_socket *result) {
    memset(result, 0, sizeof *result);
    // PIDFD_THREAD (O_EXCL, since 6.9): a thread may have a table of its own, and the leader may be gone.
    int process = (int)syscall(SYS_pidfd_open, thread, 0200);
    if (process < 0) process = (int)syscall(SYS_pidfd_open, thread, 0);
    if (process < 0) return -errno;
    int copy = (int)syscall(SYS_pidfd_getfd, process, descriptor, 0);
    int failure = errno;
    close(process);
    if (copy < 0) return -failure;
    result->family = option(copy, SO_DOMAIN);
    result->type = option(copy, SO_TYPE);
    result->protocol = option(copy, SO_PROTOCOL);
    socklen_t length = sizeof result->local;
    if (getsockname(copy, (struct sockaddr *)result->local, &length) == 0)
        result->local_length = length < sizeof result->local ? length : sizeof result->local;
    length = sizeof result->peer;
    if (getpeername(copy, (struct sockaddr *)result->peer, &length) == 0)
        result->peer_length = length < sizeof result->peer ? length : sizeof result->peer;
    if (result->family == AF_UNIX) result->peer_inode = unix_peer(inode);
    close(copy);
    return 0;
}
