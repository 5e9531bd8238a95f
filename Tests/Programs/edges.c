// Passes what ends with a page: lists, texts, structs and sets of which a part cannot be read; and sizes that fit nothing.
// Devices are asked for what -1 cannot do: what their requests carry shows all the same.
#include <fcntl.h>
#include <linux/gpio.h>
#include <linux/hdreg.h>
#include <linux/input.h>
#include <linux/prctl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

static char *end;

// Puts bytes where memory ends with them.
static void *last(const void *bytes, size_t size) { return memcpy(end - size, bytes, size); }

static void lists(void) {
    uint32_t groups[] = {1, 2};
    syscall(SYS_setgroups, 3, last(groups, sizeof groups));
    syscall(SYS_setgroups, 3, end);
    struct iovec vector = {"abc", 3};
    syscall(SYS_writev, -1, last(&vector, sizeof vector), 2);
    char *arguments[] = {"a", "b"};
    syscall(SYS_execve, "", last(arguments, sizeof arguments), 0);
    syscall(SYS_execve, "", 0, last(arguments, sizeof arguments));
}

static void texts(void) {
    char text[40];
    memset(text, 'x', sizeof text);
    syscall(SYS_write, -1, last(text, 4), 5);
    syscall(SYS_delete_module, last(text, sizeof text), 0);
    syscall(SYS_delete_module, last(text, 8), 0);
}

static void sizes(void) {
    uint64_t words[4] = {2, 0, 0, 0};
    for (size_t size = 0; size <= 16; size += 4) syscall(SYS_rt_sigprocmask, SIG_SETMASK, words, 0, size + 1);
    syscall(SYS_rt_sigsuspend, words, 128UL);
    syscall(SYS_openat2, -1, "", last(words, 24), 23UL);
    syscall(SYS_openat2, -1, "", last(words, 24), 32UL);
    syscall(SYS_mount_setattr, -1, "", 0, words, 31UL);
    struct linger linger = {1, 2};
    setsockopt(-1, SOL_SOCKET, SO_LINGER, &linger, -1);
    setsockopt(-1, SOL_SOCKET, SO_DEBUG, words, -1);
    fd_set set;
    FD_ZERO(&set);
    syscall(SYS_select, -1, &set, 0, 0, 0);
    int pair[2];
    if (pipe(pair)) return;
    FD_SET(pair[1], &set);
    syscall(SYS_select, pair[1] + 1, 0, &set, 0, 0);
    struct timeval times[2] = {{1, 1000000}, {1, 5}};
    syscall(SYS_utimes, "", times);
    syscall(SYS_dup3, -2, -1, O_TRUNC);
}

static void commands(void) {
    prctl(PR_SET_TAGGED_ADDR_CTRL, 2, 1, 0, 0);
    prctl(PR_SVE_SET_VL, 0x40020);
    prctl(PR_PAC_SET_ENABLED_KEYS, 3, 1, 0, 0);
    syscall(SYS_prctl, 62, 0, 0, 4, 0);  // PR_SCHED_CORE
    syscall(SYS_arch_prctl, 0x3001, 0);
}

static void devices(void) {
    long state = 9;
    ioctl(-1, HDIO_GET_NICE, &state);
    ioctl(-1, HDIO_SET_NICE, 9L);
    ioctl(-1, HDIO_SET_BUSSTATE, 2L);
    ioctl(-1, HDIO_SET_DMA, 1L);
    ioctl(-1, HDIO_DRIVE_CMD, "\xca\1\2\0");
    ioctl(-1, HDIO_DRIVE_RESET, 0);
    ioctl(-1, EVIOCGKEYCODE, 0);
    ioctl(-1, EVIOCSKEYCODE, (unsigned[]){7, 1});
    ioctl(-1, EVIOCSABS(1), &(struct input_absinfo){.value = 5});
    ioctl(-1, EVIOCGMTSLOTS(8), 0);
    ioctl(-1, EVIOCSFF, &(struct ff_effect){.type = FF_RUMBLE, .id = -1, .u.rumble.weak_magnitude = 3});
    ioctl(-1, GPIO_GET_LINEINFO_IOCTL, &(struct gpioline_info){.line_offset = 5});
    struct gpio_v2_line_request request = {.num_lines = 65, .consumer = "c", .config.num_attrs = 1};
    request.config.attrs[0].attr.id = GPIO_V2_LINE_ATTR_ID_FLAGS;
    request.config.attrs[0].attr.flags = GPIO_V2_LINE_FLAG_ACTIVE_LOW;
    ioctl(-1, GPIO_V2_GET_LINE_IOCTL, &request);
    ioctl(-1, GPIO_V2_LINE_SET_VALUES_IOCTL, &(struct gpio_v2_line_values){.bits = 1, .mask = 3});
}

int main(void) {
    long page = sysconf(_SC_PAGESIZE);
    char *pages = mmap(0, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED || munmap(pages + page, page)) return 1;
    end = pages + page;
    lists();
    texts();
    sizes();
    commands();
    devices();
    return 0;
}
