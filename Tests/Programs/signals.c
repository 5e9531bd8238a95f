// Handlers, a read that SA_RESTART restarts, and a sleep that a signal ends early.
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t alarms, users;
static int ends[2];

static void on_alarm(int signal) {
    (void)signal;
    alarms++;
    if (ends[1] && write(ends[1], "x", 1) != 1) _exit(9);
}

static void on_user(int signal) {
    (void)signal;
    users++;
}

static int arm(int milliseconds) {
    struct itimerval timer = {{0, 0}, {0, milliseconds * 1000}};
    return setitimer(ITIMER_REAL, &timer, NULL);
}

int main(void) {
    struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
    char byte = 0;
    if (pipe(ends)) return 1;
    sigaction(SIGALRM, &action, NULL);
    arm(50);
    printf("read gave %zd\n", read(ends[0], &byte, 1));
    action.sa_handler = on_user;
    action.sa_flags = 0;
    sigaction(SIGUSR1, &action, NULL);
    raise(SIGUSR1);
    raise(SIGUSR1);
    ends[1] = 0;
    arm(50);
    struct timespec time = {5, 0}, rest = {0, 0};
    int result = nanosleep(&time, &rest);
    printf("sleep gave %d, %s, rest %s\n", result, errno == EINTR ? "EINTR" : "other", rest.tv_sec > 3 ? "yes" : "no");
    printf("alarms %d users %d\n", (int)alarms, (int)users);
    return alarms == 2 && users == 2 && result == -1 && byte == 'x' ? 0 : 2;
}
