// Ways into the kernel that go round the calls: the 32-bit table, the x32 bit, rings, handles, mounts.
#include "attack.h"
#include <linux/io_uring.h>
#include <sched.h>
#include <sys/mount.h>
static int ring_open(void) {
    struct io_uring_params parameters;
    memset(&parameters, 0, sizeof parameters);
    int ring = syscall(425, 4, &parameters);
    if (ring < 0) return -1;
    char *submissions = mmap(NULL, parameters.sq_off.array + 64, PROT_READ | PROT_WRITE, MAP_SHARED, ring, 0);
    char *completions =
        mmap(NULL, parameters.cq_off.cqes + 256, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_CQ_RING);
    struct io_uring_sqe *entries = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQES);
    if (submissions == MAP_FAILED || completions == MAP_FAILED || entries == MAP_FAILED) return -1;
    memset(entries, 0, sizeof *entries);
    entries->opcode = IORING_OP_OPENAT;
    entries->fd = AT_FDCWD;
    entries->addr = (unsigned long)secret;
    *(unsigned *)(submissions + parameters.sq_off.array) = 0;
    *(unsigned *)(submissions + parameters.sq_off.tail) += 1;
    if (syscall(426, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 1) return -1;
    return ((struct io_uring_cqe *)(completions + parameters.cq_off.cqes))->res;
}
int main(int argc, char **argv) {
    (void)argc;
    begin(argv);
    const char *door = argv[2];
    if (!strcmp(door, "int80")) {
        char *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
        strcpy(low, secret);
        long answer;
        __asm__ volatile("int $0x80" : "=a"(answer) : "a"(5), "b"(low), "c"(0), "d"(0) : "memory", "r8", "r9", "r10", "r11");
        return won_if(is_secret((int)answer), "int 0x80") ? WON : HELD;
    }
    if (!strcmp(door, "high")) {
        // The kernel looks at the low half of a directory number and of flags.
        long answer = syscall(SYS_openat, 0xABCD00000000L | (unsigned)AT_FDCWD, secret, 0xFFFF00000000L);
        return won_if(is_secret((int)answer), "high halves") ? WON : HELD;
    }
    if (!strcmp(door, "x32")) {
        long answer = syscall(SYS_open | 0x40000000, secret, O_RDONLY);
        if (answer < 0 && errno != ENOSYS) return 9;
        return won_if(is_secret((int)answer), "x32") ? WON : HELD;
    }
    if (!strcmp(door, "ring")) return won_if(is_secret(ring_open()), "ring") ? WON : HELD;
    if (!strcmp(door, "handle")) {
        struct file_handle *handle = calloc(1, sizeof *handle + 128);
        int mount;
        handle->handle_bytes = 128;
        if (name_to_handle_at(AT_FDCWD, secret, handle, &mount, 0) < 0) return HELD;
        return won_if(is_secret(open_by_handle_at(open("/", O_RDONLY), handle, O_RDONLY)), "handle") ? WON : HELD;
    }
    if (!strcmp(door, "mount")) {
        char place[256];
        snprintf(place, sizeof place, "%s/open/mount", arena);
        mkdir(place, 0777);
        char source[256];
        snprintf(source, sizeof source, "%s/closed", arena);
        if (unshare(CLONE_NEWNS | (getuid() ? CLONE_NEWUSER : 0)) < 0) return HELD;
        mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
        if (mount(source, place, NULL, MS_BIND, NULL) < 0) return HELD;
        strcat(place, "/secret");
        return won_if(is_secret(open(place, O_RDONLY)), "mount") ? WON : HELD;
    }
    return 9;
}
