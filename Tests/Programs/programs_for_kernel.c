// Hands programs and counters to the kernel: seccomp filters, landlock rules, eBPF maps and programs, perf events.
#define _GNU_SOURCE
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/perf_event.h>
#include <linux/seccomp.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static void filters(void) {
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0xc000003e, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
        BPF_STMT(BPF_MISC | BPF_TAX, 0),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xff),
        BPF_STMT(BPF_STX, 3),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 5),
        BPF_STMT(BPF_RET | BPF_A, 0)};
    struct sock_fprog program = {.len = 9, .filter = code};
    unsigned action = SECCOMP_RET_USER_NOTIF;
    struct seccomp_notif_sizes sizes;
    syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action);
    syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes);
    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_LOG | 0x100, &program);
    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, NULL);
    program.len = 0;
    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
    syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 7, &program);
    syscall(SYS_seccomp, 99, 7, NULL);
}

static void rules(void) {
    syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    struct landlock_ruleset_attr attr = {LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR};
    int set = syscall(SYS_landlock_create_ruleset, &attr, 8, 0);
    int root = open("/", O_PATH | O_DIRECTORY);
    struct landlock_path_beneath_attr rule = {LANDLOCK_ACCESS_FS_READ_FILE | 1ULL << 60, root};
    syscall(SYS_landlock_add_rule, set, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    syscall(SYS_landlock_add_rule, set, 9, NULL, 1);
    syscall(SYS_landlock_restrict_self, -1, 0);
    close(root);
}

static int command(int number, union bpf_attr *attr, unsigned size) { return syscall(SYS_bpf, number, attr, size); }

static void extended(void) {
    union bpf_attr attr;
    memset(&attr, 0, sizeof attr);
    attr.map_type = BPF_MAP_TYPE_HASH;
    attr.key_size = 4;
    attr.value_size = 8;
    attr.max_entries = 16;
    attr.map_flags = BPF_F_NO_PREALLOC;
    strcpy(attr.map_name, "names");
    int map = command(BPF_MAP_CREATE, &attr, 72);
    static uint32_t key = 1;
    static uint64_t value = 2;
    memset(&attr, 0, sizeof attr);
    attr.map_fd = map;
    attr.key = (uintptr_t)&key;
    attr.value = (uintptr_t)&value;
    attr.flags = BPF_NOEXIST;
    command(BPF_MAP_UPDATE_ELEM, &attr, 32);
    attr.flags = 0;
    command(BPF_MAP_LOOKUP_ELEM, &attr, 32);
    command(BPF_MAP_GET_NEXT_KEY, &attr, 24);
    command(BPF_MAP_DELETE_ELEM, &attr, 16);
    static struct bpf_insn code[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 0},
                                     {.code = BPF_LDX | BPF_MEM | BPF_DW, .dst_reg = 2, .src_reg = 10, .off = -8},
                                     {.code = BPF_JMP | BPF_EXIT}};
    memset(&attr, 0, sizeof attr);
    attr.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
    attr.insn_cnt = 3;
    attr.insns = (uintptr_t)code;
    attr.license = (uintptr_t) "GPL";
    attr.kern_version = 0x60102;
    command(BPF_PROG_LOAD, &attr, 120);
    command(BPF_PROG_LOAD, &attr, 48);
    memset(&attr, 0, sizeof attr);
    attr.pathname = (uintptr_t) "/sys/fs/bpf/none";
    command(BPF_OBJ_GET, &attr, 16);
    memset(&attr, 0, sizeof attr);
    attr.target_fd = -1;
    attr.attach_bpf_fd = -1;
    attr.attach_type = BPF_CGROUP_DEVICE;
    attr.attach_flags = BPF_F_ALLOW_MULTI;
    command(BPF_PROG_ATTACH, &attr, 20);
    command(BPF_PROG_DETACH, &attr, 20);
    memset(&attr, 0, sizeof attr);
    attr.link_create.attach_type = BPF_PERF_EVENT;
    attr.link_create.prog_fd = -1;
    attr.link_create.perf_event.bpf_cookie = 0x1234;
    command(BPF_LINK_CREATE, &attr, 24);
    attr.link_update.flags = BPF_F_REPLACE;
    command(BPF_LINK_UPDATE, &attr, 16);
    memset(&attr, 0, sizeof attr);
    attr.test.prog_fd = -1;
    command(BPF_PROG_TEST_RUN, &attr, 72);
    attr.start_id = 0x7fffffff;
    command(BPF_PROG_GET_NEXT_ID, &attr, 12);
    command(BPF_PROG_GET_FD_BY_ID, &attr, 12);
    command(BPF_BTF_GET_FD_BY_ID, &attr, 12);
    memset(&attr, 0, sizeof attr);
    attr.raw_tracepoint.name = (uintptr_t) "no_such_tracepoint";
    attr.raw_tracepoint.prog_fd = -1;
    command(BPF_RAW_TRACEPOINT_OPEN, &attr, 16);
    memset(&attr, 0, sizeof attr);
    command(BPF_MAP_FREEZE, &attr, 4);
    command(BPF_ITER_CREATE, &attr, 8);
    command(BPF_LINK_DETACH, &attr, 4);
    command(BPF_PROG_BIND_MAP, &attr, 12);
    command(99, &attr, 12);
    command(BPF_MAP_CREATE, NULL, 12);
    close(map);
}

static void counters(void) {
    struct perf_event_attr attr = {.type = PERF_TYPE_SOFTWARE, .size = 128, .config = PERF_COUNT_SW_CPU_CLOCK,
                                   .disabled = 1, .exclude_kernel = 1, .sample_period = 9,
                                   .sample_type = PERF_SAMPLE_IP | PERF_SAMPLE_TID, .read_format = PERF_FORMAT_ID};
    int counter = syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
    attr.type = PERF_TYPE_HW_CACHE;
    attr.config = PERF_COUNT_HW_CACHE_LL | PERF_COUNT_HW_CACHE_OP_WRITE << 8 | PERF_COUNT_HW_CACHE_RESULT_MISS << 16;
    attr.precise_ip = 3;
    attr.freq = 1;
    syscall(SYS_perf_event_open, &attr, 0, 99, 88, 0x80);
    attr.type = PERF_TYPE_BREAKPOINT;
    attr.bp_type = 3;
    attr.size = 64;
    syscall(SYS_perf_event_open, &attr, 0, 99, 88, 0);
    attr.type = 77;
    attr.size = 8;
    syscall(SYS_perf_event_open, &attr, 0, 99, 88, 0);
    if (counter >= 0) close(counter);
}

int main(void) {
    rules();
    extended();
    counters();
    filters();
    puts("handed over");
    return 0;
}
