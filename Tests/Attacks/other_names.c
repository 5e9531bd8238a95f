// Every other name that leads to the hidden file: links, magic links, directories held, dots, slashes.
#include "attack.h"
static int attempts, wins;
static void attempt(int base, const char *name) {
    attempts++;
    int descriptor = openat(base, name, O_RDONLY);
    if (is_secret(descriptor)) {
        printf("won: %s\n", name);
        wins++;
    }
    struct stat status;
    if (fstatat(base, name, &status, 0) == 0 && status.st_size == 7) {
        printf("won: stat %s\n", name);
        wins++;
    }
}
int main(int argc, char **argv) {
    (void)argc;
    begin(argv);
    char name[8192], folder[256];
    snprintf(folder, sizeof folder, "%s/open", arena);
    int base = open(folder, O_RDONLY | O_DIRECTORY), place = open(folder, O_PATH);
    int top = open(arena, O_PATH);
    attempt(AT_FDCWD, secret);
    attempt(base, "../closed/secret");
    attempt(place, "../closed/secret");
    attempt(top, "closed/secret");
    snprintf(name, sizeof name, "//%s", secret), attempt(AT_FDCWD, name);
    snprintf(name, sizeof name, "%s/open/../closed/./secret", arena), attempt(AT_FDCWD, name);
    snprintf(name, sizeof name, "%s/closed//secret", arena), attempt(AT_FDCWD, name);
    snprintf(name, sizeof name, "/proc/self/root%s", secret), attempt(AT_FDCWD, name);
    snprintf(name, sizeof name, "/proc/self/fd/%d/../closed/secret", base), attempt(AT_FDCWD, name);
    snprintf(name, sizeof name, "/proc/thread-self/fd/%d/../closed/secret", base), attempt(AT_FDCWD, name);
    snprintf(name, sizeof name, "/proc/%d/root%s", getppid(), secret), attempt(AT_FDCWD, name);
    snprintf(name, sizeof name, "/proc/1/root%s", secret), attempt(AT_FDCWD, name);
    snprintf(name, sizeof name, "/dev/fd/%d/../closed/secret", base), attempt(AT_FDCWD, name);
    if (fchdir(base) == 0) {
        attempt(AT_FDCWD, "../closed/secret");
        attempt(AT_FDCWD, "/proc/self/cwd/../closed/secret");
        char link_name[300];
        snprintf(link_name, sizeof link_name, "%s/way", folder);
        (void)!symlink(secret, link_name);
        attempt(AT_FDCWD, "way");
        attempt(base, "way");
        snprintf(link_name, sizeof link_name, "%s/up", folder);
        (void)!symlink("../closed", link_name);
        attempt(AT_FDCWD, "up/secret");
        attempt(AT_FDCWD, "up/./secret");
    }
    // The longest name that there can be, and one byte more.
    for (int length = 4094; length <= 4097; length++) {
        size_t tail = strlen(secret);
        memset(name, '/', length);
        memcpy(name + length - tail, secret, tail + 1);
        attempt(AT_FDCWD, name);
    }
    struct {
        unsigned long flags, mode, resolve, more;
    } how = {O_RDONLY, 0, 0, 0};
    if (won_if(is_secret(syscall(437, AT_FDCWD, secret, &how, 24)), "openat2")) wins++;
    if (won_if(is_secret(syscall(437, AT_FDCWD, secret, &how, 32)), "long openat2")) wins++;
    how.resolve = 0x10;
    if (won_if(is_secret(syscall(437, top, "/closed/secret", &how, 24)), "openat2 in root")) wins++;
    char *edge = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(edge + 4096, 4096);
    how.resolve = 0;
    memcpy(edge + 4096 - 24, &how, 24);
    if (won_if(is_secret(syscall(437, AT_FDCWD, secret, edge + 4096 - 24, 32)), "openat2 at an edge")) wins++;
    // Names that are no text, and memory that cannot be read, fail as they would bare.
    errno = 0;
    if (open((char *)16, O_RDONLY) >= 0 || errno != EFAULT) return 9;
    memset(edge, 'a', 4096);
    if (open(edge + 4000, O_RDONLY) >= 0 || errno != EFAULT) return 9;
    return wins ? WON : HELD;
}
