// Calls about signals: actions, stacks, masks, queued values, waiting for them.
#define _GNU_SOURCE
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char stack[16384];
static siginfo_t info;

static void handle(int number, siginfo_t *about, void *context) {}

static void actions(void) {
    struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_RESTART}, old;
    sigemptyset(&action.sa_mask);
    sigaddset(&action.sa_mask, SIGTERM);
    sigaction(SIGUSR1, &action, &old);
    sigaction(SIGUSR1, 0, &old);
    action.sa_handler = SIG_IGN;
    sigfillset(&action.sa_mask);
    sigaction(SIGUSR2, &action, 0);
    sigaction(SIGRTMIN + 2, &action, 0);
    stack_t place = {.ss_sp = stack, .ss_size = sizeof stack}, former;
    sigaltstack(&place, &former);
    place.ss_flags = SS_DISABLE;
    sigaltstack(&place, &former);
    sigaltstack(0, &former);
}

static void queued(void) {
    struct timespec time = {1, 0};
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR1);
    sigaddset(&mask, SIGCHLD);
    sigaddset(&mask, SIGRTMIN + 1);
    sigprocmask(SIG_BLOCK, &mask, 0);
    sigpending(&mask);
    sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = 42});
    sigaddset(&mask, SIGUSR1);
    sigtimedwait(&mask, &info, &time);
    memset(&info, 0, sizeof info);
    info.si_code = SI_QUEUE;
    info.si_pid = getpid();
    info.si_value.sival_ptr = (void *)0x1234567890;
    syscall(SYS_rt_tgsigqueueinfo, getpid(), getpid(), SIGUSR1, &info);
    int file = signalfd(-1, &mask, SFD_NONBLOCK | SFD_CLOEXEC);
    struct signalfd_siginfo got;
    read(file, &got, 8);
    close(file);
    info.si_signo = SIGUSR1;
    syscall(SYS_rt_sigqueueinfo, getpid(), SIGRTMIN + 1, &info);
    waitid(P_ALL, 0, &info, WEXITED | WNOWAIT);
    syscall(SYS_pidfd_send_signal, -1, SIGUSR1, &info, 0);
}

int main(void) {
    actions();
    queued();
    return 0;
}
