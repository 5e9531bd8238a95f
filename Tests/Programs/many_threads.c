// Five hundred threads that are all alive at once, for argv[1] milliseconds, then all end.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { wanted = 500 };
static pthread_barrier_t barrier;

static void *work(void *argument) {
    pthread_barrier_wait(&barrier);
    return argument;
}

int main(int count, char **arguments) {
    pthread_t threads[wanted];
    pthread_attr_t attributes;
    int joined = 0;
    pthread_barrier_init(&barrier, NULL, wanted + 1);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 65536);
    for (int index = 0; index < wanted; index++)
        if (pthread_create(&threads[index], &attributes, work, NULL)) return 1;
    if (count > 1) usleep(1000 * atoi(arguments[1]));
    pthread_barrier_wait(&barrier);
    for (int index = 0; index < wanted; index++) joined += pthread_join(threads[index], NULL) == 0;
    printf("%d threads joined\n", joined);
    return joined == wanted ? 0 : 2;
}
