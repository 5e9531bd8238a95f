// Children of a process whose other threads open and close descriptors all the time.
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile int done;

static void *churn(void *unused) {
    (void)unused;
    while (!done) {
        int some[4];
        for (int i = 0; i < 4; i++) some[i] = open("/etc/passwd", O_RDONLY);
        for (int i = 0; i < 4; i++) close(some[i]);
    }
    return NULL;
}

int main(int count, char **words) {
    int rounds = count > 1 ? atoi(words[1]) : 3;
    pthread_t threads[3];
    for (int i = 0; i < 3; i++) pthread_create(&threads[i], NULL, churn, NULL);
    for (int i = 0; i < rounds; i++) {
        for (int j = 0; j < 6; j++) {
            if (fork() == 0) {
                usleep(200000);
                _exit(0);
            }
        }
        while (wait(NULL) > 0) {}
    }
    done = 1;
    for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
    return 0;
}
