// Asynchronous reads and writes by control blocks.
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

int main(void) {
    static char out[] = "async", in[16];
    aio_context_t context = 0;
    struct timespec time = {1, 0};
    struct io_event events[4];
    struct iovec part = {out, 5};
    int file = open("/tmp/abitrace-aio", O_RDWR | O_CREAT | O_TRUNC, 0600);
    struct iocb put = {
        .aio_data = 1, .aio_lio_opcode = IOCB_CMD_PWRITE, .aio_fildes = file, .aio_buf = (long)out, .aio_nbytes = 5};
    struct iocb get = {.aio_data = 2,
                       .aio_lio_opcode = IOCB_CMD_PREAD,
                       .aio_fildes = file,
                       .aio_buf = (long)in,
                       .aio_nbytes = 16,
                       .aio_reqprio = 3};
    struct iocb sync = {
        .aio_lio_opcode = IOCB_CMD_FSYNC, .aio_fildes = file, .aio_flags = IOCB_FLAG_RESFD, .aio_resfd = file};
    struct iocb unknown = {.aio_lio_opcode = 99, .aio_fildes = file, .aio_buf = 4};
    struct iocb gather = {.aio_lio_opcode = IOCB_CMD_PWRITEV,
                          .aio_fildes = file,
                          .aio_buf = (long)&part,
                          .aio_nbytes = 1,
                          .aio_offset = 9};
    struct iocb poll = {.aio_lio_opcode = IOCB_CMD_POLL, .aio_fildes = file, .aio_buf = 1};
    struct iocb *first[] = {&put, &get}, *second[] = {&gather, &poll, &sync, &unknown, 0};
    syscall(SYS_io_setup, 4, &context);
    syscall(SYS_io_submit, context, 2, first);
    syscall(SYS_io_getevents, context, 2, 4, events, &time);
    syscall(SYS_io_submit, context, 5, second);
    syscall(SYS_io_submit, context, 1, &second[2]);
    syscall(SYS_io_submit, context, 1, &second[3]);
    syscall(SYS_io_cancel, context, &put, events);
    syscall(SYS_io_pgetevents, context, 0, 4, events, &time, 0);
    syscall(SYS_io_destroy, context);
    syscall(SYS_io_setup, 0, 0);
    unlink("/tmp/abitrace-aio");
    return 0;
}
