// A directory of the program's own is exchanged with a link to one that it may only read, while names are made, moved
// and removed in it. Each way runs the race again.
#include "attack.h"
#include <sys/socket.h>
#include <sys/un.h>
static char kept[256], fake[256], fixed[256], made[300], source[300], there[300];
static volatile int stop;
static void *swap(void *argument) {
    while (!stop) syscall(SYS_renameat2, AT_FDCWD, kept, AT_FDCWD, fake, 2);
    return argument;
}
static int is_there(const char *path) {
    struct stat status;
    return lstat(path, &status) == 0;
}
static void once(const char *way) {
    char other[300];
    if (!strcmp(way, "mkdir")) mkdir(made, 0700), rmdir(made);
    if (!strcmp(way, "mknod")) mknod(made, S_IFREG | 0600, 0), unlink(made);
    if (!strcmp(way, "creat")) close(open(made, O_CREAT | O_EXCL | O_WRONLY, 0600)), unlink(made);
    if (!strcmp(way, "symlink")) (void)!symlink("x", made), unlink(made);
    if (!strcmp(way, "link")) (void)!link(source, made), unlink(made);
    if (!strcmp(way, "rename")) {
        snprintf(other, sizeof other, "%s/open/moved", arena);
        close(open(other, O_CREAT | O_WRONLY, 0600));
        rename(other, made), unlink(made);
    }
    if (!strcmp(way, "bind")) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        strncpy(address.sun_path, made, sizeof address.sun_path - 1);
        int own = socket(AF_UNIX, SOCK_STREAM, 0);
        bind(own, (void *)&address, sizeof address), close(own), unlink(made);
    }
    snprintf(other, sizeof other, "%s/file", kept);
    if (!strcmp(way, "unlink")) unlink(other);
    if (!strcmp(way, "truncate")) (void)!truncate(other, 0);
    if (!strcmp(way, "chmod")) chmod(other, 0666);
    if (!strcmp(way, "write")) {
        int file = open(other, O_WRONLY | O_TRUNC);
        close(file);
    }
}
static int attempt(const char *way) {
    char target[300];
    struct stat before, after;
    snprintf(target, sizeof target, "%s/file", fixed);
    if (stat(target, &before) < 0) _exit(9);
    pthread_t threads[8];
    int count = racers() < 8 ? racers() : 8;
    for (int i = 0; i < count; i++) pthread_create(&threads[i], NULL, swap, NULL);
    int won = 0;
    // A long run is one of as many tries as it says.
    for (int i = 0; i < tries() / (getenv("TRIES") ? 1 : 8) && !won; i++) {
        once(way);
        won = is_there(there) || stat(target, &after) < 0 || after.st_size != before.st_size || after.st_mode != before.st_mode;
    }
    stop = 1;
    for (int i = 0; i < count; i++) pthread_join(threads[i], NULL);
    // The next way finds what this one found.
    unlink(there), rmdir(there);
    int file = open(target, O_CREAT | O_WRONLY | O_TRUNC, 0644);
    if (file >= 0) (void)!write(file, "fixed\n", 6), fchmod(file, 0644), close(file);
    return won;
}
int main(int argc, char **argv) {
    (void)argc;
    begin(argv);
    snprintf(kept, sizeof kept, "%s/open/kept", arena);
    snprintf(fake, sizeof fake, "%s/open/fake", arena);
    snprintf(fixed, sizeof fixed, "%s/fixed", arena);
    snprintf(made, sizeof made, "%s/made", kept);
    snprintf(there, sizeof there, "%s/made", fixed);
    snprintf(source, sizeof source, "%s/open/file", arena);
    mkdir(kept, 0777);
    (void)!symlink(fixed, fake);
    return each_way(argv, attempt);
}
