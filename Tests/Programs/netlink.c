// Netlink requests and their answers: the loopback link by name, its addresses, a refused request, damaged messages.
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int fd;
static struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};

static void ask(void *message, size_t length) {
    static char answer[65536];
    struct iovec part = {message, length};
    struct sockaddr_nl from;
    struct msghdr header = {.msg_name = &kernel, .msg_namelen = sizeof kernel, .msg_iov = &part, .msg_iovlen = 1};
    sendmsg(fd, &header, 0);
    part = (struct iovec){answer, sizeof answer};
    header.msg_name = &from;
    recvmsg(fd, &header, MSG_DONTWAIT);
}

int main(void) {
    struct {
        struct nlmsghdr head;
        struct ifinfomsg body;
        struct rtattr attribute;
        char name[16];
    } link = {{sizeof link, RTM_GETLINK, NLM_F_REQUEST, 1, 0}, {.ifi_family = AF_UNSPEC, .ifi_index = 99999}, {RTA_LENGTH(16), IFLA_IFNAME}, "lo"};
    struct {
        struct nlmsghdr head;
        struct rtmsg body;
    } route = {{sizeof route, RTM_DELROUTE, NLM_F_REQUEST | NLM_F_ACK, 2, 0}, {.rtm_family = AF_INET, .rtm_table = RT_TABLE_MAIN, .rtm_scope = RT_SCOPE_LINK, .rtm_type = RTN_UNICAST}};
    struct nlmsghdr none = {sizeof none, NLMSG_NOOP, NLM_F_REQUEST | NLM_F_ACK, 3, 0};

    fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
    bind(fd, (struct sockaddr *)&kernel, sizeof kernel);
    ask(&link, sizeof link);
    ask(&route, sizeof route);
    ask(&none, sizeof none);
    none.nlmsg_len = 3;
    ask(&none, sizeof none);
    ask(&none, 7);
    link.attribute.rta_len = 2;
    ask(&link, sizeof link);
    link.attribute.rta_type = 4711;
    link.attribute.rta_len = RTA_LENGTH(16);
    ask(&link, sizeof link);
    puts("netlink is asked");
    return 0;
}
