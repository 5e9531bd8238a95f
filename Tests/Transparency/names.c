// Calls that take names, each with every kind of name: what they answer and what they leave behind must not depend on
// who performs them. The tree is made anew after every call that changed something.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <utime.h>

static char top[256], longest[257], too_long[258], path_max[4097], path_over[4098];

static void make_file(const char *name, mode_t mode) {
    int file = open(name, O_CREAT | O_WRONLY | O_TRUNC, 0600);
    if (file >= 0 && write(file, "content\n", 8) == 8) fchmod(file, mode);
    close(file);
}
// To the top, which a call may have shut.
static void go_home(void) {
    chmod(top, 0755);
    if (chdir("/") < 0 || chdir(top) < 0) _exit(9);
}
static int compare(const struct dirent **one, const struct dirent **other) {
    return strcmp((*one)->d_name, (*other)->d_name);
}
// Prints what lies in the working directory and below, or removes it. Directories that are shut are opened for that.
static void sweep(const char *path, int removes) {
    struct dirent **list;
    int count = scandir(path, &list, NULL, compare);
    for (int i = 0; i < count; i++) {
        char name[700], text[64] = "";
        struct stat status;
        snprintf(name, sizeof name, "%s/%s", path, list[i]->d_name);
        int isDots = !strcmp(list[i]->d_name, ".") || !strcmp(list[i]->d_name, "..");
        free(list[i]);
        if (isDots || lstat(name, &status) < 0) continue;
        int isDirectory = S_ISDIR(status.st_mode);
        if (!removes) {
            if (S_ISLNK(status.st_mode)) (void)!readlink(name, text, sizeof text - 1);
            printf("    %.40s %o %d %d %ld %s\n", name, status.st_mode, status.st_uid, status.st_gid,
                   isDirectory ? 0 : (long)status.st_nlink * 1000 + (long)status.st_size, text);
        }
        if (isDirectory) {
            chmod(name, 0700);
            sweep(name, removes);
        }
        if (removes) remove(name);
    }
    if (count >= 0) free(list);
}
// Names are made relative to the tree's top, which is the working directory.
static void build(void) {
    go_home();
    sweep(".", 1);
    make_file("file", 0644), make_file("secret", 0), make_file("other", 0644);
    mkdir("dir", 0755), make_file("dir/inner", 0644), mkdir("empty", 0755), mkdir("full", 0755), make_file("full/x", 0644);
    mkdir("sticky", 0755), chmod("sticky", 01777), make_file("sticky/mine", 0644);
    mkdir("grouped", 0755), chmod("grouped", 02775);
    (void)!symlink("file", "link"), (void)!symlink("nowhere", "dangling"), (void)!symlink("loop", "loop");
    (void)!symlink("dir", "dirlink"), (void)!symlink("dirlink/inner", "deep"), (void)!symlink("dir/", "slashed");
    (void)!symlink("nowhere/x", "beyond"), (void)!symlink("file/x", "through"), (void)!symlink(".", "here");
    char absolute[300];
    snprintf(absolute, sizeof absolute, "%s/file", top);
    (void)!symlink(absolute, "absolute");
    (void)!symlink("/proc/self/exe", "magic");
    mkfifo("fifo", 0644);
    int server = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un address = {AF_UNIX, "socket"};
    if (bind(server, (void *)&address, sizeof address) < 0) _exit(9);
    close(server);
    mkdir("shut", 0755), make_file("shut/x", 0644), mkdir("searchable", 0755), make_file("searchable/x", 0644);
    mkdir("readable", 0755), make_file("readable/x", 0644);
    chmod("shut", 0), chmod("searchable", 0311), chmod("readable", 0444);
    if (setxattr("file", "user.note", "hello", 5, 0) < 0) return;
}
// Reports a call; one that changed the tree is followed by what is there now.
static int report(const char *call, const char *name, long answer, int changes) {
    int error = errno;
    printf("%s(%.60s) = %s", call, name, answer < 0 ? strerrorname_np(error) : "ok");
    if (answer > 0 && !changes) printf(" %ld", answer);
    printf("\n");
    if (changes && answer >= 0) {
        go_home();
        sweep(".", 0);
        build();
    }
    return answer >= 0;
}
static void status_text(const struct stat *status) {
    printf("    %o %u %u %ld %lu\n", status->st_mode, status->st_uid, status->st_gid,
           S_ISREG(status->st_mode) ? (long)status->st_size : 0, S_ISDIR(status->st_mode) ? 0UL : (unsigned long)status->st_nlink);
}

