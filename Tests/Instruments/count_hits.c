// Counts how often a program comes by an address: count_hits OFFSET PROGRAM [ARGUMENT...]. A breakpoint there, so that
// the program is measured as it is, static or not, in all its threads. One that comes by in the very moment in which
// another goes over the breakpoint is missed. Prints the count on standard error and ends as the program does.
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t child;

static void fail(const char *what) {
    perror(what);
    if (child > 0) kill(child, SIGKILL);
    exit(125);
}

// Where the program was loaded, for one that may be loaded anywhere; ET_DYN is 3 (elf.h).
static unsigned long base(const char *program) {
    char path[64], line[512];
    unsigned char head[18];
    FILE *file = fopen(program, "re");
    if (!file || fread(head, 1, sizeof head, file) != sizeof head) fail(program);
    fclose(file);
    if (head[16] != 3) return 0;
    snprintf(path, sizeof path, "/proc/%d/maps", child);
    file = fopen(path, "re");
    if (!file || !fgets(line, sizeof line, file)) fail(path);
    fclose(file);
    return strtoul(line, NULL, 16);
}

static void poke(pid_t thread, unsigned long address, long word) {
    if (ptrace(PTRACE_POKETEXT, thread, address, word)) fail("PTRACE_POKETEXT");
}

// Goes over the instruction at the breakpoint; signals that come meanwhile are delivered later.
static int step(pid_t thread, unsigned long address, long whole, long broken) {
    int status, held = 0;
    poke(thread, address, whole);
    do {
        if (ptrace(PTRACE_SINGLESTEP, thread, 0, 0) || waitpid(thread, &status, __WALL) != thread) fail("step");
        if (!WIFSTOPPED(status)) exit(125);
        if (WSTOPSIG(status) != SIGTRAP) held = WSTOPSIG(status);
    } while (WSTOPSIG(status) != SIGTRAP);
    poke(thread, address, broken);
    return held;
}

int main(int count, char **arguments) {
    int status, signal = 0;
    unsigned long hits = 0;
    if (count < 3) return 125;
    child = fork();
    if (child == 0) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        execv(arguments[2], arguments + 2);
        _exit(127);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFSTOPPED(status)) fail("start");
    ptrace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_EXITKILL | PTRACE_O_TRACECLONE);
    unsigned long address = strtoul(arguments[1], NULL, 16) + base(arguments[2]);
    errno = 0;
    long whole = ptrace(PTRACE_PEEKTEXT, child, address, 0);
    if (errno) fail("PTRACE_PEEKTEXT");
    long broken = (whole & ~0xFFL) | 0xCC;
    poke(child, address, broken);
    pid_t thread = child;
    for (;;) {
        // A thread that is gone needs no leave.
        if (thread && ptrace(PTRACE_CONT, thread, 0, signal) && errno != ESRCH) fail("PTRACE_CONT");
        thread = waitpid(-1, &status, __WALL);
        if (thread < 0) fail("waitpid");
        if (!WIFSTOPPED(status)) {
            if (thread == child) break;
            thread = 0;
            continue;
        }
        signal = WSTOPSIG(status);
        // A new thread begins with a SIGSTOP that is ours; status >> 16 is the event of its maker.
        if (signal == SIGSTOP && thread != child) signal = 0;
        if (signal != SIGTRAP) continue;
        signal = 0;
        if (status >> 16) continue;
        struct user_regs_struct registers;
        if (ptrace(PTRACE_GETREGS, thread, 0, &registers)) fail("PTRACE_GETREGS");
        if (registers.rip - 1 != address) continue;
        hits++;
        registers.rip = address;
        if (ptrace(PTRACE_SETREGS, thread, 0, &registers)) fail("PTRACE_SETREGS");
        signal = step(thread, address, whole, broken);
    }
    fprintf(stderr, "\n%lu hits\n", hits);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 124;
}
