// Where a caller stands, what it may use up, and calls that wait: working directories that are gone, limits, masks,
// default ACLs, FIFOs that nobody opens yet.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

static int say(const char *what, long answer) {
    int error = errno;
    if (answer < 0) printf("%s: %s\n", what, strerrorname_np(error));
    else printf("%s: %ld\n", what, answer);
    fflush(stdout);
    return answer >= 0;
}
static void mode_of(const char *name) {
    struct stat status;
    if (say(name, lstat(name, &status))) printf("    %o %u %u %ld\n", status.st_mode, status.st_uid, status.st_gid, (long)status.st_size);
}
static volatile sig_atomic_t alarms;
static void on_alarm(int number) {
    (void)number;
    alarms++;
}
static void gone(void) {
    mkdir("gone", 0755), mkdir("kept", 0755);
    int kept = open("kept", O_PATH), here = open(".", O_RDONLY);
    close(open("kept/file", O_CREAT | O_WRONLY, 0600));
    say("chdir gone", chdir("gone"));
    say("rmdir", rmdir("../gone"));
    struct stat status;
    char name[4096];
    say("stat .", stat(".", &status));
    say("open x", open("x", O_CREAT | O_WRONLY, 0600));
    say("open .", open(".", O_RDONLY) < 0 ? -1 : 0);
    say("mkdir", mkdir("y", 0700));
    say("up", open("../kept/file", O_RDONLY) < 0 ? -1 : 0);
    say("getcwd", syscall(SYS_getcwd, name, sizeof name));
    say("held", openat(kept, "file", O_RDONLY) < 0 ? -1 : 0);
    say("fchdir kept", fchdir(kept));
    say("file", open("file", O_RDONLY) < 0 ? -1 : 0);
    say("closed base", openat(999, "file", O_RDONLY));
    say("absolute on closed base", openat(999, "/", O_RDONLY) < 0 ? -1 : 0);
    int file = open("file", O_RDONLY);
    say("base is a file", openat(file, "x", O_RDONLY));
    say("base is a file, empty", openat(file, "", O_RDONLY));
    say("stat empty of a file", fstatat(file, "", &status, AT_EMPTY_PATH));
    say("fchdir file", fchdir(file));
    say("negative base", openat(-5, "file", O_RDONLY));
    say("bad name", open((char *)8, O_RDONLY));
    say("bad result", stat("file", (void *)8));
    say("bad times", syscall(SYS_utimensat, AT_FDCWD, "file", 8, 0));
    say("bad link text", syscall(SYS_readlinkat, AT_FDCWD, "/proc/self/exe", 8, 9));
    char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(page + 4096, 4096);
    strcpy(page + 4091, "file");
    say("name to the edge", open(page + 4091, O_RDONLY) < 0 ? -1 : 0);
    memcpy(page + 4092, "file", 4);
    say("name over the edge", open(page + 4092, O_RDONLY));
    mprotect(page, 4096, PROT_READ);
    say("result in what is read-only", stat("file", (void *)page));
    mprotect(page, 4096, PROT_NONE);
    say("name in what is unreadable", open(page + 4091, O_RDONLY));
    say("back", fchdir(here));
    close_range(3, ~0U, 0);
}
static void limits(void) {
    struct rlimit few = {8, 4096}, many = {4096, 4096};
    setrlimit(RLIMIT_NOFILE, &few);
    while (dup(0) >= 0) continue;
    say("full table", -1);
    say("open in a full table", open(".", O_RDONLY));
    say("path in a full table", open(".", O_PATH));
    say("creat in a full table", open("made", O_CREAT | O_WRONLY, 0600));
    mode_of("made");
    struct stat status;
    say("stat in a full table", stat(".", &status));
    setrlimit(RLIMIT_NOFILE, &many);
    close_range(3, ~0U, 0);
    int first = open(".", O_RDONLY), second = open(".", O_RDONLY);
    close(first);
    say("lowest number", open(".", O_RDONLY) == first);
    close(first), close(second);
    struct rlimit small = {100, 100};
    signal(SIGXFSZ, on_alarm);
    int file = open("sized", O_CREAT | O_RDWR | O_TRUNC, 0600);
    if (write(file, "0123456789", 10) != 10) _exit(9);
    fflush(stdout);
    // Output goes to a pipe, which the limit is not about.
    struct rlimit former;
    getrlimit(RLIMIT_FSIZE, &former);
    small.rlim_max = former.rlim_max;
    setrlimit(RLIMIT_FSIZE, &small);
    say("truncate within", truncate("sized", 50));
    say("truncate beyond", truncate("sized", 200));
    say("signals", alarms);
    say("ftruncate beyond", ftruncate(file, 200));
    setrlimit(RLIMIT_FSIZE, &former);
    mode_of("sized");
    close(file);
}
static void masks(void) {
    static const mode_t list[] = {0, 022, 077, 0777};
    mkdir("set", 0755), chmod("set", 02775);
    mkdir("acl", 0755);
    // system.posix_acl_default, version 2: user rwx, group r-x, mask r-x, others ---.
    static const unsigned char acl[] = {2, 0, 0, 0, 1, 0, 7, 0, 255, 255, 255, 255, 4, 0, 5, 0, 255, 255, 255, 255, 16, 0, 5, 0, 255, 255, 255, 255,
                                        32, 0, 0, 0, 255, 255, 255, 255};
    say("default acl", setxattr("acl", "system.posix_acl_default", acl, sizeof acl, 0));
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        static const char *const folders[] = {".", "set", "acl"};
        umask(list[i]);
        for (size_t j = 0; j < 3; j++) {
            char name[64];
            snprintf(name, sizeof name, "%s/file%zu", folders[j], i);
            say("open", open(name, O_CREAT | O_WRONLY, 06777) < 0 ? -1 : 0), mode_of(name);
            snprintf(name, sizeof name, "%s/dir%zu", folders[j], i);
            say("mkdir", mkdir(name, 01777)), mode_of(name);
            snprintf(name, sizeof name, "%s/fifo%zu", folders[j], i);
            say("mkfifo", mkfifo(name, 0666)), mode_of(name);
            snprintf(name, sizeof name, "%s/temporary%zu", folders[j], i);
            int file = open(folders[j], O_TMPFILE | O_RDWR, 0666);
            struct stat status;
            if (say("tmpfile", file < 0 ? -1 : 0)) fstat(file, &status), printf("    %o\n", status.st_mode);
            char held[64];
            snprintf(held, sizeof held, "/proc/self/fd/%d", file);
            say("linked", linkat(AT_FDCWD, held, AT_FDCWD, name, AT_SYMLINK_FOLLOW)), mode_of(name);
            close(file);
        }
    }
    umask(022);
    close_range(3, ~0U, 0);
}
static void *open_late(void *name) {
    usleep(200000);
    return (void *)(long)open(name, O_WRONLY);
}
static long now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}
static void waits(void) {
    mkfifo("pipe", 0600);
    struct sigaction action = {.sa_handler = on_alarm};
    alarms = 0;
    sigaction(SIGALRM, &action, NULL);
    alarm(1);
    say("interrupted", open("pipe", O_RDONLY));
    say("signals", alarms);
    action.sa_flags = SA_RESTART;
    sigaction(SIGALRM, &action, NULL);
    pthread_t other;
    alarm(1);
    pthread_create(&other, NULL, (void *(*)(void *))open_late, "pipe");
    say("met", open("pipe", O_RDONLY) < 0 ? -1 : 0);
    pthread_join(other, NULL);
    alarm(0);
    say("no reader", open("pipe2", O_WRONLY | O_NONBLOCK));
    mkfifo("empty", 0600);
    say("no reader there", open("empty", O_WRONLY | O_NONBLOCK));
    // While a child waits, others go on; and it can be killed.
    pid_t child = fork();
    if (child == 0) {
        open("empty", O_RDONLY);
        _exit(1);
    }
    usleep(100000);
    long start = now();
    for (int i = 0; i < 100; i++) close(open(".", O_RDONLY));
    say("not held up", now() - start < 2000);
    int status;
    kill(child, SIGSTOP);
    say("stopped", waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status));
    kill(child, SIGCONT);
    say("continued", waitpid(child, &status, WCONTINUED) == child && WIFCONTINUED(status));
    kill(child, SIGTERM);
    say("ended", waitpid(child, &status, 0) == child ? status : -1);
    close_range(3, ~0U, 0);
}
static void many(void) {
    mkdir("many", 0755);
    for (int i = 0; i < 2000; i++) {
        char name[64];
        snprintf(name, sizeof name, "many/a-rather-long-name-%04d", i);
        close(open(name, O_CREAT | O_WRONLY, 0600));
    }
    DIR *list = opendir("many");
    int count = 0;
    while (readdir(list)) count++;
    closedir(list);
    say("entries", count);
    int file = open("shared", O_CREAT | O_RDWR | O_APPEND, 0600);
    pid_t child = fork();
    if (child == 0) _exit(write(file, "child", 5) != 5);
    waitpid(child, NULL, 0);
    say("shared offset", lseek(file, 0, SEEK_CUR));
    if (write(file, "parent", 6) != 6) _exit(9);
    mode_of("shared");
    int again = open("shared", O_RDONLY);
    say("offset of its own", lseek(again, 0, SEEK_CUR));
    say("flags", fcntl(file, F_GETFL));
    say("on exec", fcntl(open("shared", O_CLOEXEC), F_GETFD));
    char program[64] = "program";
    int copy = open(program, O_CREAT | O_WRONLY | O_TRUNC, 0700);
    int self = open("/proc/self/exe", O_RDONLY);
    char buffer[65536];
    for (ssize_t got; (got = read(self, buffer, sizeof buffer)) > 0;) (void)!write(copy, buffer, got);
    char *const arguments[] = {program, "sleep", NULL};
    say("written while run", execv(program, arguments));
    close(copy);
    child = fork();
    if (child == 0) execv(program, arguments), _exit(9);
    usleep(200000);
    say("run while written", open(program, O_WRONLY));
    say("truncated while run", truncate(program, 0));
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    chmod(program, 0600);
    say("not executable", execv(program, arguments));
    chmod(program, 0700);
    if (truncate(program, 30) < 0) _exit(9);
    say("no format", execv(program, arguments));
    FILE *script = fopen("script", "w");
    fprintf(script, "#!/nowhere/interpreter\n");
    fclose(script);
    chmod("script", 0700);
    say("no interpreter", execl("script", "script", NULL));
    say("directory", execl("many", "many", NULL));
    say("missing", execl("none", "none", NULL));
    say("through a file", execl("script/x", "x", NULL));
    say("empty", execl("", "", NULL));
}
int main(int argc, char **argv) {
    if (argc > 1 && !strcmp(argv[1], "sleep")) return sleep(30);
    if (argc < 2 || chdir(argv[1]) < 0) return 9;
    // What is printed must not be counted against the descriptors above.
    close_range(3, ~0U, 0);
    gone();
    limits();
    masks();
    waits();
    many();
    return 0;
}
