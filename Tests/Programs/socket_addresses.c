// Addresses of every family that sockets of any machine can be given, right and wrong ones.
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_alg.h>
#include <linux/if_packet.h>
#include <linux/if_xdp.h>
#include <linux/netlink.h>
#include <linux/vm_sockets.h>
#include <net/ethernet.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void try(int fd, const void *address, socklen_t length) {
    connect(fd, address, length);
}

/* An address of a family, with bytes 1, 2, 3 … after it. */
static void counting(int fd, int family, socklen_t length) {
    unsigned char bytes[160];
    for (unsigned i = 0; i < sizeof bytes; i++)
        bytes[i] = i;
    memcpy(bytes, &(unsigned short){family}, 2);
    connect(fd, (void *)bytes, length);
}

int main(void) {
    int none = -1;
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    strcpy(name.sun_path, "/tmp/abitrace no such socket\n");
    try(none, &name, sizeof name);
    try(none, &name, offsetof(struct sockaddr_un, sun_path) + 4);
    memset(name.sun_path, 'x', sizeof name.sun_path);
    try(none, &name, sizeof name);
    memcpy(name.sun_path, "\0abstract\0name", 14);
    try(none, &name, offsetof(struct sockaddr_un, sun_path) + 14);
    try(none, &name, 2);
    try(none, &name, 1);
    try(none, &name, -1);
    try(none, NULL, 16);

    struct sockaddr_in inet = {.sin_family = AF_INET, .sin_port = htons(4660), .sin_addr.s_addr = inet_addr("192.0.2.1")};
    try(none, &inet, sizeof inet);
    try(none, &inet, sizeof inet - 1);
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(443), .sin6_flowinfo = htonl(77), .sin6_scope_id = 9};
    const char *texts[] = {"2001:db8::1", "::1", "::", "::ffff:192.0.2.1", "::192.0.2.1", "1:0:0:2:0:0:0:3", "fe80::1", "ff02::1"};
    for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++) {
        inet_pton(AF_INET6, texts[i], &six.sin6_addr);
        if (i == 6)
            six.sin6_scope_id = 1;
        try(none, &six, sizeof six);
    }
    try(none, &six, 24);

    struct sockaddr_nl nl = {.nl_family = AF_NETLINK, .nl_pid = 0, .nl_groups = 5};
    try(none, &nl, sizeof nl);
    nl.nl_pad = 3;
    nl.nl_groups = 0;
    try(none, &nl, sizeof nl);
    struct sockaddr_ll ll = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP), .sll_ifindex = 1,
                             .sll_hatype = ARPHRD_ETHER, .sll_pkttype = PACKET_MULTICAST, .sll_halen = 6, .sll_addr = {1, 2, 0, 4, 5, 200}};
    try(none, &ll, sizeof ll);
    ll.sll_halen = 12;
    ll.sll_protocol = htons(0x4711);
    try(none, &ll, sizeof ll);
    struct sockaddr_vm vm = {.svm_family = AF_VSOCK, .svm_port = 1234, .svm_cid = VMADDR_CID_HOST};
    try(none, &vm, sizeof vm);
    vm.svm_port = VMADDR_PORT_ANY;
    vm.svm_cid = 99;
    vm.svm_reserved1 = 5;
    try(none, &vm, sizeof vm);
    struct sockaddr_alg alg = {.salg_family = AF_ALG, .salg_type = "hash", .salg_name = "sha256"};
    try(none, &alg, sizeof alg);
    struct sockaddr_xdp xdp = {.sxdp_family = AF_XDP, .sxdp_flags = XDP_COPY | XDP_SHARED_UMEM, .sxdp_ifindex = 1, .sxdp_queue_id = 2, .sxdp_shared_umem_fd = 3};
    try(none, &xdp, sizeof xdp);
    int families[] = {AF_X25, AF_QIPCRTR, AF_MCTP, AF_IPX, AF_UNSPEC, AF_KEY, 4711};
    for (unsigned i = 0; i < sizeof families / sizeof *families; i++) {
        counting(none, families[i], 16);
        counting(none, families[i], 28);
    }
    int lengths[] = {4, 6, 8, 10, 12, 14, 11};
    for (unsigned i = 0; i < sizeof lengths / sizeof *lengths; i++)
        counting(none, AF_BLUETOOTH, lengths[i]);
    unsigned char call[16] = {3, 0, 'D' << 1, 'L' << 1, '1' << 1, 'A' << 1, ' ' << 1, ' ' << 1, 7 << 1};
    try(none, call, sizeof call);

    struct sockaddr_storage got;
    socklen_t length = sizeof got;
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    six.sin6_addr = in6addr_loopback;
    six.sin6_port = 0;
    six.sin6_scope_id = 0;
    six.sin6_flowinfo = 0;
    bind(fd, (void *)&six, sizeof six);
    getpeername(fd, (void *)&got, &length);
    getsockname(socket(AF_INET, SOCK_DGRAM, 0), (void *)&got, &length);
    length = 2;
    getsockname(fd, (void *)&got, &length);
    getsockname(fd, NULL, NULL);
    length = -1;
    getsockname(fd, (void *)&got, &length);
    int families2[] = {AF_UNIX, AF_INET, AF_PACKET, AF_NETLINK, AF_BLUETOOTH, AF_CAN, AF_AX25, AF_KCM, AF_VSOCK, 4711};
    for (unsigned i = 0; i < sizeof families2 / sizeof *families2; i++)
        socket(families2[i], SOCK_RAW | SOCK_NONBLOCK | 0x100000, 2);
    puts("addresses are tried");
    return 0;
}
