// Waits in a read that nothing ends but a timer's signal, which kills: the call never comes back.
#include <signal.h>
#include <time.h>
#include <unistd.h>

int main(void) {
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL};
    struct itimerspec when = {.it_value.tv_nsec = 300000000};
    timer_t timer;
    int ends[2];
    char byte;
    if (pipe(ends) != 0 || timer_create(CLOCK_MONOTONIC, &event, &timer) != 0) return 2;
    if (timer_settime(timer, 0, &when, NULL) != 0) return 2;
    return read(ends[0], &byte, 1) == 1;
}
