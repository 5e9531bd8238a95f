// Under a storm of signals every call still happens once: nothing is made twice, sent twice, or left undone.
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 600, THREADS = 4 };
static volatile sig_atomic_t alarms;
static void on_alarm(int number) {
    (void)number;
    alarms++;
}
static int failures[THREADS];
static void check(int thread, const char *what, long answer) {
    if (answer >= 0) return;
    failures[thread]++;
    printf("%s: %s\n", what, strerrorname_np(errno));
}
static void *work(void *argument) {
    int me = (int)(long)argument;
    char name[64], other[64];
    int inbox = socket(AF_UNIX, SOCK_DGRAM, 0), outbox = socket(AF_UNIX, SOCK_DGRAM, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "inbox%d", me);
    check(me, "bind", bind(inbox, (void *)&address, sizeof address));
    snprintf(name, sizeof name, "log%d", me);
    check(me, "log", creat(name, 0600));
    for (int i = 0; i < ROUNDS; i++) {
        snprintf(name, sizeof name, "file%d", me), snprintf(other, sizeof other, "other%d", me);
        int file = open(name, O_CREAT | O_EXCL | O_WRONLY, 0600);
        check(me, "open", file);
        close(file);
        check(me, "link", link(name, other));
        check(me, "unlink", unlink(other));
        check(me, "rename", rename(name, other));
        check(me, "unlink again", unlink(other));
        check(me, "mkdir", mkdir(name, 0700));
        check(me, "symlink", symlink("x", other));
        check(me, "rmdir", rmdir(name));
        check(me, "unlink link", unlink(other));
        int number = i;
        check(me, "sendto", sendto(outbox, &number, sizeof number, 0, (void *)&address, sizeof address));
        number = -1;
        if (recv(inbox, &number, sizeof number, 0) != sizeof number || number != i) failures[me]++, printf("received %d for %d\n", number, i);
        if (recv(inbox, &number, sizeof number, MSG_DONTWAIT) > 0) failures[me]++, printf("%d came twice\n", number);
        if (i % 20 == 0) {
            pid_t child = fork();
            if (child == 0) execl("/bin/true", "true", NULL), _exit(9);
            int status = -1;
            while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
            if (status != 0) failures[me]++, printf("child ended with %d\n", status);
        }
    }
    return NULL;
}
int main(int argc, char **argv) {
    if (argc < 2 || chdir(argv[1]) < 0) return 9;
    struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
    sigaction(SIGALRM, &action, NULL);
    struct itimerval often = {{0, 700}, {0, 700}};
    setitimer(ITIMER_REAL, &often, NULL);
    pthread_t threads[THREADS];
    for (long i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, work, (void *)i);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    for (int i = 0; i < THREADS; i++) printf("thread %d failed %d times\n", i, failures[i]);
    printf("signals %s\n", alarms > 100 ? "many" : "few");
    return 0;
}
