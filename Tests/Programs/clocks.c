/* Clocks and timers. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

int main(void) {
    struct timespec when = {1, 2};
    syscall(SYS_clock_getres, CLOCK_MONOTONIC, &when);
    when = (struct timespec){0, 1000};
    syscall(SYS_clock_nanosleep, CLOCK_REALTIME, 0, &when, 0);
    when.tv_nsec = 2000000000;
    syscall(SYS_clock_nanosleep, CLOCK_REALTIME, TIMER_ABSTIME, &when, 0);
    syscall(SYS_clock_settime, CLOCK_MONOTONIC, &when);
    syscall(SYS_clock_getres, -6, 0);
    struct timex change;
    memset(&change, 0, sizeof change);
    change.modes = ADJ_OFFSET | ADJ_STATUS;
    syscall(SYS_clock_adjtime, 99, &change);
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM, .sigev_value.sival_int = 5};
    int timer;
    syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer);
    event.sigev_notify = SIGEV_NONE;
    syscall(SYS_timer_create, CLOCK_BOOTTIME, &event, &timer);
    syscall(SYS_timer_create, CLOCK_REALTIME, 0, &timer);
    struct itimerspec spec = {.it_value = {1000, 0}}, old;
    syscall(SYS_timer_settime, 0, 0, &spec, &old);
    syscall(SYS_timer_settime, 99, TIMER_ABSTIME, &spec, 0);
    syscall(SYS_timer_getoverrun, 0);
    syscall(SYS_timer_delete, 0);
    struct itimerval timeval = {.it_interval = {5, 6}, .it_value = {1000, 0}}, before;
    syscall(SYS_setitimer, ITIMER_VIRTUAL, &timeval, &before);
    syscall(SYS_getitimer, ITIMER_PROF, &before);
    int descriptor = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    timerfd_settime(descriptor, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &spec, &old);
    timerfd_settime(-1, 0, &spec, 0);
    timerfd_gettime(-1, &old);
    alarm(0);
    struct timezone zone;
    syscall(SYS_gettimeofday, 0, &zone);
    return 0;
}
