// A file is moved while a thread puts a directory in its place, whose contents would come to where programs may run.
#include "attack.h"
static char here[300], folder[300], place[300], image[300];
static volatile int stop;
static void *swap(void *argument) {
    while (!stop) syscall(SYS_renameat2, AT_FDCWD, here, AT_FDCWD, folder, 2);
    return argument;
}
int main(int argc, char **argv) {
    (void)argc;
    begin(argv);
    snprintf(here, sizeof here, "%s/open/a", arena);
    snprintf(folder, sizeof folder, "%s/open/b", arena);
    snprintf(place, sizeof place, "%s/open/new", arena);
    snprintf(image, sizeof image, "%s/open/new/program", arena);
    struct stat status;
    char name[320];
    pthread_t thread;
    mkdir(folder, 0700);
    snprintf(name, sizeof name, "%s/program", folder);
    close(open(name, O_CREAT | O_WRONLY, 0700));
    close(open(here, O_CREAT | O_WRONLY, 0600));
    for (int i = 0; i < threads(argv); i++) pthread_create(&thread, NULL, swap, NULL);
    int won = 0;
    // A long run is one of as many tries as it says.
    for (int i = 0; i < tries() / (getenv("TRIES") ? 1 : threads(argv)) && !won; i++) {
        if (rename(here, place) < 0) continue;
        won = stat(image, &status) == 0;
        rename(place, here);
    }
    stop = 1;
    return won_if(won, "a directory") ? WON : HELD;
}
