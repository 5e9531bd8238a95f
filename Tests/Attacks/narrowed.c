// Standard input was opened for reading and writing, and may only be read: each way to write to it all the same.
#include "attack.h"
#include <linux/aio_abi.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
static int writes(int descriptor) { return write(descriptor, "x", 1) == 1; }
static int reopened(const char *name) {
    int wide = open(name, O_RDWR | O_NONBLOCK);
    return wide >= 0 && writes(wide);
}
static int mapped(int later) {
    int protection = later ? PROT_READ : PROT_READ | PROT_WRITE;
    char *page = mmap(NULL, 4096, protection, MAP_SHARED, 0, 0);
    if (page == MAP_FAILED) return 0;
    if (later && mprotect(page, 4096, PROT_READ | PROT_WRITE) < 0) return 0;
    *page = 'x';
    return 1;
}
static struct cmsghdr *around(struct msghdr *message, struct iovec *vector, char *control, size_t room) {
    static char byte = 'b';
    *vector = (struct iovec){&byte, 1};
    *message = (struct msghdr){NULL, 0, vector, 1, control, room, 0};
    return CMSG_FIRSTHDR(message);
}
static int sends(int socket) {
    char control[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec vector;
    struct msghdr message;
    struct cmsghdr *header = around(&message, &vector, control, sizeof control);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    *(int *)CMSG_DATA(header) = 0;
    return sendmsg(socket, &message, 0) == 1;
}
// Sent to ourselves over a socket, it is another descriptor.
static int passed(void) {
    int pair[2];
    char control[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec vector;
    struct msghdr message;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0 || !sends(pair[0])) return 0;
    around(&message, &vector, control, sizeof control);
    if (recvmsg(pair[1], &message, 0) != 1) return 0;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    return header && writes(*(int *)CMSG_DATA(header));
}
// Taken out of a child that holds it too.
static int taken(void) {
    pid_t child = fork();
    if (child == 0) {
        pause();
        _exit(0);
    }
    int handle = syscall(434, child, 0);
    int copy = syscall(438, handle, 0, 0);
    kill(child, SIGKILL);
    return copy >= 0 && writes(copy);
}
// Moved into it by the kernel, from a file in memory or by way of a pipe.
static int moved(const char *way) {
    int ends[2], source = memfd_create("source", 0);
    if (pipe(ends) < 0 || source < 0 || write(source, "x", 1) != 1 || write(ends[1], "x", 1) != 1) return 0;
    lseek(source, 0, SEEK_SET);
    if (!strcmp(way, "splice")) return splice(ends[0], NULL, 0, NULL, 1, SPLICE_F_NONBLOCK) == 1;
    if (!strcmp(way, "sendfile")) return sendfile(0, source, NULL, 1) == 1;
    if (!strcmp(way, "tee")) return tee(ends[0], 0, 1, SPLICE_F_NONBLOCK) == 1;
    if (!strcmp(way, "vmsplice")) return vmsplice(0, &(struct iovec){"x", 1}, 1, SPLICE_F_NONBLOCK) == 1;
    // Both have to lie in one file system: the file is copied behind its own end.
    return copy_file_range(open("/proc/self/fd/0", O_RDONLY), &(off_t){0}, 0, &(off_t){4096}, 1, 0) == 1;
}
static int queued(void) {
    aio_context_t ring = 0;
    struct io_event event = {0};
    struct iocb entry = {.aio_fildes = 0, .aio_lio_opcode = IOCB_CMD_PWRITE, .aio_buf = (unsigned long)"x", .aio_nbytes = 1};
    struct iocb *entries[] = {&entry};
    if (syscall(SYS_io_setup, 1, &ring) < 0 || syscall(SYS_io_submit, ring, 1, entries) != 1) return 0;
    return syscall(SYS_io_getevents, ring, 1, 1, &event, NULL) == 1 && event.res == 1;
}
// Sent over a socket, whatever becomes of it there.
static int sent(void) {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0) return 0;
    return sends(pair[0]);
}
static void *swap(void *other) {
    for (;;) dup2(0, 30), dup2(*(int *)other, 30);
    return NULL;
}
// Opened again through a number that stands in turns for it and for one that may be written.
static int swapped(void) {
    int own[2];
    pthread_t thread;
    struct stat first, status;
    if (pipe(own) < 0 || fstat(0, &first) < 0) return 0;
    for (int i = 0; i < racers(); i++) pthread_create(&thread, NULL, swap, &own[1]);
    while (fstat(30, &status) < 0 || status.st_ino != first.st_ino);
    for (int i = 0; i < tries(); i++) {
        int file = open("/proc/self/fd/30", O_WRONLY | O_NONBLOCK);
        if (file >= 0 && fstat(file, &status) == 0 && status.st_ino == first.st_ino) return 1;
        close(file);
    }
    return 0;
}
static char *self, *place;
static int by_another_image(void) {
    pid_t child = fork();
    if (child == 0) {
        execl(self, self, place, "write", NULL);
        _exit(9);
    }
    int status;
    waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == WON;
}
static int attempt(const char *way) {
    if (!strcmp(way, "write")) return writes(0);
    if (!strcmp(way, "pwrite")) return pwrite(0, "x", 1, 0) == 1;
    if (!strcmp(way, "truncate")) return ftruncate(0, 0) == 0;
    if (!strcmp(way, "named")) return truncate("/proc/self/fd/0", 0) == 0;
    if (!strcmp(way, "allocate")) return fallocate(0, 0, 0, 1 << 16) == 0;
    if (!strcmp(way, "map")) return mapped(0);
    if (!strcmp(way, "protect")) return mapped(1);
    if (!strcmp(way, "reopen")) return reopened("/proc/self/fd/0");
    if (!strcmp(way, "device")) return reopened("/dev/stdin");
    if (!strcmp(way, "swapped")) return swapped();
    if (!strcmp(way, "dup")) return writes(dup(0));
    if (!strcmp(way, "over")) return dup2(0, 1) == 1 && writes(1);
    if (!strcmp(way, "flags")) return fcntl(0, F_SETFL, O_RDWR) == 0 && writes(0);
    if (!strcmp(way, "pass")) return passed();
    if (!strcmp(way, "send")) return sent();
    if (!strcmp(way, "take")) return taken();
    if (!strcmp(way, "exec")) return by_another_image();
    if (!strcmp(way, "queue")) return queued();
    // Typed into a terminal for whoever reads it next.
    if (!strcmp(way, "inject")) return ioctl(0, TIOCSTI, "x") == 0;
    for (const char *each[] = {"splice", "sendfile", "copy", "tee", "vmsplice", NULL}, **name = each; *name; name++) {
        if (!strcmp(way, *name)) return moved(way);
    }
    _exit(9);
}
int main(int argc, char **argv) {
    (void)argc;
    begin(argv);
    self = argv[0];
    place = argv[1];
    setvbuf(stdout, NULL, _IONBF, 0);
    return each_way(argv, attempt);
}
