// Every call that takes a name, asked about the hidden file or for a change of the read-only one, in both tables.
#include "attack.h"
#include <linux/aio_abi.h>
#include <sys/inotify.h>
#include <sys/statfs.h>
#include <sys/xattr.h>
// The argument registers of int 0x80 hold 32 bits: what they point to lies low.
static char *low;
static long old_call(long number, long b, long c, long d, long s) {
    long answer;
    __asm__ volatile("int $0x80" : "=a"(answer) : "a"(number), "b"(b), "c"(c), "d"(d), "S"(s) : "memory", "r8", "r9", "r10", "r11");
    return answer;
}
static long at(const char *text, int offset) {
    strcpy(low + offset, text);
    return (long)(low + offset);
}
static int looks(const char *way) {
    char buffer[4096];
    struct stat status;
    if (!strcmp(way, "stat")) return stat(secret, &status) == 0;
    if (!strcmp(way, "lstat")) return syscall(SYS_lstat, secret, buffer) == 0;
    if (!strcmp(way, "statx")) return syscall(SYS_statx, AT_FDCWD, secret, 0, 0x7ff, buffer) == 0;
    if (!strcmp(way, "access")) return access(secret, F_OK) == 0;
    if (!strcmp(way, "faccessat2")) return syscall(439, AT_FDCWD, secret, R_OK, 0) == 0;
    if (!strcmp(way, "statfs")) return statfs(secret, (void *)buffer) == 0;
    if (!strcmp(way, "getxattr")) return getxattr(secret, "user.none", buffer, 1) < 0 && errno == ENODATA;
    if (!strcmp(way, "listxattr")) return listxattr(secret, buffer, sizeof buffer) >= 0;
    if (!strcmp(way, "inotify")) return inotify_add_watch(inotify_init1(0), secret, IN_MODIFY) >= 0;
    if (!strcmp(way, "name_to_handle")) {
        struct file_handle *handle = (void *)buffer;
        int mount;
        handle->handle_bytes = 128;
        return name_to_handle_at(AT_FDCWD, secret, handle, &mount, 0) == 0;
    }
    if (!strcmp(way, "chdir")) {
        char folder[256];
        snprintf(folder, sizeof folder, "%s/closed", arena);
        return chdir(folder) == 0;
    }
    if (!strcmp(way, "readdir")) {
        char folder[256];
        snprintf(folder, sizeof folder, "%s/closed", arena);
        int file = open(folder, O_RDONLY);
        return file >= 0 && syscall(SYS_getdents64, file, buffer, sizeof buffer) > 0;
    }
    if (!strcmp(way, "path then stat")) return fstat(open(secret, O_PATH), &status) == 0;
    if (!strcmp(way, "open_tree")) return syscall(428, AT_FDCWD, secret, 0) >= 0;
    if (!strcmp(way, "fspick")) return syscall(433, AT_FDCWD, "/", 0) >= 0;
    if (!strcmp(way, "getxattrat")) {
        struct { unsigned long value; unsigned size, flags; } arguments = {(unsigned long)buffer, 16, 0};
        return syscall(464, AT_FDCWD, secret, 0, "user.none", &arguments, 16) < 0 && errno == ENODATA;
    }
    if (!strcmp(way, "file_getattr")) return syscall(468, AT_FDCWD, secret, buffer, 24, 0) == 0 || errno == EOPNOTSUPP;
    if (!strcmp(way, "old open")) return is_secret((int)old_call(5, at(secret, 0), 0, 0, 0));
    if (!strcmp(way, "old openat")) return is_secret((int)old_call(295, AT_FDCWD, at(secret, 0), 0, 0));
    if (!strcmp(way, "old stat")) return old_call(106, at(secret, 0), (long)(low + 1024), 0, 0) == 0;
    if (!strcmp(way, "old stat64")) return old_call(195, at(secret, 0), (long)(low + 1024), 0, 0) == 0;
    if (!strcmp(way, "old access")) return old_call(33, at(secret, 0), 0, 0, 0) == 0;
    if (!strcmp(way, "queue")) {
        // Linux's own asynchronous reads begin with a descriptor: there is none.
        aio_context_t ring = 0;
        return syscall(SYS_io_setup, 1, &ring) == 0 && is_secret(open(secret, O_RDONLY));
    }
    return -1;
}
static int changes(const char *way) {
    char other[256];
    struct stat before, after;
    if (stat(readonly, &before) < 0) _exit(9);
    snprintf(other, sizeof other, "%s/fixed/new", arena);
    struct timespec times[2] = {{1, 0}, {1, 0}};
    if (!strcmp(way, "creat")) close(syscall(SYS_creat, other, 0600));
    if (!strcmp(way, "openat creat")) close(openat(AT_FDCWD, other, O_CREAT | O_RDONLY, 0600));
    if (!strcmp(way, "mkdirat")) mkdirat(AT_FDCWD, other, 0700);
    if (!strcmp(way, "mknod")) mknod(other, S_IFIFO | 0600, 0);
    if (!strcmp(way, "symlinkat")) (void)!symlinkat("x", AT_FDCWD, other);
    if (!strcmp(way, "linkat")) (void)!linkat(AT_FDCWD, open_file, AT_FDCWD, other, 0);
    if (!strcmp(way, "renameat2")) syscall(SYS_renameat2, AT_FDCWD, open_file, AT_FDCWD, other, 1);
    if (!strcmp(way, "tmpfile")) {
        char folder[256];
        snprintf(folder, sizeof folder, "%s/fixed", arena);
        int file = open(folder, O_TMPFILE | O_RDWR, 0600);
        return file >= 0;
    }
    if (!strcmp(way, "truncate")) (void)!truncate(readonly, 1);
    if (!strcmp(way, "chmod")) chmod(readonly, 0640);
    if (!strcmp(way, "fchmodat2")) syscall(452, AT_FDCWD, readonly, 0640, 0);
    if (!strcmp(way, "fchmod")) fchmod(open(readonly, O_RDONLY), 0640);
    if (!strcmp(way, "utimensat")) utimensat(AT_FDCWD, readonly, times, 0);
    if (!strcmp(way, "futimens")) futimens(open(readonly, O_RDONLY), times);
    if (!strcmp(way, "utime")) syscall(SYS_utime, readonly, times);
    if (!strcmp(way, "utimes")) syscall(SYS_utimes, readonly, times);
    if (!strcmp(way, "setxattr")) return setxattr(readonly, "user.attack", "x", 1, 0) == 0;
    if (!strcmp(way, "fsetxattr")) return fsetxattr(open(readonly, O_RDONLY), "user.attack", "x", 1, 0) == 0;
    if (!strcmp(way, "unlink")) unlink(readonly);
    if (!strcmp(way, "unlinkat")) unlinkat(AT_FDCWD, readonly, 0);
    if (!strcmp(way, "old truncate")) old_call(92, at(readonly, 0), 1, 0, 0);
    if (!strcmp(way, "old open truncate")) old_call(5, at(readonly, 0), O_TRUNC, 0, 0);
    if (!strcmp(way, "old truncate64")) old_call(193, at(readonly, 0), 1, 0, 0);
    if (!strcmp(way, "old creat")) old_call(8, at(other, 0), 0600, 0, 0);
    if (!strcmp(way, "old unlink")) old_call(10, at(readonly, 0), 0, 0, 0);
    if (!strcmp(way, "old chmod")) old_call(15, at(readonly, 0), 0640, 0, 0);
    if (!strcmp(way, "old utimensat")) old_call(320, AT_FDCWD, at(readonly, 0), 0, 0);
    if (!strcmp(way, "old rename")) old_call(38, at(open_file, 0), at(other, 512), 0, 0);
    if (!strcmp(way, "append")) {
        int file = open(readonly, O_WRONLY | O_APPEND);
        return file >= 0 && write(file, "x", 1) == 1;
    }
    if (!strcmp(way, "sendfile")) {
        int file = open(readonly, O_RDWR);
        return file >= 0;
    }
    int won = stat(readonly, &after) < 0 || after.st_size != before.st_size || after.st_mode != before.st_mode
        || after.st_mtim.tv_sec != before.st_mtim.tv_sec || after.st_mtim.tv_nsec != before.st_mtim.tv_nsec || lstat(other, &after) == 0;
    // The next way finds what this one found.
    rmdir(other), unlink(other);
    int file = open(readonly, O_CREAT | O_WRONLY | O_TRUNC, 0644);
    if (file >= 0) (void)!write(file, "fixed\n", 6), fchmod(file, 0644), close(file);
    file = open(open_file, O_CREAT | O_WRONLY | O_TRUNC, 0644);
    if (file >= 0) (void)!write(file, "open\n", 5), close(file);
    return won;
}
static int attempt(const char *way) {
    int answer = looks(way);
    return answer >= 0 ? answer : changes(way);
}
int main(int argc, char **argv) {
    (void)argc;
    begin(argv);
    low = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    return each_way(argv, attempt);
}
