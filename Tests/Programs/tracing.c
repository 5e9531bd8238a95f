// What one process asks about another: ptrace's requests, kcmp, the memory of a process by vectors.
#define _GNU_SOURCE
#include <elf.h>
#include <linux/kcmp.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <unistd.h>

static unsigned word = 1;
static char source[8] = "source", target[8];

static void memory(void) {
    struct iovec to = {target, 8}, from = {source, 8};
    process_vm_readv(getpid(), &to, 1, &from, 1, 0);
    process_vm_writev(getpid(), &from, 1, &to, 1, 0);
    process_vm_readv(getpid(), &to, 1, &from, 1, 5);
    readv(-1, &to, 1);
    preadv(-1, &to, 1, 5);
}

static void comparisons(void) {
    struct kcmp_slot {
        unsigned epoll, target, offset;
    } slot = {1, 2, 3};
    syscall(SYS_kcmp, getpid(), getpid(), KCMP_FILE, 1, 1);
    syscall(SYS_kcmp, getpid(), getpid(), KCMP_VM, 1, 2);
    syscall(SYS_kcmp, -1, -1, KCMP_EPOLL_TFD, 1, &slot);
    syscall(SYS_kcmp, -1, -1, 99, 1, 2);
}

static void requests(void) {
    struct user_regs_struct registers;
    struct iovec set = {&registers, sizeof registers};
    siginfo_t info;
    sigset_t mask;
    struct {
        unsigned long offset;
        unsigned flags;
        int number;
    } peek = {0, 1, 2};
    memset(&info, 0, sizeof info);
    info.si_signo = 5;
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR1);
    ptrace(PTRACE_PEEKTEXT, -1, &word, 0);
    ptrace(PTRACE_ATTACH, -1, 0, 0);
    ptrace(PTRACE_CONT, -1, 0, SIGUSR1);
    ptrace(PTRACE_SETOPTIONS, -1, 0, PTRACE_O_TRACEFORK | PTRACE_O_EXITKILL);
    ptrace(PTRACE_GETREGS, -1, 0, &registers);
    ptrace(PTRACE_SETSIGINFO, -1, 0, &info);
    ptrace(PTRACE_GETREGSET, -1, NT_PRSTATUS, &set);
    ptrace(PTRACE_SEIZE, -1, 0, PTRACE_O_TRACEEXEC);
    ptrace(PTRACE_PEEKUSER, -1, 8 * 15, 0);
    ptrace(PTRACE_POKEUSER, -1, 8 * 16, 5);
    ptrace(PTRACE_GETEVENTMSG, -1, 0, &word);
    ptrace(PTRACE_SETSIGMASK, -1, 8, &mask);
    ptrace(PTRACE_GETSIGMASK, -1, 8, &mask);
    ptrace(PTRACE_INTERRUPT, -1, 0, 0);
    ptrace(PTRACE_GET_SYSCALL_INFO, -1, 88, &registers);
    ptrace(77, -1, 1, 2);
    ptrace(PTRACE_PEEKSIGINFO, -1, &peek, &info);
    ptrace(PTRACE_KILL, -1, 0, 0);
    ptrace(PTRACE_DETACH, -1, 0, SIGSTOP);
    ptrace(PTRACE_POKEDATA, -1, &word, 5);
    ptrace(PTRACE_SECCOMP_GET_FILTER, -1, 3, 0);
}

int main(void) {
    memory();
    comparisons();
    requests();
    return 0;
}
