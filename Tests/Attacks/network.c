// Every way to a peer that the policy does not name. The peers answer SECRET; one port and one socket may be reached.
#include "attack.h"
#include <arpa/inet.h>
#include <linux/netlink.h>
#include <mqueue.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

static int port(const char *name) { return atoi(getenv(name)); }
static struct sockaddr_in place(const char *address, int number) {
    struct sockaddr_in place = {.sin_family = AF_INET, .sin_port = htons(number)};
    inet_pton(AF_INET, address, &place.sin_addr);
    return place;
}
static struct sockaddr_un local(const char *format, socklen_t *length) {
    struct sockaddr_un place = {.sun_family = AF_UNIX};
    if (*format == '@') {
        int count = snprintf(place.sun_path + 1, sizeof place.sun_path - 1, "%s", getenv("ABSTRACT"));
        *length = offsetof(struct sockaddr_un, sun_path) + 1 + count;
    } else {
        snprintf(place.sun_path, sizeof place.sun_path, format, arena);
        *length = sizeof place;
    }
    return place;
}
// Whether the socket yields the secret, within half a second.
static int yields(int socket_) {
    char buffer[16] = "";
    struct timeval wait = {0, 500000};
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    return recv(socket_, buffer, sizeof buffer - 1, 0) >= 6 && !memcmp(buffer, "SECRET", 6);
}
static int reaches(int family, int type, int protocol, const void *address, socklen_t length) {
    int made = socket(family, type, protocol);
    if (made < 0 || connect(made, address, length) < 0) return 0;
    if (type == SOCK_DGRAM && send(made, "x", 1, 0) < 0) return 0;
    return yields(made);
}
static int through_six(const char *address) {
    struct sockaddr_in6 place = {.sin6_family = AF_INET6, .sin6_port = htons(port("TCP"))};
    inet_pton(AF_INET6, address, &place.sin6_addr);
    return reaches(AF_INET6, SOCK_STREAM, 0, &place, sizeof place);
}
static volatile struct sockaddr_in flipped;
static volatile struct msghdr header;
static struct sockaddr_in good, bad;
static void *flip_port(void *argument) {
    for (;;) flipped.sin_port = bad.sin_port, flipped.sin_port = good.sin_port;
    return argument;
}
static void *flip_pointer(void *argument) {
    for (;;) header.msg_name = &bad, header.msg_name = &good;
    return argument;
}
static int race(int nested) {
    pthread_t thread;
    int made = socket(AF_INET, SOCK_DGRAM, 0);
    struct iovec part = {"x", 1};
    memcpy((void *)&flipped, &good, sizeof good);
    header.msg_namelen = sizeof good, header.msg_iov = &part, header.msg_iovlen = 1;
    pthread_create(&thread, NULL, nested ? flip_pointer : flip_port, NULL);
    for (int i = 0; i < tries(); i++) {
        if (nested) sendmsg(made, (void *)&header, 0);
        else sendto(made, "x", 1, 0, (void *)&flipped, sizeof flipped);
        char buffer[16] = "";
        if (recv(made, buffer, sizeof buffer, MSG_DONTWAIT) >= 6 && !memcmp(buffer, "SECRET", 6)) return 1;
    }
    return yields(made);
}
static int sends(const char *way) {
    int made = socket(AF_INET, SOCK_DGRAM, 0);
    struct iovec part = {"x", 1};
    struct mmsghdr list[2] = {{{&good, sizeof good, &part, 1, NULL, 0, 0}, 0}, {{&bad, sizeof bad, &part, 1, NULL, 0, 0}, 0}};
    if (!strcmp(way, "sendto")) sendto(made, "x", 1, 0, (void *)&bad, sizeof bad);
    if (!strcmp(way, "sendmsg")) sendmsg(made, &list[1].msg_hdr, 0);
    if (!strcmp(way, "sendmmsg")) sendmmsg(made, list, 2, 0);
    // The answer would not come to who is connected to another.
    if (!strcmp(way, "sendto connected"))
        return connect(made, (void *)&good, sizeof good) == 0 && sendto(made, "x", 1, 0, (void *)&bad, sizeof bad) == 1;
    return yields(made);
}
// A message says the device that it leaves by: IP_PKTINFO, IPV6_PKTINFO (ip(7), ipv6(7)).
static int is_sent_by_device(int made, int six) {
    struct sockaddr_in6 mapped = {.sin6_family = AF_INET6, .sin6_port = good.sin_port};
    inet_pton(AF_INET6, "::ffff:127.0.0.1", &mapped.sin6_addr);
    struct in_pktinfo four = {.ipi_ifindex = if_nametoindex("lo")};
    struct in6_pktinfo own = {.ipi6_ifindex = if_nametoindex("lo")};
    inet_pton(AF_INET6, "::ffff:0.0.0.0", &own.ipi6_addr);
    char control[CMSG_SPACE(sizeof own)] = {0};
    struct iovec part = {"x", 1};
    struct msghdr message = {&good, sizeof good, &part, 1, control, CMSG_SPACE(six ? sizeof own : sizeof four), 0};
    if (six) message.msg_name = &mapped, message.msg_namelen = sizeof mapped;
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = six ? IPPROTO_IPV6 : IPPROTO_IP, head->cmsg_type = six ? IPV6_PKTINFO : IP_PKTINFO;
    head->cmsg_len = CMSG_LEN(six ? sizeof own : sizeof four);
    memcpy(CMSG_DATA(head), six ? (void *)&own : &four, six ? sizeof own : sizeof four);
    return sendmsg(made, &message, 0) == 1;
}
// Source routes, which send packets by way of whom they name: as an option of the socket, and beside one message.
static int is_routed(const char *way) {
    int six = strstr(way, "six") != NULL, made = socket(six ? AF_INET6 : AF_INET, SOCK_DGRAM, 0);
    // LSRR by 127.0.0.1 (RFC 791); a segment routing header by ::1 (RFC 8754).
    unsigned char four[8] = {131, 7, 4, 127, 0, 0, 1, 0}, segments[24] = {0, 2, 4, 0};
    segments[23] = 1;
    void *route = six ? segments : four;
    socklen_t size = six ? sizeof segments : sizeof four;
    // By way of a device: IP_UNICAST_IF, IPV6_UNICAST_IF (linux/in.h, linux/in6.h). Its number is in the network's order.
    if (strstr(way, "device")) {
        int device = htonl(if_nametoindex("lo"));
        return setsockopt(made, six ? IPPROTO_IPV6 : IPPROTO_IP, six ? 76 : 50, &device, sizeof device) == 0;
    }
    if (strstr(way, "index")) return is_sent_by_device(made, six);
    // IP_XFRM_POLICY with nothing takes away what policy there is.
    if (strstr(way, "transformed")) return setsockopt(made, IPPROTO_IP, 17, NULL, 0) == 0;
    if (!strstr(way, "message")) return setsockopt(made, six ? IPPROTO_IPV6 : IPPROTO_IP, six ? 57 : IP_OPTIONS, route, size) == 0;
    char control[CMSG_SPACE(sizeof segments)] = {0};
    struct iovec part = {"x", 1};
    struct msghdr message = {&good, sizeof good, &part, 1, control, CMSG_SPACE(size), 0};
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = IPPROTO_IP, head->cmsg_type = IP_RETOPTS, head->cmsg_len = CMSG_LEN(size);
    memcpy(CMSG_DATA(head), route, size);
    return sendmsg(made, &message, 0) == 1;
}
static int attempt(const char *way) {
    struct sockaddr_in forbidden = place("127.0.0.1", port("TCP")), allowed = place("127.0.0.1", port("TCP_OPEN"));
    good = place("127.0.0.1", port("UDP_OPEN")), bad = place("127.0.0.1", port("UDP"));
    socklen_t length;
    if (!strcmp(way, "connect")) return reaches(AF_INET, SOCK_STREAM, 0, &forbidden, sizeof forbidden);
    if (!strcmp(way, "mapped")) return through_six("::ffff:127.0.0.1");
    if (!strcmp(way, "six")) return through_six("::1");
    if (!strcmp(way, "scoped")) {
        // Neither scope nor flow makes another address of it.
        struct sockaddr_in6 own = {.sin6_family = AF_INET6, .sin6_port = htons(port("TCP")), .sin6_flowinfo = 1, .sin6_scope_id = 1};
        own.sin6_addr = in6addr_loopback;
        return reaches(AF_INET6, SOCK_STREAM, 0, &own, sizeof own);
    }
    if (!strcmp(way, "interface")) {
        // The flags that it has already: where they can be set, addresses and routes can be.
        struct ifreq request = {.ifr_name = "lo"};
        int made = socket(AF_INET, SOCK_STREAM, 0);
        return ioctl(made, SIOCGIFFLAGS, &request) == 0 && ioctl(made, SIOCSIFFLAGS, &request) == 0;
    }
    if (!strcmp(way, "tables")) {
        // IPT_SO_SET_REPLACE: what is too short for it is no table, and does no harm.
        int made = socket(AF_INET, SOCK_STREAM, 0);
        return setsockopt(made, IPPROTO_IP, 64, &made, 1) < 0 && errno == EINVAL;
    }
    if (!strcmp(way, "wildcard six")) return through_six("::");
    if (!strcmp(way, "wildcard")) {
        struct sockaddr_in any = place("0.0.0.0", port("TCP"));
        return reaches(AF_INET, SOCK_STREAM, 0, &any, sizeof any);
    }
    if (!strcmp(way, "neighbour")) {
        struct sockaddr_in other = place("127.0.0.2", port("TCP_OPEN"));
        return reaches(AF_INET, SOCK_STREAM, 0, &other, sizeof other);
    }
    if (!strcmp(way, "mptcp")) return reaches(AF_INET, SOCK_STREAM, 262, &forbidden, sizeof forbidden);
    if (!strncmp(way, "route", 5)) return is_routed(way);
    if (!strcmp(way, "udp")) return reaches(AF_INET, SOCK_DGRAM, 0, &bad, sizeof bad);
    if (!strncmp(way, "send", 4)) return sends(way);
    if (!strcmp(way, "race")) return race(0);
    if (!strcmp(way, "nested race")) return race(1);
    if (!strcmp(way, "fast open")) {
        int made = socket(AF_INET, SOCK_STREAM, 0);
        sendto(made, "x", 1, MSG_FASTOPEN, (void *)&forbidden, sizeof forbidden);
        return yields(made);
    }
    if (!strcmp(way, "reconnect")) {
        int made = socket(AF_INET, SOCK_STREAM, 0);
        struct sockaddr none = {.sa_family = AF_UNSPEC};
        if (connect(made, (void *)&allowed, sizeof allowed) < 0) return 0;
        connect(made, &none, sizeof none);
        return connect(made, (void *)&forbidden, sizeof forbidden) == 0 && yields(made);
    }
    if (!strcmp(way, "abstract")) {
        struct sockaddr_un name = local("@", &length);
        return reaches(AF_UNIX, SOCK_STREAM, 0, &name, length);
    }
    if (!strcmp(way, "path")) {
        struct sockaddr_un name = local("%s/closed/socket", &length);
        return reaches(AF_UNIX, SOCK_STREAM, 0, &name, length);
    }
    if (!strcmp(way, "linked path")) {
        char link_name[256], text[256];
        snprintf(link_name, sizeof link_name, "%s/open/way", arena);
        snprintf(text, sizeof text, "%s/closed/socket", arena);
        (void)!symlink(text, link_name);
        struct sockaddr_un name = local("%s/open/way", &length);
        return reaches(AF_UNIX, SOCK_STREAM, 0, &name, length);
    }
    if (!strcmp(way, "pair")) {
        // A datagram socket that has a peer already, and names another.
        int pair[2];
        struct sockaddr_un name = local("%s/closed/datagrams", &length);
        if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) < 0) return 0;
        return sendto(pair[0], "x", 1, 0, (void *)&name, length) == 1;
    }
    if (!strcmp(way, "listen unbound")) return listen(socket(AF_INET, SOCK_STREAM, 0), 1) == 0;
    if (!strcmp(way, "bind")) {
        struct sockaddr_in any = place("0.0.0.0", 0);
        return bind(socket(AF_INET, SOCK_STREAM, 0), (void *)&any, sizeof any) == 0;
    }
    if (!strcmp(way, "bind unspecified")) {
        struct sockaddr_in any = place("0.0.0.0", 0);
        any.sin_family = AF_UNSPEC;
        return bind(socket(AF_INET, SOCK_STREAM, 0), (void *)&any, sizeof any) == 0;
    }
    if (!strcmp(way, "netlink")) return socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE) >= 0;
    if (!strcmp(way, "packet")) return socket(AF_PACKET, SOCK_RAW, 0x0300) >= 0;
    if (!strcmp(way, "raw")) return socket(AF_INET, SOCK_RAW, IPPROTO_ICMP) >= 0;
    if (!strcmp(way, "high family")) return syscall(SYS_socket, 0xABCD00000000L | AF_NETLINK, SOCK_RAW, 0) >= 0;
    if (!strcmp(way, "shared memory")) return shmget(IPC_PRIVATE, 4096, 0600 | IPC_CREAT) >= 0;
    if (!strcmp(way, "messages")) return msgget(IPC_PRIVATE, 0600 | IPC_CREAT) >= 0;
    if (!strcmp(way, "semaphores")) return semget(IPC_PRIVATE, 1, 0600 | IPC_CREAT) >= 0;
    if (!strcmp(way, "queue")) {
        int won = mq_open("/abitrace-attack", O_CREAT | O_RDWR, 0600, NULL) >= 0;
        mq_unlink("/abitrace-attack");
        return won;
    }
    if (!strcmp(way, "key")) return syscall(SYS_add_key, "user", "abitrace", "x", 1, -2) >= 0;
    if (!strcmp(way, "socketcall")) {
        unsigned *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
        int made = socket(AF_INET, SOCK_STREAM, 0);
        memcpy(low + 16, &forbidden, sizeof forbidden);
        low[0] = made, low[1] = (unsigned)(unsigned long)(low + 16), low[2] = sizeof forbidden;
        long answer;
        // socketcall is 102 in the table of i386, SYS_CONNECT is 3.
        __asm__ volatile("int $0x80" : "=a"(answer) : "a"(102), "b"(3), "c"(low) : "memory", "r8", "r9", "r10", "r11");
        return answer == 0 && yields(made);
    }
    return 0;
}
int main(int argc, char **argv) {
    (void)argc;
    begin(argv);
    return each_way(argv, attempt);
}
