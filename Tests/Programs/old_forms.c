// Calls that i386 has in older forms: ids of 16 bits, arguments in a block or in halves, structs of the first kernels.
// Built for either personality it asks for the same things.

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#ifdef __i386__
#define HALVES(offset) (long)(offset), (long)((int64_t)(offset) >> 32)
#else
#define HALVES(offset) (long)(offset)
#endif

static char room[4096];

static void ids(void) {
    syscall(SYS_getuid);
    syscall(SYS_getegid);
    syscall(SYS_getresuid, room, room + 16, room + 32);
    syscall(SYS_getresgid, room, room + 16, room + 32);
    syscall(SYS_getgroups, 0, 0);
    syscall(SYS_chown, "/does/not/exist", 7, -1);
    syscall(SYS_lchown, "/does/not/exist", -1, 8);
    syscall(SYS_fchown, -1, 7, 8);
    syscall(SYS_setreuid, -1, -1);
    syscall(SYS_setregid, -1, -1);
    syscall(SYS_setresuid, -1, -1, -1);
    syscall(SYS_setresgid, -1, -1, -1);
    syscall(SYS_setfsuid, -1);
    syscall(SYS_setfsgid, -1);
}

static void blocks(void) {
    struct timeval none = {0, 0};
    fd_set set;
    FD_ZERO(&set);
    FD_SET(0, &set);
#ifdef __i386__
    unsigned long select[] = {1, (unsigned long)&set, 0, 0, (unsigned long)&none};
    unsigned long map[] = {0, 0, 3, 0x22, -1, 0};
    syscall(SYS_select, select);
    syscall(SYS_mmap, map);
#else
    syscall(SYS_select, 1, &set, 0, 0, &none);
    syscall(SYS_mmap, 0, 0, 3, 0x22, -1, 0);
#endif
}

static void halves(void) {
    int file = open("/etc/passwd", O_RDONLY);
    syscall(SYS_pread64, file, room, 4, HALVES(1));
    syscall(SYS_readahead, file, HALVES(0), 16);
    syscall(SYS_fallocate, -1, 0, HALVES(5), HALVES(6));
    syscall(SYS_sync_file_range, -1, HALVES(5), HALVES(6), 1);
    syscall(SYS_close, file);
}

static void structs(void) {
    struct rlimit limit;
    memset(&limit, 0, sizeof limit);
    syscall(SYS_getrlimit, RLIMIT_NOFILE, room);
    syscall(SYS_access, "/etc/passwd", R_OK);
    syscall(SYS_umask, 022);
    syscall(SYS_lseek, 9, -5L, SEEK_CUR);
    syscall(SYS_fcntl, 0, F_GETFD);
    syscall(SYS_utimes, "/does/not/exist", 0);
    syscall(SYS_mkdir, "/etc/passwd/none", 0755);
}

int main(void) {
    ids();
    blocks();
    halves();
    structs();
    return 0;
}
