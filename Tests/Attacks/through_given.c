// Descriptor 4 is a directory that may be read: each way to more than that, or to somewhere else.
#include "attack.h"
static int opens(int base, const char *name, int flags) { return openat(base, name, flags, 0666) >= 0; }
static int attempt(const char *way) {
    char name[300];
    if (!strcmp(way, "write")) return opens(4, "file", O_RDWR);
    if (!strcmp(way, "make")) return opens(4, "new", O_WRONLY | O_CREAT);
    if (!strcmp(way, "folder")) return mkdirat(4, "new folder", 0777) == 0;
    if (!strcmp(way, "up")) return is_secret(openat(4, "../closed/secret", O_RDONLY));
    if (!strcmp(way, "link")) return is_secret(openat(4, "link", O_RDONLY));
    if (!strcmp(way, "deeper")) {
        int folder = openat(4, "folder", O_RDONLY | O_DIRECTORY);
        if (folder < 0) _exit(9);
        return is_secret(openat(folder, "../../closed/secret", O_RDONLY)) || opens(folder, "inner", O_RDWR);
    }
    snprintf(name, sizeof name, "%s/given/file", arena);
    if (!strcmp(way, "name")) return opens(AT_FDCWD, name, O_RDONLY);
    if (!strcmp(way, "enter")) return fchdir(4) == 0 && opens(AT_FDCWD, "file", O_RDONLY);
    if (!strcmp(way, "reopen")) {
        snprintf(name, sizeof name, "/proc/self/fd/%d", openat(4, "file", O_RDONLY));
        return opens(AT_FDCWD, name, O_RDWR);
    }
    if (!strcmp(way, "mode")) return fchmodat(4, "file", 0600, 0) == 0;
    if (!strcmp(way, "move")) return renameat(4, "folder", 4, "moved") == 0;
    if (!strcmp(way, "remove")) return unlinkat(4, "file", 0) == 0;
    _exit(9);
}
int main(int argc, char **argv) {
    (void)argc;
    begin(argv);
    // What was given works, under a policy too.
    if (!opens(4, "file", O_RDONLY)) return 9;
    setvbuf(stdout, NULL, _IONBF, 0);
    return each_way(argv, attempt);
}
