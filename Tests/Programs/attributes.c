/* What is known of files: stat in its forms, extended attributes, handles, times, directories. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <utime.h>

static void attributes(const char *name) {
    int file = open(name, O_RDWR);
    setxattr(name, "user.key", "value", 5, XATTR_CREATE);
    char value[16];
    getxattr(name, "user.key", value, sizeof value);
    fgetxattr(file, "user.none", value, sizeof value);
    listxattr(name, value, sizeof value);
    flistxattr(file, 0, 0);
    flistxattr(file, value, 0);
    llistxattr("/proc/self", value, 0);
    removexattr(name, "user.key");
    struct { unsigned bytes; int type; char handle[128]; } handle = {.bytes = 128};
    int mount;
    syscall(SYS_name_to_handle_at, AT_FDCWD, "/etc/passwd", &handle, &mount, 0);
    syscall(SYS_open_by_handle_at, -1, &handle, O_RDONLY | O_DIRECTORY);
    syscall(SYS_name_to_handle_at, AT_FDCWD, "/no-such-place", &handle, &mount, AT_SYMLINK_FOLLOW);
    close(file);
}

static void times(const char *name) {
    struct timespec both[2] = {{.tv_sec = 1, .tv_nsec = 2}, {.tv_nsec = UTIME_OMIT}};
    utimensat(AT_FDCWD, name, both, AT_SYMLINK_NOFOLLOW);
    both[0].tv_nsec = UTIME_NOW;
    utimensat(AT_FDCWD, name, both, 0);
    utimensat(AT_FDCWD, name, 0, 0);
    struct timeval old[2] = {{1, 2}, {3, 4}};
    syscall(SYS_utimes, name, old);
    syscall(SYS_futimesat, AT_FDCWD, name, old);
    struct utimbuf older = {5, 6};
    syscall(SYS_utime, name, &older);
}

static void opens(const char *name) {
    struct { struct open_how how; uint64_t more[2]; } how = {
        .how = {.flags = O_CREAT | O_CLOEXEC | O_RDWR, .mode = 0600, .resolve = RESOLVE_BENEATH | RESOLVE_CACHED}};
    syscall(SYS_openat2, AT_FDCWD, name, &how, sizeof how.how);
    how.more[1] = 0x0807060504030201;
    syscall(SYS_openat2, AT_FDCWD, name, &how, sizeof how);
    how.how.flags = O_PATH;
    how.how.mode = 0;
    syscall(SYS_openat2, -1, name, &how, sizeof how.how);
    open("/tmp", O_RDWR | O_TMPFILE, 0400);
    openat(-1, "file", O_WRONLY | O_CREAT | O_EXCL | O_SYNC | O_NOATIME | O_DSYNC, 04755);
}

int main(void) {
    const char *name = "/tmp/abitrace-attributes";
    close(open(name, O_RDWR | O_CREAT | O_TRUNC, 0640));
    attributes(name);
    times(name);
    opens(name);
    struct stat status;
    stat(name, &status);
    lstat("/dev/null", &status);
    fstatat(AT_FDCWD, "", &status, AT_EMPTY_PATH);
    struct statx more;
    statx(AT_FDCWD, "/dev/null", AT_STATX_FORCE_SYNC | AT_SYMLINK_NOFOLLOW, STATX_TYPE | STATX_SIZE, &more);
    statx(-1, "none", AT_EMPTY_PATH, STATX_ALL, &more);
    statx(AT_FDCWD, "/etc/passwd", 0, STATX_BTIME | STATX_MNT_ID, &more);
    mkdir("/tmp/abitrace-list", 0700);
    close(open("/tmp/abitrace-list/one", O_CREAT | O_WRONLY, 0600));
    int directory = open("/tmp/abitrace-list", O_RDONLY | O_DIRECTORY);
    char entries[1024];
    syscall(SYS_getdents64, directory, entries, sizeof entries);
    syscall(SYS_getdents64, directory, entries, sizeof entries);
    lseek(directory, 0, SEEK_SET);
    syscall(SYS_getdents, directory, entries, sizeof entries);
    unlink("/tmp/abitrace-list/one");
    rmdir("/tmp/abitrace-list");
    mknod("/no-such-place/fifo", S_IFIFO | 0600, 0);
    mknod("/no-such-place/device", S_IFCHR | 0600, 0x103);
    chmod(name, 04755);
    fchmodat(AT_FDCWD, name, 0, 0);
    lchown(name, -1, 0);
    fchownat(AT_FDCWD, name, 0, -1, AT_SYMLINK_NOFOLLOW);
    access("/etc/passwd", R_OK | X_OK);
    syscall(SYS_faccessat2, AT_FDCWD, "/etc", F_OK, AT_EACCESS | AT_SYMLINK_NOFOLLOW);
    syscall(SYS_renameat2, AT_FDCWD, "/no-such-place/a", AT_FDCWD, "/no-such-place/b", 1);
    linkat(AT_FDCWD, "/no-such-place/a", -1, "b", AT_SYMLINK_FOLLOW);
    unlinkat(AT_FDCWD, "/no-such-place/a", AT_REMOVEDIR);
    umask(077);
    unlink(name);
    return 0;
}
