// The common calls on files, in one thread and in a fixed order: what a line-by-line comparison wants.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

int main(void) {
    char buffer[16];
    struct stat status;
    int missing = open("/does/not/exist", O_RDONLY | O_CLOEXEC);
    printf("missing %d %d\n", missing, errno);
    int zero = open("/dev/zero", O_RDONLY);
    if (zero < 0 || read(zero, buffer, sizeof buffer) != sizeof buffer) return 1;
    if (fstat(zero, &status) || stat("/", &status) || access("/", R_OK)) return 2;
    int copy = dup(zero);
    int flags = fcntl(copy, F_GETFL);
    close(copy);
    close(zero);
    printf("close again %d %d\n", close(zero), errno);
    printf("directory %d flags %d\n", S_ISDIR(status.st_mode), flags & O_ACCMODE);
    return 0;
}
