/* Scheduling, limits and usage. */
#define _GNU_SOURCE
#include <sched.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/times.h>
#include <unistd.h>

struct attributes {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
    uint32_t low, high;
    uint64_t more;
};

int main(void) {
    struct sched_param parameter = {0};
    sched_getparam(0, &parameter);
    sched_setparam(0, &parameter);
    sched_getscheduler(0);
    sched_setscheduler(0, SCHED_BATCH, &parameter);
    sched_setscheduler(0, SCHED_OTHER | SCHED_RESET_ON_FORK, &parameter);
    sched_setscheduler(0, 99, &parameter);
    sched_getscheduler(0);
    sched_get_priority_max(SCHED_RR);
    struct attributes attributes = {0};
    syscall(SYS_sched_getattr, 0, &attributes, 56, 0);
    syscall(SYS_sched_setattr, 0, &attributes, 0);
    attributes = (struct attributes){.size = 64, .policy = SCHED_DEADLINE, .flags = 1 | 0x20, .runtime = 1, .more = 5};
    syscall(SYS_sched_setattr, 0, &attributes, 0);
    attributes.size = 48;
    attributes.flags = 1;
    syscall(SYS_sched_setattr, -1, &attributes, 0);
    unsigned long mask[16] = {0};
    syscall(SYS_sched_getaffinity, 0, 4, mask);
    mask[0] = 7;
    syscall(SYS_sched_setaffinity, -1, 8, mask);
    struct timespec interval;
    sched_rr_get_interval(0, &interval);
    syscall(SYS_ioprio_get, 1, 0);
    syscall(SYS_ioprio_set, 1, -1, 2 << 13 | 4);
    getpriority(PRIO_PROCESS, 0);
    setpriority(PRIO_USER, -1, 5);
    unsigned cpu = 0, node = 0;
    syscall(SYS_getcpu, 0, &node, 0);
    (void)cpu;
    struct rlimit limit;
    getrlimit(RLIMIT_CORE, &limit);
    struct rlimit64 wide = {100, 200};
    syscall(SYS_prlimit64, 0, RLIMIT_CORE, 0, &wide);
    wide.rlim_max = RLIM64_INFINITY;
    syscall(SYS_prlimit64, -1, RLIMIT_STACK, &wide, 0);
    syscall(SYS_setrlimit, 99, &limit);
    return 0;
}
