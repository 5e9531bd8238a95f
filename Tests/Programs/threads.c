// Eight threads do file input and output at once; each opens its own files.
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static void *work(void *argument) {
    long total = 0;
    (void)argument;
    for (int round = 0; round < 20; round++) {
        char buffer[64];
        int descriptor = open("/proc/self/stat", O_RDONLY);
        if (descriptor < 0) return (void *)-1;
        ssize_t got = read(descriptor, buffer, sizeof buffer);
        if (got <= 0) return (void *)-1;
        total += got;
        close(descriptor);
    }
    return (void *)total;
}

int main(void) {
    pthread_t threads[8];
    long total = 0;
    for (int index = 0; index < 8; index++)
        if (pthread_create(&threads[index], NULL, work, NULL)) return 1;
    for (int index = 0; index < 8; index++) {
        void *result = NULL;
        pthread_join(threads[index], &result);
        total += (long)result;
    }
    printf("8 threads read %ld bytes\n", total);
    return total == 8 * 20 * 64 ? 0 : 2;
}
