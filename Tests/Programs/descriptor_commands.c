/* fcntl by every command, and the calls that move, lock and describe descriptors. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/memfd.h>
#include <signal.h>
#include <stdint.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

struct owner { int type, pid; };

static long command(int descriptor, int command, void *argument) {
    return syscall(SYS_fcntl, descriptor, command, argument);
}

int main(void) {
    int file = open("/tmp/abitrace-commands", O_RDWR | O_CREAT | O_TRUNC, 0600);
    unlink("/tmp/abitrace-commands");
    command(file, F_GETFD, 0);
    command(file, F_SETFD, (void *)FD_CLOEXEC);
    command(file, F_GETFD, 0);
    command(file, F_SETFL, (void *)(O_APPEND | O_NONBLOCK));
    command(file, F_GETFL, 0);
    command(file, F_DUPFD, (void *)20);
    command(file, F_DUPFD_CLOEXEC, (void *)30);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 5, .l_len = 10};
    command(file, F_SETLK, &lock);
    command(file, F_GETLK, &lock);
    command(file, F_OFD_GETLK, &lock);
    lock.l_pid = 0;
    command(file, F_OFD_SETLK, &lock);
    command(file, F_OFD_GETLK, &lock);
    struct owner owner = {1, 1};
    command(file, F_GETOWN_EX, &owner);
    command(-1, F_SETOWN_EX, &owner);
    command(-1, F_SETOWN, (void *)-5L);
    command(file, F_GETOWN, 0);
    command(file, F_SETSIG, (void *)SIGIO);
    command(file, F_GETSIG, 0);
    command(file, F_GETLEASE, 0);
    command(-1, F_SETLEASE, (void *)F_RDLCK);
    command(-1, F_NOTIFY, (void *)(unsigned long)(DN_CREATE | DN_MULTISHOT));
    int pipes[2];
    if (pipe2(pipes, O_CLOEXEC | O_DIRECT | O_NONBLOCK)) return 1;
    command(pipes[0], F_SETPIPE_SZ, (void *)65536);
    command(pipes[0], F_GETPIPE_SZ, 0);
    int memory = memfd_create("commands", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    command(memory, F_ADD_SEALS, (void *)(F_SEAL_GROW | F_SEAL_SHRINK));
    command(memory, F_GET_SEALS, 0);
    memfd_create("huge", MFD_HUGETLB | MFD_HUGE_2MB | MFD_ALLOW_SEALING);
    command(-1, 9999, (void *)7);
    flock(file, LOCK_EX | LOCK_NB);
    loff_t in = 0, out = 4;
    if (write(file, "some bytes", 10) != 10) return 1;
    copy_file_range(file, &in, file, &out, 2, 0);
    splice(file, &in, pipes[1], 0, 4, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    tee(pipes[0], pipes[1], 1, SPLICE_F_MORE);
    struct iovec vector = {"vector", 6};
    vmsplice(pipes[1], &vector, 1, SPLICE_F_GIFT);
    off_t offset = 1;
    sendfile(pipes[1], file, &offset, 3);
    posix_fadvise(file, 0, 4096, POSIX_FADV_SEQUENTIAL);
    syscall(SYS_fadvise64, file, 0, 10, 99);
    readahead(file, 0, 4096);
    sync_file_range(file, 0, 4096, SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
    fallocate(file, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, 0, 4096);
    fdatasync(file);
    char data[8];
    struct iovec room = {data, sizeof data};
    preadv2(file, &room, 1, 0, RWF_NOWAIT);
    pwritev2(file, &vector, 1, 20, RWF_DSYNC);
    syscall(SYS_close_range, 100, ~0U, 4 | 2);
    lseek(file, 0, SEEK_DATA);
    lseek(file, 3, 17);
    ftruncate(file, 100);
    struct statfs space;
    fstatfs(memory, &space);
    statfs("/proc", &space);
    statfs("/no-such-place", &space);
    return 0;
}