static void looks(const char *name) {
    struct stat status;
    struct statx wide;
    struct statfs system;
    char text[4096];
    if (report("stat", name, stat(name, &status), 0)) status_text(&status);
    if (report("lstat", name, lstat(name, &status), 0)) status_text(&status);
    if (report("fstatat empty", name, fstatat(AT_FDCWD, name, &status, AT_EMPTY_PATH), 0)) status_text(&status);
    report("fstatat 0x8000", name, fstatat(AT_FDCWD, name, &status, 0x80000), 0);
    if (report("statx", name, statx(AT_FDCWD, name, AT_SYMLINK_NOFOLLOW, STATX_ALL, &wide), 0))
        printf("    %x %o %llu\n", wide.stx_mask & 0xFFF, wide.stx_mode, S_ISREG(wide.stx_mode) ? wide.stx_size : 0);
    if (report("statx type", name, statx(AT_FDCWD, name, 0, STATX_TYPE, &wide), 0)) printf("    %o\n", wide.stx_mode & S_IFMT);
    for (int mode = 0; mode < 9; mode++) {
        snprintf(text, sizeof text, "access %d", mode);
        report(text, name, access(name, mode), 0);
    }
    report("faccessat eaccess", name, faccessat(AT_FDCWD, name, R_OK | W_OK, AT_EACCESS), 0);
    report("faccessat nofollow", name, syscall(439, AT_FDCWD, name, R_OK, AT_SYMLINK_NOFOLLOW), 0);
    long got = readlink(name, text, sizeof text);
    if (strncmp(name, "/proc", 5) && report("readlink", name, got, 0)) printf("    %.*s\n", (int)(got > 60 ? 60 : got), text);
    report("readlink 3", name, readlink(name, text, 3), 0);
    report("readlink 0", name, readlink(name, text, 0), 0);
    if (report("statfs", name, statfs(name, &system), 0)) printf("    %lx %ld\n", (long)system.f_type, (long)system.f_namelen);
    got = getxattr(name, "user.note", text, sizeof text);
    report("getxattr", name, got, 0);
    report("lgetxattr", name, lgetxattr(name, "user.note", text, sizeof text), 0);
    report("getxattr size", name, getxattr(name, "user.note", NULL, 0), 0);
    report("getxattr small", name, getxattr(name, "user.note", text, 2), 0);
    report("getxattr none", name, getxattr(name, "user.none", text, 2), 0);
    report("getxattr bad", name, getxattr(name, "nonsense", text, 2), 0);
    report("listxattr", name, listxattr(name, text, sizeof text), 0);
    report("llistxattr", name, llistxattr(name, text, 1), 0);
    int directory = open(name, O_PATH);
    if (report("open path", name, directory < 0 ? -1 : 0, 0)) {
        if (report("fstat path", name, fstat(directory, &status), 0)) status_text(&status);
        report("read path", name, read(directory, text, 1), 0);
        report("fchmod path", name, fchmod(directory, 0600), 0);
        report("fgetxattr path", name, fgetxattr(directory, "user.note", text, 9), 0);
        report("faccessat path", name, syscall(439, directory, "", R_OK, AT_EMPTY_PATH), 0);
        report("openat under", name, openat(directory, "inner", O_RDONLY) < 0 ? -1 : 0, 0);
        report("readlinkat empty", name, readlinkat(directory, "", text, 3), 0);
        report("fchdir", name, fchdir(directory), 0);
        go_home();
    }
    close(directory);
    directory = open(name, O_PATH | O_NOFOLLOW);
    if (report("open link", name, directory < 0 ? -1 : 0, 0)) {
        if (fstat(directory, &status) == 0) status_text(&status);
        report("fstatat link", name, fstatat(directory, "", &status, AT_EMPTY_PATH), 0);
        report("fchownat link", name, fchownat(directory, "", -1, -1, AT_EMPTY_PATH), 0);
    }
    close(directory);
    report("chdir", name, chdir(name), 0);
    go_home();
    int queue = inotify_init1(0);
    report("inotify", name, inotify_add_watch(queue, name, IN_MODIFY) < 0 ? -1 : 0, 0);
    report("inotify dir", name, inotify_add_watch(queue, name, IN_MODIFY | IN_ONLYDIR) < 0 ? -1 : 0, 0);
    report("inotify link", name, inotify_add_watch(queue, name, IN_MODIFY | IN_DONT_FOLLOW) < 0 ? -1 : 0, 0);
    report("inotify nothing", name, inotify_add_watch(queue, name, 0) < 0 ? -1 : 0, 0);
    close(queue);
}

