// Whoever is seen to be dead does nothing more: a call that it was killed in has ended before. Says how often it had not.
#include "attack.h"
#include <sys/socket.h>
#include <sys/un.h>
static char place[256], name[300];
static int count;
// Others see it by the file: there is a reader.
static int is_haunted(const char *fifo) {
    int end = open(fifo, O_WRONLY | O_NONBLOCK);
    if (end >= 0) close(end);
    return end >= 0;
}
static void *wait_in_open(void *fifo) {
    open(fifo, O_RDONLY);
    return NULL;
}
static char *fifo(int index) {
    static char names[8][320];
    snprintf(names[index], sizeof names[index], "%s/fifo%d", place, index);
    mkfifo(names[index], 0600);
    return names[index];
}
// A process with threads that all wait.
static pid_t waiter(int *told) {
    int ends[2];
    if (pipe(ends) < 0) _exit(9);
    for (int i = 0; i < count; i++) fifo(i);
    pid_t child = fork();
    if (child == 0) {
        pthread_t thread;
        close(ends[0]);
        for (int i = 1; i < count; i++) pthread_create(&thread, NULL, wait_in_open, fifo(i));
        wait_in_open(fifo(0));
        _exit(0);
    }
    close(ends[1]);
    *told = ends[0];
    usleep(3000 + child % 5 * 1000);
    return child;
}
static int any_haunted(void) {
    int haunted = 0;
    for (int i = 0; i < count; i++) haunted |= is_haunted(fifo(i));
    return haunted;
}
static int once_reaped(void) {
    int told;
    pid_t child = waiter(&told);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    close(told);
    return any_haunted();
}
// Its descriptors are closed before it can be waited for.
static int once_closed(void) {
    int told;
    pid_t child = waiter(&told);
    char byte;
    kill(child, SIGKILL);
    (void)!read(told, &byte, 1);
    close(told);
    int haunted = any_haunted();
    waitpid(child, NULL, 0);
    return haunted;
}
// Another image ends the threads of the former.
static int once_executed(char *self) {
    pid_t child = fork();
    if (child == 0) {
        pthread_t thread;
        for (int i = 0; i < count; i++) pthread_create(&thread, NULL, wait_in_open, fifo(i));
        usleep(5000);
        char number[20];
        snprintf(number, sizeof number, "%d", count);
        execl(self, self, arena, "looks", number, NULL);
        _exit(9);
    }
    int status;
    waitpid(child, &status, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) == 9) _exit(9);
    return WEXITSTATUS(status);
}
static int sent_late(void) {
    struct sockaddr_un address = {AF_UNIX, ""};
    snprintf(address.sun_path, sizeof address.sun_path, "%s/s", place);
    unlink(address.sun_path);
    int receiver = socket(AF_UNIX, SOCK_DGRAM, 0), sender = socket(AF_UNIX, SOCK_DGRAM, 0), late = 0;
    if (bind(receiver, (void *)&address, sizeof address) < 0) _exit(9);
    while (sendto(sender, "a", 1, MSG_DONTWAIT, (void *)&address, sizeof address) == 1) continue;
    pid_t child = fork();
    if (child == 0) sendto(sender, "late", 4, 0, (void *)&address, sizeof address), _exit(0);
    usleep(3000);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    char text[8];
    for (int round = 0; round < 2; round++, usleep(2000))
        for (ssize_t got; (got = recv(receiver, text, sizeof text, MSG_DONTWAIT)) > 0;) late |= got == 4;
    close(receiver);
    close(sender);
    return late;
}
static int made_late(void) {
    pid_t child = fork();
    if (child == 0) for (;;) mkdir(name, 0700), rmdir(name);
    usleep(300 + child % 300);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    struct stat status;
    int before = stat(name, &status);
    usleep(200);
    int late = stat(name, &status) != before;
    rmdir(name);
    return late;
}
int main(int argc, char **argv) {
    begin(argv);
    if (argc < 4) return 9;
    const char *way = argv[2];
    count = atoi(argv[3]);
    snprintf(place, sizeof place, "%s/open", arena);
    snprintf(name, sizeof name, "%s/made", place);
    if (!strcmp(way, "looks")) return any_haunted();
    int late = 0, tries = atoi(argv[4]);
    for (int i = 0; i < tries; i++) {
        if (!strcmp(way, "reaped")) late += once_reaped();
        if (!strcmp(way, "closed")) late += once_closed();
        if (!strcmp(way, "executed")) late += once_executed(argv[0]);
        if (!strcmp(way, "sent")) late += sent_late();
        if (!strcmp(way, "made")) late += made_late();
    }
    printf("%d late\n", late);
    return 0;
}
