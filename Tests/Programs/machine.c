/* Calls on the machine that the kernel refuses, and what it tells. */
#define _GNU_SOURCE
#include <linux/reboot.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

int main(void) {
    struct utsname name;
    uname(&name);
    syscall(SYS_syslog, 10, 0, 0);
    syscall(SYS_syslog, 8, 0, 99);
    syscall(SYS_syslog, 77, 0, 0);
    syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, 5, LINUX_REBOOT_CMD_CAD_OFF, 0);
    syscall(SYS_reboot, 1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_RESTART2, "now");
    syscall(SYS_init_module, "none", 4, "a=b");
    syscall(SYS_finit_module, -1, "a=b", 1 | 2);
    syscall(SYS_delete_module, "abitrace-none", 04000);
    struct { void *buf; unsigned long bufsz; void *mem; unsigned long memsz; } segment = {"x", 1, 0, 4096};
    syscall(SYS_kexec_load, 1, 1, &segment, 99 << 16);
    syscall(SYS_kexec_file_load, -1, -1, 5, "quiet", 4);
    syscall(SYS_sethostname, 0, -1);
    syscall(SYS_setdomainname, 0, -1);
    syscall(SYS_acct, "/no-such-place/acct");
    syscall(SYS_ioperm, 1 << 20, 1, 1);
    syscall(SYS_iopl, 9);
    struct { unsigned entry, base, limit, bits; } entry = {8191, 0x1000, 0xffff, 0x51};
    syscall(SYS_modify_ldt, 0, 0, 0);
    syscall(SYS_modify_ldt, 0x11, &entry, 16);
    syscall(SYS_set_robust_list, 0, 1);
    void *head;
    unsigned long length;
    syscall(SYS_get_robust_list, 0, &head, &length);
    syscall(SYS_unshare, 0x40000001);
    syscall(SYS_setns, -1, 0x20000);
    syscall(SYS_setgroups, -1, 0);
    syscall(SYS_getgroups, 0, 0);
    unsigned real, effective, saved;
    syscall(SYS_getresuid, &real, &effective, &saved);
    syscall(SYS_setresuid, -1, -1, -1);
    syscall(SYS_setfsuid, -1);
    syscall(SYS_pidfd_open, -1, 04000);
    syscall(SYS_pidfd_getfd, -1, 3, 0);
    return 0;
}
