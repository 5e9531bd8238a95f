// Signals whose handler asks for no call to be made again: what never waits never says that it was interrupted.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 1500 };
static volatile sig_atomic_t alarms;
static void on_alarm(int number) {
    (void)number;
    alarms++;
}
static void say(const char *what, int failures, int error) {
    printf("%s: %d of %d%s%s\n", what, failures, ROUNDS, error ? " " : "", error ? strerrorname_np(error) : "");
}
#define EACH(what, call)                                                                                               \
    do {                                                                                                               \
        int failures = 0, error = 0;                                                                                   \
        for (int i = 0; i < ROUNDS; i++) {                                                                             \
            if ((call) < 0) failures++, error = errno;                                                                 \
        }                                                                                                              \
        say(what, failures, error);                                                                                    \
    } while (0)

int main(void) {
    struct sigaction action = {.sa_handler = on_alarm};
    struct itimerval often = {{0, 150}, {0, 150}};
    struct stat status;
    struct rlimit limit;
    char text[64];
    sigaction(SIGALRM, &action, NULL);
    pid_t child = fork();
    if (child == 0) pause(), _exit(0);
    close(open("file", O_CREAT | O_WRONLY, 0600));
    setitimer(ITIMER_REAL, &often, NULL);
    EACH("open and close", close(open("file", O_RDONLY)));
    EACH("stat", stat("file", &status));
    EACH("link", i % 2 ? unlink("other") : link("file", "other"));
    EACH("rename", i % 2 ? rename("moved", "file") : rename("file", "moved"));
    EACH("mkdir", i % 2 ? rmdir("folder") : mkdir("folder", 0700));
    EACH("readlink", readlink("/proc/self/exe", text, sizeof text));
    EACH("kill", kill(child, 0));
    EACH("limit", prlimit(child, RLIMIT_NOFILE, NULL, &limit));
    EACH("chmod", chmod("file", 0600));
    setitimer(ITIMER_REAL, &(struct itimerval){{0, 0}, {0, 0}}, NULL);
    printf("alarms %s\n", alarms > 10 ? "came" : "did not come");
    // A call that waits is interrupted: by a signal that comes while it does.
    int ends[2];
    (void)!pipe(ends);
    mkfifo("fifo", 0600);
    setitimer(ITIMER_REAL, &(struct itimerval){{0, 50000}, {0, 50000}}, NULL);
    int fifo = open("fifo", O_RDONLY);
    printf("fifo %d %s\n", fifo, strerrorname_np(errno));
    ssize_t got = read(ends[0], text, 1);
    printf("read %zd %s\n", got, strerrorname_np(errno));
    kill(child, SIGKILL);
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR) continue;
    return 0;
}
