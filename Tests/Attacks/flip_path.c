// A sibling thread flips the name between a file that may be read and one that may not, while it is opened.
#include "attack.h"
static char name[256];
static volatile int stop;
static size_t start;
static void *flip(void *argument) {
    (void)argument;
    size_t tail = strlen(open_file) - start, other = strlen(secret) - start;
    while (!stop) {
        memcpy(name + start, secret + start, other + 1);
        memcpy(name + start, open_file + start, tail + 1);
    }
    return NULL;
}
int main(int argc, char **argv) {
    (void)argc;
    begin(argv);
    start = strlen(arena) + 1;
    strcpy(name, open_file);
    pthread_t thread;
    for (int i = 0; i < threads(argv); i++) pthread_create(&thread, NULL, flip, NULL);
    for (int i = 0; i < tries(); i++) {
        if (won_if(is_secret(open(name, O_RDONLY)), "open")) return WON;
    }
    stop = 1;
    return HELD;
}
