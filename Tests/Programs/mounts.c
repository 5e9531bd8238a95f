/* Calls on mounts, every one of which the kernel refuses. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/quota.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#define AT(number) ((void *)(long)(number))

int main(void) {
    syscall(SYS_mount, "/no-such-place", "/no-such-place", "ext4", 1 | 2 | 0x400, "errors=panic");
    syscall(SYS_mount, "/no-such-place/a", "/no-such-place/b", 0, 0x1000 | 0x4000, 0);
    syscall(SYS_mount, "/no-such-place/a", "/no-such-place/b", "x", 0x2000, 0);
    syscall(SYS_mount, 0, "/no-such-place/b", 0, 0x20 | 1, "data");
    syscall(SYS_mount, 0, "/no-such-place/b", 0, 0x40000 | 0x4000, 0);
    syscall(SYS_mount, "/no-such-place", "/no-such-place", "ext4", 0xc0ed0000 | 1, 0);
    syscall(SYS_umount2, "/no-such-place", 2 | 8);
    syscall(SYS_pivot_root, "/no-such-place/a", "/no-such-place/b");
    syscall(SYS_open_tree, AT_FDCWD, "/no-such-place", 1 | 0x8000 | O_CLOEXEC);
    syscall(SYS_move_mount, -1, "", AT_FDCWD, "/no-such-place", 4 | 0x20);
    syscall(SYS_fsopen, "nothing", 1);
    syscall(SYS_fsmount, -1, 1, 1 | 8 | 0x10);
    syscall(SYS_fspick, AT_FDCWD, "/no-such-place", 1 | 8);
    syscall(SYS_fsconfig, -1, FSCONFIG_SET_FLAG, "ro", 0, 0);
    syscall(SYS_fsconfig, -1, FSCONFIG_SET_STRING, "source", "/dev/none", 0);
    syscall(SYS_fsconfig, -1, FSCONFIG_SET_BINARY, "blob", "\1\2\3", 3);
    syscall(SYS_fsconfig, -1, FSCONFIG_SET_PATH, "path", "/no-such-place", AT_FDCWD);
    syscall(SYS_fsconfig, -1, FSCONFIG_SET_PATH_EMPTY, "path", "", 5);
    syscall(SYS_fsconfig, -1, FSCONFIG_SET_FD, "fd", 0, 7);
    syscall(SYS_fsconfig, -1, FSCONFIG_CMD_CREATE, 0, 0, 0);
    syscall(SYS_fsconfig, -1, 99, "key", 1, 2);
    struct { struct mount_attr attributes; uint64_t more; } set = {
        .attributes = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOATIME, .attr_clr = MOUNT_ATTR__ATIME,
                       .propagation = 0x40000, .userns_fd = 5}};
    syscall(SYS_mount_setattr, -1, "none", AT_EMPTY_PATH | 0x8000, &set, sizeof set.attributes);
    set.more = 1;
    syscall(SYS_mount_setattr, -1, "none", 0, &set, sizeof set);
    syscall(SYS_quotactl, QCMD(Q_QUOTAON, USRQUOTA), "/dev/none", 2, "/quota");
    syscall(SYS_quotactl, QCMD(Q_QUOTAOFF, GRPQUOTA), "/dev/none", 0, 0);
    syscall(SYS_quotactl, QCMD(Q_SYNC, USRQUOTA), "/dev/none", 0, 0);
    struct if_dqblk quota = {.dqb_bhardlimit = 10, .dqb_valid = QIF_LIMITS};
    syscall(SYS_quotactl, QCMD(Q_SETQUOTA, USRQUOTA), "/dev/none", 1000, &quota);
    syscall(SYS_quotactl, QCMD(Q_GETQUOTA, USRQUOTA), "/dev/none", 1000, &quota);
    struct if_dqinfo info = {.dqi_bgrace = 60, .dqi_valid = IIF_BGRACE};
    syscall(SYS_quotactl, QCMD(Q_SETINFO, GRPQUOTA), "/dev/none", 0, &info);
    syscall(SYS_quotactl, QCMD(Q_GETFMT, 9), "/dev/none", 0, &info);
    syscall(SYS_swapon, "/no-such-place", 0x8000 | 0x10000 | 5);
    syscall(SYS_swapoff, "/no-such-place");
    syscall(SYS_chroot, "/no-such-place");
    return 0;
}
