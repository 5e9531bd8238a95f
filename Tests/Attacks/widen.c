// A descriptor or a name for reading is made to write: through /proc, by truncation, by links and renames.
#include "attack.h"
#include <sys/xattr.h>
static const char *content(const char *name) {
    static char buffer[32];
    memset(buffer, 0, sizeof buffer);
    int descriptor = open(name, O_RDONLY);
    if (descriptor < 0) return "";
    ssize_t got = read(descriptor, buffer, sizeof buffer - 1);
    close(descriptor);
    return got < 0 ? "" : buffer;
}
static int wins;
static void check(const char *how) {
    if (strcmp(content(readonly), "fixed\n")) {
        printf("won: %s\n", how);
        wins++;
        _exit(WON);
    }
}
int main(int argc, char **argv) {
    (void)argc;
    begin(argv);
    char name[300], folder[256], other[256];
    snprintf(folder, sizeof folder, "%s/fixed", arena);
    snprintf(other, sizeof other, "%s/open/other", arena);
    int held = open(readonly, O_RDONLY);
    if (held < 0) return 9;
    if (strcmp(content(readonly), "fixed\n")) return 9;
    if (argv[2] && !strcmp(argv[2], "names")) {
        // Linked or moved into a place that may be written.
        if (link(readonly, other) == 0 && won_if(open(other, O_RDWR) >= 0, "link")) return WON;
        if (linkat(held, "", AT_FDCWD, other, AT_EMPTY_PATH) == 0 && won_if(open(other, O_RDWR) >= 0, "held link"))
            return WON;
        snprintf(name, sizeof name, "/proc/self/fd/%d", held);
        if (linkat(AT_FDCWD, name, AT_FDCWD, other, AT_SYMLINK_FOLLOW) == 0 && won_if(1, "magic link")) return WON;
        if (won_if(rename(readonly, other) == 0, "rename")) return WON;
        if (won_if(syscall(SYS_renameat2, AT_FDCWD, readonly, AT_FDCWD, open_file, 2) == 0, "exchange")) return WON;
        if (won_if(rename(folder, other) == 0, "folder")) return WON;
        if (won_if(rename(open_file, readonly) == 0, "over it")) return WON;
        snprintf(name, sizeof name, "%s/closed", arena);
        if (won_if(rename(name, other) == 0, "hidden folder")) return WON;
        if (won_if(unlink(readonly) == 0, "unlink")) return WON;
        return HELD;
    }
    snprintf(name, sizeof name, "/proc/self/fd/%d", held);
    int wide = open(name, O_RDWR);
    if (wide >= 0) (void)!write(wide, "x", 1);
    check("reopened");
    wide = open(name, O_RDWR | O_TRUNC);
    check("reopened and truncated");
    (void)!truncate(name, 0);
    check("truncate through a descriptor");
    (void)!truncate(readonly, 0);
    check("truncate");
    (void)!ftruncate(held, 0);
    check("ftruncate");
    open(readonly, O_RDONLY | O_TRUNC);
    check("read-only with O_TRUNC");
    open(readonly, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    check("created again");
    if (won_if(chmod(readonly, 0600) == 0, "chmod") || won_if(fchmod(held, 0600) == 0, "fchmod")) return WON;
    if (won_if(chown(readonly, getuid(), -1) == 0, "chown") || won_if(fchown(held, getuid(), -1) == 0, "fchown"))
        return WON;
    if (won_if(utimensat(AT_FDCWD, readonly, NULL, 0) == 0, "utimensat")) return WON;
    if (won_if(futimens(held, NULL) == 0, "futimens")) return WON;
    if (won_if(setxattr(readonly, "user.a", "b", 1, 0) == 0, "setxattr")) return WON;
    snprintf(name, sizeof name, "%s/new", folder);
    if (won_if(open(name, O_CREAT | O_WRONLY, 0666) >= 0, "create")) return WON;
    if (won_if(mkdir(name, 0777) == 0, "mkdir")) return WON;
    if (won_if(symlink("x", name) == 0, "symlink")) return WON;
    return HELD;
}