static void opens(const char *name) {
    static const struct {
        const char *text;
        int flags;
    } ways[] = {
        {"r", O_RDONLY}, {"w", O_WRONLY}, {"rw", O_RDWR}, {"3", 3}, {"dir", O_DIRECTORY}, {"w dir", O_WRONLY | O_DIRECTORY},
        {"nofollow", O_NOFOLLOW}, {"nofollow dir", O_NOFOLLOW | O_DIRECTORY}, {"trunc", O_WRONLY | O_TRUNC},
        {"r trunc", O_RDONLY | O_TRUNC}, {"append", O_WRONLY | O_APPEND}, {"creat", O_CREAT | O_WRONLY}, {"creat r", O_CREAT},
        {"excl", O_CREAT | O_EXCL | O_RDWR}, {"excl alone", O_EXCL}, {"creat dir", O_CREAT | O_DIRECTORY},
        {"creat nofollow", O_CREAT | O_NOFOLLOW | O_RDWR}, {"creat trunc", O_CREAT | O_TRUNC | O_RDWR},
        {"tmpfile", O_TMPFILE | O_RDWR}, {"tmpfile r", O_TMPFILE | O_RDONLY}, {"tmpfile excl", O_TMPFILE | O_WRONLY | O_EXCL},
        {"noatime", O_NOATIME}, {"direct", O_DIRECT}, {"sync", O_SYNC | O_RDWR}, {"async", O_ASYNC},
        {"unknown", 0x40000000}, {"path creat", O_PATH | O_CREAT}, {"path trunc", O_PATH | O_TRUNC | O_WRONLY},
        {"path dir", O_PATH | O_DIRECTORY}, {"largefile", 0100000},
    };
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        char call[64];
        snprintf(call, sizeof call, "open %s", ways[i].text);
        int file = open(name, ways[i].flags | O_NONBLOCK | O_CLOEXEC, 04751);
        if (file >= 0) {
            int error = errno;
            struct stat status;
            fstat(file, &status);
            // O_NOFOLLOW only tells how the name was looked up, and a broker has looked it up before.
            printf("  flags %o cloexec %d mode %o\n", fcntl(file, F_GETFL) & ~O_NOFOLLOW, fcntl(file, F_GETFD), status.st_mode);
            errno = error;
        }
        report(call, name, file < 0 ? -1 : 0, 1);
        close(file);
    }
    static const struct {
        const char *text;
        struct open_how how;
        size_t size;
    } hows[] = {
        {"plain", {O_RDONLY, 0, 0}, 24}, {"beneath", {O_RDONLY, 0, RESOLVE_BENEATH}, 24},
        {"root", {O_RDONLY, 0, RESOLVE_IN_ROOT}, 24}, {"no links", {O_RDONLY, 0, RESOLVE_NO_SYMLINKS}, 24},
        {"no magic", {O_RDONLY, 0, RESOLVE_NO_MAGICLINKS}, 24}, {"no mounts", {O_RDONLY, 0, RESOLVE_NO_XDEV}, 24},
        {"both", {O_RDONLY, 0, RESOLVE_BENEATH | RESOLVE_IN_ROOT}, 24},
        {"mode", {O_RDONLY, 0600, 0}, 24}, {"big mode", {O_CREAT | O_RDWR, 0100600, 0}, 24}, {"creat", {O_CREAT | O_RDWR, 0640, 0}, 24},
        {"creat beneath", {O_CREAT | O_RDWR, 0640, RESOLVE_BENEATH}, 24}, {"unknown flag", {1ULL << 40, 0, 0}, 24},
        {"unknown resolve", {O_RDONLY, 0, 1 << 20}, 24}, {"short", {O_RDONLY, 0, 0}, 16}, {"huge", {O_RDONLY, 0, 0}, 5000},
        {"path creat", {O_PATH | O_CREAT, 0600, 0}, 24}, {"path w", {O_PATH | O_RDWR, 0, 0}, 24}, {"tmpfile", {O_TMPFILE | O_RDWR, 0600, 0}, 24},
        {"creat dir", {O_CREAT | O_DIRECTORY | O_RDWR, 0600, 0}, 24}, {"excl beneath", {O_CREAT | O_EXCL | O_RDWR, 0600, RESOLVE_BENEATH}, 24},
    };
    for (size_t i = 0; i < sizeof hows / sizeof *hows; i++) {
        char call[64];
        snprintf(call, sizeof call, "openat2 %s", hows[i].text);
        struct open_how how = hows[i].how;
        if (!(how.flags & O_PATH)) how.flags |= O_NONBLOCK;
        int file = syscall(SYS_openat2, AT_FDCWD, name, &how, hows[i].size);
        report(call, name, file < 0 ? -1 : 0, 1);
        close(file);
    }
}

