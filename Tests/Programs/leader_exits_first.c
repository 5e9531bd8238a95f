// The leader ends before its thread: the process lives on as a zombie leader and one thread.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static void *work(void *argument) {
    struct timespec pause = {0, 50000000};
    (void)argument;
    nanosleep(&pause, NULL);
    printf("the thread outlived the leader\n");
    fflush(stdout);
    exit(0);
}

int main(void) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, work, NULL)) return 1;
    pthread_exit(NULL);
}
