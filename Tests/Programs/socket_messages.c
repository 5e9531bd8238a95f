// Messages with names, vectors and control data, one and many, over sockets of one process.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <unistd.h>

static union {
    char bytes[256];
    struct cmsghdr align;
} control;

static void exchange(int from, int to, struct msghdr *message, int flags) {
    char buffer[64];
    struct sockaddr_storage name;
    struct iovec part = {buffer, sizeof buffer};
    struct msghdr got = {.msg_name = &name, .msg_namelen = sizeof name, .msg_iov = &part, .msg_iovlen = 1};
    static char other[256];
    memset(&name, 0, sizeof name);
    memset(other, 0, sizeof other);
    memset(buffer, 0, sizeof buffer);
    got.msg_control = other;
    got.msg_controllen = sizeof other;
    sendmsg(from, message, flags);
    recvmsg(to, &got, MSG_DONTWAIT);
}

int main(void) {
    int pair[2], one = 1;
    socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
    static struct iovec parts[1100] = {{"hello ", 6}, {"world", 5}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    exchange(pair[0], pair[1], &message, MSG_NOSIGNAL);

    message.msg_control = control.bytes;
    message.msg_controllen = CMSG_SPACE(2 * sizeof(int));
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(2 * sizeof(int));
    memcpy(CMSG_DATA(head), (int[]){0, 1}, 2 * sizeof(int));
    exchange(pair[0], pair[1], &message, 0);

    head->cmsg_len = 3;
    exchange(pair[0], pair[1], &message, 0);
    head->cmsg_len = 4000;
    exchange(pair[0], pair[1], &message, 0);
    head->cmsg_len = CMSG_LEN(0);
    head->cmsg_type = 77;
    exchange(pair[0], pair[1], &message, 0);
    message.msg_controllen = 3;
    exchange(pair[0], pair[1], &message, 0);
    message.msg_control = NULL;
    message.msg_controllen = 64;
    exchange(pair[0], pair[1], &message, 0);
    message.msg_controllen = 0;
    message.msg_iovlen = 1100;
    exchange(pair[0], pair[1], &message, 0);
    message.msg_iovlen = 0;
    exchange(pair[0], pair[1], &message, 0);
    sendmsg(pair[0], NULL, 0);
    recvmsg(pair[0], NULL, MSG_DONTWAIT);

    int udp[2];
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(47110), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    for (int i = 0; i < 2; i++) {
        udp[i] = socket(AF_INET, SOCK_DGRAM, 0);
        here.sin_port = htons(47110 + i);
        if (bind(udp[i], (void *)&here, sizeof here))
            return 1;
    }
    setsockopt(udp[1], SOL_IP, IP_PKTINFO, &one, sizeof one);
    setsockopt(udp[1], SOL_IP, IP_RECVTTL, &one, sizeof one);
    setsockopt(udp[1], SOL_IP, IP_RECVTOS, &one, sizeof one);
    message.msg_iovlen = 2;
    message.msg_name = &here;
    message.msg_namelen = sizeof here;
    exchange(udp[0], udp[1], &message, 0);
    char buffer[64];
    socklen_t length = sizeof here;
    sendto(udp[0], "datagram", 8, MSG_CONFIRM, (void *)&here, sizeof here);
    recvfrom(udp[1], buffer, sizeof buffer, MSG_PEEK | MSG_TRUNC, NULL, NULL);
    recvfrom(udp[1], buffer, sizeof buffer, 0, (void *)&here, &length);
    recvfrom(udp[1], buffer, sizeof buffer, MSG_DONTWAIT, (void *)&here, &length);
    sendto(udp[0], "datagram", 8, 0, NULL, 0);

    here.sin_port = htons(47111);
    struct mmsghdr many[3];
    memset(many, 0, sizeof many);
    struct iovec each[3] = {{"first", 5}, {"second", 6}, {NULL, 0}};
    for (int i = 0; i < 3; i++)
        many[i].msg_hdr = (struct msghdr){.msg_name = &here, .msg_namelen = sizeof here, .msg_iov = &each[i], .msg_iovlen = 1};
    sendmmsg(udp[0], many, 2, MSG_DONTWAIT);
    struct mmsghdr got[3];
    struct sockaddr_storage names[3];
    static char room[3][16];
    memset(got, 0, sizeof got);
    for (int i = 0; i < 3; i++) {
        each[i] = (struct iovec){room[i], sizeof room[i]};
        got[i].msg_hdr = (struct msghdr){.msg_name = &names[i], .msg_namelen = sizeof names[i], .msg_iov = &each[i], .msg_iovlen = 1};
    }
    recvmmsg(udp[1], got, 3, MSG_DONTWAIT, NULL);
    recvmmsg(udp[1], got, 3, MSG_DONTWAIT, NULL);
    sendmmsg(udp[0], NULL, 2, 0);
    int refused = socket(AF_INET, SOCK_STREAM, 0);
    sendfile(refused, 0, NULL, 1);
    puts("messages are exchanged");
    return 0;
}