static void changes(const char *name) {
    struct timeval times[2] = {{1000, 1}, {2000, 2}};
    struct timespec fine[2] = {{1000, 1}, {2000, 2}}, odd[2] = {{0, UTIME_OMIT}, {0, UTIME_OMIT}}, bad[2] = {{0, -5}, {0, 0}};
    struct utimbuf old = {1000, 2000};
    report("mkdir", name, mkdir(name, 03777), 1);
    report("mknod file", name, mknod(name, 0644, 0), 1);
    report("mknod fifo", name, mknod(name, S_IFIFO | 0666, 0), 1);
    report("mknod socket", name, mknod(name, S_IFSOCK | 0666, 0), 1);
    report("mknod dir", name, mknod(name, S_IFDIR | 0666, 0), 1);
    report("mknod odd", name, mknod(name, 0170000 | 0666, 0), 1);
    report("mknod device", name, mknod(name, S_IFCHR | 0666, 0x103), 1);
    report("unlink", name, unlink(name), 1);
    report("rmdir", name, rmdir(name), 1);
    report("unlinkat bad", name, unlinkat(AT_FDCWD, name, 0x1), 1);
    report("symlink", name, symlink("file", name), 1);
    report("symlink empty", name, symlink("", name), 1);
    report("link to", name, link("file", name), 1);
    report("link from", name, link(name, "linked"), 1);
    report("link follow", name, linkat(AT_FDCWD, name, AT_FDCWD, "linked", AT_SYMLINK_FOLLOW), 1);
    report("link bad", name, linkat(AT_FDCWD, name, AT_FDCWD, "linked", 0x1), 1);
    report("link dir", name, link("dir", name), 1);
    static const char *const others[] = {"new", "file", "dir", "empty", "full/x", "link", "dangling", "new/", "empty/", "missing/new", "dir/moved"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        char call[64];
        snprintf(call, sizeof call, "rename to %s", others[i]);
        report(call, name, rename(name, others[i]), 1);
        snprintf(call, sizeof call, "rename from %s", others[i]);
        report(call, name, rename(others[i], name), 1);
        snprintf(call, sizeof call, "exchange with %s", others[i]);
        report(call, name, syscall(SYS_renameat2, AT_FDCWD, name, AT_FDCWD, others[i], 2), 1);
        snprintf(call, sizeof call, "no replace to %s", others[i]);
        report(call, name, syscall(SYS_renameat2, AT_FDCWD, name, AT_FDCWD, others[i], 1), 1);
    }
    report("rename odd", name, syscall(SYS_renameat2, AT_FDCWD, name, AT_FDCWD, "new", 3), 1);
    report("rename odder", name, syscall(SYS_renameat2, AT_FDCWD, name, AT_FDCWD, "new", 64), 1);
    report("chmod", name, chmod(name, 06755), 1);
    report("fchmodat2 link", name, syscall(452, AT_FDCWD, name, 0600, AT_SYMLINK_NOFOLLOW), 1);
    report("chown", name, chown(name, getuid(), getgid()), 1);
    report("lchown", name, lchown(name, -1, getgid()), 1);
    report("chown away", name, chown(name, 12345, -1), 1);
    report("utimes", name, utimes(name, times), 1);
    report("utime", name, utime(name, &old), 1);
    report("utimensat", name, utimensat(AT_FDCWD, name, fine, AT_SYMLINK_NOFOLLOW), 1);
    report("utimensat omit", name, utimensat(AT_FDCWD, name, odd, 0), 1);
    report("utimensat bad", name, utimensat(AT_FDCWD, name, bad, 0), 1);
    report("utimensat now", name, utimensat(AT_FDCWD, name, NULL, 0), 1);
    report("truncate", name, truncate(name, 3), 1);
    report("truncate bad", name, truncate(name, -3), 1);
    report("setxattr", name, setxattr(name, "user.a", "b", 1, 0), 1);
    report("lsetxattr", name, lsetxattr(name, "user.a", "b", 1, 0), 1);
    report("setxattr create", name, setxattr(name, "user.note", "b", 1, XATTR_CREATE), 1);
    report("setxattr replace", name, setxattr(name, "user.a", "b", 1, XATTR_REPLACE), 1);
    report("setxattr odd", name, setxattr(name, "user.a", "b", 1, 8), 1);
    report("setxattr no name", name, setxattr(name, "", "b", 1, 0), 1);
    report("setxattr empty", name, setxattr(name, "user.a", "", 0, 0), 1);
    report("removexattr", name, removexattr(name, "user.note"), 1);
    report("lremovexattr", name, lremovexattr(name, "user.note"), 1);
    int socket_ = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strncpy(address.sun_path, name, sizeof address.sun_path - 1);
    if (strlen(name) < sizeof address.sun_path && *name) {
        report("connect", name, connect(socket_, (void *)&address, sizeof address), 0);
        report("bind", name, bind(socket_, (void *)&address, sizeof address), 1);
    }
    close(socket_);
}

