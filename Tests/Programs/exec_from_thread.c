// A thread that is not the leader execs: the kernel gives it the leader's id and ends all others.
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static void *work(void *argument) {
    (void)argument;
    execl("/bin/echo", "echo", "executed by a thread", (char *)0);
    return NULL;
}

int main(void) {
    pthread_t thread;
    printf("before exec\n");
    fflush(stdout);
    if (pthread_create(&thread, NULL, work, NULL)) return 1;
    for (;;) pause();
}
