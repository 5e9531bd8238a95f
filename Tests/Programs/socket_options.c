// Socket options of every kind of value, set and asked for, on sockets that any machine has.
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static void set(int fd, int level, int name, const void *value, socklen_t length) {
    setsockopt(fd, level, name, value, length);
}

static void get(int fd, int level, int name, socklen_t length) {
    char value[512];
    memset(value, 0, sizeof value);
    getsockopt(fd, level, name, value, &length);
}

int main(void) {
    int one = 1;
    struct linger linger = {1, 7};
    int tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);
    set(tcp, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    set(tcp, SOL_SOCKET, SO_KEEPALIVE, &one, 2);
    set(tcp, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    set(tcp, SOL_SOCKET, SO_LINGER, &linger, 4);
    set(tcp, SOL_SOCKET, SO_BINDTODEVICE, "", 1);
    set(tcp, SOL_SOCKET, 4711, &one, sizeof one);
    set(tcp, SOL_TCP, TCP_NODELAY, &one, sizeof one);
    set(tcp, SOL_TCP, TCP_CONGESTION, "reno", 4);
    set(tcp, 4711, 12, "abc", 3);
    get(tcp, SOL_SOCKET, SO_LINGER, sizeof linger);
    get(tcp, SOL_SOCKET, SO_LINGER, 6);
    get(tcp, SOL_SOCKET, SO_TYPE, sizeof one);
    get(tcp, SOL_SOCKET, SO_ERROR, sizeof one);
    get(tcp, SOL_SOCKET, SO_ERROR, 2);
    get(tcp, SOL_SOCKET, SO_PROTOCOL, 64);
    get(tcp, SOL_SOCKET, SO_ACCEPTCONN, 0);
    get(tcp, SOL_TCP, TCP_CONGESTION, 16);
    get(tcp, SOL_IP, IP_TTL, sizeof one);
    get(tcp, SOL_IP, IP_MTU, sizeof one);
    getsockopt(tcp, SOL_SOCKET, SO_DEBUG, NULL, NULL);

    struct sockaddr_in nowhere = {.sin_family = AF_INET, .sin_port = htons(1), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int refused = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    connect(refused, (struct sockaddr *)&nowhere, sizeof nowhere);
    get(refused, SOL_SOCKET, SO_ERROR, sizeof one);

    int udp = socket(AF_INET, SOCK_DGRAM, IPPROTO_UDP);
    struct ip_mreq group = {.imr_multiaddr.s_addr = inet_addr("224.0.0.77"), .imr_interface.s_addr = inet_addr("127.0.0.1")};
    set(udp, SOL_IP, IP_ADD_MEMBERSHIP, &group, sizeof group);
    set(udp, SOL_IP, IP_DROP_MEMBERSHIP, &group, sizeof group - 1);
    struct group_req request = {.gr_interface = 1};
    memcpy(&request.gr_group, &nowhere, sizeof nowhere);
    set(udp, SOL_IP, MCAST_JOIN_GROUP, &request, sizeof request);
    set(udp, SOL_UDP, UDP_CORK, &one, sizeof one);
    struct sock_filter code[] = {{BPF_RET | BPF_K, 0, 0, 0xffff}};
    struct sock_fprog program = {1, code};
    set(udp, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
    set(udp, SOL_SOCKET, SO_ATTACH_FILTER, &program, 3);

    int six = socket(AF_INET6, SOCK_DGRAM, 0);
    struct ipv6_mreq group6 = {.ipv6mr_interface = 1};
    inet_pton(AF_INET6, "ff02::99", &group6.ipv6mr_multiaddr);
    set(six, SOL_IPV6, IPV6_ADD_MEMBERSHIP, &group6, sizeof group6);
    set(six, SOL_IPV6, IPV6_V6ONLY, &one, sizeof one);
    get(six, SOL_IPV6, IPV6_UNICAST_HOPS, sizeof one);

    int pair[2];
    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair);
    set(pair[0], SOL_SOCKET, SO_PASSCRED, &one, sizeof one);
    get(pair[0], SOL_SOCKET, SO_PASSCRED, sizeof one);

    int link = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
    set(link, SOL_NETLINK, NETLINK_PKTINFO, &one, sizeof one);
    set(link, SOL_NETLINK, NETLINK_EXT_ACK, &one, 2);
    get(link, SOL_NETLINK, NETLINK_CAP_ACK, sizeof one);
    get(link, SOL_NETLINK, NETLINK_LIST_MEMBERSHIPS, 8);

    int packet = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
    struct packet_mreq member = {.mr_ifindex = 1, .mr_type = PACKET_MR_MULTICAST, .mr_alen = 6, .mr_address = {1, 2, 3, 4, 5, 255}};
    set(packet, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &member, sizeof member);
    struct tpacket_req ring = {4096, 1, 2048, 2};
    set(packet, SOL_PACKET, PACKET_RX_RING, &ring, sizeof ring);
    set(packet, SOL_PACKET, PACKET_RX_RING, &ring, sizeof ring - 4);
    int mask = ~(1 << 8 | 1 << 3);
    int raw = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
    set(raw, SOL_RAW, 1, &mask, sizeof mask);
    mask = 1 << 8 | 1 << 0;
    set(raw, SOL_RAW, 1, &mask, sizeof mask);
    shutdown(pair[0], SHUT_RDWR);
    shutdown(pair[1], 77);
    listen(tcp, 5);
    puts("options are set");
    return 0;
}