int main(int argc, char **argv) {
    if (argc < 2 || !realpath(argv[1], top)) return 9;
    umask(argc > 2 ? (mode_t)strtol(argv[2], NULL, 8) : 022);
    memset(longest, 'n', 255);
    memset(too_long, 'n', 256);
    for (int i = 0; i < 4095; i++) path_max[i] = i % 2 ? '/' : '.';
    for (int i = 0; i < 4096; i++) path_over[i] = i % 2 ? '/' : '.';
    path_max[4094] = '.';
    build();
    int held = open("file", O_RDONLY), folder = open("dir", O_RDONLY | O_DIRECTORY);
    if (held < 0 || folder < 0 || dup2(held, 33) < 0 || dup2(folder, 34) < 0) return 9;
    static const char *const names[] = {
        "file", "file/", "file/.", "file/..", "file/x", "secret", "dir", "dir/", "dir/.", "dir/..", "dir/inner", "dir//inner", "./dir/./inner",
        "dir/../file", "missing", "missing/", "missing/x", "missing/..", "link", "link/", "link/x", "dangling", "dangling/", "beyond",
        "through", "loop", "loop/", "loop/x", "dirlink", "dirlink/", "dirlink/inner", "dirlink/..", "deep", "slashed", "slashed/inner", "here/here/file",
        "absolute", "magic", ".", "..", "/", "//", "", "shut", "shut/x", "shut/missing", "shut/..", "searchable", "searchable/x", "searchable/missing",
        "readable", "readable/x", "readable/missing", "fifo", "fifo/", "fifo/x", "socket", "empty", "full", "sticky/mine", "sticky/new", "grouped/new",
        "/dev/null", "/dev/null/", "/proc/self", "/proc/self/", "/proc/self/cwd", "/proc/self/cwd/file", "/proc/self/root", "/proc/self/exe",
        "/proc/self/fd/33", "/proc/self/fd/34", "/proc/self/fd/34/inner", "/proc/self/fd/34/../file", "/proc/self/fd/99", "/proc/thread-self/fd/33",
        "/dev/fd/33", "/dev/fd/34/inner", "/proc/self/status", "/proc/self/task", "/proc/self/nothing", "/etc/passwd", "/etc/shadow", "/root/x",
        longest, too_long, path_max, path_over, "\xff\xfe", "new\nline",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        // Nothing here may change the machine, nor wait for it. Whether a name that is too long or a flag that means
        // nothing is complained of first is not looked at.
        int ours = names[i] != path_over && names[i][0] != '/' && strcmp(names[i], "..") && strcmp(names[i], ".") && strncmp(names[i], "magic", 5);
        looks(names[i]);
        if (ours) opens(names[i]), changes(names[i]);
        else report("open", names[i], open(names[i], O_RDONLY | O_NONBLOCK) < 0 ? -1 : 0, 0);
        close_range(35, 999, 0);
    }
    return 0;
}
