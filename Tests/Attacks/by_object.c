// Calls with two names, and calls on an object instead of a name, in both tables: each would change a place that may only
// be read, look into one that is hidden, or run what may not run. "old" before a way asks the table of i386.
#include "attack.h"
#include <sched.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <stdarg.h>
// The registers of i386 hold 32 bits: all that is pointed to lies low.
static char *low;
static int used, old;
static long text(const char *format, ...) {
    va_list list;
    va_start(list, format);
    char *place = low + used;
    used += vsnprintf(place, 512, format, list) + 1;
    va_end(list);
    return (long)place;
}
static long bytes(const void *data, int count) {
    used = (used + 15) & ~15;
    char *place = low + used;
    memcpy(place, data, count);
    used += count;
    return (long)place;
}
static long call(int native, int other, long a, long b, long c, long d, long e) {
    if (!old) return syscall(native, a, b, c, d, e, 0);
    long answer;
    __asm__ volatile("int $0x80" : "=a"(answer) : "a"(other), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e) : "memory", "r8", "r9", "r10", "r11");
    errno = answer < 0 ? -answer : 0;
    return answer < 0 ? -1 : answer;
}
static long in(const char *name) { return text("%s/%s", arena, name); }
static int open_at(long name, int flags) { return call(SYS_openat, 295, AT_FDCWD, name, flags, 0600, 0); }
static long link_to(int descriptor) { return text("/proc/self/fd/%d", descriptor); }
static int is(const char *way, const char *name) { return !strcmp(way, name); }
static int ran(long (*run)(void)) {
    pid_t child = fork();
    if (child == 0) run(), _exit(HELD);
    int status;
    waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
static long program(int native, int other, long descriptor, long name, long flags) {
    unsigned words[4] = {(unsigned)text("program")};
    unsigned long wide[2] = {words[0]};
    return call(native, other, descriptor, name, old ? bytes(words, sizeof words) : bytes(wide, sizeof wide), 0, flags);
}
static long run_held(void) { return program(SYS_execveat, 358, open_at(in("fixed/program"), O_PATH | O_CLOEXEC), text(""), AT_EMPTY_PATH); }
static long run_below(void) { return program(SYS_execveat, 358, open_at(in("fixed"), O_PATH), text("program"), 0); }
static long run_linked(void) {
    unsigned words[4] = {(unsigned)text("program")};
    unsigned long wide[2] = {words[0]};
    long name = link_to(open_at(in("fixed/program"), O_PATH | O_CLOEXEC));
    return call(SYS_execve, 11, name, old ? bytes(words, sizeof words) : bytes(wide, sizeof wide), 0, 0, 0);
}
static long extended(void) {
    struct { unsigned long value; unsigned size, flags; } arguments = {text("x"), 1, 0};
    return bytes(&arguments, sizeof arguments);
}
static int changes(const char *way) {
    int fixed = open_at(in("fixed"), O_RDONLY | O_DIRECTORY), file = open_at(in("fixed/file"), O_RDONLY), name = open_at(in("fixed/file"), O_PATH);
    struct timespec times[2] = {{1, 0}, {1, 0}};
    // link*
    if (is(way, "link to fixed")) return call(SYS_linkat, 303, AT_FDCWD, in("open/file"), fixed, text("made"), 0);
    if (is(way, "link held")) return call(SYS_linkat, 303, name, text(""), AT_FDCWD, in("open/made"), AT_EMPTY_PATH);
    if (is(way, "link through link")) return call(SYS_linkat, 303, AT_FDCWD, link_to(file), AT_FDCWD, in("open/made"), AT_SYMLINK_FOLLOW);
    if (is(way, "link unnamed")) return call(SYS_linkat, 303, AT_FDCWD, link_to(open_at(in("open"), O_TMPFILE | O_RDWR)), fixed, text("made"), AT_SYMLINK_FOLLOW);
    if (is(way, "unnamed")) return call(SYS_openat, 295, fixed, text("."), O_TMPFILE | O_RDWR, 0600, 0);
    // rename*
    if (is(way, "exchange")) return call(SYS_renameat2, 353, AT_FDCWD, in("open/file"), fixed, text("file"), 2);
    if (is(way, "exchange back")) return call(SYS_renameat2, 353, fixed, text("file"), AT_FDCWD, in("open/file"), 2);
    if (is(way, "whiteout")) return call(SYS_renameat2, 353, fixed, text("file"), AT_FDCWD, in("open/made"), 4);
    if (is(way, "move out")) return call(SYS_renameat, 302, fixed, text("file"), AT_FDCWD, in("open/made"), 0);
    if (is(way, "move in")) return call(SYS_renameat, 302, AT_FDCWD, in("open/file"), fixed, text("made"), 0);
    if (is(way, "move round")) return call(SYS_rename, 38, in("open/../fixed/file"), in("open/made"), 0, 0, 0);
    // Names below a directory that is held.
    if (is(way, "folder below")) return call(SYS_mkdirat, 296, fixed, text("made"), 0700, 0, 0);
    if (is(way, "pipe below")) return call(SYS_mknodat, 297, fixed, text("made"), S_IFIFO | 0600, 0, 0);
    if (is(way, "link below")) return call(SYS_symlinkat, 304, text("x"), fixed, text("made"), 0, 0);
    if (is(way, "remove below")) return call(SYS_unlinkat, 301, fixed, text("file"), 0, 0, 0);
    if (is(way, "remove round")) return call(SYS_unlinkat, 301, fixed, text("../fixed/file"), 0, 0, 0);
    // Attributes of what is held.
    if (is(way, "mode held")) return call(452, 452, name, text(""), 0640, AT_EMPTY_PATH, 0);
    if (is(way, "mode through link")) return call(SYS_chmod, 15, link_to(name), 0640, 0, 0, 0);
    if (is(way, "mode by number")) return call(SYS_fchmod, 94, file, 0640, 0, 0, 0);
    if (is(way, "owner held")) return call(SYS_fchownat, 298, name, text(""), getuid(), getgid(), AT_EMPTY_PATH);
    if (is(way, "owner by number")) return call(SYS_fchown, 207, file, getuid(), getgid(), 0, 0);
    if (is(way, "times held")) return call(SYS_utimensat, 412, name, text(""), bytes(times, sizeof times), AT_EMPTY_PATH, 0);
    if (is(way, "times by number")) return call(SYS_utimensat, 412, file, 0, bytes(times, sizeof times), 0, 0);
    if (is(way, "attribute below")) return call(463, 463, fixed, text("file"), 0, text("user.made"), extended()) < 0 ? -1 : 0;
    if (is(way, "attribute through link")) return call(SYS_setxattr, 226, link_to(name), text("user.made"), text("x"), 1, 0);
    if (is(way, "attribute by number")) return call(SYS_fsetxattr, 228, file, text("user.made"), text("x"), 1, 0);
    // Contents.
    if (is(way, "size through link")) return call(SYS_truncate, 92, link_to(name), 1, 0, 0, 0);
    if (is(way, "emptied through link")) return open_at(link_to(file), O_RDONLY | O_TRUNC);
    if (is(way, "opened through link")) return open_at(link_to(file), O_RDWR);
    if (is(way, "opened through name")) return open_at(link_to(name), O_WRONLY);
    if (is(way, "opened below")) return call(SYS_openat, 295, fixed, text("file"), O_WRONLY, 0, 0);
    if (is(way, "opened through how")) {
        unsigned long how[3] = {O_RDWR, 0, 8 /* RESOLVE_BENEATH */};
        return call(437, 437, fixed, text("file"), bytes(how, sizeof how), sizeof how, 0);
    }
    if (is(way, "run held")) return ran(run_held) - 1;
    if (is(way, "run below")) return ran(run_below) - 1;
    if (is(way, "run through link")) return ran(run_linked) - 1;
    if (is(way, "socket")) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        snprintf(address.sun_path, sizeof address.sun_path, "%.90s/fixed/made", arena);
        return call(SYS_bind, 361, socket(AF_UNIX, SOCK_STREAM, 0), bytes(&address, sizeof address), sizeof address, 0, 0);
    }
    return -2;
}
static int looks(const char *way) {
    int hidden = open_at(in("closed"), O_PATH), file = open_at(in("fixed/file"), O_PATH);
    struct { struct file_handle head; char rest[128]; } handle = {{.handle_bytes = 128}};
    if (is(way, "secret below")) return is_secret(call(SYS_openat, 295, hidden, text("secret"), O_RDONLY, 0, 0)) - 1;
    if (is(way, "secret round")) return is_secret(open_at(in("open/../closed/./secret"), O_RDONLY)) - 1;
    if (is(way, "secret linked")) {
        call(SYS_linkat, 303, AT_FDCWD, in("closed/secret"), AT_FDCWD, in("open/made"), 0);
        return is_secret(open_at(in("open/made"), O_RDONLY)) - 1;
    }
    if (is(way, "secret moved")) {
        call(SYS_renameat2, 353, AT_FDCWD, in("closed"), AT_FDCWD, in("open/made"), 1);
        return is_secret(open_at(in("open/made/secret"), O_RDONLY)) - 1;
    }
    if (is(way, "secret exchanged")) {
        call(SYS_mkdir, 39, in("open/made"), 0700, 0, 0, 0);
        call(SYS_renameat2, 353, AT_FDCWD, in("closed"), AT_FDCWD, in("open/made"), 2);
        return is_secret(open_at(in("open/made/secret"), O_RDONLY)) - 1;
    }
    if (is(way, "watch through link")) return call(SYS_inotify_add_watch, 292, inotify_init1(0), link_to(hidden), IN_ALL_EVENTS, 0, 0);
    if (is(way, "handle")) {
        char *place = (char *)bytes(&handle, sizeof handle);
        if (call(SYS_name_to_handle_at, 341, file, text(""), (long)place, bytes(&(int){0}, 4), AT_EMPTY_PATH) < 0) return -1;
        return call(SYS_open_by_handle_at, 342, open_at(text("/"), O_RDONLY), (long)place, O_RDWR, 0, 0);
    }
    // What would move the names, or tell what others do.
    if (is(way, "tree")) return call(428, 428, hidden, text(""), 1 | AT_EMPTY_PATH, 0, 0);
    if (is(way, "root")) return call(SYS_chroot, 61, in("closed"), 0, 0, 0, 0);
    if (is(way, "pivot")) return call(SYS_pivot_root, 217, in("closed"), in("closed"), 0, 0, 0) < 0 && errno != EPERM && errno != EACCES ? 0 : -1;
    if (is(way, "new file system")) return call(430, 430, text("tmpfs"), 0, 0, 0, 0);
    if (is(way, "picked file system")) return call(433, 433, AT_FDCWD, text("/"), 0, 0, 0);
    if (is(way, "mount attributes")) return call(442, 442, AT_FDCWD, text("/"), 0, bytes((char[32]){0}, 32), 32);
    if (is(way, "marked file system")) {
        int teller = fanotify_init(FAN_CLASS_NOTIF, O_RDWR);
        return syscall(SYS_fanotify_mark, teller, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, (long)FAN_OPEN, open_at(in("open"), O_RDONLY), NULL);
    }
    if (is(way, "accounts")) {
        int answer = call(SYS_acct, 51, in("open/file"), 0, 0, 0, 0);
        if (answer == 0) acct(NULL);
        return answer;
    }
    if (is(way, "swap")) return call(SYS_swapon, 87, in("open/file"), 0, 0, 0, 0) == 0 || errno == EINVAL ? 0 : -1;
    return -2;
}
static int attempt(const char *way) {
    old = !strncmp(way, "old ", 4);
    way += old ? 4 : 0;
    int answer = changes(way);
    if (answer == -2) answer = looks(way);
    if (answer == -2) _exit(9);
    return answer >= 0;
}
int main(int argc, char **argv) {
    (void)argc;
    low = mmap(NULL, 1 << 16, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    if (low == MAP_FAILED) return 9;
    // Each way has an arena of its own, numbered in their order.
    int wins = 0;
    for (int i = 2; i < argc; i++) {
        char place[200];
        snprintf(place, sizeof place, "%.180s/%d", argv[1], i - 2);
        char *one[] = {argv[0], place, argv[i], NULL};
        begin(one);
        int code = each_way(one, attempt);
        if (code == 9) return printf("? %s\n", argv[i]), 9;
        wins += code == WON;
    }
    return wins ? WON : HELD;
}
