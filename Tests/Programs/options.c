/* prctl by its options, arch_prctl, capabilities and personality. */
#define _GNU_SOURCE
#include <asm/prctl.h>
#include <linux/capability.h>
#include <linux/prctl.h>
#include <signal.h>
#include <sys/personality.h>
#include <sys/syscall.h>
#include <unistd.h>

static long option(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d) {
    return syscall(SYS_prctl, option, a, b, c, d);
}

int main(void) {
    int number = 0;
    char name[16];
    option(PR_SET_NAME, (long)"a rather long name", 0, 0, 0);
    option(PR_GET_NAME, (long)name, 0, 0, 0);
    option(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
    option(PR_GET_PDEATHSIG, (long)&number, 0, 0, 0);
    option(PR_SET_DUMPABLE, 1, 0, 0, 0);
    option(PR_GET_DUMPABLE, 0, 0, 0, 0);
    option(PR_SET_KEEPCAPS, 0, 0, 0, 0);
    option(PR_GET_KEEPCAPS, 0, 0, 0, 0);
    option(PR_GET_TIMERSLACK, 0, 0, 0, 0);
    option(PR_SET_TIMERSLACK, 50000, 0, 0, 0);
    option(PR_CAPBSET_READ, CAP_SYS_ADMIN, 0, 0, 0);
    option(PR_CAPBSET_DROP, 77, 0, 0, 0);
    option(PR_GET_SECUREBITS, 0, 0, 0, 0);
    option(PR_SET_SECUREBITS, 0, 0, 0, 0);
    option(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_CHOWN, 0, 0);
    option(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    option(PR_GET_TSC, (long)&number, 0, 0, 0);
    option(PR_SET_TSC, PR_TSC_ENABLE, 0, 0, 0);
    option(PR_GET_UNALIGN, (long)&number, 0, 0, 0);
    option(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);
    option(PR_GET_CHILD_SUBREAPER, (long)&number, 0, 0, 0);
    option(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
    option(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    option(PR_SET_THP_DISABLE, 0, 0, 0, 0);
    option(PR_GET_THP_DISABLE, 0, 0, 0, 0);
    option(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_DEFAULT, 0, 0);
    option(PR_MCE_KILL_GET, 0, 0, 0, 0);
    option(PR_SET_MM, PR_SET_MM_BRK, 1, 0, 0);
    option(PR_GET_SPECULATION_CTRL, PR_SPEC_STORE_BYPASS, 0, 0, 0);
    option(PR_SET_SPECULATION_CTRL, 9, 2, 0, 0);
    option(PR_SET_VMA, 0, 1, 4096, (long)"name");
    option(PR_SET_PTRACER, -1, 0, 0, 0);
    option(PR_SCHED_CORE, 0, 0, 0, (long)&number);
    option(PR_SET_IO_FLUSHER, 0, 0, 0, 1);
    option(PR_TASK_PERF_EVENTS_DISABLE, 0, 0, 0, 0);
    option(PR_SET_SYSCALL_USER_DISPATCH, 0, 0, 0, 0);
    option(PR_GET_FPEMU, (long)&number, 0, 0, 0);
    option(PR_GET_SECCOMP, 0, 0, 0, 0);
    option(9999, 1, 2, 3, 4);
    unsigned long address;
    syscall(SYS_arch_prctl, ARCH_GET_FS, &address);
    syscall(SYS_arch_prctl, ARCH_GET_CPUID, 0);
    syscall(SYS_arch_prctl, 0x1022, &address);
    syscall(SYS_arch_prctl, 0x1023, 99);
    syscall(SYS_arch_prctl, 9999, 1);
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2];
    syscall(SYS_capget, &header, data);
    syscall(SYS_capget, &header, 0);
    data[0].inheritable = 1 << CAP_KILL | 1 << CAP_NET_RAW;
    header.pid = 1;
    syscall(SYS_capset, &header, data);
    header.version = 5;
    syscall(SYS_capget, &header, data);
    personality(0xffffffff);
    personality(PER_LINUX | ADDR_NO_RANDOMIZE);
    personality(0xffffffff);
    return 0;
}
