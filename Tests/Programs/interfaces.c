/* ioctl requests about network interfaces. */
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static long control(int descriptor, unsigned long request, void *argument) {
    return syscall(SYS_ioctl, descriptor, request, argument);
}

int main(void) {
    int handle = socket(AF_INET, SOCK_DGRAM, 0);
    static const unsigned long asks[] = {
        SIOCGIFFLAGS, SIOCGIFADDR, SIOCGIFNETMASK, SIOCGIFBRDADDR, SIOCGIFDSTADDR, SIOCGIFHWADDR, SIOCGIFINDEX,
        SIOCGIFMTU, SIOCGIFMETRIC, SIOCGIFTXQLEN, SIOCGIFMAP, SIOCGIFSLAVE};
    for (unsigned index = 0; index < sizeof asks / sizeof *asks; index++) {
        struct ifreq request = {.ifr_name = "lo"};
        control(handle, asks[index], &request);
    }
    struct ifreq named = {.ifr_ifindex = 1};
    control(handle, SIOCGIFNAME, &named);
    struct ifreq change = {.ifr_name = "none0", .ifr_mtu = 1400};
    control(handle, SIOCSIFMTU, &change);
    change.ifr_flags = IFF_UP | IFF_RUNNING;
    control(handle, SIOCSIFFLAGS, &change);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(0x7f000002)}};
    memcpy(&change.ifr_addr, &address, sizeof address);
    control(handle, SIOCSIFADDR, &change);
    strcpy(change.ifr_newname, "other0");
    control(handle, SIOCSIFNAME, &change);
    struct ifreq room[4];
    struct ifconf list = {.ifc_len = sizeof room, .ifc_req = room};
    control(handle, SIOCGIFCONF, &list);
    struct ifconf count = {.ifc_len = 0};
    control(handle, SIOCGIFCONF, &count);
    control(-1, SIOCGIFCONF, &list);
    int number = 0;
    control(handle, SIOCGPGRP, &number);
    control(handle, SIOCATMARK, &number);
    control(-1, SIOCBRADDBR, "bridge0");
    return 0;
}
