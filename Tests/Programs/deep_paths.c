// Strings at the edge of readable memory, unreadable pointers and unknown numbers: nothing may be lost or crash.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void) {
    long page = sysconf(_SC_PAGESIZE);
    char *memory = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED || mprotect(memory + page, page, PROT_NONE)) return 1;
    memcpy(memory + page - 10, "/dev/null", 10);
    int good = syscall(SYS_openat, AT_FDCWD, memory + page - 10, O_RDONLY, 0);
    memcpy(memory + page - 9, "/dev/null", 9);
    long cut = syscall(SYS_openat, AT_FDCWD, memory + page - 9, O_RDONLY, 0);
    int cut_errno = errno;
    long null = syscall(SYS_openat, AT_FDCWD, NULL, O_RDONLY, 0);
    int null_errno = errno;
    long unknown = syscall(4000, 1, 2, 3, 4, 5, 6);
    printf("%d %ld %d %ld %d %ld %d\n", good >= 0, cut, cut_errno, null, null_errno, unknown, errno);
    return good >= 0 && cut_errno == EFAULT && null_errno == EFAULT && errno == ENOSYS ? 0 : 2;
}
