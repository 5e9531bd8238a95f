// Makes a ring, registers things with it, and opens, writes, reads and closes a file through its entries.
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static int ring;
static unsigned *sq_tail, *sq_mask, *sq_array, *cq_head, *cq_tail, *cq_mask;
static struct io_uring_sqe *entries;
static struct io_uring_cqe *completions;

static struct io_uring_sqe *entry(int opcode, int fd, uint64_t data) {
    unsigned index = *sq_tail & *sq_mask;
    struct io_uring_sqe *sqe = &entries[index];
    memset(sqe, 0, sizeof *sqe);
    sqe->opcode = opcode;
    sqe->fd = fd;
    sqe->user_data = data;
    sq_array[index] = index;
    __atomic_store_n(sq_tail, *sq_tail + 1, __ATOMIC_RELEASE);
    return sqe;
}

static int submit(unsigned count) {
    if (syscall(SYS_io_uring_enter, ring, count, count, IORING_ENTER_GETEVENTS, NULL, 8) != (long)count) return -1;
    int result = 0;
    while (*cq_head != __atomic_load_n(cq_tail, __ATOMIC_ACQUIRE)) {
        result = completions[*cq_head & *cq_mask].res;
        *cq_head += 1;
    }
    return result;
}

int main(void) {
    struct io_uring_params params = {.flags = IORING_SETUP_CLAMP};
    ring = syscall(SYS_io_uring_setup, 8, &params);
    if (ring < 0) {
        puts("no io_uring");
        return 0;
    }
    size_t size = params.sq_off.array + params.sq_entries * 4;
    size_t other = params.cq_off.cqes + params.cq_entries * sizeof(struct io_uring_cqe);
    if (other > size) size = other;
    char *rings = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_SQ_RING);
    entries = mmap(NULL, params.sq_entries * sizeof *entries, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
                   ring, IORING_OFF_SQES);
    sq_tail = (unsigned *)(rings + params.sq_off.tail);
    sq_mask = (unsigned *)(rings + params.sq_off.ring_mask);
    sq_array = (unsigned *)(rings + params.sq_off.array);
    cq_head = (unsigned *)(rings + params.cq_off.head);
    cq_tail = (unsigned *)(rings + params.cq_off.tail);
    cq_mask = (unsigned *)(rings + params.cq_off.ring_mask);
    completions = (struct io_uring_cqe *)(rings + params.cq_off.cqes);

    char name[] = "/tmp/abitrace-uring";
    int known = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
    static char text[] = "through the ring\n", buffer[64];
    struct iovec part = {text, sizeof text - 1};

    struct io_uring_sqe *sqe = entry(IORING_OP_OPENAT, AT_FDCWD, 1);
    sqe->addr = (uintptr_t)name;
    sqe->open_flags = O_RDWR | O_CLOEXEC;
    sqe->len = 0600;
    int opened = submit(1);

    sqe = entry(IORING_OP_WRITEV, opened, 2);
    sqe->addr = (uintptr_t)&part;
    sqe->len = 1;
    sqe->flags = IOSQE_IO_LINK;
    sqe = entry(IORING_OP_FSYNC, opened, 3);
    sqe->fsync_flags = IORING_FSYNC_DATASYNC;
    sqe->flags = IOSQE_IO_LINK;
    sqe = entry(IORING_OP_READ, opened, 4);
    sqe->addr = (uintptr_t)buffer;
    sqe->len = sizeof buffer;
    int got = submit(3);

    entry(IORING_OP_CLOSE, opened, 5);
    submit(1);
    sqe = entry(IORING_OP_UNLINKAT, AT_FDCWD, 6);
    sqe->addr = (uintptr_t)name;
    int gone = submit(1);
    struct sockaddr_in place = {.sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    sqe = entry(IORING_OP_CONNECT, known, 7);
    sqe->addr = (uintptr_t)&place;
    sqe->off = sizeof place;
    int refused = submit(1);
    entry(IORING_OP_NOP, -1, 8);
    submit(1);

    int files[2] = {known, -1};
    syscall(SYS_io_uring_register, ring, IORING_REGISTER_FILES, files, 2);
    struct io_uring_files_update update = {.offset = 1, .fds = (uintptr_t)files};
    syscall(SYS_io_uring_register, ring, IORING_REGISTER_FILES_UPDATE, &update, 1);
    syscall(SYS_io_uring_register, ring, IORING_UNREGISTER_FILES, NULL, 0);
    struct iovec room = {buffer, sizeof buffer};
    syscall(SYS_io_uring_register, ring, IORING_REGISTER_BUFFERS, &room, 1);
    unsigned workers[2] = {0, 0};
    syscall(SYS_io_uring_register, ring, IORING_REGISTER_IOWQ_MAX_WORKERS, workers, 2);
    char probe[sizeof(struct io_uring_probe) + 4 * sizeof(struct io_uring_probe_op)] = {0};
    syscall(SYS_io_uring_register, ring, IORING_REGISTER_PROBE, probe, 4);
    struct io_uring_rsrc_update itself = {.offset = -1U, .data = ring};
    syscall(SYS_io_uring_register, ring, IORING_REGISTER_RING_FDS, &itself, 1);
    struct io_uring_restriction rules[2] = {
        {.opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_READ},
        {.opcode = IORING_RESTRICTION_SQE_FLAGS_ALLOWED, .sqe_flags = IOSQE_ASYNC}};
    syscall(SYS_io_uring_register, ring, IORING_REGISTER_RESTRICTIONS, rules, 2);
    syscall(SYS_io_uring_register, ring, 77, 0, 5);
    close(ring);
    printf("%d %d %d %d %s", opened > 0, got, gone, refused < 0, buffer);
    return 0;
}
