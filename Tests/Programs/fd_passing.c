// Passes a descriptor to a child over a socket pair: the child reads through what it was given.
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

union control {
    char bytes[CMSG_SPACE(sizeof(int))];
    struct cmsghdr align;
};

static struct msghdr header(struct iovec *vector, union control *control) {
    struct msghdr message = {.msg_iov = vector, .msg_iovlen = 1};
    message.msg_control = control->bytes;
    message.msg_controllen = sizeof control->bytes;
    return message;
}

static int receive(int socket) {
    char byte;
    int descriptor = -1;
    union control control = {{0}};
    struct iovec vector = {&byte, 1};
    struct msghdr message = header(&vector, &control);
    if (recvmsg(socket, &message, 0) != 1) return 1;
    struct cmsghdr *first = CMSG_FIRSTHDR(&message);
    if (!first || first->cmsg_type != SCM_RIGHTS) return 2;
    memcpy(&descriptor, CMSG_DATA(first), sizeof descriptor);
    return read(descriptor, &byte, 1) == 1 && byte == 0 ? 0 : 3;
}

int main(void) {
    int pair[2], status = 0, zero = open("/dev/zero", O_RDONLY);
    if (zero < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) return 1;
    pid_t child = fork();
    if (child == 0) _exit(receive(pair[1]));
    union control control = {{0}};
    struct iovec vector = {"x", 1};
    struct msghdr message = header(&vector, &control);
    struct cmsghdr *first = CMSG_FIRSTHDR(&message);
    first->cmsg_level = SOL_SOCKET;
    first->cmsg_type = SCM_RIGHTS;
    first->cmsg_len = CMSG_LEN(sizeof zero);
    memcpy(CMSG_DATA(first), &zero, sizeof zero);
    if (sendmsg(pair[0], &message, 0) != 1) return 2;
    waitpid(child, &status, 0);
    printf("child exited with %d\n", WEXITSTATUS(status));
    return status != 0;
}
