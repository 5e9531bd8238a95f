// Signals and changes for a process outside the policy, and calls made from where a supervisor may not look: other
// threads, orphans, daemons, other images. VICTIMS names a process for each way that wants one.
#include "attack.h"
#include <linux/seccomp.h>
#include <linux/filter.h>
#include <sched.h>
#include <sys/fanotify.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/uio.h>

// What a child ends with that got through; programs that it runs and that did not end with 0.
enum { IMAGE_WON = 77 };
static pid_t victim;
static int is_dead(void) {
    char name[64], text[512] = "";
    usleep(100000);
    snprintf(name, sizeof name, "/proc/%d/stat", victim);
    int file = open(name, O_RDONLY);
    if (file < 0) return 1;
    (void)!read(file, text, sizeof text - 1);
    close(file);
    char *state = strrchr(text, ')');
    return state && (state[2] == 'Z' || state[2] == 'X');
}
static int pipe_signal(void) {
    int ends[2];
    if (pipe(ends) < 0) return 0;
    struct f_owner_ex owner = {F_OWNER_PID, victim};
    if (fcntl(ends[0], F_SETOWN_EX, &owner) < 0) fcntl(ends[0], F_SETOWN, victim);
    fcntl(ends[0], 10 /* F_SETSIG */, SIGKILL);
    fcntl(ends[0], F_SETFL, O_ASYNC);
    (void)!write(ends[1], "x", 1);
    return is_dead();
}
static volatile int swapping;
static int moving;
static void *swap_handle(void *outside) {
    int own = open("/proc/self", O_RDONLY);
    while (swapping) dup2(*(int *)outside, moving), dup2(own, moving);
    return NULL;
}
// A number that stands for the process itself and for the victim in turns.
static int handle_race(void) {
    char name[64];
    snprintf(name, sizeof name, "/proc/%d", victim);
    int outside = open(name, O_RDONLY);
    pthread_t thread;
    moving = dup(outside);
    swapping = 1;
    for (int i = 0; i < racers(); i++) pthread_create(&thread, NULL, swap_handle, &outside);
    int won = 0;
    signal(SIGUSR1, SIG_IGN);
    for (int i = 0; i < tries() && !won; i++) {
        if (syscall(424, moving, SIGUSR1, NULL, 0) == 0 && i % 200 == 0) won = is_dead();
    }
    swapping = 0;
    return won || is_dead();
}
static int written(const char *entry, const char *text) {
    char name[64];
    snprintf(name, sizeof name, "/proc/%d/%s", victim, entry);
    int file = open(name, O_WRONLY);
    return file >= 0 && write(file, text, strlen(text)) > 0;
}
static int at_victim(const char *way) {
    if (!strcmp(way, "kill")) return kill(victim, SIGKILL) == 0 && is_dead();
    if (!strcmp(way, "tkill")) return syscall(SYS_tkill, victim, SIGKILL) == 0 && is_dead();
    if (!strcmp(way, "group")) return kill(-victim, SIGKILL) == 0 && is_dead();
    if (!strcmp(way, "queue")) return sigqueue(victim, SIGKILL, (union sigval){0}) == 0 && is_dead();
    if (!strcmp(way, "handle")) return syscall(424, syscall(434, victim, 0), SIGKILL, NULL, 0) == 0 && is_dead();
    if (!strcmp(way, "folder")) {
        char name[64];
        snprintf(name, sizeof name, "/proc/%d", victim);
        return syscall(424, open(name, O_RDONLY), SIGKILL, NULL, 0) == 0 && is_dead();
    }
    if (!strcmp(way, "folder race")) return handle_race();
    if (!strcmp(way, "owner")) return pipe_signal();
    if (!strcmp(way, "stop")) return kill(victim, SIGSTOP) == 0;
    if (!strcmp(way, "trace")) return ptrace(PTRACE_SEIZE, victim, 0, 0) == 0;
    if (!strcmp(way, "limit")) {
        struct rlimit limit = {10, 10};
        return prlimit(victim, RLIMIT_NOFILE, &limit, NULL) == 0;
    }
    if (!strcmp(way, "priority")) return setpriority(PRIO_PROCESS, victim, 19) == 0;
    if (!strcmp(way, "affinity")) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET(0, &set);
        return sched_setaffinity(victim, sizeof set, &set) == 0;
    }
    if (!strcmp(way, "environment") || !strcmp(way, "standard input")) {
        char name[64], text[4096] = "";
        snprintf(name, sizeof name, "/proc/%d/%s", victim, *way == 'e' ? "environ" : "fd/0");
        ssize_t got = read(open(name, O_RDONLY | O_NONBLOCK), text, sizeof text);
        return got > 0 && memmem(text, got, "SECRET", 6) != NULL;
    }
    if (!strcmp(way, "advise")) {
        struct iovec range = {(void *)0x1000, 0};
        return syscall(440, syscall(434, victim, 0), &range, 1, 20 /* MADV_COLD */, 0) == 0;
    }
    if (!strcmp(way, "pages")) return syscall(SYS_move_pages, victim, 0, NULL, NULL, NULL, 0) == 0;
    if (!strcmp(way, "compare")) return syscall(SYS_kcmp, getpid(), victim, 2 /* KCMP_FILES */, 0, 0) >= 0;
    if (!strcmp(way, "scheduler")) return sched_setscheduler(victim, SCHED_BATCH, &(struct sched_param){0}) == 0;
    if (!strcmp(way, "input and output")) return syscall(SYS_ioprio_set, 1, victim, 3 << 13) == 0;
    if (!strcmp(way, "locks")) {
        void *head;
        size_t length;
        return syscall(SYS_get_robust_list, victim, &head, &length) == 0;
    }
    if (!strcmp(way, "memory file")) {
        char name[64];
        snprintf(name, sizeof name, "/proc/%d/mem", victim);
        return open(name, O_RDWR) >= 0;
    }
    if (!strcmp(way, "score")) return written("oom_score_adj", "900");
    if (!strcmp(way, "memory")) {
        char name[64], byte;
        snprintf(name, sizeof name, "/proc/%d/maps", victim);
        FILE *maps = fopen(name, "r");
        unsigned long start;
        if (!maps || fscanf(maps, "%lx", &start) != 1) return 0;
        struct iovec mine = {&byte, 1}, theirs = {(void *)start, 1};
        return process_vm_readv(victim, &mine, 1, &theirs, 1, 0) == 1;
    }
    return -1;
}
static int told[2];
static void *open_and_tell(void *argument) {
    if (is_secret(open(secret, O_RDONLY))) (void)!write(told[1], "!", 1);
    close(told[1]);
    return argument;
}
static int was_told(void) {
    char byte;
    close(told[1]);
    return read(told[0], &byte, 1) == 1;
}
static void *open_later(void *argument) {
    usleep(50000);
    open_and_tell(argument);
    _exit(0);
}
static void *exec_self(void *program) {
    execl(program, program, arena, "opens", NULL);
    return NULL;
}
static int open_in_clone(void *argument) {
    open_and_tell(argument);
    return 0;
}
static const char *self;
static int elsewhere(const char *way) {
    static char stack[1 << 16];
    pthread_t thread;
    if (pipe(told) < 0) return 0;
    pid_t child;
    if (!strcmp(way, "leader gone")) {
        if ((child = fork()) == 0) pthread_create(&thread, NULL, open_later, NULL), pthread_exit(NULL);
        return was_told();
    }
    if (!strcmp(way, "daemon")) {
        if (fork() == 0) {
            setsid();
            if (fork() == 0) usleep(50000), open_and_tell(NULL);
            _exit(0);
        }
        return was_told();
    }
    if (!strcmp(way, "vfork")) {
        if (vfork() == 0) open_and_tell(NULL), _exit(0);
        return was_told();
    }
    if (!strcmp(way, "shared")) {
        int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND;
        waitpid(clone(open_in_clone, stack + sizeof stack, flags, NULL), NULL, __WALL);
        return was_told();
    }
    if (!strcmp(way, "thread")) {
        pthread_create(&thread, NULL, open_and_tell, NULL);
        pthread_join(thread, NULL);
        return was_told();
    }
    if (!strcmp(way, "image from a thread")) {
        if ((child = fork()) == 0) {
            dup2(told[1], 50);
            pthread_create(&thread, NULL, exec_self, (void *)self);
            pause();
        }
        return was_told();
    }
    if (!strcmp(way, "unreadable image")) {
        // What may be run and not read hides its memory from whoever is no more than it (execve(2)).
        char program[256];
        snprintf(program, sizeof program, "%s/programs/unreadable", arena);
        if (fork() == 0) dup2(told[1], 50), exec_self(program), _exit(0);
        return was_told();
    }
    return -1;
}
// The program's own filters come before the supervisor's, and can say less than it, never more.
static int after_filter(unsigned action) {
    struct sock_filter steps[] = {{BPF_RET | BPF_K, 0, 0, action}};
    struct sock_fprog program = {1, steps};
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0 && is_secret(open(secret, O_RDONLY));
}
static int tells_of_others(void) {
    int told = fanotify_init(FAN_CLASS_NOTIF, O_RDONLY);
    char folder[256];
    snprintf(folder, sizeof folder, "%s/closed", arena);
    return told >= 0 && fanotify_mark(told, FAN_MARK_ADD, FAN_OPEN | FAN_EVENT_ON_CHILD, AT_FDCWD, folder) == 0;
}
static int attempt(const char *way) {
    int answer = elsewhere(way);
    if (answer >= 0) return answer;
    if (!strcmp(way, "filter")) return after_filter(SECCOMP_RET_ALLOW);
    if (!strcmp(way, "logging filter")) return after_filter(SECCOMP_RET_LOG);
    if (!strcmp(way, "join")) return setns(open("/proc/self/ns/uts", O_RDONLY), 0) == 0;
    if (!strcmp(way, "events")) return tells_of_others();
    if (!strcmp(way, "new mount")) return syscall(430, "tmpfs", 0) >= 0;
    if (!strcmp(way, "keyring")) return syscall(SYS_keyctl, 1 /* KEYCTL_JOIN_SESSION_KEYRING */, "abitrace-attack") >= 0;
    if (!strcmp(way, "namespace")) return unshare(CLONE_NEWUSER) == 0;
    if (!strcmp(way, "namespace by clone")) {
        pid_t child = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
        if (child == 0) _exit(0);
        return child > 0;
    }
    if (!strcmp(way, "mounts")) return unshare(CLONE_NEWNS) == 0;
    if (!strcmp(way, "root")) {
        char folder[256];
        snprintf(folder, sizeof folder, "%s/closed", arena);
        return chroot(folder) == 0 && is_secret(open("/secret", O_RDONLY));
    }
    if (!strcmp(way, "personality")) return syscall(SYS_personality, 0x0040000) >= 0;
    if (!strcmp(way, "dispatch")) return prctl(59, 1, 0, 0, (char[1]){0}) == 0;
    if (!strcmp(way, "perf")) {
        char attribute[128] = {1, 0, 0, 0, 112};
        return syscall(SYS_perf_event_open, attribute, 0, -1, -1, 0) >= 0;
    }
    if (!strcmp(way, "set-id")) {
        char program[256];
        snprintf(program, sizeof program, "%s/programs/set-id", arena);
        execl(program, program, NULL);
        return 0;
    }
    if (!strcmp(way, "preload")) {
        char variable[300];
        snprintf(variable, sizeof variable, "%s/open/library.so", arena);
        setenv("LD_PRELOAD", variable, 1);
        execl("/usr/bin/true", "true", NULL);
        return 0;
    }
    return -1;
}
int main(int argc, char **argv) {
    begin(argv);
    if (argc > 2 && !strcmp(argv[2], "opens")) {
        told[1] = 50;
        open_and_tell(NULL);
        return 0;
    }
    char path[256];
    ssize_t got = readlink("/proc/self/exe", path, sizeof path - 1);
    path[got < 0 ? 0 : got] = 0;
    self = path;
    signal(SIGPIPE, SIG_IGN);
    // One process for each way, in their order.
    char *victims = getenv("VICTIMS");
    int wins = 0;
    for (char **way = argv + 2; *way; way++) {
        victim = victims ? (pid_t)strtol(victims, &victims, 10) : 0;
        if (victims && *victims) victims++;
        pid_t child = fork();
        if (child == 0) {
            int answer = victim ? at_victim(*way) : -1;
            if (answer < 0) answer = attempt(*way);
            _exit(answer > 0 ? IMAGE_WON : answer == 0 ? HELD : 9);
        }
        int status;
        waitpid(child, &status, 0);
        int code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
        if (code == 9) return 9;
        if (code == IMAGE_WON) printf("%s\n", *way), wins++;
    }
    return wins ? WON : HELD;
}
