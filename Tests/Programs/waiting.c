// Waiting: epoll, poll, select, timers by descriptor, watches, futexes in every form, membarrier.
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

static unsigned word = 1, other;
static sigset_t mask;
static struct timespec short_time = {0, 1000};

static long futex(int operation, long value, void *time, void *second, long third) {
    return syscall(SYS_futex, &word, operation, value, time, second, third);
}

static void descriptors(void) {
    int queue = epoll_create1(EPOLL_CLOEXEC), counter = eventfd(3, EFD_NONBLOCK | EFD_SEMAPHORE);
    struct epoll_event event = {EPOLLIN | EPOLLET, {.u64 = 0x1122334455667788}}, got[3];
    epoll_ctl(queue, EPOLL_CTL_ADD, counter, &event);
    epoll_ctl(queue, EPOLL_CTL_MOD, counter, &event);
    epoll_wait(queue, got, 3, 100);
    epoll_pwait(queue, got, 3, 0, &mask);
    syscall(SYS_epoll_pwait2, queue, got, 3, &short_time, &mask, 8);
    epoll_ctl(queue, EPOLL_CTL_DEL, counter, 0);
    epoll_wait(queue, got, 3, 0);
    epoll_create(5);
    epoll_ctl(queue, 99, counter, &event);
    struct pollfd polled[2] = {{counter, POLLIN | POLLOUT, 0}, {-1, POLLIN, 0}};
    poll(polled, 2, 10);
    ppoll(polled, 1, 0, &mask);
    struct timespec none = {0, 0};
    ppoll(polled, 1, &none, 0);
    polled[0].events = POLLPRI;
    poll(polled, 1, 0);
    ppoll(polled, 1, &short_time, 0);
    fd_set readable, writable;
    FD_ZERO(&readable);
    FD_SET(counter, &readable);
    writable = readable;
    struct timeval time = {0, 0};
    select(counter + 1, &readable, &writable, 0, &time);
    pselect(counter + 1, &readable, 0, 0, 0, &mask);
    FD_ZERO(&readable);
    select(1, &readable, 0, 0, &time);
    pselect(1, &readable, 0, 0, &short_time, 0);
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    struct itimerspec set = {{1, 2}, {0, 0}}, old;
    timerfd_settime(timer, TFD_TIMER_ABSTIME, &set, &old);
    timerfd_gettime(timer, &old);
}

static void watches(void) {
    int inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    int watch = inotify_add_watch(inotify, "/usr", IN_CREATE | IN_DELETE | IN_ONLYDIR);
    inotify_rm_watch(inotify, watch);
    inotify_rm_watch(inotify, 99);
    inotify_add_watch(inotify, "/none", IN_ALL_EVENTS);
    inotify_init();
    int fanotify = fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC, O_RDONLY | O_LARGEFILE);
    fanotify_mark(fanotify, FAN_MARK_ADD | FAN_MARK_MOUNT, FAN_OPEN | FAN_CLOSE_WRITE, AT_FDCWD, "/none");
    fanotify_mark(fanotify, FAN_MARK_FLUSH, 0, -1, 0);
    fanotify_init(FAN_CLASS_CONTENT | FAN_REPORT_FID, O_RDWR);
}

static void futexes(void) {
    futex(FUTEX_WAIT, 2, &short_time, 0, 0);
    futex(FUTEX_WAIT_PRIVATE, 2, 0, 0, 0);
    futex(FUTEX_WAKE, 5, 0, 0, 0);
    futex(FUTEX_REQUEUE, 1, (void *)2, &other, 0);
    futex(FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)2, &other, 1);
    futex(FUTEX_WAKE_OP, 1, (void *)1, &other, FUTEX_OP(FUTEX_OP_ADD, 3, FUTEX_OP_CMP_GT, 4));
    futex(FUTEX_WAKE_OP, 1, (void *)1, &other, (int)FUTEX_OP((FUTEX_OP_SET | 8U), 3, FUTEX_OP_CMP_EQ, 4));
    futex(FUTEX_TRYLOCK_PI, 0, 0, 0, 0);
    futex(FUTEX_UNLOCK_PI, 0, 0, 0, 0);
    futex(FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 2, &short_time, 0, 0xffffffff);
    futex(FUTEX_WAIT_BITSET, 2, 0, 0, 7);
    futex(FUTEX_WAKE_BITSET, 2, 0, 0, 7);
    futex(FUTEX_CMP_REQUEUE_PI, 1, (void *)2, &other, 9);
    futex(FUTEX_WAIT_REQUEUE_PI, 1, &short_time, &other, 0);
    futex(FUTEX_FD, 1, 0, 0, 0);
    futex(99, 1, &short_time, &other, 5);
    futex(FUTEX_LOCK_PI2, 1, (void *)1, 0, 0);
    struct futex_waitv waiters[2] = {{2, (long)&word, 2, 0}, {3, (long)&other, 0x82, 0}};
    syscall(SYS_futex_waitv, waiters, 2, 0, &short_time, CLOCK_MONOTONIC);
    syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0);
    syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ, 1, 3);
    syscall(SYS_membarrier, 0x4000, 9, 0);
    syscall(SYS_userfaultfd, O_CLOEXEC | 4);
}

int main(void) {
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR1);
    descriptors();
    watches();
    futexes();
    return 0;
}
