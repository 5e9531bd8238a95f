// Registers of a call are changed by other ways than a tracer: what a handler returns to, a frame that no signal made, and a
// sequence that the kernel restarts elsewhere. The call that is made in the end asks for the secret.
#include "attack.h"
#include <linux/rseq.h>
#include <stddef.h>
#include <sys/rseq.h>
#include <ucontext.h>
static char fifo[300];
static volatile int handled;
// A system call whose instruction is known by name.
long gate(long number, long a, long b, long c, long d);
extern char gate_instruction[];
__asm__(
    "gate: mov %rdi, %rax\n mov %rsi, %rdi\n mov %rdx, %rsi\n mov %rcx, %rdx\n mov %r8, %r10\n"
    "gate_instruction: syscall\n ret\n");

// The interrupted call is made again, for another name.
static void rename_it(int signal, siginfo_t *information, void *context) {
    (void)signal, (void)information;
    ((ucontext_t *)context)->uc_mcontext.gregs[REG_RSI] = (long)secret;
    handled = 1;
}
// The call that has been made is made again, as another one.
static void repeat_it(int signal, siginfo_t *information, void *context) {
    (void)signal, (void)information;
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    registers[REG_RIP] = (long)gate_instruction;
    registers[REG_RAX] = SYS_openat;
    registers[REG_RDI] = AT_FDCWD;
    registers[REG_RSI] = (long)secret;
    registers[REG_RDX] = registers[REG_R10] = 0;
    handled = 1;
}
static void handle(void (*handler)(int, siginfo_t *, void *)) {
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigaction(SIGUSR1, &action, NULL);
}
static pthread_t caller;
static void *knock(void *argument) {
    while (!handled) usleep(20000), pthread_kill(caller, SIGUSR1);
    return argument;
}
static int from_handler(void) {
    pthread_t thread;
    snprintf(fifo, sizeof fifo, "%s/open/fifo%d", arena, getpid());
    mkfifo(fifo, 0600);
    handle(rename_it);
    caller = pthread_self();
    pthread_create(&thread, NULL, knock, NULL);
    return is_secret(gate(SYS_openat, AT_FDCWD, (long)fifo, O_RDONLY, 0));
}
static int repeated(void) {
    handle(repeat_it);
    return is_secret(gate(SYS_tgkill, getpid(), gettid(), SIGUSR1, 0));
}
// What the kernel made for a handler, to return by it once more: it begins with a word for the restorer (struct rt_sigframe).
static struct {
    long restorer;
    ucontext_t context;
} frame __attribute__((aligned(16)));
static void keep_it(int signal, siginfo_t *information, void *context) {
    (void)signal, (void)information;
    memcpy(&frame.context, context, offsetof(ucontext_t, __fpregs_mem));
    handled = 1;
}
static char own_stack[65536] __attribute__((aligned(64)));
static void ending(void) {
    long result;
    __asm__ volatile("mov %%rax, %0" : "=r"(result));
    _exit(is_secret((int)result) ? WON : HELD);
}
static int returned(void) {
    handle(keep_it);
    gate(SYS_tgkill, getpid(), gettid(), SIGUSR1, 0);
    greg_t *registers = frame.context.uc_mcontext.gregs;
    long *top = (long *)(own_stack + sizeof own_stack - 4096);
    *top = (long)ending;
    registers[REG_RIP] = (long)gate_instruction;
    registers[REG_RSP] = (long)top;
    registers[REG_RAX] = SYS_openat;
    registers[REG_RDI] = AT_FDCWD;
    registers[REG_RSI] = (long)secret;
    registers[REG_RDX] = registers[REG_R10] = 0;
    frame.context.uc_mcontext.fpregs = NULL;
    __asm__ volatile("mov %0, %%rsp\n mov %1, %%eax\n syscall"
                     :
                     : "r"(&frame.context), "i"(SYS_rt_sigreturn)
                     : "memory");
    return 0;
}
// A sequence that a signal interrupts, whose other end makes the call.
static int restarted(void) {
    struct rseq *area = (struct rseq *)((char *)__builtin_thread_pointer() + __rseq_offset);
    if (__rseq_size == 0) return 0;
    long descriptor;
    pthread_t thread;
    handle(keep_it);
    caller = pthread_self();
    pthread_create(&thread, NULL, knock, NULL);
    __asm__ volatile(
        ".pushsection .data\n .balign 32\n"
        "1: .long 0, 0\n .quad 2f, 3f - 2f, 4f\n .popsection\n"
        "lea 1b(%%rip), %%rax\n mov %%rax, %1\n"
        "2: pause\n jmp 2b\n"
        "3:\n"
        ".long 0x53053053\n"
        "4: mov %3, %%eax\n mov %4, %%rdi\n mov %2, %%rsi\n xor %%edx, %%edx\n xor %%r10d, %%r10d\n syscall\n"
        : "=&a"(descriptor), "=m"(area->rseq_cs)
        : "b"(secret), "i"(SYS_openat), "i"(AT_FDCWD)
        : "rdi", "rsi", "rdx", "r10", "rcx", "r11", "memory");
    return is_secret((int)descriptor);
}
static int attempt(const char *way) {
    if (!strcmp(way, "handler")) return from_handler();
    if (!strcmp(way, "repeated")) return repeated();
    if (!strcmp(way, "frame")) return returned();
    return restarted();
}
int main(int argc, char **argv) {
    (void)argc;
    begin(argv);
    return each_way(argv, attempt);
}
